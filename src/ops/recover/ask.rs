//! One execution: every order that it can have is asked about, and what follows is written.

use std::sync::atomic::{AtomicU16, Ordering};

use crate::clock::Clock;
use crate::domain::backoff::after;
use crate::domain::machine::Answer;
use crate::domain::machine::decide::lookup_allowed;
use crate::domain::machine::recover::{OrderAnswer, recover};
use crate::domain::machine::rescue::PROCESSED;
use crate::domain::mandate::MOST_ORDERS;
use crate::domain::outcome::CallFailure;
use crate::domain::{Call, ExecutionId, Outcome, State, Timestamp};
use crate::ops::OpsError;
use crate::provider::{Client, LookupRequest, OtherPayments, Provider, Reply};
use crate::store::StoreError;
use crate::store::audit::orders::reserve;
use crate::store::pool::DatabasePool;
use crate::store::recovery::{self, ExecutionResult, OpenRecovery, Subject, Written};
use crate::store::settle::Attempt;

/// So many questions in a row without an answer, and the account is not asked any more: each would cost a look-up.
pub(super) const GIVE_UP_AFTER: u16 = 3;

const HELD: &str = "a worker is at work on it";

/// What came of the questions about an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Done,
    /// Nothing was proven: it must be asked about again, not before an instant if there is one.
    NotDone {
        why: &'static str,
        again_at: Option<Timestamp>,
    },
}

impl Asked {
    const fn not_done(why: &'static str) -> Self {
        Self::NotDone {
            why,
            again_at: None,
        }
    }
}

/// What was sent before a recovery began is processed by then, or never will be: "not found" proves nothing before.
pub(super) fn processed_at(recovery: OpenRecovery) -> Timestamp {
    after(recovery.started_at, PROCESSED)
}

pub(super) struct Asker<'a> {
    pool: &'a DatabasePool,
    clock: &'a Clock,
    client: &'a Client,
    recovery: OpenRecovery,
    worker: &'a str,
    /// Questions in a row that the provider has not answered.
    silent: AtomicU16,
}

/// What the provider said of an execution's orders so far.
struct Answers {
    version: String,
    attempts: Vec<Attempt>,
    orders: Vec<OrderAnswer>,
}

impl<'a> Asker<'a> {
    pub(super) const fn new(
        pool: &'a DatabasePool,
        clock: &'a Clock,
        client: &'a Client,
        recovery: OpenRecovery,
        worker: &'a str,
    ) -> Self {
        Self {
            pool,
            clock,
            client,
            recovery,
            worker,
            silent: AtomicU16::new(0),
        }
    }

    pub(super) async fn ask(&self, id: ExecutionId) -> Result<Asked, OpsError> {
        let Some(mut subject) = recovery::subject(self.pool, id, self.clock.now()).await? else {
            // Retention has deleted it.
            return Ok(Asked::Done);
        };
        if subject.execution.state == State::Charged {
            // It was collected after the page was read: nothing is left to ask.
            return Ok(Asked::Done);
        }
        if subject.held {
            return Ok(Asked::not_done(HELD));
        }
        let mut answers = Answers {
            version: subject.version.clone(),
            attempts: Vec::new(),
            orders: Vec::new(),
        };
        let asked = self.ask_all(&mut subject, &mut answers).await?;
        let now = self.clock.now();
        let recovered = match asked {
            Asked::Done => Some(
                recover(&subject.execution, &answers.orders, &subject.policy, now).map_err(
                    |illegal| StoreError::Corrupt {
                        what: format!("recover execution {}", id.0),
                        why: illegal.to_string(),
                    },
                )?,
            ),
            Asked::NotDone { .. } => None,
        };
        let result = ExecutionResult {
            recovery: self.recovery,
            subject: &subject,
            version: &answers.version,
            attempts: &answers.attempts,
            recovered: recovered.as_ref(),
            worker: self.worker,
        };
        Ok(match recovery::write(self.pool, &result, now).await? {
            Written::Done => asked,
            Written::Overtaken => Asked::not_done("somebody has changed it meanwhile"),
            Written::Taken => Asked::not_done("its payment is another cycle's by now"),
        })
    }

