//! What follows when a person has an execution tried sooner, or once more, or its cycle left out.
//!
//! A wish changes when and whether we call, and nothing about what is lawful: the gaps between tries, the windows, the looks and the
//! budgets stay, and the gate asks for each of them again before the call.

use std::time::Duration;

use chrono_tz::Tz;

use super::order::{last_try, latest_debit, renew_progress};
use super::timing::{may_look, next_window};
use super::{Decision, Next, keep};
use crate::domain::machine::gate::new_date;
use crate::domain::plan::reason::Closed;
use crate::domain::plan::{self, Start};
use crate::domain::policy::Policy;
use crate::domain::reason::RequestCause;
use crate::domain::retry::after;
use crate::domain::text::text_enum;
use crate::domain::{Class, Event, Execution, Instant, MandateStatus, Notify, Rail, State, Step};

text_enum!(
    /// What a person wishes for an execution.
    Wish {
        /// The next try, look or order as soon as it is lawful.
        Retry = "retry",
        /// That its cycle is not collected.
        Skip = "skip",
    }
);

impl Wish {
    /// The participle, as in the event's kind (`execution.skipped`).
    pub const fn done(self) -> &'static str {
        match self {
            Self::Retry => "retried",
            Self::Skip => "skipped",
        }
    }
}

/// What must be known beside an execution before a wish is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its job.
    pub job: Option<Waiting>,
    /// Whether the cycle has its debit.
    pub collected: bool,
    /// Whether the current order may be at the provider: a call for it went out, or was looked up, or a person said what came of it.
    pub was_sent: bool,
    /// When it came to its end.
    pub finished_at: Option<Instant>,
}

/// The job that an execution has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// What is next.
    pub step: Step,
    /// When.
    pub run_at: Instant,
    /// Whether it waits for its mandate to be resumed.
    pub parked: bool,
}

/// Why a person's wish is not granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    /// Nothing has failed yet.
    #[error(
        "it is {0} and goes on by itself: only what is retrying, pending, unknown, failed or skipped is tried sooner or again"
    )]
    GoesOn(State),
    /// A call that can move money is open.
    #[error("a debit of it is open ({0}): what becomes of it is found out first")]
    Open(State),
    /// A person decides by evidence there.
    #[error("it is in review: `mandated executions resolve` takes what you found out")]
    Review,
    /// It has come to its end.
    #[error("it is {0}: there is nothing left to do")]
    Ended(State),
    /// The cycle has its debit.
    #[error("its cycle has a debit on record: a second one would be a double debit")]
    Collected,
    /// The time for it is over.
    #[error("its cycle ended at {0}")]
    CycleOver(String),
    /// The mandate does not allow it.
    #[error("its mandate is {0}")]
    Mandate(MandateStatus),
    /// Not ours to begin.
    #[error(
        "the provider makes this debit by its own schedule: pause or revoke the mandate, at the provider too"
    )]
    Watched,
    /// The rail is paused.
    #[error("its rail is paused: `mandated rails resume` comes first")]
    RailPaused,
    /// The provider may still collect the order that failed.
    #[error(
        "its order may still be collected: the provider is asked about it once more at {0}, and after that a new one is safe"
    )]
    NotDead(String),
    /// Card networks forbid it.
    #[error(
        "it failed for {0}, after which card networks allow no other try with this card: the payer must register another one"
    )]
    Never(Class),
    /// The budget of orders.
    #[error("its {0} orders are spent")]
    NoOrder(u16),
    /// The budget of notifications.
    #[error("its {0} notifications are spent")]
    NoNotification(u16),
    /// The rail's gaps, hours and budgets leave nothing.
    #[error("no lawful time is left for it: {0}")]
    NoTime(String),
    /// The cycle has no room for what would begin anew.
    #[error("no lawful time is left for it")]
    Closed {
        /// Why.
        why: Closed,
        /// Where the rail's hours are counted.
        zone: Tz,
    },
    /// It is planned as early as may be.
    #[error("it cannot be sooner than {0}, when it is planned")]
    NotSooner(String),
}

/// What follows from a wish.
pub fn follow(
    wish: Wish,
    execution: &Execution,
    known: Known,
    policy: &Policy,
    now: Instant,
) -> Result<Decision, Declined> {
    match wish {
        Wish::Retry => try_again(execution, known, policy, now),
        Wish::Skip => leave_out(execution, policy, now),
    }
}

