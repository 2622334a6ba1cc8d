//! The steps that debit, retry, look up and look once more.

use super::{JobError, Run};
use crate::domain::ids::order_id;
use crate::domain::machine::decide::{
    Decision, Next, decide, decide_verify, may_look, next_window,
};
use crate::domain::outcome::{CallFailure, Counter};
use crate::domain::retry::after;
use crate::domain::window::Span;
use crate::domain::{Call, Event, Notify, Outcome, State, Step};
use crate::provider::{ExecuteRequest, LookupRequest, Notice, Provider, Reply, RetryRequest, Wire};
use crate::store::settle::record_counter;
use crate::store::settled::debited_order;

impl Run<'_> {
    pub(super) async fn execute(&mut self) -> Result<Decision, JobError> {
        let execution = &self.claimed.execution;
        if let Some(decision) = self.order_before().await {
            return Ok(decision);
        }
        if self.client.execute_needs_counter() {
            // No idempotency key: what the provider has now tells later whether this call got through.
            let before = self.look_up(&self.claimed.order_id).await;
            let (Outcome::NotFound, Some(counter)) = (&before.outcome, before.counter.attempts)
            else {
                return Ok(self.instead_of_call(&before));
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
            deadline: self.send_by(),
            mandate: &self.claimed.mandate,
            order_id: &self.claimed.order_id,
            amount: execution.amount,
            notice,
        };
        let reply = self.within_lease(self.client.execute(&request)).await?;
        self.record_debit(Call::Execute, &self.claimed.order_id, &reply);
        // What the core counts from the call must not count from before it.
        self.now = self.engine.clock.now();
        Ok(self.decide(&reply))
    }

    /// A new order may have waited weeks for its payday: the one before it is looked at once more, and what follows instead if it is
    /// not as dead as it was.
    async fn order_before(&mut self) -> Option<Decision> {
        let before = self.claimed.execution.progress.order_no.checked_sub(1)?;
        if before == 0 || self.client.execute_needs_counter() {
            return None;
        }
        let order = order_id(&self.engine.tag, self.execution.id, before);
        let provider_ref = self.provider_ref.take();
        let reply = self.look_up(&order).await;
        let is_dead = match &reply.outcome {
            Outcome::Failed(failure) => !failure.class.is_unproven(),
            Outcome::Reversed(_) | Outcome::NotFound => true,
            Outcome::Charged { .. }
            | Outcome::Pending
            | Outcome::Refused(_)
            | Outcome::AlreadyExists
            | Outcome::Odd(_)
            | Outcome::Call(_) => false,
        };
        if is_dead {
            // From here on it is about the new one.
            self.claimed.order_id.clone_into(&mut self.order);
            self.provider_ref = provider_ref;
            return None;
        }
        Some(self.instead_of_new_order(&order, &reply))
    }

    /// What follows when the order before is not dead: it was collected, or the new one waits.
    fn instead_of_new_order(&self, order: &str, reply: &Reply<Outcome>) -> Decision {
        match &reply.outcome {
            Outcome::Charged { .. } => {
                let mut decision = self.instead_of_call(reply);
                // Nothing else of this cycle was sent.
                decision.next = None;
                decision
            }
            Outcome::Call(_) => {
                let mut decision = self.instead_of_call(reply);
                if let Some(next) = decision.next.as_mut() {
                    let opens = next.span.opens;
                    next.span.opens = may_look(&self.execution, self.policy, opens);
                    next.span.closes = None;
                }
                decision
            }
            Outcome::Failed(_)
            | Outcome::Pending
            | Outcome::NotFound
            | Outcome::Reversed(_)
            | Outcome::Refused(_)
            | Outcome::AlreadyExists
            | Outcome::Odd(_) => self.wait_for(order),
        }
    }

    /// The same call later: as long as an earlier order is not proven dead there is no debit of a new one.
    fn wait_for(&self, order: &str) -> Decision {
        let why = format!("the order before it, {order}, is not proven dead");
        let not_sent = Outcome::Call(CallFailure::NotSent { why });
        let counter = Counter::default();
        let (step, now) = (self.claimed.step, self.now);
        let mut decision = decide(&self.execution, step, &not_sent, counter, self.policy, now);
        let at = after(now, self.policy.lookup_every);
        let windows = &self.policy.debit_windows;
        let seed = self.execution.id.0;
        if let Some(next) = decision.next.as_mut()
            && let Some(span) = next_window(windows, at, seed, self.policy.jitter)
        {
            next.span = span;
        }
        decision
    }

    /// The order is read first: a retry is only for one that is proven failed, and its counter must be known.
    pub(super) async fn retry(&mut self) -> Result<Decision, JobError> {
        let before = self.look_up(&self.claimed.order_id).await;
        let allowed = matches!(before.outcome, Outcome::Failed(_))
            && !before.counter.no_retry_allowed
            // The provider's own silent retries can have used the budget up.
            && self.claimed.execution.attempts(before.counter) < self.policy.max_attempts;
        if !allowed {
            return Ok(self.instead_of_call(&before));
        }
        let attempts = before
            .counter
            .attempts
            .unwrap_or_else(|| i64::from(self.claimed.execution.progress.debits_tried));
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
            deadline: self.send_by(),
            mandate,
            order_id: &self.claimed.order_id,
            amount: self.claimed.execution.amount,
            provider_ref: self.provider_ref.as_deref(),
            next_scheduled_on: next_cycle.map(|cycle| cycle.on),
        };
        let reply = self.within_lease(self.client.retry(&request)).await?;
        self.record_debit(Call::Retry, &self.claimed.order_id, &reply);
        self.now = self.engine.clock.now();
        Ok(self.decide(&reply))
    }

    /// What was read before a call forbids it, or could not be read. The call is not made.
    fn instead_of_call(&self, before: &Reply<Outcome>) -> Decision {
        let decide = |execution, step, outcome| {
            decide(
                execution,
                step,
                outcome,
                before.counter,
                self.policy,
                self.now,
            )
        };
        let Outcome::Call(failure) = &before.outcome else {
            // Nothing was sent under this intent: what was read is judged as a look-up of an execution without one.
            let mut without = self.execution.clone();
            without.intent = None;
            without.state = State::Retrying;
            let mut decision = decide(&without, Step::Lookup, &before.outcome);
            decision.events.insert(0, Event::NotProcessed);
            decision.closes_intent = true;
            return decision;
        };
        // It says nothing about the order: the call is still due, a little later.
        let failure = match failure {
            CallFailure::Unknown { .. } => CallFailure::NotSent {
                why: "the provider could not be read before the call".to_owned(),
            },
            CallFailure::NotSent { .. }
            | CallFailure::AccountRefused { .. }
            | CallFailure::Throttled { .. } => failure.clone(),
        };
        decide(&self.execution, self.claimed.step, &Outcome::Call(failure))
    }

    async fn record_counter(&self, counter: i64) -> Result<(), JobError> {
        let execution = self.claimed.execution.id;
        let recorded = record_counter(
            &self.engine.database.pool,
            execution,
            self.claimed.token,
            counter,
        );
        let ours = self
            .engine
            .database
            .within("record the provider's attempt counter", recorded)
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

    pub(super) async fn look_up(&mut self, order: &str) -> Reply<Outcome> {
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
        // What has waited for its turn until the lease is over must not leave: another worker may have looked meanwhile.
        let answer = self.client.look_up(&request);
        let reply = self
            .within_lease(answer)
            .await
            .unwrap_or_else(|_over| Reply {
                outcome: Outcome::Call(CallFailure::Unknown {
                    why: "the lease ended before the provider answered".to_owned(),
                }),
                counter: Counter::default(),
                provider_ref: None,
                wire: Wire::default(),
            });
        order.clone_into(&mut self.order);
        let reached = !matches!(
            reply.outcome,
            Outcome::Call(CallFailure::NotSent { .. } | CallFailure::Throttled { .. })
        );
        if reached {
            self.execution.progress = self.execution.progress.looked_at(self.now);
        }
        self.record_debit(Call::OrderStatus, order, &reply);
        reply
    }

    /// Looks at every order that a finished execution had, but for the one whose debit is on record. What is open comes first: as long
    /// as nobody knows of it, what an earlier order came to is only half of the truth.
    pub(super) async fn verify(&mut self) -> Result<Decision, JobError> {
        let mut execution = self.execution.clone();
        let current = execution.progress.order_no;
        let debited = self.debited_order().await?;
        let mut orders: Vec<u16> = (1..=current).collect();
        if execution.intent.is_some() {
            orders.rotate_right(1);
        }
        let mut last: Option<Decision> = None;
        for order_no in orders {
            let is_current = order_no == current;
            let order = order_id(&self.engine.tag, execution.id, order_no);
            // Without order ids of ours only the current debit can be asked about.
            let cannot_ask = !is_current && self.client.execute_needs_counter();
            if cannot_ask || debited.as_ref() == Some(&order) {
                continue;
            }
            let reply = self.look_up(&order).await;
            execution.progress = self.execution.progress;
            let mut decision = decide_verify(
                &execution,
                order_no,
                &reply.outcome,
                reply.counter,
                self.policy,
                self.now,
            );
            // An order that could not be looked at is not forgotten because another one could.
            decision.next = decision.next.or(last.and_then(|earlier| earlier.next));
            let found = decision.collected.is_some() || decision.closes_intent;
            if found && current > 1 && decision.next.is_none() {
                // The others are looked at when this is on record.
                decision.next = Some(Next {
                    step: Step::Verify,
                    span: Span {
                        opens: may_look(
                            &execution,
                            self.policy,
                            after(self.now, self.policy.verify_after),
                        ),
                        closes: None,
                    },
                });
            }
            last = Some(decision);
            if found {
                break;
            }
        }
        Ok(last.unwrap_or_else(|| {
            decide_verify(
                &execution,
                current,
                &Outcome::NotFound,
                Counter::default(),
                self.policy,
                self.now,
            )
        }))
    }

    /// The order whose debit this cycle has.
    async fn debited_order(&self) -> Result<Option<String>, JobError> {
        let execution = &self.claimed.execution;
        let asked = debited_order(
            &self.engine.database.pool,
            self.claimed.mandate.id,
            execution.cycle.on,
        );
        let what = "read which order was collected";
        self.engine
            .database
            .within(what, asked)
            .await
            .map_err(|source| JobError::Store {
                step: self.claimed.step,
                execution: execution.id.0,
                source,
            })
    }
}
