//! One job: the gate, the call, the decision. Everything that it leads to is in the [`Done`] it returns; nothing is written here but
//! the provider's counter, which must be durable before a call that has no idempotency key.

use std::time::Duration;

use crate::domain::decide::{Decision, decide, decide_verify, notification::decide_notification};
use crate::domain::execution::Intent;
use crate::domain::gate::{Gate, gate};
use crate::domain::ids::{notification_ref, order_id};
use crate::domain::outcome::{CallFailure, NotificationOutcome};
use crate::domain::plan::debit_after_notice;
use crate::domain::policy::Policy;
use crate::domain::{
    Event, Execution, IllegalTransition, Instant, Notify, Outcome, ProviderKind, State, Step, state,
};
use crate::provider::{
    Call, ExecuteRequest, LookupRequest, Notice, NotifyRequest, Provider, Reply, RetryRequest, Wire,
};
use crate::store::StoreError;
use crate::store::claim::Claimed;
use crate::store::settle::{Attempt, Settlement, record_counter};

use super::{Account, Engine};

/// A job that was done, to be settled.
#[derive(Debug)]
pub struct Done {
    /// The account's name in the configuration.
    pub account: String,
    pub claimed: Claimed,
    pub decision: Decision,
    pub to_state: State,
    pub settlement: Settlement,
    pub attempts: Vec<Attempt>,
    /// How late it was done.
    pub lag: Duration,
}

/// Why a job could not be done. Its lease runs out, and rescue takes it from there.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("do the {step} step of execution {execution}")]
    Store {
        step: Step,
        execution: i64,
        #[source]
        source: StoreError,
    },
    #[error("settle the {step} step of execution {execution}")]
    Illegal {
        step: Step,
        execution: i64,
        #[source]
        source: IllegalTransition,
    },
    /// Too little of the lease was left to make the call: somebody else may have the job before it is answered.
    #[error("the lease of execution {execution} is nearly over; no call was made")]
    LeaseNearlyOver { execution: i64 },
    #[error("another worker has execution {execution} now; no call was made")]
    LeaseLost { execution: i64 },
}

/// What a job needs around it.
struct Run<'a> {
    engine: &'a Engine,
    account: &'a Account,
    claimed: &'a Claimed,
    /// The execution with what this job has found out so far.
    execution: Execution,
    policy: &'a Policy,
    /// The business time of this job, the same for its calls and its decision.
    now: Instant,
    /// When the lease must be considered lost, on this machine's monotonic clock.
    deadline: tokio::time::Instant,
    attempts: Vec<Attempt>,
    provider_ref: Option<String>,
    /// The order that was looked at or called last.
    order: String,
}

/// What a job was told about a notification.
#[derive(Debug, Clone)]
struct Told {
    state: &'static str,
    message: Option<String>,
}

/// Does one job up to, and not including, its settlement.
pub async fn run(
    engine: &Engine,
    account: &Account,
    claimed: Claimed,
    deadline: tokio::time::Instant,
) -> Result<Done, JobError> {
    let (step, execution) = (claimed.step, claimed.execution.id.0);
    let failed = |source| JobError::Store {
        step,
        execution,
        source,
    };
    let policy = engine.policy(claimed.policy_id).await.map_err(failed)?;
    let now = engine.clock.now();
    let provider_ref = claimed.provider_ref.clone();
    let mut run = Run {
        engine,
        account,
        claimed: &claimed,
        execution: claimed.execution.clone(),
        policy: &policy,
        now,
        deadline,
        attempts: Vec::new(),
        provider_ref,
        order: claimed.order_id.clone(),
    };
    let is_retry = |intent: Intent| intent.is_retry;
    let needs_counter =
        claimed.execution.intent.is_some_and(is_retry) || account.client.execute_needs_counter();
    let (decision, told) = match gate(
        &claimed.execution,
        step,
        claimed.opened,
        needs_counter,
        &policy,
        now,
    ) {
        Gate::Instead(decision) => (*decision, None),
        Gate::Go => run.step().await?,
    };
    let Run {
        attempts,
        provider_ref,
        order,
        ..
    } = run;
    let to_state =
        follow(claimed.execution.state, &decision.events).map_err(|source| JobError::Illegal {
            step,
            execution,
            source,
        })?;
    let mut settlement = settlement(engine, &claimed, &decision, to_state, told);
    // A new order has no debit of the provider's yet.
    settlement.provider_ref =
        provider_ref.filter(|_| settlement.order_no == claimed.execution.progress.order_no);
    settlement.debit_order_id = decision.collected.map(|_| order);
    let lag = now
        .signed_duration_since(claimed.run_at)
        .to_std()
        .unwrap_or(Duration::ZERO);
    Ok(Done {
        account: account.name.clone(),
        claimed,
        decision,
        to_state,
        settlement,
        attempts,
        lag,
    })
}

