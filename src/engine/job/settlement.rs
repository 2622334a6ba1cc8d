//! The columns that a transition comes to.

use crate::domain::ids::{notification_ref, order_id};
use crate::domain::machine::{NotificationResult, Transition};
use crate::domain::policy::Policy;
use crate::domain::{Amount, Class, Event, MandateStatus, Notify, ProviderKind, State};
use crate::engine::Engine;
use crate::store::claim::Claimed;
use crate::store::settle::{Attempt, Settlement};
use crate::wording;

pub(super) fn build(
    engine: &Engine,
    claimed: &Claimed,
    transition: &Transition,
    attempts: &[Attempt],
    policy: &Policy,
) -> Settlement {
    let decision = &transition.decision;
    let (id, before, after) = (
        claimed.execution.id,
        &claimed.execution.progress,
        &decision.progress,
    );
    let separate = claimed.execution.notify == Notify::Separate
        && claimed.execution.provider == ProviderKind::Juspay;
    let reference = |no: u16| notification_ref(&engine.tag, id, no);
    let notification = transition.notification;
    Settlement {
        execution_id: id,
        lease_token: claimed.token,
        from_state: claimed.execution.state,
        to_state: transition.to,
        reason: wording::reason(&decision.reason, policy.debit_windows.time_zone()),
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
        undelivered_at: after.undelivered_at,
        execute_at: after.execute_at,
        debits_tried: after.debits_tried,
        lookups: after.lookups,
        tries: after.tries,
        provider_ref: transition.provider_ref.clone(),
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
        fault: attempts
            .last()
            .and_then(|attempt| fault(attempt, transition)),
        debit_minor: decision.collected.map(Amount::minor),
        debit_order_id: transition
            .debited_order
            .map(|order_no| order_id(&engine.tag, id, order_no)),
        told_no: notification.map(|_| before.notification_no),
        told_ref: notification.map(|_| reference(before.notification_no)),
        told_state: notification.map(word),
        told_message: notification
            .and(attempts.last())
            .and_then(|attempt| attempt.message.clone()),
    }
}

const fn word(result: NotificationResult) -> &'static str {
    match result {
        NotificationResult::Requested => "requested",
        NotificationResult::Delivered => "delivered",
        NotificationResult::Failed => "failed",
    }
}

/// The longest reason for a fault, in characters.
const MAX_FAULT: usize = 100;

/// What is wrong with the account or with us, if that is why this execution goes on no further: a person must decide, or the
/// provider does not know the mandate, which may only mean that it was asked with another account's credentials.
fn fault(attempt: &Attempt, transition: &Transition) -> Option<String> {
    let decision = &transition.decision;
    let ours = matches!(decision.class, Some(Class::OurRequest | Class::PayeeSide));
    let in_review =
        transition.to == State::Review && decision.events.contains(&Event::ReviewNeeded);
    let unknown = decision.mandate == Some(MandateStatus::Revoked) && is_unknown(attempt);
    if !(ours && in_review || unknown) {
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
