//! What a transition comes to in the database.

use crate::domain::machine::Conclusion;
use crate::domain::outcome::says_not_found;
use crate::domain::policy::Policy;
use crate::domain::reason::{Cause, OrderCause};
use crate::domain::{Class, Contradiction, Event, Notify, ProviderKind, State};
use crate::store::claim::Claimed;
use crate::store::settle::{
    Attempt, Debit, MandateChange, NextJob, NotificationResult, Settlement,
};
use crate::wording;

pub(super) fn build(
    claimed: &Claimed,
    conclusion: &Conclusion,
    attempts: &[Attempt],
    policy: &Policy,
) -> Settlement {
    let (decision, transition) = (&conclusion.decision, &conclusion.transition);
    let (id, after) = (claimed.execution.id, decision.progress);
    let last = attempts.last();
    let separate = claimed.execution.notify == Notify::Separate
        && claimed.execution.provider == ProviderKind::Juspay;
    let identity = claimed.cycle_identity();
    let reference = |no: u16| identity.notification_ref(no);
    let notified_no = claimed.execution.progress.notification_no;
    Settlement {
        execution_id: id,
        lease_token: claimed.token,
        from_state: claimed.execution.state,
        to_state: transition.to,
        reason: wording::reason(&decision.reason, policy.debit_windows.time_zone()),
        class: decision.class,
        next: decision.next.map(|next| NextJob {
            step: next.step,
            run_at: next.span.opens,
            run_before: next.span.closes,
            parked: decision.parked,
        }),
        closes_intent: transition.closes_intent,
        order_id: identity.order_id(after.order_no),
        notification_ref: separate.then(|| reference(after.notification_no)),
        progress: after,
        provider_ref: conclusion.provider_ref.clone(),
        mandate: decision.mandate.map(|status| MandateChange {
            status,
            paused_at: claimed.execution.paused_at,
        }),
        declined_card_attempts: Some(decision.declined)
            .filter(|attempts| *attempts > 0 && policy.max_attempts_in_30_days.is_some()),
        fault: last.and_then(|attempt| fault(attempt, conclusion)),
        debit: transition
            .collected
            .zip(conclusion.debited_order)
            .map(|(collection, order_no)| Debit {
                stated: collection.stated,
                order_id: identity.order_id(order_no),
            }),
        notification: conclusion.notification.map(|state| NotificationResult {
            no: notified_no,
            reference: reference(notified_no),
            state,
            message: last.and_then(|attempt| attempt.message.clone()),
        }),
    }
}

/// The longest reason for a fault, in characters.
const MAX_FAULT: usize = 100;

/// What is wrong with the account or with us, if that is why this execution goes on no further: a person must decide, or the
/// provider does not know the mandate or speaks of other debits, which may only mean that it was asked with another account's
/// credentials.
fn fault(attempt: &Attempt, conclusion: &Conclusion) -> Option<String> {
    let (decision, transition) = (&conclusion.decision, &conclusion.transition);
    let ours = matches!(decision.class, Some(Class::OurRequest | Class::PayeeSide));
    let in_review =
        transition.to == State::Review && transition.events.contains(&Event::ReviewNeeded);
    let (code, message) = (attempt.code.as_deref(), attempt.message.as_deref());
    let unknown = says_not_found(attempt.class, code, message);
    if let Cause::Order(OrderCause::Contradicted(Contradiction { field, .. })) =
        &decision.reason.cause
    {
        return Some(format!("answers with another {field}"));
    }
    if !(ours && in_review || unknown) {
        return None;
    }
    let code = attempt.code.clone();
    let code = code.or_else(|| Some(format!("HTTP {}", attempt.http_status?)));
    let class = if unknown {
        attempt.class
    } else {
        decision.class
    };
    let words = [class.map(|class| class.to_string()), code];
    let reason: Vec<String> = words.into_iter().flatten().collect();
    Some(reason.join(" ").chars().take(MAX_FAULT).collect())
}
