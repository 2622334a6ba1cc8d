//! What is written down of a job: its calls, and the columns that its decision comes to.

use super::{Run, Told};
use crate::domain::decide::Decision;
use crate::domain::ids::{notification_ref, order_id};
use crate::domain::outcome::CallFailure;
use crate::domain::{Amount, Class, MandateStatus, Notify, Outcome, ProviderKind, State};
use crate::engine::Engine;
use crate::provider::{Call, Reply, Wire};
use crate::store::claim::Claimed;
use crate::store::settle::{Attempt, Settlement};

impl Run<'_> {
    pub(super) fn record_debit(&mut self, call: Call, reference: &str, reply: &Reply<Outcome>) {
        if let Some(seen) = &reply.provider_ref {
            self.provider_ref = Some(seen.clone());
        }
        let class = reply
            .outcome
            .failure()
            .map(|failure| failure.class.as_str());
        self.record(call, reference, reply.outcome.as_str(), class, &reply.wire);
    }

    pub(super) fn record(
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

pub(super) const fn maybe_sent(failure: &CallFailure) -> bool {
    matches!(failure, CallFailure::Unknown { .. })
}

/// The columns that a decision comes to.
pub(super) fn settlement(
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
        class: decision.class.map(Class::as_str),
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
        mandate_status: decision.mandate.map(MandateStatus::as_str),
        debit_minor: decision.collected.map(Amount::minor),
        debit_order_id: None,
        told_no: told.as_ref().map(|_| before.notification_no),
        told_ref: told.as_ref().map(|_| reference(before.notification_no)),
        told_state: told.as_ref().map(|told| told.state),
        told_message: told.and_then(|told| told.message),
    }
}
