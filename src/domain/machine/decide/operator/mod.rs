//! What follows when a person has an execution tried sooner, or once more, or its cycle left out.
//!
//! An operator request changes when and whether we call, and nothing about what is lawful: the gaps between attempts, the windows, the
//! look-ups and the budgets stay, and the gate asks for each of them again before the call.

mod reopen;
mod sooner;

use chrono_tz::Tz;

use super::timing::last_try;
use super::{Decision, unchanged};
use crate::domain::backoff::after;
use crate::domain::machine::verdict::Verdict;
use crate::domain::plan::reason::Closed;
use crate::domain::policy::Policy;
use crate::domain::reason::RequestCause;
use crate::domain::text::text_enum;
use crate::domain::{Class, Execution, MandateStatus, State, Step, Timestamp};

use reopen::reopen;
use sooner::sooner;

text_enum!(
    /// What an operator requests for an execution.
    OperatorRequestKind {
        /// The next attempt, look-up or order as soon as it is lawful.
        Retry = "retry",
        /// That its cycle is not collected.
        Skip = "skip",
    }
);

impl OperatorRequestKind {
    /// The participle, as in the event's kind (`execution.skipped`).
    pub const fn done(self) -> &'static str {
        match self {
            Self::Retry => "retried",
            Self::Skip => "skipped",
        }
    }
}

/// What must be known beside an execution before an operator request is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestContext {
    /// Its job.
    pub job: Option<CurrentJob>,
    /// Whether the cycle has its debit.
    pub collected: bool,
    /// Whether the current order may be at the provider: a call for it went out, or was looked up, or a person said what came of it.
    pub was_sent: bool,
    /// When it came to its end.
    pub finished_at: Option<Timestamp>,
}

/// The job that an execution has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrentJob {
    /// What is next.
    pub step: Step,
    /// When.
    pub run_at: Timestamp,
    /// Whether it waits for its mandate to be resumed.
    pub parked: bool,
}

/// Why an operator request is not granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Declined {
    /// Nothing has failed yet.
    #[error(
        "it is {0} and goes on by itself: only what is retrying, pending, unknown, failed or skipped is tried sooner or again"
    )]
    GoesOn(State),
    /// A call that can move money is open.
    #[error("a debit of it is open ({0}): what becomes of it is found out first")]
    DebitOpen(State),
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
    /// The budget of attempts.
    #[error("the {0} attempts of its period are spent")]
    NoAttempt(u16),
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

/// What follows from an operator request.
pub fn follow(
    kind: OperatorRequestKind,
    execution: &Execution,
    context: RequestContext,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, Declined> {
    match kind {
        OperatorRequestKind::Retry => try_again(execution, context, policy, now),
        OperatorRequestKind::Skip => leave_out(execution, policy, now),
    }
}

fn try_again(
    execution: &Execution,
    context: RequestContext,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, Declined> {
    match execution.state {
        State::Planned | State::Notifying | State::Notified => {
            Err(Declined::GoesOn(execution.state))
        }
        State::Executing => Err(Declined::DebitOpen(execution.state)),
        State::Pending | State::Unknown | State::Retrying => match context.job {
            Some(job) => sooner(execution, job, policy, now),
            None => Err(Declined::GoesOn(execution.state)),
        },
        State::Failed | State::Skipped => reopen(execution, context, policy, now),
        State::Charged | State::Expired => Err(Declined::Ended(execution.state)),
        State::Review => Err(Declined::Review),
    }
}

/// The cycle is not collected. An order that was sent is looked at once more: the provider may collect it all the same.
fn leave_out(execution: &Execution, policy: &Policy, now: Timestamp) -> Result<Decision, Declined> {
    match execution.state {
        State::Planned | State::Notifying | State::Notified | State::Retrying => {}
        State::Executing | State::Pending | State::Unknown => {
            return Err(Declined::DebitOpen(execution.state));
        }
        State::Review => return Err(Declined::Review),
        State::Charged | State::Failed | State::Skipped | State::Expired => {
            return Err(Declined::Ended(execution.state));
        }
    }
    if execution.is_watched() && execution.state == State::Planned {
        return Err(Declined::Watched);
    }
    let mut decision = unchanged(execution, None, RequestCause::Skipped);
    decision.verdict = Verdict::Skipped;
    Ok(decision.with_recheck(policy, now))
}

/// The gaps that a rail wants between attempts, and between a notification and its debit, and what an answer has asked for.
fn earliest_try(execution: &Execution, policy: &Policy, now: Timestamp) -> Timestamp {
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
        .fold(now, Timestamp::max)
}