fn try_again(
    execution: &Execution,
    known: Known,
    policy: &Policy,
    now: Instant,
) -> Result<Decision, Declined> {
    match execution.state {
        State::Planned | State::Notifying | State::Notified => {
            Err(Declined::GoesOn(execution.state))
        }
        State::Executing => Err(Declined::Open(execution.state)),
        State::Pending | State::Unknown | State::Retrying => match known.job {
            Some(job) => sooner(execution, job, policy, now),
            None => Err(Declined::GoesOn(execution.state)),
        },
        State::Failed | State::Skipped => reopen(execution, known, policy, now),
        State::Charged | State::Expired => Err(Declined::Ended(execution.state)),
        State::Review => Err(Declined::Review),
    }
}

/// The cycle is not collected. An order that was sent is looked at once more: the provider may collect it all the same.
fn leave_out(execution: &Execution, policy: &Policy, now: Instant) -> Result<Decision, Declined> {
    match execution.state {
        State::Planned | State::Notifying | State::Notified | State::Retrying => {}
        State::Executing | State::Pending | State::Unknown => {
            return Err(Declined::Open(execution.state));
        }
        State::Review => return Err(Declined::Review),
        State::Charged | State::Failed | State::Skipped | State::Expired => {
            return Err(Declined::Ended(execution.state));
        }
    }
    if execution.is_watched() && execution.state == State::Planned {
        return Err(Declined::Watched);
    }
    let mut decision = keep(execution, None, RequestCause::Skipped);
    decision.events = vec![Event::Skipped];
    Ok(decision.looked_at_again(policy, now))
}

/// The same step at the first time that the rail allows.
fn sooner(
    execution: &Execution,
    job: Waiting,
    policy: &Policy,
    now: Instant,
) -> Result<Decision, Declined> {
    if job.parked {
        return Err(Declined::Mandate(execution.mandate_status));
    }
    let next = match job.step {
        // It waits for the end of the provider's own retries: an earlier look would be spent for nothing.
        Step::Lookup if execution.state == State::Retrying => {
            return Err(Declined::NotDead(policy.local(job.run_at)));
        }
        Step::Lookup => Next::at(Step::Lookup, earliest_look(execution, policy, now)),
        Step::Retry | Step::Execute if execution.state != State::Retrying => {
            return Err(Declined::Open(execution.state));
        }
        Step::Retry | Step::Execute if execution.rail_paused => return Err(Declined::RailPaused),
        Step::Retry | Step::Execute => {
            let mut from = earliest_try(execution, policy, now);
            if job.step == Step::Retry {
                from = may_look(execution, policy, from);
            }
            let latest = latest_debit(execution, &execution.progress, policy);
            let (windows, seed) = (&policy.debit_windows, execution.id.0);
            let span = next_window(windows, from, seed, Duration::ZERO)
                .filter(|span| span.opens < latest)
                .ok_or_else(|| Declined::NoTime(policy.local(latest)))?;
            Next {
                step: job.step,
                span,
            }
        }
        Step::Notify | Step::NotifyStatus | Step::Verify => {
            return Err(Declined::GoesOn(execution.state));
        }
    };
    if next.span.opens >= job.run_at && job.run_at > now {
        return Err(Declined::NotSooner(policy.local(job.run_at)));
    }
    Ok(keep(execution, Some(next), RequestCause::Sooner))
}

/// Earlier than the rail's own wait after a debit an answer proves nothing, and there are only so many looks.
fn earliest_look(execution: &Execution, policy: &Policy, now: Instant) -> Instant {
    let progress = &execution.progress;
    let known = progress.sent_at.zip(policy.lookup_after.first());
    let known = known.map(|(sent, wait)| {
        let debited = progress.execute_at.map_or(sent, |at| at.max(sent));
        after(debited, *wait)
    });
    may_look(execution, policy, known.map_or(now, |known| known.max(now)))
}

/// The gaps that a rail wants between tries, and between a notification and its debit, and what an answer has asked for.
fn earliest_try(execution: &Execution, policy: &Policy, now: Instant) -> Instant {
    let progress = &execution.progress;
    let gap = last_try(progress, now).map(|last| after(last, policy.min_gap));
    let returned = progress
        .failed_at
        .map(|failed| after(failed, policy.min_gap_after_failure));
    let notified = progress
        .delivered_at
        .map(|delivered| after(delivered, policy.notify_to_debit));
    [gap, returned, notified, progress.not_before]
        .into_iter()
        .flatten()
        .fold(now, Instant::max)
}