    /// Asks about each of its orders, the current one first. None is left out because the one before it is not known: an order can be
    /// refused before it was made, and be followed by another one.
    async fn ask_all(
        &self,
        subject: &mut Subject,
        answers: &mut Answers,
    ) -> Result<Asked, OpsError> {
        let current = subject.execution.progress.order_no;
        let last = if self.client.execute_needs_counter() {
            // Without order ids of ours its payments are all that there is.
            current
        } else {
            MOST_ORDERS.max(current)
        };
        for order_no in current..=last {
            let order = subject.cycle_identity().order_id(order_no);
            let now = self.clock.now();
            if let Some(why) = self.not_now(subject, order_no, &order, now) {
                return Ok(why);
            }
            let id = subject.execution.id.0;
            let Some(version) = reserve(self.pool, id, &answers.version, now).await? else {
                return Ok(Asked::not_done(HELD));
            };
            answers.version = version;
            let execution = &mut subject.execution;
            execution.progress = execution.progress.with_lookup(now);
            let reply = self.look_up(subject, &order, now).await;
            answers.attempts.push(attempt(subject, order, &reply, now));
            let unanswered = unanswered(&reply.outcome);
            self.count(unanswered.is_some());
            if let Some(why) = unanswered {
                return Ok(Asked::not_done(why));
            }
            answers.orders.push(OrderAnswer {
                order_no,
                answer: Answer {
                    outcome: reply.outcome,
                    counter: reply.counter,
                    provider_ref: reply.provider_ref,
                },
            });
        }
        Ok(Asked::Done)
    }

    /// Why an order cannot be asked about now, if it cannot.
    fn not_now(
        &self,
        subject: &Subject,
        order_no: u16,
        order: &str,
        now: Timestamp,
    ) -> Option<Asked> {
        if self.silent.load(Ordering::Relaxed) >= GIVE_UP_AFTER {
            return Some(Asked::not_done("the provider has stopped answering"));
        }
        let (execution, policy) = (&subject.execution, &subject.policy);
        let progress = &execution.progress;
        let opened = execution.intent.map(|intent| intent.opened_at);
        // What was handed over for a later date has not been debited yet.
        let sent = progress
            .sent_at
            .max(opened)
            .filter(|_| order_no == progress.order_no)
            .filter(|_| progress.execute_at.is_none_or(|at| at <= now));
        let times = subject.lookup_times(order);
        if lookup_allowed(&times, sent, policy, now) {
            return None;
        }
        let known = policy.lookup_after.first().zip(sent);
        let known = known.map(|(least, sent)| after(sent, *least));
        let free = times
            .get(2)
            .map(|third| after(*third, policy.lookup_window));
        Some(Asked::NotDone {
            why: "its order was looked up as often as the rail allows, or its debit is too young",
            again_at: known.max(free),
        })
    }

    async fn look_up(&self, subject: &Subject, order: &str, now: Timestamp) -> Reply<Outcome> {
        let (mandate, execution) = (&subject.mandate, &subject.execution);
        let zone = mandate.terms.time_zone;
        let request = LookupRequest {
            at: now,
            mandate,
            order_id: order,
            amount: execution.amount,
            provider_ref: subject.provider_ref.as_deref(),
            payments: OtherPayments::Forgotten(&subject.other_payments),
            cycle_on: execution.cycle.on,
            cycle_closes_on: execution.cycle.closes_at.with_timezone(&zone).date_naive(),
            period_from: execution.cycle.on,
        };
        self.client.look_up(&request).await
    }

    fn count(&self, is_unanswered: bool) {
        if is_unanswered {
            self.silent.fetch_add(1, Ordering::Relaxed);
        } else {
            self.silent.store(0, Ordering::Relaxed);
        }
    }
}

/// Why an answer proves nothing, if it does not.
const fn unanswered(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Charged { .. }
        | Outcome::Pending
        | Outcome::Failed(_)
        | Outcome::NotFound
        | Outcome::Reversed(_)
        | Outcome::Unrecognized(_)
        | Outcome::Contradicted(_) => None,
        Outcome::Refused(_) | Outcome::AlreadyExists => Some("the question was refused"),
        Outcome::Call(CallFailure::NotSent { .. }) => Some("the provider was not reached"),
        Outcome::Call(CallFailure::Unknown { .. }) => {
            Some("no answer came, or none that can be read")
        }
        Outcome::Call(CallFailure::AccountRefused { .. }) => {
            Some("the account's credentials are refused")
        }
        Outcome::Call(CallFailure::Throttled { .. }) => Some("the provider throttles us"),
    }
}

fn attempt(subject: &Subject, order: String, reply: &Reply<Outcome>, now: Timestamp) -> Attempt {
    let wire = &reply.wire;
    Attempt {
        reference: order,
        call: Call::OrderStatus,
        at: now,
        execution_id: subject.execution.id,
        outcome: reply.outcome.recorded(),
        class: reply.outcome.failure().map(|failure| failure.class),
        latency_ms: i32::try_from(wire.latency.as_millis()).unwrap_or(i32::MAX),
        http_status: wire.http_status,
        rule: wire.rule.clone(),
        code: wire.code.clone(),
        message: wire.message.clone(),
        body: wire.body.clone(),
    }
}
