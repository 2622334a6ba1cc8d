//! The machine's actions as calls: to the provider, each with its attempt for the history, and to the database.

use super::{JobError, Run};
use crate::domain::machine::{self, Answer, Input, Notice, Request};
use crate::domain::outcome::{CallFailure, NotificationOutcome};
use crate::domain::{AttemptOutcome, Call, Class, Outcome, Step, Timestamp};
use crate::provider::{
    ExecuteNotice, ExecuteRequest, LookupRequest, MandateAnswer, NotifyRequest, OtherPayments,
    Provider, Reply, RetryRequest, Wire,
};
use crate::store::settle::{Attempt, CallBefore, record_counter};
use crate::store::settled::{KnownPayments, debited_order, known_payments};

impl Run<'_> {
    /// Makes a call that notifies or moves money, unless the lease may end before its answer.
    pub(super) async fn send(&mut self, request: &Request, leave_by: Timestamp) -> Input {
        if !self.outlives_a_call() {
            return Input::LeaseNearlyOver;
        }
        let deadline = self.by(leave_by);
        match request {
            Request::Notify { debit_at } => self.notify(*debit_at, deadline).await,
            Request::Execute { notice } => self.execute(*notice, deadline).await,
            Request::Retry(retry) => self.retry(retry, deadline).await,
        }
    }

    async fn notify(&mut self, debit_at: Timestamp, deadline: tokio::time::Instant) -> Input {
        let reference = self.notification_ref();
        let request = NotifyRequest {
            at: self.now,
            deadline,
            mandate: &self.claimed.mandate,
            reference: &reference,
            amount: self.claimed.execution.amount,
            debit_at,
        };
        let reply = self.client.notify(&request).await;
        self.notification_answered(Call::Notify, &reference, reply)
    }

    pub(super) async fn ask_notification(&mut self) -> Input {
        if !self.outlives_a_call() {
            return Input::LeaseNearlyOver;
        }
        let reference = self.notification_ref();
        let (client, mandate) = (&self.client, &self.claimed.mandate);
        let reply = client
            .notification_status(mandate, &reference, self.now)
            .await;
        self.notification_answered(Call::NotificationStatus, &reference, reply)
    }

    fn notification_answered(
        &mut self,
        call: Call,
        reference: &str,
        reply: Reply<NotificationOutcome>,
    ) -> Input {
        let class = reply.outcome.failure().map(|failure| failure.class);
        self.record(call, reference, reply.outcome.recorded(), class, reply.wire);
        Input::NotificationAnswered(reply.outcome)
    }

    fn notification_ref(&self) -> String {
        let execution = &self.claimed.execution;
        let no = execution.progress.notification_no;
        let known = self.claimed.notification_ref.clone();
        known.unwrap_or_else(|| self.claimed.cycle_identity().notification_ref(no))
    }

    async fn execute(&mut self, notice: Notice, deadline: tokio::time::Instant) -> Input {
        let claimed = self.claimed;
        let notice = match (notice, &claimed.notification_ref) {
            (Notice::Reference, Some(reference)) => ExecuteNotice::Reference(reference),
            (Notice::ExecuteAt(at), _) => ExecuteNotice::ExecuteAt(at),
            (Notice::Reference, None) | (Notice::Exempt, _) => ExecuteNotice::Exempt,
        };
        let request = ExecuteRequest {
            at: self.now,
            deadline,
            mandate: &claimed.mandate,
            order_id: &claimed.order_id,
            amount: claimed.execution.amount,
            notice,
        };
        let reply = self.within_lease(self.client.execute(&request)).await;
        self.answered(Call::Execute, &claimed.order_id, reply)
    }

    async fn retry(
        &mut self,
        retry: &machine::RetryRequest,
        deadline: tokio::time::Instant,
    ) -> Input {
        let claimed = self.claimed;
        let request = RetryRequest {
            at: self.now,
            deadline,
            mandate: &claimed.mandate,
            order_id: &claimed.order_id,
            amount: claimed.execution.amount,
            provider_ref: retry.provider_ref.as_deref(),
            next_scheduled_on: retry.next_scheduled_on,
        };
        let reply = self.within_lease(self.client.retry(&request)).await;
        self.answered(Call::Retry, &claimed.order_id, reply)
    }

    pub(super) async fn look_up(
        &mut self,
        order_no: u16,
        provider_ref: Option<&str>,
    ) -> Result<Input, JobError> {
        let known = self.known_payments(provider_ref).await?;
        let execution = &self.claimed.execution;
        let order = self.order_id(order_no);
        let zone = self.claimed.mandate.terms.time_zone;
        let request = LookupRequest {
            at: self.now,
            mandate: &self.claimed.mandate,
            order_id: &order,
            amount: execution.amount,
            provider_ref,
            payments: match &self.claimed.payments_before {
                Some(before) => OtherPayments::Before(before),
                None => OtherPayments::Known(&known.payments),
            },
            cycle_on: execution.cycle.on,
            cycle_closes_on: execution.cycle.closes_at.with_timezone(&zone).date_naive(),
            period_from: known.period_from,
        };
        // What has waited for its turn until the lease is over must not leave: another worker may have looked it up meanwhile.
        let reply = self.within_lease(self.client.look_up(&request)).await;
        let reply = reply.unwrap_or_else(unanswered);
        self.payments_seen.clone_from(&reply.payments);
        Ok(self.answered(Call::OrderStatus, &order, Some(reply)))
    }

    /// The payments of other cycles, where the provider has no order ids of ours to tell them apart by.
    async fn known_payments(&self, provider_ref: Option<&str>) -> Result<KnownPayments, JobError> {
        let claimed = self.claimed;
        if provider_ref.is_some()
            || claimed.payments_before.is_some()
            || !self.client.execute_needs_counter()
        {
            return Ok(KnownPayments {
                payments: Vec::new(),
                period_from: claimed.execution.cycle.on,
            });
        }
        let (mandate, cycle) = (claimed.mandate.id, &claimed.execution.cycle);
        let known = known_payments(&self.worker.database.pool, mandate, cycle);
        let what = "read the payments of other cycles";
        let known = self.worker.database.within(what, known).await;
        known.map_err(|source| JobError::store(claimed, source))
    }

    fn order_id(&self, order_no: u16) -> String {
        let execution = &self.claimed.execution;
        if order_no == execution.progress.order_no {
            return self.claimed.order_id.clone();
        }
        self.claimed.cycle_identity().order_id(order_no)
    }

    fn answered(&mut self, call: Call, order: &str, reply: Option<Reply<Outcome>>) -> Input {
        let Some(reply) = reply else {
            return Input::LeaseOver;
        };
        let class = reply.outcome.failure().map(|failure| failure.class);
        self.record(call, order, reply.outcome.recorded(), class, reply.wire);
        Input::Answered(Answer {
            outcome: reply.outcome,
            counter: reply.counter,
            provider_ref: reply.provider_ref,
        })
    }

    pub(super) async fn look_up_mandate(&mut self) -> Input {
        let mandate = &self.claimed.mandate;
        let began = tokio::time::Instant::now();
        let asked = self.client.mandate_status(mandate, self.now);
        let answer = self.within_lease(asked).await;
        let answer = answer.unwrap_or_else(|| MandateAnswer::Failed {
            why: LEASE_OVER.to_owned(),
        });
        let (status, message) = match answer {
            MandateAnswer::Status { status, word } => (Some(status), Some(word)),
            MandateAnswer::NotOffered => (None, None),
            MandateAnswer::Failed { why } => (None, Some(why)),
        };
        let wire = Wire {
            latency: began.elapsed(),
            message,
            ..Wire::default()
        };
        let outcome = status.map_or(AttemptOutcome::Unknown, AttemptOutcome::from);
        let reference = &mandate.provider_mandate_id;
        self.record(Call::MandateStatus, reference, outcome, None, wire);
        Input::MandateAnswered(status)
    }

    pub(super) async fn read_debit(&self) -> Result<Input, JobError> {
        let execution = &self.claimed.execution;
        let (mandate, cycle) = (self.claimed.mandate.id, execution.cycle.on);
        let asked = debited_order(&self.worker.database.pool, mandate, cycle);
        let debited = self
            .worker
            .database
            .within("read which order was collected", asked)
            .await
            .map_err(|source| JobError::store(self.claimed, source))?;
        let mut orders = 1..=execution.progress.order_no;
        let order_no =
            debited.and_then(|debited| orders.find(|order_no| self.order_id(*order_no) == debited));
        Ok(Input::DebitRead(order_no))
    }

    pub(super) async fn record_counter(&self, counter: i64) -> Result<Input, JobError> {
        let (execution, token) = (self.claimed.execution.id, self.claimed.token);
        let is_charge = self.claimed.step == Step::Execute && self.client.execute_needs_counter();
        let before = CallBefore {
            counter,
            payments: is_charge.then_some(&*self.payments_seen),
        };
        let recorded = record_counter(&self.worker.database.pool, execution, token, before);
        let what = "record the provider's attempt counter";
        let is_ours = self
            .worker
            .database
            .within(what, recorded)
            .await
            .map_err(|source| JobError::store(self.claimed, source))?;
        Ok(if is_ours {
            Input::CounterRecorded
        } else {
            Input::LeaseLost
        })
    }

    fn record(
        &mut self,
        call: Call,
        reference: &str,
        outcome: AttemptOutcome,
        class: Option<Class>,
        wire: Wire,
    ) {
        self.note_address(call, &wire);
        self.attempts.push(Attempt {
            execution_id: self.claimed.execution.id,
            at: self.now,
            call,
            reference: reference.to_owned(),
            http_status: wire.http_status,
            latency_ms: i32::try_from(wire.latency.as_millis()).unwrap_or(i32::MAX),
            outcome,
            class,
            code: wire.code,
            message: wire.message,
            rule: wire.rule,
            body: wire.body,
        });
    }
}

impl Run<'_> {
    /// A look-up tells who lives at the account's address; a call that is answered by somebody else is looked up first.
    fn note_address(&self, call: Call, wire: &Wire) {
        let (name, health) = (&self.worker.account.name, &self.worker.account.address);
        match call {
            Call::OrderStatus | Call::NotificationStatus if wire.from_elsewhere => {
                health.answered_from_elsewhere(name, wire.message.as_deref(), self.now);
            }
            Call::OrderStatus
            | Call::NotificationStatus
            | Call::Notify
            | Call::Execute
            | Call::Retry => {
                // An answer that was understood is the provider's.
                if wire.is_from_provider() {
                    health.answered(name);
                }
            }
            Call::MandateStatus => {}
        }
    }
}

const LEASE_OVER: &str = "the lease ended before the provider answered";

/// A look-up that was given up with the lease. It may have been made, so it counts.
fn unanswered() -> Reply<Outcome> {
    let why = LEASE_OVER.to_owned();
    Reply::new(Outcome::Call(CallFailure::Unknown { why }), Wire::default())
}
