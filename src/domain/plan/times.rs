//! The times of one cycle: which debit and which notification keep the rules.

use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::Timestamp;
use crate::domain::backoff::jitter;
use crate::domain::cycle::Cycle;
use crate::domain::policy::Policy;
use crate::domain::window::{Span, TICK};

/// A notification planned for the very end of a window would miss it.
const ROOM: Duration = Duration::from_mins(5);

/// One cycle under one policy.
pub(super) struct Plan<'a> {
    pub(super) cycle: &'a Cycle,
    pub(super) policy: &'a Policy,
    pub(super) seed: i64,
}

impl Plan<'_> {
    /// The debit if nothing hinders it: at the cycle's own time or when the next window opens.
    pub(super) fn planned_debit(&self) -> Option<Span> {
        let span = self.policy.debit_windows.at_or_after(self.cycle.debit_at)?;
        (span.opens < self.cycle.closes_at).then(|| self.spread(span))
    }

    /// A debit without a notification, not before an instant.
    pub(super) fn debit(&self, not_before: Timestamp) -> Option<Span> {
        let planned = self.planned_debit()?;
        if not_before <= planned.opens {
            return Some(planned);
        }
        let late = self.policy.debit_windows.at_or_after(not_before)?;
        (late.opens < self.cycle.closes_at).then(|| self.spread(late))
    }

    /// The first look-up of a payment that the provider collects by itself.
    pub(super) fn lookup(&self, not_before: Timestamp) -> Option<Span> {
        let wait = self
            .policy
            .lookup_after
            .first()
            .unwrap_or(&self.policy.lookup_every);
        let opens = later(self.cycle.debit_at, *wait)?.max(not_before);
        Some(Span {
            opens,
            closes: None,
        })
    }

    /// A notification and its debit, the notification not before an instant.
    pub(super) fn notice(&self, not_before: Timestamp) -> Option<(Span, Span)> {
        let debit = self.planned_debit()?;
        let planned = self.planned_notice(debit)?;
        if not_before <= planned.0.opens {
            Some(planned)
        } else {
            self.notice_after(not_before, debit.opens)
        }
    }

    /// The notification, with all the lead that it should have, and its debit.
    fn planned_notice(&self, debit: Span) -> Option<(Span, Span)> {
        let latest = earlier(debit.opens, self.policy.notify_to_debit)?;
        let wanted = earlier(latest, self.policy.notify_lead)?;
        let notice = self.notice_before(wanted)?;
        if self.covers(notice.opens, debit.opens) {
            return Some((notice, debit));
        }
        // So early that it would not be valid any more: what is left of the lead must do.
        self.notice_after(wanted, debit.opens)
    }

    /// The latest notification that is not after an instant.
    fn notice_before(&self, at: Timestamp) -> Option<Span> {
        let window = self.policy.notify_windows.window_before(at)?;
        let opens = match window.closes {
            Some(closes) if closes <= at => {
                let length = closes.signed_duration_since(window.opens).to_std().ok()?;
                // Spread backwards, for everything that a gap between windows moves comes to its start.
                let back = ROOM.saturating_add(jitter(self.seed, 0, self.policy.jitter));
                earlier(closes, back.min(half(length)))?
            }
            Some(_) | None => at,
        };
        Some(Span {
            opens,
            closes: window.closes,
        })
    }

    /// The first notification from an instant on whose debit, not before the planned one, can be in time.
    fn notice_after(&self, from: Timestamp, planned: Timestamp) -> Option<(Span, Span)> {
        let policy = self.policy;
        if policy.notification_validity < policy.notify_to_debit {
            return None;
        }
        let mut from = from;
        loop {
            let notice = policy.notify_windows.at_or_after(from)?;
            for notice in [self.spread(notice), notice] {
                if let Some(debit) = self.debit_under(notice.opens, notice.opens, planned) {
                    return Some((notice, debit));
                }
            }
            let allowed = self.debit_allowed(notice.opens, planned)?;
            let debit = policy.debit_windows.at_or_after(allowed)?.opens;
            if debit >= self.cycle.closes_at {
                return None;
            }
            // The notification is too old for that debit. This is later: it is the oldest that is not.
            from = earlier(debit, policy.notification_validity)?;
        }
    }

    /// When to debit under a notification of some time, whose delivery is known since then or later.
    pub(super) fn debit_under(
        &self,
        notified_at: Timestamp,
        known_at: Timestamp,
        planned: Timestamp,
    ) -> Option<Span> {
        let allowed = self.debit_allowed(known_at, planned)?;
        let earliest = self.policy.debit_windows.at_or_after(allowed)?;
        // What a gap between windows moves comes to its end, all at once.
        let spread = if allowed < earliest.opens {
            self.spread(earliest)
        } else {
            earliest
        };
        [spread, earliest].into_iter().find(|debit| {
            debit.opens < self.cycle.closes_at && self.covers(notified_at, debit.opens)
        })
    }

    /// From when on there may be a debit under a notification of some time, windows aside.
    pub(super) fn debit_allowed(
        &self,
        notified_at: Timestamp,
        planned: Timestamp,
    ) -> Option<Timestamp> {
        Some(later(notified_at, self.policy.notify_to_debit)?.max(planned))
    }

    /// Whether a notification of some time is still valid for a debit.
    fn covers(&self, notified_at: Timestamp, debit_at: Timestamp) -> bool {
        later(notified_at, self.policy.notification_validity).is_some_and(|end| debit_at <= end)
    }

    /// The latest notification whose debit is in time; `planned` is one.
    pub(super) fn last_notice(&self, planned: Timestamp) -> Option<Timestamp> {
        let last_tick = self.cycle.closes_at.checked_sub_signed(TICK)?;
        let last_debit = self.policy.debit_windows.at_or_before(last_tick)?;
        let latest = earlier(last_debit, self.policy.notify_to_debit)?;
        let notice = self.policy.notify_windows.at_or_before(latest)?;
        let debit = self.debit_under(notice, notice, self.planned_debit()?.opens);
        Some(if debit.is_some() {
            notice.max(planned)
        } else {
            planned
        })
    }

    /// A little later in the same window, so that the executions of one moment are not all of one moment. Half of
    /// what is left of the window and of the cycle stays free.
    fn spread(&self, span: Span) -> Span {
        let closes_at = self.cycle.closes_at;
        let end = span
            .closes
            .map_or(closes_at, |closes| closes.min(closes_at));
        let left = end
            .signed_duration_since(span.opens)
            .to_std()
            .unwrap_or(Duration::ZERO);
        let wait = jitter(self.seed, 0, self.policy.jitter.min(half(left)));
        Span {
            opens: later(span.opens, wait).unwrap_or(span.opens),
            closes: span.closes,
        }
    }
}

fn later(at: Timestamp, by: Duration) -> Option<Timestamp> {
    at.checked_add_signed(TimeDelta::from_std(by).ok()?)
}

fn earlier(at: Timestamp, by: Duration) -> Option<Timestamp> {
    at.checked_sub_signed(TimeDelta::from_std(by).ok()?)
}

fn half(duration: Duration) -> Duration {
    duration.checked_div(2).unwrap_or(duration)
}