/// What has ended without a collection begins anew, with a new order if one was sent.
fn reopen(
    execution: &Execution,
    known: Known,
    policy: &Policy,
    now: Instant,
) -> Result<Decision, Declined> {
    may_reopen(execution, known, policy, now)?;
    let mut from = earliest_try(execution, policy, now);
    let mut order_no = execution.progress.order_no;
    if known.was_sent {
        order_no = order_no.saturating_add(1);
        if order_no > policy.max_orders {
            return Err(Declined::NoOrder(policy.max_orders));
        }
        if let Some(look) = look_before(execution, known, policy, now)? {
            return Ok(look);
        }
        // Where nobody noted when it was tried, or when it failed, that was before it came to its end.
        let gap = policy.min_gap.max(policy.min_gap_after_failure);
        from = known
            .finished_at
            .map_or(from, |at| after(at, gap).max(from));
    }
    let mut decision = keep(execution, None, RequestCause::TriedAgain);
    decision.class = None;
    renew_progress(&mut decision, execution.notify);
    decision.progress.order_no = order_no;
    let allowed = policy.notification_tries.saturating_mul(order_no);
    if execution.notify == Notify::Separate && decision.progress.notification_no > allowed {
        return Err(Declined::NoNotification(allowed));
    }
    let cycle = execution.cycle.put_off(may_look(execution, policy, from));
    let (provider, notify, seed) = (execution.provider, execution.notify, execution.id.0);
    match plan::start(&cycle, provider, notify, policy, seed, now) {
        Start::At(step, span) => {
            let put_off = (cycle.debit_at > execution.cycle.debit_at).then_some(cycle.debit_at);
            decision.progress.execute_at = match notify {
                Notify::Provider => new_date(execution, &cycle, policy, span.opens),
                Notify::Separate | Notify::None => put_off,
            };
            decision.events = vec![Event::Reopened];
            decision.next = Some(Next { step, span });
            Ok(decision)
        }
        Start::Closed(why) => Err(Declined::Closed {
            why,
            zone: policy.debit_windows.time_zone(),
        }),
    }
}

/// What forbids it whatever became of its order.
fn may_reopen(
    execution: &Execution,
    known: Known,
    policy: &Policy,
    now: Instant,
) -> Result<(), Declined> {
    if execution.intent.is_some() {
        return Err(Declined::Open(execution.state));
    }
    if known.collected {
        return Err(Declined::Collected);
    }
    if now >= execution.cycle.closes_at {
        return Err(Declined::CycleOver(policy.local(execution.cycle.closes_at)));
    }
    if execution.mandate_status != MandateStatus::Active {
        return Err(Declined::Mandate(execution.mandate_status));
    }
    if execution.is_watched() {
        return Err(Declined::Watched);
    }
    if execution.rail_paused {
        return Err(Declined::RailPaused);
    }
    match execution.class {
        Some(class) if policy.rail == Rail::Card && is_final_for_cards(class) => {
            Err(Declined::Never(class))
        }
        Some(_) | None => Ok(()),
    }
}

/// The look at an order that was sent, if it is still needed: only one that came after the provider's own retries says that it is dead.
fn look_before(
    execution: &Execution,
    known: Known,
    policy: &Policy,
    now: Instant,
) -> Result<Option<Decision>, Declined> {
    // Whoever finishes an order that was sent has it looked at once more.
    if let Some(job) = known.job {
        return Err(Declined::NotDead(policy.local(job.run_at)));
    }
    let dead_at = dead_at(execution, known, policy);
    let [last, ..] = execution.progress.looked;
    if last.is_some_and(|looked| looked >= dead_at) {
        return Ok(None);
    }
    let look = may_look(execution, policy, dead_at.max(now));
    let next = Next::at(Step::Verify, look);
    Ok(Some(keep(
        execution,
        Some(next),
        RequestCause::LookedAtFirst,
    )))
}

/// When the provider has given up an order by itself: counted from the last that can have happened to it.
fn dead_at(execution: &Execution, known: Known, policy: &Policy) -> Instant {
    let progress = &execution.progress;
    let marks = [
        progress.failed_at,
        progress.sent_at,
        progress.execute_at,
        known.finished_at,
    ];
    let last = marks.into_iter().flatten().max();
    last.map_or(Instant::MAX_UTC, |last| {
        after(last, policy.provider_retry_horizon)
    })
}

/// Visa's "Decline response category 1", and Mastercard's merchant advice codes 03 and 21: never again.
const fn is_final_for_cards(class: Class) -> bool {
    match class {
        Class::CustomerStop
        | Class::MandateDead
        | Class::AccountDead
        | Class::Instrument
        | Class::Risk
        | Class::Legal => true,
        Class::Funds
        | Class::Transient
        | Class::Limit
        | Class::Throttled
        | Class::CustomerAction
        | Class::MandatePaused
        | Class::OurRequest
        | Class::PayeeSide
        | Class::Notification
        | Class::InFlight
        | Class::AlreadyCollected
        | Class::NothingToRetry
        | Class::Unmapped => false,
    }
}