/// The state after some events.
fn follow(from: State, events: &[Event]) -> Result<State, IllegalTransition> {
    events
        .iter()
        .try_fold(from, |state, event| state::apply(state, *event))
}

impl Run<'_> {
    async fn step(&mut self) -> Result<(Decision, Option<Told>), JobError> {
        match self.claimed.step {
            Step::Notify | Step::NotifyStatus => self.notification().await,
            Step::Execute => Ok((self.execute().await?, None)),
            Step::Retry => Ok((self.retry().await?, None)),
            Step::Lookup => {
                let reply = self.look_up(&self.claimed.order_id).await;
                Ok((self.decide(&reply), None))
            }
            Step::Verify => Ok((self.verify().await, None)),
        }
    }

    fn decide(&self, reply: &Reply<Outcome>) -> Decision {
        decide(
            &self.execution,
            self.claimed.step,
            &reply.outcome,
            reply.counter,
            self.policy,
            self.now,
        )
    }

    /// Refuses to begin a call that the lease may not outlive.
    fn check_lease(&self) -> Result<(), JobError> {
        let needed = tokio::time::Instant::now().checked_add(self.account.timeout);
        if needed.is_none_or(|needed| needed >= self.deadline) {
            return Err(JobError::LeaseNearlyOver {
                execution: self.claimed.execution.id.0,
            });
        }
        Ok(())
    }

    async fn notification(&mut self) -> Result<(Decision, Option<Told>), JobError> {
        let execution = &self.claimed.execution;
        let reference = self.claimed.notification_ref.clone().unwrap_or_else(|| {
            notification_ref(
                &self.engine.tag,
                execution.id,
                execution.progress.notification_no,
            )
        });
        self.check_lease()?;
        let (call, reply) = if self.claimed.step == Step::Notify {
            let request = NotifyRequest {
                at: self.now,
                mandate: &self.claimed.mandate,
                reference: &reference,
                amount: execution.amount,
                debit_at: self.announced_debit(),
            };
            (Call::Notify, self.account.client.notify(&request).await)
        } else {
            let client = &self.account.client;
            (
                Call::NotificationStatus,
                client
                    .notification_status(&self.claimed.mandate, &reference, self.now)
                    .await,
            )
        };
        let (word, told) = match &reply.outcome {
            NotificationOutcome::Delivered => ("delivered", Some("delivered")),
            NotificationOutcome::Pending => ("pending", Some("requested")),
            NotificationOutcome::Failed(_) => ("failed", Some("failed")),
            NotificationOutcome::AlreadyExists => ("already_exists", Some("requested")),
            NotificationOutcome::NotFound => ("not_found", None),
            NotificationOutcome::Call(failure) => (
                call_word(failure),
                Some("requested").filter(|_| maybe_sent(failure)),
            ),
        };
        let class = match &reply.outcome {
            NotificationOutcome::Failed(failure) => Some(failure.class.as_str()),
            NotificationOutcome::Delivered
            | NotificationOutcome::Pending
            | NotificationOutcome::AlreadyExists
            | NotificationOutcome::NotFound
            | NotificationOutcome::Call(_) => None,
        };
        self.record(call, &reference, word, class, &reply.wire);
        let decision = decide_notification(
            execution,
            self.claimed.step,
            &reply.outcome,
            self.policy,
            self.now,
        );
        Ok((
            decision,
            told.map(|state| Told {
                state,
                message: reply.wire.message.clone(),
            }),
        ))
    }

    /// The debit time that the payer is told: the planned one, or the earliest lawful one when the notification is late.
    fn announced_debit(&self) -> Instant {
        let execution = &self.claimed.execution;
        debit_after_notice(&execution.cycle, self.policy, execution.id.0, self.now)
            .map_or(execution.cycle.debit_at, |span| span.opens)
    }

    async fn execute(&mut self) -> Result<Decision, JobError> {
        let execution = &self.claimed.execution;
        if self.account.client.execute_needs_counter() {
            // No idempotency key: what the provider has now tells later whether this call got through.
            let before = self.look_up(&self.claimed.order_id).await;
            let Some(counter) = before.counter.attempts else {
                return Ok(self.unread(&before));
            };
            self.record_counter(counter).await?;
        }
        self.check_lease()?;
        let notice = match (
            execution.notify,
            &self.claimed.notification_ref,
            execution.progress.execute_at,
        ) {
            (Notify::Separate, Some(reference), _) => Notice::Reference(reference),
            (Notify::Provider, _, Some(at)) => Notice::ExecuteAt(at),
            (Notify::Separate | Notify::Provider | Notify::None, _, _) => Notice::Exempt,
        };
        let request = ExecuteRequest {
            at: self.now,
            mandate: &self.claimed.mandate,
            order_id: &self.claimed.order_id,
            amount: execution.amount,
            notice,
        };
        let reply = self.account.client.execute(&request).await;
        self.record_debit(Call::Execute, &self.claimed.order_id, &reply);
        Ok(self.decide(&reply))
    }

    /// The order is read first: a retry is only for one that is proven failed, and its counter must be known.
    async fn retry(&mut self) -> Result<Decision, JobError> {
        let before = self.look_up(&self.claimed.order_id).await;
        if !matches!(before.outcome, Outcome::Failed(_)) {
            return Ok(self.instead_of_retry(&before));
        }
        if before.counter.no_retry_allowed {
            return Ok(self.unread(&before));
        }
        let attempts = before
            .counter
            .attempts
            .unwrap_or_else(|| i64::from(self.claimed.execution.progress.debits_tried));
        if self.claimed.execution.attempts(before.counter) >= self.policy.max_attempts {
            // The provider's own silent retries have used the budget up.
            return Ok(self.unread(&before));
        }
        self.record_counter(attempts).await?;
        self.check_lease()?;
        let mandate = &self.claimed.mandate;
        let watched = self.claimed.execution.is_watched();
        let next_cycle = mandate
            .terms
            .cycle_after(self.claimed.execution.cycle.on)
            .filter(|_| watched);
        let request = RetryRequest {
            at: self.now,
            mandate,
            order_id: &self.claimed.order_id,
            amount: self.claimed.execution.amount,
            next_scheduled_on: next_cycle.map(|cycle| cycle.on),
        };
        let reply = self.account.client.retry(&request).await;
        self.record_debit(Call::Retry, &self.claimed.order_id, &reply);
        Ok(self.decide(&reply))
    }

    /// The read before a call found something else than the failure that the call is for.
    fn instead_of_retry(&self, before: &Reply<Outcome>) -> Decision {
        // Nothing was sent under this intent: what was read is judged as a look-up of an execution without one.
        let mut without = self.execution.clone();
        without.intent = None;
        without.state = State::Retrying;
        let mut decision = decide(
            &without,
            Step::Lookup,
            &before.outcome,
            before.counter,
            self.policy,
            self.now,
        );
        decision.events.insert(0, Event::NotProcessed);
        decision.closes_intent = true;
        decision
    }

    /// The read before a call did not come to anything, or forbids the call.
    fn unread(&self, before: &Reply<Outcome>) -> Decision {
        match &before.outcome {
            Outcome::Failed(_) => self.instead_of_retry(before),
            Outcome::Call(
                failure @ (CallFailure::NotSent { .. }
                | CallFailure::AccountRefused { .. }
                | CallFailure::Throttled { .. }),
            ) => {
                let outcome = Outcome::Call(failure.clone());
                decide(
                    &self.execution,
                    self.claimed.step,
                    &outcome,
                    before.counter,
                    self.policy,
                    self.now,
                )
            }
            Outcome::Charged { .. }
            | Outcome::Pending
            | Outcome::Refused(_)
            | Outcome::AlreadyExists
            | Outcome::NotFound
            | Outcome::Reversed(_)
            | Outcome::Odd(_)
            | Outcome::Call(CallFailure::Unknown { .. }) => {
                let why = "the provider could not be read before the call".to_owned();
                let outcome = Outcome::Call(CallFailure::NotSent { why });
                decide(
                    &self.execution,
                    self.claimed.step,
                    &outcome,
                    before.counter,
                    self.policy,
                    self.now,
                )
            }
        }
    }

    async fn record_counter(&self, counter: i64) -> Result<(), JobError> {
        let execution = self.claimed.execution.id;
        let ours = record_counter(&self.engine.pool, execution, self.claimed.token, counter)
            .await
            .map_err(|source| JobError::Store {
                step: self.claimed.step,
                execution: execution.0,
                source,
            })?;
        if ours {
            Ok(())
        } else {
            Err(JobError::LeaseLost {
                execution: execution.0,
            })
        }
    }

    async fn look_up(&mut self, order: &str) -> Reply<Outcome> {
        let execution = &self.claimed.execution;
        let zone = self.claimed.mandate.terms.time_zone;
        let request = LookupRequest {
            at: self.now,
            mandate: &self.claimed.mandate,
            order_id: order,
            amount: execution.amount,
            provider_ref: self.provider_ref.as_deref(),
            counter_before: execution
                .intent
                .filter(|intent| !intent.is_retry)
                .and_then(|intent| intent.counter_before),
            cycle_on: execution.cycle.on,
            cycle_closes_on: execution.cycle.closes_at.with_timezone(&zone).date_naive(),
        };
        let reply = self.account.client.look_up(&request).await;
        order.clone_into(&mut self.order);
        self.execution.progress = self.execution.progress.looked_at(self.now);
        self.record_debit(Call::OrderStatus, order, &reply);
        reply
    }

    /// Looks at every order that a finished execution had.
    async fn verify(&mut self) -> Decision {
        let execution = self.execution.clone();
        let mut last = None;
        for order_no in 1..=execution.progress.order_no {
            let is_current = order_no == execution.progress.order_no;
            if is_current && execution.state == State::Charged {
                continue;
            }
            let order = order_id(&self.engine.tag, execution.id, order_no);
            let reply = self.look_up(&order).await;
            let decision =
                decide_verify(&execution, order_no, &reply.outcome, self.policy, self.now);
            let collected = decision.collected.is_some();
            last = Some(decision);
            if collected {
                break;
            }
        }
        last.unwrap_or_else(|| {
            decide_verify(
                &execution,
                execution.progress.order_no,
                &Outcome::NotFound,
                self.policy,
                self.now,
            )
        })
    }

    fn record_debit(&mut self, call: Call, reference: &str, reply: &Reply<Outcome>) {
        if let Some(seen) = &reply.provider_ref {
            self.provider_ref = Some(seen.clone());
        }
        let (word, class) = match &reply.outcome {
            Outcome::Charged { .. } => ("charged", None),
            Outcome::Pending => ("pending", None),
            Outcome::Failed(failure) => ("failed", Some(failure.class)),
            Outcome::Refused(failure) => ("refused", Some(failure.class)),
            Outcome::AlreadyExists => ("already_exists", None),
            Outcome::NotFound => ("not_found", None),
            Outcome::Reversed(failure) => ("reversed", Some(failure.class)),
            Outcome::Odd(failure) => ("odd", Some(failure.class)),
            Outcome::Call(failure) => (call_word(failure), None),
        };
        self.record(
            call,
            reference,
            word,
            class.map(|class| class.as_str()),
            &reply.wire,
        );
    }

    fn record(
        &mut self,
        call: Call,
        reference: &str,
        outcome: &'static str,
        class: Option<&'static str>,
        wire: &Wire,
    ) {
        self.attempts.push(Attempt {
            execution_id: self.claimed.execution.id,
            call: call.as_str(),
            reference: reference.to_owned(),
            http_status: wire.http_status,
            latency_ms: i32::try_from(wire.latency.as_millis()).unwrap_or(i32::MAX),
            outcome,
            class,
            code: wire.code.clone(),
            message: wire.message.clone(),
            rule: wire.rule.clone(),
            body: wire.body.clone(),
        });
    }
}

