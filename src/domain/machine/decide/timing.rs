//! When: windows and look-ups turned into times.

use std::time::Duration;

use crate::domain::backoff::{after, jitter};
use crate::domain::execution::Progress;
use crate::domain::policy::Policy;
use crate::domain::window::{Span, Windows};
use crate::domain::{Execution, Timestamp};

pub(super) const A_DAY: Duration = Duration::from_hours(24);

/// The first stretch of a window at or after an instant, entered a little late so that not all debits come at its opening.
///
/// The spread is never longer than the window: where it would leave it, the window's own opening is kept.
pub(in crate::domain::machine) fn next_window(
    windows: &Windows,
    at: Timestamp,
    seed: i64,
    spread: Duration,
) -> Option<Span> {
    let span = windows.at_or_after(at)?;
    let opens = after(span.opens, jitter(seed, 0, spread));
    match span.closes {
        Some(closes) if opens >= closes => Some(span),
        Some(_) | None => Some(Span {
            opens,
            closes: span.closes,
        }),
    }
}

/// When to ask what became of a debit: the policy's times after the call first, its steady interval then.
pub(in crate::domain::machine) fn scheduled_lookup_at(
    execution: &Execution,
    policy: &Policy,
    now: Timestamp,
) -> Timestamp {
    let progress = &execution.progress;
    let sent = execution.last_sent().unwrap_or(now);
    // Nothing can be known before the date on which the provider was told to debit.
    let base = progress.execute_at.map_or(sent, |at| at.max(sent));
    let base = if execution.is_watched() {
        base.max(execution.cycle.debit_at)
    } else {
        base
    };
    let wanted = match policy.lookup_after.get(usize::from(progress.lookups)) {
        Some(delay) => after(base, *delay).max(now),
        None => after(now, policy.lookup_every),
    };
    next_lookup_at(execution, policy, wanted)
}

/// The first time, from a wanted one on, at which the order may be looked up again: three times within the policy's window.
pub(in crate::domain::machine) fn next_lookup_at(
    execution: &Execution,
    policy: &Policy,
    wanted: Timestamp,
) -> Timestamp {
    match execution.progress.lookup_times {
        [_, _, Some(third)] => wanted.max(after(third, policy.lookup_window)),
        [_, _, None] => wanted,
    }
}

/// How often is asked about what has been open for long.
pub(super) fn daily(policy: &Policy) -> Duration {
    policy.lookup_every.max(A_DAY)
}

/// Whether a look-up of an order that was debited at some time is within the rail's budget now, and not before the outcome can be known.
pub fn lookup_allowed(
    lookup_times: &[Timestamp],
    debited_at: Option<Timestamp>,
    policy: &Policy,
    now: Timestamp,
) -> bool {
    if policy.lookup_window.is_zero() {
        return true;
    }
    let known = policy.lookup_after.first().zip(debited_at);
    let is_known = known.is_none_or(|(least, debited)| after(debited, *least) <= now);
    let third = lookup_times.get(2);
    is_known && third.is_none_or(|third| after(*third, policy.lookup_window) <= now)
}

/// When the order was last tried: when we called, or on the date that the call handed over.
pub(super) fn last_try(progress: &Progress, now: Timestamp) -> Option<Timestamp> {
    let sent = progress.sent_at?;
    let handed_over = progress.execute_at.filter(|at| *at <= now);
    Some(handed_over.map_or(sent, |at| at.max(sent)))
}

/// The last instant at which the current order may be debited: its cycle's end, or its notification's.
pub(super) fn latest_debit(
    execution: &Execution,
    progress: &Progress,
    policy: &Policy,
) -> Timestamp {
    let closes = execution.cycle.closes_at;
    match progress.notified_at() {
        Some(notified) => closes.min(after(notified, policy.notification_validity)),
        None => closes,
    }
}
