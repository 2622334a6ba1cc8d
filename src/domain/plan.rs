//! When the things of one cycle are due, before anything has happened.
//!
//! The rules: a debit lies in a debit window and before the cycle closes. Where the payer is notified, the notification
//! lies in a notification window, and from it to the debit pass at least `notify_to_debit` (25 h) and at most
//! `notification_validity` (48 h). What can no longer be so is not planned.

pub mod execution;
#[cfg(test)]
mod properties;
pub mod reason;
pub mod room;
#[cfg(test)]
mod tests;
mod times;

use std::iter::successors;

use chrono::NaiveDate;

use super::backoff::after;
use super::cycle::{Cycle, CycleCloses, Terms};
use super::policy::Policy;
use super::window::{Span, TICK};
use super::{Notify, ProviderKind, Step, Timestamp};
use reason::{Closed, WhyClosed};
use times::Plan;

/// When the things of one cycle are due under a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timetable {
    /// The first call: the notification, `/txns` with an execution date, the debit, or the first look-up of a
    /// watched payment.
    pub start_at: Timestamp,
    /// When the payer is notified, by us or by the provider at our call.
    pub notify_at: Option<Timestamp>,
    /// When the debit is planned, and the end of the window it lies in.
    pub debit: Span,
    /// The latest start that still debits before the cycle closes.
    pub last_safe_start: Timestamp,
}

/// What the planner writes for a cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// Its first step: when, and the end of the window that this lies in.
    At(Step, Span),
    /// It can no longer be collected.
    Closed(Closed),
}

/// The plan of a cycle, if it can be collected at all.
pub fn timetable(
    cycle: &Cycle,
    provider: ProviderKind,
    notify: Notify,
    policy: &Policy,
    seed: i64,
) -> Option<Timetable> {
    let plan = Plan {
        cycle,
        policy,
        seed,
    };
    match flow(provider, notify) {
        Flow::Notified(_) => {
            let (notice, debit) = plan.notice(Timestamp::MIN_UTC)?;
            let last_safe_start = plan.last_notice(notice.opens)?;
            let notify_at = Some(notice.opens);
            Some(Timetable {
                start_at: notice.opens,
                notify_at,
                debit,
                last_safe_start,
            })
        }
        Flow::Unnotified => {
            let debit = plan.debit(Timestamp::MIN_UTC)?;
            let last_tick = cycle.closes_at.checked_sub_signed(TICK)?;
            let last_safe_start = policy.debit_windows.at_or_before(last_tick)?;
            Some(Timetable {
                start_at: debit.opens,
                notify_at: None,
                debit,
                last_safe_start,
            })
        }
        Flow::Watched => {
            let start_at = plan.lookup(Timestamp::MIN_UTC)?.opens;
            let debit = Span {
                opens: cycle.debit_at,
                closes: None,
            };
            // Looking moves no money: it is never too late for it.
            let last_safe_start = cycle.closes_at.checked_sub_signed(TICK)?.max(start_at);
            Some(Timetable {
                start_at,
                notify_at: None,
                debit,
                last_safe_start,
            })
        }
    }
}

/// The first step of a cycle that is planned now. A start that was missed is made up for while the cycle can
/// still be collected.
pub fn start(
    cycle: &Cycle,
    provider: ProviderKind,
    notify: Notify,
    policy: &Policy,
    seed: i64,
    now: Timestamp,
) -> Start {
    let plan = Plan {
        cycle,
        policy,
        seed,
    };
    let flow = flow(provider, notify);
    let first = match flow {
        Flow::Notified(step) => plan.notice(now).map(|(notice, _)| (step, notice)),
        Flow::Unnotified => plan.debit(now).map(|debit| (Step::Execute, debit)),
        Flow::Watched => plan.lookup(now).map(|lookup| (Step::Lookup, lookup)),
    };
    match first {
        Some((step, span)) => Start::At(step, span),
        None => Start::Closed(plan.why_closed(flow, now)),
    }
}

