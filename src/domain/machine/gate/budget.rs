//! The attempts of 30 days are spent: what the claim has refused comes back when it would not, as far as its cycle and its
//! notification allow.

use super::new_notification::renew;
use super::{Gate, NextStep, close_cycle, new_date, next_window, refuse, reschedule};
use crate::domain::backoff::after;
use crate::domain::machine::verdict::Verdict;
use crate::domain::plan::{self, Start};
use crate::domain::policy::Policy;
use crate::domain::reason::{GateCause, Reason, Then};
use crate::domain::{Execution, Step, Timestamp};

/// A payer is not notified of a debit that could not be made in its time.
pub(super) fn before_notice(
    execution: &Execution,
    policy: &Policy,
    now: Timestamp,
) -> Option<Gate> {
    let from = execution.budget_from?;
    let notice_at = before(from, policy);
    (now < notice_at).then(|| at_notice(execution, Step::Notify, from, notice_at, policy, now))
}

/// What follows for a debit that the claim has refused until some time.
pub(super) fn wait(
    execution: &Execution,
    step: Step,
    handed_over: bool,
    from: Timestamp,
    policy: &Policy,
    now: Timestamp,
) -> Gate {
    if handed_over {
        return hand_over(execution, from, policy, now);
    }
    let seed = execution.id.0;
    let Some(span) = next_window(&policy.debit_windows, from.max(now), seed, policy.jitter) else {
        return too_late(execution, from, policy, now);
    };
    if span.opens >= execution.cycle.closes_at {
        return too_late(execution, from, policy, now);
    }
    let covered = execution
        .progress
        .notified_at()
        .is_none_or(|notified| span.opens <= after(notified, policy.notification_validity));
    if covered {
        let next = Some(NextStep { step, span });
        return refuse(reschedule(execution, next, spent(from)));
    }
    let notice_at = before(from, policy);
    if now < notice_at {
        return at_notice(execution, step, from, notice_at, policy, now);
    }
    renew(execution, policy, now, spent(from))
}

/// Comes back when a notification would be in time for the debit.
fn at_notice(
    execution: &Execution,
    step: Step,
    from: Timestamp,
    notice_at: Timestamp,
    policy: &Policy,
    now: Timestamp,
) -> Gate {
    let seed = execution.id.0;
    let span = next_window(&policy.notify_windows, notice_at, seed, policy.jitter);
    match span.filter(|_| from < execution.cycle.closes_at) {
        Some(span) => refuse(reschedule(
            execution,
            Some(NextStep { step, span }),
            spent(from),
        )),
        None => too_late(execution, from, policy, now),
    }
}

/// The provider is handed a date when the claim allows the call.
fn hand_over(execution: &Execution, from: Timestamp, policy: &Policy, now: Timestamp) -> Gate {
    let (provider, notify) = (execution.provider, execution.notify);
    let call_at = from.max(now);
    let cycle = execution.order_cycle();
    let started = plan::start(&cycle, provider, notify, policy, execution.id.0, call_at);
    let Start::At(step, span) = started else {
        return too_late(execution, from, policy, now);
    };
    let date = new_date(execution, &cycle, policy, span.opens);
    if date.is_none() {
        return too_late(execution, from, policy, now);
    }
    let mut decision = reschedule(execution, Some(NextStep { step, span }), spent(from));
    decision.progress.execute_at = date;
    refuse(decision)
}

/// No debit fits into the cycle any more.
fn too_late(execution: &Execution, from: Timestamp, policy: &Policy, now: Timestamp) -> Gate {
    let mut decision = close_cycle(execution, policy, now);
    decision.reason = Reason::from(spent(from)).then(Then::CycleEnds {
        at: execution.cycle.closes_at,
        provider_may_retry: decision.verdict == Verdict::Waits,
    });
    refuse(decision)
}

/// When a notification must be delivered for a debit at some time, at the latest.
fn before(from: Timestamp, policy: &Policy) -> Timestamp {
    chrono::TimeDelta::from_std(policy.notify_to_debit)
        .ok()
        .and_then(|notice| from.checked_sub_signed(notice))
        .unwrap_or(from)
}

const fn spent(until: Timestamp) -> GateCause {
    GateCause::AttemptsIn30DaysSpent { until }
}
