//! What is written down of a job: its calls, and the columns that its decision comes to.

use super::{Run, Told};
use crate::domain::ids::{notification_ref, order_id};
use crate::domain::machine::decide::Decision;
use crate::domain::machine::transition::Transition;
use crate::domain::outcome::CallFailure;
use crate::domain::policy::Policy;
use crate::domain::{Amount, Class, Event, MandateStatus, Notify, Outcome, ProviderKind, State};
use crate::engine::Engine;
use crate::provider::{Call, Reply, Wire};
use crate::store::claim::Claimed;
use crate::store::settle::{Attempt, Settlement};
use crate::wording;

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
            at: self.now,
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
    change: &Transition,
    told: Option<Told>,
    policy: &Policy,
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
        to_state: change.to,
        reason: wording::reason(&decision.reason, policy.debit_windows.time_zone()),
        class: decision.class.map(Class::as_str),
        step: decision.next.map(|next| next.step.as_str()),
        run_at: decision.next.map(|next| next.span.opens),
        run_before: decision.next.and_then(|next| next.span.closes),
        closes_intent: change.closes_intent,
        order_no: after.order_no,
        order_id: order_id(&engine.tag, id, after.order_no),
        notification_no: after.notification_no,
        notification_ref: separate.then(|| reference(after.notification_no)),
        delivered_at: after.delivered_at,
        undelivered_at: after.undelivered_at,
        execute_at: after.execute_at,
        debits_tried: after.debits_tried,
        lookups: after.lookups,
        tries: after.tries,
        provider_ref: None,
        sent_at: after.sent_at,
        failed_at: after.failed_at,
        not_before: after.not_before,
        looked: after.looked.iter().flatten().copied().collect(),
        mandate_status: decision.mandate.map(MandateStatus::as_str),
        paused_at: claimed
            .execution
            .paused_at
            .filter(|_| decision.mandate.is_some()),
        parked: decision.parked,
        card_tries: Some(decision.declined)
            .filter(|tries| *tries > 0 && policy.max_attempts_in_30_days.is_some()),
        fault: None,
        debit_minor: change.collected.map(Amount::minor),
        debit_order_id: None,
        told_no: told.as_ref().map(|_| before.notification_no),
        told_ref: told.as_ref().map(|_| reference(before.notification_no)),
        told_state: told.as_ref().map(|told| told.state),
        told_message: told.and_then(|told| told.message),
    }
}

/// The longest reason for a fault, in characters.
const MAX_FAULT: usize = 100;

/// What is wrong with the account or with us, if that is why this execution goes on no further: a person must decide, or the
/// provider does not know the mandate, which may only mean that it was asked with another account's credentials.
pub(super) fn fault(attempt: &Attempt, decision: &Decision, change: &Transition) -> Option<String> {
    let ours = matches!(decision.class, Some(Class::OurRequest | Class::PayeeSide));
    let parked = ours && change.to == State::Review && change.events.contains(&Event::ReviewNeeded);
    let unknown = decision.mandate == Some(MandateStatus::Revoked) && is_unknown(attempt);
    if !parked && !unknown {
        return None;
    }
    let code = attempt.code.clone();
    let code = code.or_else(|| Some(format!("HTTP {}", attempt.http_status?)));
    let words = [decision.class.map(|class| class.to_string()), code];
    let reason: Vec<String> = words.into_iter().flatten().collect();
    Some(reason.join(" ").chars().take(MAX_FAULT).collect())
}

/// Whether the provider does not know the mandate, rather than that it has ended.
fn is_unknown(attempt: &Attempt) -> bool {
    [&attempt.code, &attempt.message]
        .into_iter()
        .flatten()
        .map(|words| words.to_ascii_lowercase().replace('_', " "))
        .any(|words| words.contains("not found") || words.contains("not exist"))
}