const fn call_word(failure: &CallFailure) -> &'static str {
    match failure {
        CallFailure::NotSent { .. } => "not_sent",
        CallFailure::Unknown { .. } => "unknown",
        CallFailure::AccountRefused { .. } => "account_refused",
        CallFailure::Throttled { .. } => "throttled",
    }
}

const fn maybe_sent(failure: &CallFailure) -> bool {
    matches!(failure, CallFailure::Unknown { .. })
}

/// The columns that a decision comes to.
fn settlement(
    engine: &Engine,
    claimed: &Claimed,
    decision: &Decision,
    to_state: State,
    told: Option<Told>,
) -> Settlement {
    let (id, before, after) = (
        claimed.execution.id,
        &claimed.execution.progress,
        &decision.progress,
    );
    let separate = claimed.execution.notify == Notify::Separate
        && claimed.execution.provider == ProviderKind::Juspay;
    let reference = |no: u16| notification_ref(&engine.tag, id, no);
    Settlement {
        execution_id: id,
        lease_token: claimed.token,
        from_state: claimed.execution.state,
        to_state,
        reason: decision.reason.clone(),
        class: decision.class.map(|class| class.as_str()),
        step: decision.next.map(|next| next.step.as_str()),
        run_at: decision.next.map(|next| next.span.opens),
        run_before: decision.next.and_then(|next| next.span.closes),
        closes_intent: decision.closes_intent,
        order_no: after.order_no,
        order_id: order_id(&engine.tag, id, after.order_no),
        notification_no: after.notification_no,
        notification_ref: separate.then(|| reference(after.notification_no)),
        delivered_at: after.delivered_at,
        execute_at: after.execute_at,
        debits_tried: after.debits_tried,
        lookups: after.lookups,
        tries: after.tries,
        provider_ref: None,
        sent_at: after.sent_at,
        failed_at: after.failed_at,
        looked: after.looked.iter().flatten().copied().collect(),
        mandate_status: decision.mandate.map(|status| status.as_str()),
        debit_minor: decision.collected.map(|amount| amount.minor()),
        debit_order_id: None,
        told_no: told.as_ref().map(|_| before.notification_no),
        told_ref: told.as_ref().map(|_| reference(before.notification_no)),
        told_state: told.as_ref().map(|told| told.state),
        told_message: told.and_then(|told| told.message),
    }
}
