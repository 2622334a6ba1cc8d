//! May this step be done right now? Asked after every claim, just before the call: between planning and running a mandate can
//! be paused, a window can close, a notification can grow too old, a daemon can have been down for a day.

mod budget;
mod date;
mod debit;
mod lookup;
mod new_notification;
mod paused;
mod period;
mod unconfigured;

use super::decide::{Decision, NextStep, next_window, park, unchanged};
use super::verdict::Verdict;
use crate::domain::backoff::after;
use crate::domain::plan::reason::Closed;
use crate::domain::plan::{self, Start};
use crate::domain::policy::Policy;
use crate::domain::reason::{GateCause, Reason, Then};
use crate::domain::{Class, Execution, MandateStatus, Step, Timestamp};

pub(in crate::domain) use date::execution_date;
pub(super) use date::new_date;
pub(super) use paused::mandate_answered;
pub use unconfigured::end_unconfigured;

/// What the gate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gate {
    /// Do it now.
    Go,
    /// Do not; this follows instead. No call is made.
    Refused(Box<Decision>),
    /// Not as long as the mandate is paused. Ask the provider whether it still is; [`mandate_answered`] says what follows.
    LookUpMandate,
}

/// Whether a claimed step may be done now. `opened` says whether the claim opened an intent for it.
pub(super) fn gate(
    execution: &Execution,
    step: Step,
    opened: bool,
    policy: &Policy,
    now: Timestamp,
) -> Gate {
    match step {
        Step::Notify => notify(execution, policy, now),
        Step::Execute | Step::Retry => debit::debit(execution, step, opened, policy, now),
        Step::Lookup => lookup::lookup(execution, policy, now),
        Step::Recheck => lookup::within_budget(execution, step, policy, now),
        Step::NotifyStatus => Gate::Go,
    }
}

fn refuse(decision: Decision) -> Gate {
    Gate::Refused(Box::new(decision))
}

/// The same execution, another time. Closes the intent that the claim may have opened: no call was made under it.
fn reschedule(
    execution: &Execution,
    next: Option<NextStep>,
    reason: impl Into<Reason>,
) -> Decision {
    let mut decision = unchanged(execution, next, reason);
    decision.intent_unused = true;
    decision
}

/// The checks that every step towards the payer shares: the cycle's end, the mandate's status, and whether its rail is paused.
fn mandate_and_cycle(
    execution: &Execution,
    step: Step,
    policy: &Policy,
    now: Timestamp,
) -> Option<Gate> {
    if now >= execution.cycle.closes_at {
        return Some(refuse(close_cycle(execution, policy, now)));
    }
    if let Some(gate) = period::used(execution, policy, now) {
        return Some(gate);
    }
    if let Some(why) = begins_too_late(execution, policy, now) {
        return Some(no_time_left(execution, GateCause::Closed(why), policy, now));
    }
    match execution.mandate_status {
        MandateStatus::Active => paused::rail(execution, step, policy, now),
        MandateStatus::Paused if paused::may_ask(execution, policy, now) => {
            Some(Gate::LookUpMandate)
        }
        MandateStatus::Paused => {
            let decision = reschedule(execution, None, GateCause::Mandate(MandateStatus::Paused));
            Some(refuse(park(decision, execution, step, policy, now)))
        }
        MandateStatus::Revoked
        | MandateStatus::Expired
        | MandateStatus::Completed
        | MandateStatus::Failed => {
            let reason = GateCause::Mandate(execution.mandate_status);
            let class = Class::MandateDead;
            Some(refuse(ended(execution, reason, class, policy, now)))
        }
    }
}

/// No debit of the execution is allowed any more: it ends. An earlier attempt may still be collected by the provider: it is looked at
/// before the end.
fn ended(
    execution: &Execution,
    reason: GateCause,
    class: Class,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let mut decision = reschedule(execution, None, reason);
    if let Some(failed_at) = execution.progress.failed_at {
        let dead_at = after(failed_at, policy.provider_retry_horizon);
        if now < dead_at {
            decision.next = Some(NextStep::at(Step::Lookup, dead_at));
            return decision;
        }
    }
    decision.class = Some(class);
    decision.verdict = Verdict::GivenUp;
    decision.with_recheck(policy, now)
}

fn notify(execution: &Execution, policy: &Policy, now: Timestamp) -> Gate {
    if let Some(gate) = mandate_and_cycle(execution, Step::Notify, policy, now) {
        return gate;
    }
    if let Some(gate) = budget::before_notice(execution, policy, now) {
        return gate;
    }
    start_again(execution, Step::Notify, policy, now)
}

/// A first step is still right if planning the cycle now would begin with it, now.
fn start_again(execution: &Execution, step: Step, policy: &Policy, now: Timestamp) -> Gate {
    let started = plan::start(
        &execution.order_cycle(),
        execution.provider,
        execution.notify,
        policy,
        execution.id.0,
        now,
    );
    match started {
        Start::Closed(why) => {
            let mut decision = close_cycle(execution, policy, now);
            decision.reason = GateCause::Closed(why).into();
            refuse(decision)
        }
        Start::At(..) if !policy.notify_windows.contains(now) => {
            let span = next_window(&policy.notify_windows, now, execution.id.0, policy.jitter);
            refuse(reschedule(
                execution,
                span.map(|span| NextStep { step, span }),
                GateCause::OutsideNotifyHours,
            ))
        }
        Start::At(..) => Gate::Go,
    }
}

/// Why a cycle begins no more, if it is later than its rail lets it. One whose payer was notified, or of which an order was sent, has
/// begun.
fn begins_too_late(execution: &Execution, policy: &Policy, now: Timestamp) -> Option<Closed> {
    let progress = &execution.progress;
    let has_begun = progress.order_no > 1
        || progress.notification_no > 1
        || progress.sent_at.is_some()
        || progress.delivered_at.is_some();
    if has_begun {
        return None;
    }
    let (provider, notify) = (execution.provider, execution.notify);
    plan::too_late(
        &execution.cycle,
        provider,
        notify,
        policy,
        execution.id.0,
        now,
    )
}

/// The cycle ends without a debit: nothing lawful fits into it any more.
fn no_time_left(
    execution: &Execution,
    reason: impl Into<Reason>,
    policy: &Policy,
    now: Timestamp,
) -> Gate {
    let mut decision = reschedule(execution, None, reason);
    decision.verdict = Verdict::CycleClosed;
    refuse(decision.with_recheck(policy, now))
}

/// The cycle is over. An order that the provider may still collect is looked at first.
fn close_cycle(execution: &Execution, policy: &Policy, now: Timestamp) -> Decision {
    if let Some(failed_at) = execution.progress.failed_at {
        let dead_at = after(failed_at, policy.provider_retry_horizon);
        if now < dead_at {
            let reason = Reason::from(GateCause::CycleOver).then(Then::ProviderMayStillRetry);
            return reschedule(execution, Some(NextStep::at(Step::Lookup, dead_at)), reason);
        }
    }
    let at = execution.cycle.closes_at;
    let paused = execution.mandate_status == MandateStatus::Paused;
    let why = if paused {
        GateCause::PausedUntilCycleEnd { at }
    } else {
        GateCause::CycleEnded { at }
    };
    let mut decision = reschedule(execution, None, why);
    if paused {
        decision.class = Some(Class::MandatePaused);
    }
    decision.verdict = Verdict::CycleClosed;
    decision.with_recheck(policy, now)
}
