//! What is written down of a job: its calls, and the columns that its decision comes to.

use super::Run;
use crate::domain::ids::{notification_ref, order_id};
use crate::domain::machine::decide::Decision;
use crate::domain::outcome::CallFailure;
use crate::domain::policy::Policy;
use crate::domain::{
    AttemptOutcome, Call, Class, Event, MandateStatus, Notify, Outcome, ProviderKind, State,
};
use crate::engine::Engine;
use crate::provider::{Reply, Wire};
use crate::store::claim::Claimed;
use crate::store::settle::{Attempt, MandateChange, NextJob, Settlement};

impl Run<'_> {
    pub(super) fn record_debit(&mut self, call: Call, reference: &str, reply: &Reply<Outcome>) {
        if let Some(seen) = &reply.provider_ref {
            self.provider_ref = Some(seen.clone());
        }
        let class = reply.outcome.failure().map(|failure| failure.class);
        self.record(
            call,
            reference,
            reply.outcome.recorded(),
            class,
            &reply.wire,
        );
    }

    pub(super) fn record(
        &mut self,
        call: Call,
        reference: &str,
        outcome: AttemptOutcome,
        class: Option<Class>,
        wire: &Wire,
    ) {
        self.attempts.push(Attempt {
            execution_id: self.claimed.execution.id,
            at: self.now,
            call,
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

/// What a decision leads to. The reply's own part of it comes on top.
pub(super) fn settlement(
    engine: &Engine,
    claimed: &Claimed,
    decision: &Decision,
    to_state: State,
    policy: &Policy,
) -> Settlement {
    let (id, after) = (claimed.execution.id, decision.progress);
    let separate = claimed.execution.notify == Notify::Separate
        && claimed.execution.provider == ProviderKind::Juspay;
    Settlement {
        execution_id: id,
        lease_token: claimed.token,
        from_state: claimed.execution.state,
        to_state,
        reason: decision.reason.clone(),
        class: decision.class,
        next: decision.next.map(|next| NextJob {
            step: next.step,
            run_at: next.span.opens,
            run_before: next.span.closes,
            parked: decision.parked,
        }),
        closes_intent: decision.closes_intent,
        order_id: order_id(&engine.tag, id, after.order_no),
        notification_ref: separate
            .then(|| notification_ref(&engine.tag, id, after.notification_no)),
        progress: after,
        provider_ref: None,
        mandate: decision.mandate.map(|status| MandateChange {
            status,
            paused_at: claimed.execution.paused_at,
        }),
        card_tries: Some(decision.declined)
            .filter(|tries| *tries > 0 && policy.max_attempts_in_30_days.is_some()),
        fault: None,
        debit: None,
        notification: None,
    }
}

/// The longest reason for a fault, in characters.
const MAX_FAULT: usize = 100;

/// What is wrong with the account or with us, if that is why this execution goes on no further: a person must decide, or the
/// provider does not know the mandate, which may only mean that it was asked with another account's credentials.
pub(super) fn fault(attempt: &Attempt, decision: &Decision, to_state: State) -> Option<String> {
    let ours = matches!(decision.class, Some(Class::OurRequest | Class::PayeeSide));
    let parked =
        ours && to_state == State::Review && decision.events.contains(&Event::ReviewNeeded);
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
