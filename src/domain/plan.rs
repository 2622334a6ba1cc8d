//! When the things of one cycle are due, before anything has happened.
//!
//! The rules: a debit lies in a debit window and before the cycle closes. Where the payer is notified, the notification
//! lies in a notification window, and from it to the debit pass at least `notify_to_debit` (25 h) and at most
//! `notification_validity` (48 h). What can no longer be so is not planned.

#[cfg(test)]
mod tests;

use std::iter::successors;
use std::time::Duration;

use chrono::{NaiveDate, TimeDelta};

use super::cycle::{Cycle, Terms};
use super::policy::Policy;
use super::retry::jitter;
use super::window::{Span, TICK};
use super::{Instant, Notify, ProviderKind, Step};

/// A call planned for the very end of a window would miss it.
const ROOM: Duration = Duration::from_mins(5);

/// When the things of one cycle are due under a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timetable {
    /// The first call: the notification, `/txns` with an execution date, the debit, or the first look at a
    /// watched payment.
    pub start_at: Instant,
    /// When the payer is notified, by us or by the provider at our call.
    pub notify_at: Option<Instant>,
    /// When the debit is planned, and the end of the window it lies in.
    pub debit: Span,
    /// The latest start that still debits before the cycle closes.
    pub last_safe_start: Instant,
}

/// What the planner writes for a cycle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// Its first step: when, and the end of the window that this lies in.
    At(Step, Span),
    /// It can no longer be collected.
    Closed {
        /// Why, with the times, for people.
        reason: String,
    },
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
            let (notice, debit) = plan.notice(Instant::MIN_UTC)?;
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
            let debit = plan.debit(Instant::MIN_UTC)?;
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
            let start_at = plan.look(Instant::MIN_UTC)?.opens;
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
    now: Instant,
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
        Flow::Watched => plan.look(now).map(|look| (Step::Lookup, look)),
    };
    match first {
        Some((step, span)) => Start::At(step, span),
        None => Start::Closed {
            reason: plan.why_closed(flow, now),
        },
    }
}

/// When to debit under a notification of some time, or under a call that makes the provider notify at that time:
/// the execution date to hand it. Nothing if that cannot be done in the cycle.
pub fn debit_after_notice(
    cycle: &Cycle,
    policy: &Policy,
    seed: i64,
    notified_at: Instant,
) -> Option<Span> {
    let plan = Plan {
        cycle,
        policy,
        seed,
    };
    plan.debit_under(notified_at, plan.planned_debit()?)
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
    successors(terms.cycle_from(from), |cycle| terms.cycle_after(cycle.on))
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

/// One cycle under one policy.
struct Plan<'a> {
    cycle: &'a Cycle,
    policy: &'a Policy,
    seed: i64,
}

