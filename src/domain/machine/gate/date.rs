//! The date that is handed to a provider which notifies and debits by itself.

use std::time::Duration;

use super::{Gate, no_time_left, refuse, reschedule};
use crate::domain::backoff::after;
use crate::domain::cycle::Cycle;
use crate::domain::machine::decide::NextStep;
use crate::domain::machine::verdict::Verdict;
use crate::domain::plan::{self, Start};
use crate::domain::policy::Policy;
use crate::domain::reason::{GateCause, Then};
use crate::domain::{Execution, Notify, ProviderKind, Timestamp};

/// How late a planned call may be without its execution date having to be put off.
const CALL_LAG: Duration = Duration::from_mins(10);

/// A debit that the provider makes on a date we hand it, at least 25 hours ahead.
pub(super) fn hand_over(execution: &Execution, policy: &Policy, now: Timestamp) -> Gate {
    let enough = after(now, policy.notify_to_debit);
    if execution.progress.execute_at.is_some_and(|at| at >= enough)
        && policy.notify_windows.contains(now)
    {
        return Gate::Go;
    }
    let cycle = execution.order_cycle();
    match plan::start(
        &cycle,
        execution.provider,
        execution.notify,
        policy,
        execution.id.0,
        now,
    ) {
        Start::At(step, span) => {
            let mut decision = reschedule(
                execution,
                Some(NextStep { step, span }),
                GateCause::DateTooNear,
            );
            decision.progress.execute_at = new_date(execution, &cycle, policy, span.opens);
            if decision.progress.execute_at.is_none() {
                decision = decision.with_recheck(policy, now);
                decision.reason = decision.reason.then(Then::NoDateLeft);
                decision.verdict = Verdict::CycleClosed;
            }
            refuse(decision)
        }
        Start::Closed(why) => no_time_left(execution, GateCause::Closed(why), policy, now),
    }
}

/// The date to hand to a provider that notifies and debits by itself, for a call that is planned for some time. A call that is a
/// little late must still be 25 hours before it.
pub(in crate::domain) fn execution_date(
    cycle: &Cycle,
    provider: ProviderKind,
    notify: Notify,
    policy: &Policy,
    seed: i64,
    planned: Timestamp,
) -> Option<Timestamp> {
    let handed_over = (provider, notify) == (ProviderKind::Juspay, Notify::Provider);
    let called = after(planned, CALL_LAG);
    plan::debit_after_notice(cycle, policy, seed, called, called)
        .filter(|_| handed_over)
        .map(|span| span.opens)
}

/// The same for an execution, whose order may be put off.
pub(in crate::domain::machine) fn new_date(
    execution: &Execution,
    cycle: &Cycle,
    policy: &Policy,
    planned: Timestamp,
) -> Option<Timestamp> {
    let (provider, notify) = (execution.provider, execution.notify);
    execution_date(cycle, provider, notify, policy, execution.id.0, planned)
}
