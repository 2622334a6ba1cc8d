//! Why a cycle can no longer be collected, in words.

use crate::domain::Instant;

use super::Flow;
use super::times::Plan;

impl Plan<'_> {
    /// Why nothing can be planned from now on.
    pub(super) fn why_closed(&self, flow: Flow, now: Instant) -> String {
        let zone = self.policy.debit_windows.time_zone();
        let closes = self.local(self.cycle.closes_at);
        if now >= self.cycle.closes_at {
            return format!("the cycle closed at {closes} ({zone})");
        }
        let due = now.max(self.cycle.debit_at);
        let why = match flow {
            Flow::Notified(_) => self.no_debit_after_notice(now, due),
            Flow::Unnotified | Flow::Watched => self.no_debit(due),
        };
        let why = why.unwrap_or_else(|| "there is no window".to_owned());
        format!("{why} the cycle closes at {closes} ({zone})")
    }

    fn no_debit(&self, due: Instant) -> Option<String> {
        let debit = self.policy.debit_windows.at_or_after(due)?.opens;
        Some(format!(
            "the next debit window opens at {}, after",
            self.local(debit)
        ))
    }

    fn no_debit_after_notice(&self, now: Instant, due: Instant) -> Option<String> {
        let policy = self.policy;
        let notice = policy.notify_windows.at_or_after(now)?.opens;
        let allowed = self.debit_allowed(notice, due)?;
        let debit = policy.debit_windows.at_or_after(allowed)?.opens;
        if debit < self.cycle.closes_at {
            let shortest = humantime::format_duration(policy.notify_to_debit);
            let longest = humantime::format_duration(policy.notification_validity);
            return Some(format!(
                "the windows leave no notification and debit that are {shortest} to {longest} apart before"
            ));
        }
        let (notice, debit) = (self.local(notice), self.local(debit));
        Some(format!(
            "a notification at {notice} could be debited at {debit} at the earliest, after"
        ))
    }

    /// An instant as the windows' own clocks show it.
    fn local(&self, at: Instant) -> String {
        let zone = self.policy.debit_windows.time_zone();
        at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()
    }
}