impl Plan<'_> {
    /// The debit if nothing hinders it: at the cycle's own time or when the next window opens.
    fn planned_debit(&self) -> Option<Span> {
        let span = self.policy.debit_windows.at_or_after(self.cycle.debit_at)?;
        (span.opens < self.cycle.closes_at).then(|| self.spread(span))
    }

    /// A debit without a notification, not before an instant.
    fn debit(&self, not_before: Instant) -> Option<Span> {
        let planned = self.planned_debit()?;
        if not_before <= planned.opens {
            return Some(planned);
        }
        let late = self.policy.debit_windows.at_or_after(not_before)?;
        (late.opens < self.cycle.closes_at).then(|| self.spread(late))
    }

    /// The first look at a payment that the provider collects by itself.
    fn look(&self, not_before: Instant) -> Option<Span> {
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
    fn notice(&self, not_before: Instant) -> Option<(Span, Span)> {
        let debit = self.planned_debit()?;
        let planned = self.planned_notice(debit)?;
        if not_before <= planned.0.opens {
            Some(planned)
        } else {
            self.notice_after(not_before, debit)
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
        self.notice_after(wanted, debit)
    }

    /// The latest notification that is not after an instant.
    fn notice_before(&self, at: Instant) -> Option<Span> {
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
    fn notice_after(&self, from: Instant, planned: Span) -> Option<(Span, Span)> {
        let policy = self.policy;
        if policy.notification_validity < policy.notify_to_debit {
            return None;
        }
        let mut from = from;
        loop {
            let notice = policy.notify_windows.at_or_after(from)?;
            for notice in [self.spread(notice), notice] {
                if let Some(debit) = self.debit_under(notice.opens, planned) {
                    return Some((notice, debit));
                }
            }
            let debit = self.earliest_debit(notice.opens, planned)?.opens;
            if debit >= self.cycle.closes_at {
                return None;
            }
            // The notification is too old for that debit. This is later: it is the oldest that is not.
            from = earlier(debit, policy.notification_validity)?;
        }
    }

    /// When to debit under a notification of some time.
    fn debit_under(&self, notified_at: Instant, planned: Span) -> Option<Span> {
        let earliest = self.earliest_debit(notified_at, planned)?;
        // What a window moves comes to its opening, all at once.
        let moved = earliest.opens > later(notified_at, self.policy.notify_to_debit)?;
        let spread = if moved && earliest.opens > planned.opens {
            self.spread(earliest)
        } else {
            earliest
        };
        [spread, earliest].into_iter().find(|debit| {
            debit.opens < self.cycle.closes_at && self.covers(notified_at, debit.opens)
        })
    }

    /// The earliest debit under a notification of some time, whatever its validity and the cycle's end.
    fn earliest_debit(&self, notified_at: Instant, planned: Span) -> Option<Span> {
        let allowed = later(notified_at, self.policy.notify_to_debit)?;
        self.policy
            .debit_windows
            .at_or_after(allowed.max(planned.opens))
    }

    /// Whether a notification of some time is still valid for a debit.
    fn covers(&self, notified_at: Instant, debit_at: Instant) -> bool {
        later(notified_at, self.policy.notification_validity).is_some_and(|end| debit_at <= end)
    }

    /// The latest notification whose debit is in time; `planned`, which is one, if there is no later one.
    fn last_notice(&self, planned: Instant) -> Option<Instant> {
        let debit = self.planned_debit()?;
        let mut end = self.cycle.closes_at;
        loop {
            let last_debit = self
                .policy
                .debit_windows
                .at_or_before(end.checked_sub_signed(TICK)?)?;
            let latest = earlier(last_debit, self.policy.notify_to_debit)?;
            let notice = self.policy.notify_windows.at_or_before(latest)?;
            if notice <= planned {
                return Some(planned);
            }
            if self.debit_under(notice, debit).is_some() {
                return Some(notice);
            }
            // No debit window opens while it is valid: look for one before.
            end = later(notice, self.policy.notify_to_debit)?;
        }
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

    /// Why nothing can be planned from now on, in words.
    fn why_closed(&self, flow: Flow, now: Instant) -> String {
        let zone = self.policy.debit_windows.time_zone();
        let time = |at: Instant| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
        let closes = time(self.cycle.closes_at);
        if now >= self.cycle.closes_at {
            return format!("the cycle closed at {closes} ({zone})");
        }
        let due = now.max(self.cycle.debit_at);
        let debit = match flow {
            Flow::Unnotified | Flow::Watched => self
                .policy
                .debit_windows
                .at_or_after(due)
                .map(|debit| (None, debit.opens)),
            Flow::Notified(_) => self
                .policy
                .notify_windows
                .at_or_after(now)
                .and_then(|notice| {
                    let planned = Span {
                        opens: due,
                        closes: None,
                    };
                    let debit = self.earliest_debit(notice.opens, planned)?;
                    Some((Some(notice.opens), debit.opens))
                }),
        };
        match debit {
            Some((Some(notice), debit)) if debit >= self.cycle.closes_at => format!(
                "a notification at {} could be debited at {} at the earliest, after the cycle closes at {closes} ({zone})",
                time(notice),
                time(debit),
            ),
            Some((None, debit)) => format!(
                "the next debit window opens at {}, after the cycle closes at {closes} ({zone})",
                time(debit),
            ),
            Some((Some(_), _)) | None => format!(
                "the windows leave no notification and debit that are {} to {} apart before the cycle closes at {closes} ({zone})",
                humantime::format_duration(self.policy.notify_to_debit),
                humantime::format_duration(self.policy.notification_validity),
            ),
        }
    }
}

fn later(at: Instant, by: Duration) -> Option<Instant> {
    at.checked_add_signed(TimeDelta::from_std(by).ok()?)
}

fn earlier(at: Instant, by: Duration) -> Option<Instant> {
    at.checked_sub_signed(TimeDelta::from_std(by).ok()?)
}

fn half(duration: Duration) -> Duration {
    duration.checked_div(2).unwrap_or(duration)
}
