//! How a job goes on whose worker was lost: restarted from what is committed, whatever the worker was about to do.
//!
//! It never leads to the same call again. Under an open intent a call may have been made, so the next step is a look-up, not before
//! the provider must have processed it. Whatever the worker may have done counts as done.

use std::time::Duration;

use crate::domain::backoff::after;
use crate::domain::{Step, Timestamp};

/// The provider has processed, or not, whatever was sent this long ago ("Juspay SDK", default timeout 80 s, and a margin).
pub const PROCESSED: Duration = Duration::from_secs(90);

/// What the database has of a job whose lease ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LostJob {
    /// The step that was claimed.
    pub step: Step,
    /// When it was due.
    pub run_at: Timestamp,
    /// The end of the window that it was planned into.
    pub run_before: Option<Timestamp>,
    /// When the open intent was opened, if there is one.
    pub intent_opened_at: Option<Timestamp>,
    /// The current order of its execution.
    pub order_no: u16,
    /// The last three look-ups, the latest first.
    pub lookup_times: [Option<Timestamp>; 3],
    /// The last instant at which the current notification is known not to have been delivered.
    pub undelivered_at: Option<Timestamp>,
}

/// The job as it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RescuedJob {
    /// The next step.
    pub step: Step,
    /// From when it may be done.
    pub run_at: Timestamp,
    /// The end of its window.
    pub run_before: Option<Timestamp>,
    /// The look-ups, with those that the worker may have made.
    pub lookup_times: [Option<Timestamp>; 3],
    /// The last instant at which the current notification is known not to have been delivered.
    pub undelivered_at: Option<Timestamp>,
    /// When the call was opened that may have been made, for the history.
    pub lost_call_at: Option<Timestamp>,
}

/// What follows from the end of a lease at `now`. What was sent is processed, or never will be, after `processing` ([`PROCESSED`]).
pub fn rescue(lost: LostJob, now: Timestamp, processing: Duration) -> RescuedJob {
    // The lost worker's clock may have been ahead of this one: nothing of it was done sooner than that.
    let lost_at = [Some(lost.run_at), lost.intent_opened_at]
        .into_iter()
        .flatten()
        .fold(now, Timestamp::max);
    // A look-up that the worker had sent may arrive as late as any other call of it.
    let arrived_by = after(lost_at, processing);
    let lookup_times = match lost.lookup_times {
        [newest, older, _] if looks_up(lost.step, lost.order_no) => {
            [Some(arrived_by), newest, older]
        }
        lookup_times => lookup_times,
    };
    let mut undelivered_at = lost.undelivered_at;
    if lost.step == Step::Notify {
        // It may have been sent, and be as old as its job.
        undelivered_at.get_or_insert(lost.run_at);
    }
    let Some(opened_at) = lost.intent_opened_at else {
        return RescuedJob {
            step: lost.step,
            run_at: lost.run_at,
            run_before: lost.run_before,
            lookup_times,
            undelivered_at,
            lost_call_at: None,
        };
    };
    RescuedJob {
        step: match lost.step {
            Step::Execute | Step::Retry | Step::Lookup => Step::Lookup,
            Step::Notify | Step::NotifyStatus | Step::Recheck => lost.step,
        },
        run_at: arrived_by,
        run_before: None,
        lookup_times,
        undelivered_at,
        lost_call_at: Some(opened_at).filter(|_| lost.step.moves_money()),
    }
}

/// Whether a step begins with a look-up of an order, or is one.
const fn looks_up(step: Step, order_no: u16) -> bool {
    match step {
        Step::Lookup | Step::Retry | Step::Recheck => true,
        Step::Execute => order_no > 1,
        Step::Notify | Step::NotifyStatus => false,
    }
}
