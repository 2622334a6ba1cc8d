//! Why the things of a cycle are due when they are, and why it can no longer be collected, as values.

use std::time::Duration;

use super::times::Plan;
use super::{Flow, Timetable};
use crate::domain::Timestamp;
use crate::domain::cycle::Cycle;
use crate::domain::policy::Policy;

/// Why a new execution stands where it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanReason {
    /// It is planned for its best times.
    Times(TimesReason),
    /// The best time has passed: it is done as soon as it can be.
    Late,
    /// The merchant presented its cycle.
    Presented,
    /// It can no longer be collected.
    Closed(Closed),
}

/// Why a cycle's debit and notification are planned for the times that they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimesReason {
    /// The cycle's own time.
    pub own: Timestamp,
    /// The first time from then on in the hours for debits.
    pub opens: Timestamp,
    /// Over how long debits are spread, if this one is put off for that.
    pub spread: Option<Duration>,
    /// Why the notification is planned for its time.
    pub notice: Option<NoticeReason>,
}

/// Why a notification is planned for the time that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeReason {
    /// How many hours it is ahead of the debit.
    pub hours_ahead: i64,
    /// How far it must be ahead.
    pub notice: Duration,
    /// How much earlier it is sent, so that it can fail and be sent again.
    pub lead: Duration,
}

/// Why a cycle can no longer be collected, and when it closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// When the cycle closes.
    pub closes_at: Timestamp,
    /// Why nothing fits in before.
    pub why: WhyClosed,
}

/// Why nothing fits into a cycle any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyClosed {
    /// It is over.
    Over,
    /// There is no window at all.
    NoWindow,
    /// It would begin later than the rail lets a cycle begin.
    TooLate {
        /// When it should have begun.
        planned: Timestamp,
        /// How much later it may.
        most: Duration,
    },
    /// The next hours for debits begin after it.
    NextDebit {
        /// When.
        opens: Timestamp,
    },
    /// A notification could be debited only after it.
    NextNotice {
        /// The earliest notification.
        notice: Timestamp,
        /// Its earliest debit.
        debit: Timestamp,
    },
    /// The hours leave no notification and debit with a lawful time between them.
    NoPair {
        /// The shortest such time.
        shortest: Duration,
        /// The longest.
        longest: Duration,
    },
}

/// Why a cycle's debit and notification are planned for the times that they are.
pub fn times(cycle: &Cycle, timetable: &Timetable, policy: &Policy) -> TimesReason {
    let (own, debit) = (cycle.debit_at, timetable.debit.opens);
    let opens = policy
        .debit_windows
        .at_or_after(own)
        .map_or(own, |span| span.opens);
    let notice = timetable.notify_at.map(|notify_at| NoticeReason {
        hours_ahead: debit.signed_duration_since(notify_at).num_hours(),
        notice: policy.notify_to_debit,
        lead: policy.notify_lead,
    });
    TimesReason {
        own,
        opens,
        spread: (debit > opens).then_some(policy.jitter),
        notice,
    }
}

impl Plan<'_> {
    /// Why nothing can be planned from now on.
    pub(super) fn why_closed(&self, flow: Flow, now: Timestamp) -> Closed {
        let closes_at = self.cycle.closes_at;
        let due = now.max(self.cycle.debit_at);
        let why = if now >= closes_at {
            Some(WhyClosed::Over)
        } else {
            match flow {
                Flow::Notified(_) => self.no_debit_after_notice(now, due),
                Flow::Unnotified | Flow::Watched => self.no_debit(due),
            }
        };
        let why = why.unwrap_or(WhyClosed::NoWindow);
        Closed { closes_at, why }
    }

    fn no_debit(&self, due: Timestamp) -> Option<WhyClosed> {
        let opens = self.policy.debit_windows.at_or_after(due)?.opens;
        Some(WhyClosed::NextDebit { opens })
    }

    fn no_debit_after_notice(&self, now: Timestamp, due: Timestamp) -> Option<WhyClosed> {
        let policy = self.policy;
        let notice = policy.notify_windows.at_or_after(now)?.opens;
        let allowed = self.debit_allowed(notice, due)?;
        let debit = policy.debit_windows.at_or_after(allowed)?.opens;
        Some(if debit < self.cycle.closes_at {
            WhyClosed::NoPair {
                shortest: policy.notify_to_debit,
                longest: policy.notification_validity,
            }
        } else {
            WhyClosed::NextNotice { notice, debit }
        })
    }
}
