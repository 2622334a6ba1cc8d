//! Why the things of a cycle are due when they are, and why it can no longer be collected, in words.

use std::time::Duration;

use super::times::Plan;
use super::{Flow, Timetable};
use crate::domain::Instant;
use crate::domain::cycle::Cycle;
use crate::domain::policy::Policy;

/// Why a cycle's debit and notification are planned for the times that they are.
pub fn why(cycle: &Cycle, timetable: &Timetable, policy: &Policy) -> String {
    let zone = policy.debit_windows.time_zone();
    let clock = |at: Instant| at.with_timezone(&zone).format("%H:%M").to_string();
    let (own, debit) = (cycle.debit_at, timetable.debit.opens);
    let opens = policy
        .debit_windows
        .at_or_after(own)
        .map_or(own, |span| span.opens);
    let at = if opens == own {
        format!("{} is its own time", clock(own))
    } else {
        format!(
            "{} is outside the hours for debits, the next is {}",
            clock(own),
            clock(opens)
        )
    };
    let spread = (debit > opens)
        .then(|| format!("spread over {}", humantime::format_duration(policy.jitter)));
    let told = timetable.notify_at.map(|notify_at| {
        let [notice, lead] = [policy.notify_to_debit, policy.notify_lead].map(in_hours);
        let ahead = debit.signed_duration_since(notify_at).num_hours();
        format!("the payer is told {ahead}h ahead: {notice}, and {lead} in case that fails")
    });
    [Some(at), spread, told]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join("; ")
}

/// "25h", as the law and the configuration say it, and not "1day 1h".
pub(in crate::domain) fn in_hours(duration: Duration) -> String {
    match (
        duration.as_secs().checked_div(3600),
        duration.as_secs() % 3600,
    ) {
        (Some(hours), 0) => format!("{hours}h"),
        (_, _) => humantime::format_duration(duration).to_string(),
    }
}

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