/// The same for a cycle of which nothing was done yet: one that begins later than the rail lets it does not begin at all.
pub fn first_start(
    cycle: &Cycle,
    provider: ProviderKind,
    notify: Notify,
    policy: &Policy,
    seed: i64,
    now: Timestamp,
) -> Start {
    let started = start(cycle, provider, notify, policy, seed, now);
    let Start::At(_, span) = started else {
        return started;
    };
    too_late(cycle, provider, notify, policy, seed, span.opens).map_or(started, Start::Closed)
}

/// Why a cycle may not begin at some time, if its rail lets it begin no later than so long after its planned start.
pub fn too_late(
    cycle: &Cycle,
    provider: ProviderKind,
    notify: Notify,
    policy: &Policy,
    seed: i64,
    at: Timestamp,
) -> Option<Closed> {
    let most = policy.max_lateness?;
    // To look moves no money: it is never too late for it.
    if flow(provider, notify) == Flow::Watched {
        return None;
    }
    let planned = timetable(cycle, provider, notify, policy, seed)
        .map_or(cycle.debit_at, |timetable| timetable.start_at);
    (at > after(planned, most)).then_some(Closed {
        closes_at: cycle.closes_at,
        why: WhyClosed::TooLate { planned, most },
    })
}

/// When to debit under a notification of some time, or under a call that makes the provider notify at that time:
/// the execution date to hand it. Nothing if that cannot be done in the cycle.
///
/// A delivery that became known later than it was made counts from `known_at` for the 25 hours, and from `notified_at` for the 48.
pub fn debit_after_notice(
    cycle: &Cycle,
    policy: &Policy,
    seed: i64,
    notified_at: Timestamp,
    known_at: Timestamp,
) -> Option<Span> {
    let plan = Plan {
        cycle,
        policy,
        seed,
    };
    plan.debit_under(notified_at, known_at, plan.planned_debit()?.opens)
}

/// When the cycles of a mandate close. What a provider debits by its own schedule it may debit after the period: such a cycle is open until
/// the next one begins.
pub fn cycle_closes(provider: ProviderKind, notify: Notify, policy: &Policy) -> CycleCloses {
    match flow(provider, notify) {
        Flow::Notified(_) | Flow::Unnotified => policy.cycle_closes,
        Flow::Watched => CycleCloses::NextCycle,
    }
}

/// The coming cycles from a day on, at most `count`.
#[expect(
    clippy::too_many_arguments,
    reason = "a mandate's terms and what timetable() takes"
)]
pub fn coming(
    terms: &Terms,
    provider: ProviderKind,
    notify: Notify,
    policy: &Policy,
    seed: i64,
    from: NaiveDate,
    count: usize,
) -> Vec<(Cycle, Option<Timetable>)> {
    let closes = cycle_closes(provider, notify, policy);
    successors(terms.cycle_from(from, closes), |cycle| {
        terms.cycle_after(cycle.on, closes)
    })
    .take(count)
    .map(|cycle| (cycle, timetable(&cycle, provider, notify, policy, seed)))
    .collect()
}

/// How a cycle begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// With a call that has the payer notified at once.
    Notified(Step),
    /// With the debit.
    Unnotified,
    /// The provider does all of it by its own schedule.
    Watched,
}

const fn flow(provider: ProviderKind, notify: Notify) -> Flow {
    match (provider, notify) {
        (ProviderKind::Juspay | ProviderKind::Signzy, Notify::Separate) => {
            Flow::Notified(Step::Notify)
        }
        (ProviderKind::Juspay, Notify::Provider) => Flow::Notified(Step::Execute),
        (ProviderKind::Juspay | ProviderKind::Signzy, Notify::None) => Flow::Unnotified,
        (ProviderKind::Signzy, Notify::Provider) => Flow::Watched,
    }
}
