//! May this debit be made right now?

use std::time::Duration;

use super::new_notification::renew;
use super::{Gate, budget, close_cycle, date, lookup, mandate_and_cycle, refuse, reschedule};
use crate::domain::backoff::after;
use crate::domain::machine::decide::{NextStep, next_lookup_at, next_window};
use crate::domain::machine::verdict::Verdict;
use crate::domain::policy::Policy;
use crate::domain::reason::GateCause;
use crate::domain::{Execution, Notify, ProviderKind, Step, Timestamp};

/// How long to wait for another debit of the same mandate to be proven.
const OTHER_DEBIT: Duration = Duration::from_mins(15);

pub(super) fn debit(
    execution: &Execution,
    step: Step,
    opened: bool,
    policy: &Policy,
    now: Timestamp,
) -> Gate {
    if let Some(gate) = mandate_and_cycle(execution, step, policy, now) {
        return gate;
    }
    let most = execution.progress.max_attempts(policy);
    if execution.progress.debit_attempts >= most {
        let mut decision = close_cycle(execution, policy, now);
        decision.reason = if most < policy.max_attempts {
            let made = execution.progress.attempts_in_period();
            GateCause::PeriodAttemptsSpent { made }.into()
        } else {
            GateCause::AttemptsSpent(most).into()
        };
        if decision.verdict == Verdict::CycleClosed {
            decision.verdict = Verdict::GivenUp;
        }
        return refuse(decision);
    }
    let handed_over = step == Step::Execute
        && execution.provider == ProviderKind::Juspay
        && execution.notify == Notify::Provider;
    if let Some(from) = execution.budget_from.filter(|_| !opened) {
        return budget::wait(execution, step, handed_over, from, policy, now);
    }
    let check = if handed_over {
        date::hand_over(execution, policy, now)
    } else {
        debit_now(execution, step, policy, now)
    };
    match check {
        Gate::Refused(_) | Gate::LookUpMandate => check,
        Gate::Go if opened => lookup::before_new_order(execution, step, policy, now),
        Gate::Go => {
            let next = Some(NextStep::at(step, after(now, OTHER_DEBIT)));
            refuse(reschedule(execution, next, GateCause::NoIntent))
        }
    }
}

/// A debit that happens when we call: the hours, and the notification's age.
fn debit_now(execution: &Execution, step: Step, policy: &Policy, now: Timestamp) -> Gate {
    let mut earliest = if step == Step::Execute {
        execution.order_cycle().debit_at
    } else {
        // It begins with a look-up of the order.
        next_lookup_at(execution, policy, now)
    };
    earliest = earliest.max(execution.spaced_from.unwrap_or(earliest));
    let valid = execution
        .progress
        .notified_at()
        .is_none_or(|notified| now <= after(notified, policy.notification_validity));
    match execution.progress.delivered_at {
        Some(_) if !valid => return renew(execution, policy, now, GateCause::NotificationTooOld),
        Some(delivered) => earliest = earliest.max(after(delivered, policy.notify_to_debit)),
        None if execution.notify == Notify::Separate => {
            return renew(execution, policy, now, GateCause::NotNotified);
        }
        None => {}
    }
    earliest = execution
        .progress
        .not_before
        .map_or(earliest, |at| at.max(earliest));
    if now >= earliest && policy.debit_windows.contains(now) {
        return Gate::Go;
    }
    let span = next_window(
        &policy.debit_windows,
        earliest.max(now),
        execution.id.0,
        policy.jitter,
    );
    refuse(reschedule(
        execution,
        span.map(|span| NextStep { step, span }),
        if now < earliest {
            GateCause::TooEarly
        } else {
            GateCause::OutsideDebitHours
        },
    ))
}
