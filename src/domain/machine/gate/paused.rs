//! A paused rail, and a paused mandate: when its provider is asked whether it still is, and what follows from the answer.

use std::time::Duration;

use super::{Decision, Gate, NextStep, ended, next_window, park, refuse, reschedule};
use crate::domain::backoff::{after, jitter};
use crate::domain::policy::Policy;
use crate::domain::reason::{GateCause, Reason, Then};
use crate::domain::window::Span;
use crate::domain::{Class, Execution, MandateStatus, Notify, ProviderKind, Step, Timestamp};

/// How often a step of a paused rail asks whether it still is: so soon it goes on when the rail is resumed.
const RAIL_CHECK: Duration = Duration::from_mins(10);

/// A step of a paused rail waits, at most until its cycle ends.
pub(super) fn rail(
    execution: &Execution,
    step: Step,
    policy: &Policy,
    now: Timestamp,
) -> Option<Gate> {
    if !execution.rail_paused {
        return None;
    }
    let spread = jitter(execution.id.0, 0, policy.jitter.min(RAIL_CHECK));
    let check = after(after(now, RAIL_CHECK), spread);
    let span = in_hours(execution, step, policy, check);
    let reason = Reason::from(GateCause::RailPaused(policy.rail)).then(Then::WaitForResume);
    Some(refuse(reschedule(
        execution,
        Some(NextStep { step, span }),
        reason,
    )))
}

/// The first hours for a step: a claim outside of them would open an intent for nothing.
fn in_hours(execution: &Execution, step: Step, policy: &Policy, from: Timestamp) -> Span {
    let closes_at = execution.cycle.closes_at;
    let hands_over = step == Step::Execute
        && execution.provider == ProviderKind::Juspay
        && execution.notify == Notify::Provider;
    let windows = if step == Step::Notify || hands_over {
        &policy.notify_windows
    } else {
        &policy.debit_windows
    };
    next_window(windows, from, execution.id.0, Duration::ZERO)
        .filter(|span| span.opens < closes_at)
        .unwrap_or(Span {
            opens: closes_at,
            closes: None,
        })
}

/// Whether it is time to ask. Of a pause that only an operator knows of, the provider would say that there is none.
pub(super) fn may_ask(execution: &Execution, policy: &Policy, now: Timestamp) -> bool {
    execution
        .paused_at
        .is_some_and(|at| now >= after(at, policy.paused_check_every))
}

/// What follows for a step that waits for its mandate, once the provider was asked. `said` is where the mandate stands;
/// nothing if the provider did not say.
///
/// The step itself is done by the next claim: only that opens an intent, and the gate asks first what is still lawful.
pub(in crate::domain::machine) fn mandate_answered(
    execution: &Execution,
    step: Step,
    status: Option<MandateStatus>,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let mut decision = match status {
        None | Some(MandateStatus::Paused) => {
            let decision = reschedule(execution, None, GateCause::ProviderSays(status));
            park(decision, execution, step, policy, now)
        }
        Some(MandateStatus::Active) => {
            let span = in_hours(execution, step, policy, now);
            let reason = GateCause::ProviderSays(status);
            reschedule(execution, Some(NextStep { step, span }), reason)
        }
        Some(
            MandateStatus::Revoked
            | MandateStatus::Expired
            | MandateStatus::Completed
            | MandateStatus::Failed,
        ) => {
            let reason = GateCause::ProviderSays(status);
            ended(execution, reason, Class::MandateDead, policy, now)
        }
    };
    decision.mandate = status;
    decision
}
