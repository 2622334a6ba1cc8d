//! When: windows, look-ups and retry strategies turned into times.

use std::time::Duration;

use chrono::{Datelike, Days, NaiveDate, NaiveTime, Weekday};
use chrono_tz::Tz;

use crate::domain::policy::{Policy, Strategy};
use crate::domain::retry::{after, backoff_delay, jitter};
use crate::domain::window::{Span, Windows};
use crate::domain::zone::instant;
use crate::domain::{Execution, Instant};

/// The first stretch of a window at or after an instant, entered a little late so that not all debits come at its opening.
///
/// The spread is never longer than the window: where it would leave it, the window's own opening is kept.
pub fn next_window(windows: &Windows, at: Instant, seed: i64, spread: Duration) -> Option<Span> {
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
pub fn lookup_at(execution: &Execution, policy: &Policy, now: Instant) -> Instant {
    let progress = &execution.progress;
    let opened = execution.intent.map(|intent| intent.opened_at);
    let sent = progress.sent_at.or(opened).unwrap_or(now);
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
    may_look(execution, policy, wanted)
}

/// The first time, from a wanted one on, at which the order may be looked up again: three times within the policy's window.
pub fn may_look(execution: &Execution, policy: &Policy, wanted: Instant) -> Instant {
    match execution.progress.looked {
        [_, _, Some(third)] => wanted.max(after(third, policy.lookup_window)),
        [_, _, None] => wanted,
    }
}

/// The time that a strategy gives for the next try, before windows and limits. `tried` counts the tries so far.
pub(super) fn strategy_time(
    strategy: &Strategy,
    tried: u16,
    now: Instant,
    latest: Instant,
    zone: Tz,
) -> Option<Instant> {
    match strategy {
        Strategy::Backoff { initial, max } => Some(after(
            now,
            backoff_delay(*initial, *max, tried.saturating_sub(1)),
        )),
        Strategy::NextDayPart { day_parts } => next_day_part(day_parts, now, zone),
        Strategy::Payday {
            day_parts,
            days,
            last_working_day,
        } => {
            let soon = next_day_part(day_parts, now, zone)?;
            if tried <= 1 {
                return Some(soon);
            }
            // A payday beyond what the notification covers is no use: the next part of the day then.
            Some(
                next_payday(day_parts, days, *last_working_day, now, zone)
                    .filter(|at| *at <= latest)
                    .unwrap_or(soon),
            )
        }
        Strategy::AfterReset { at } => {
            let tomorrow = now
                .with_timezone(&zone)
                .date_naive()
                .checked_add_days(Days::new(1))?;
            instant(zone, tomorrow.and_time(*at))
        }
        Strategy::None => None,
    }
}

fn next_day_part(parts: &[NaiveTime], now: Instant, zone: Tz) -> Option<Instant> {
    let today = now.with_timezone(&zone).date_naive();
    (0..=1u64)
        .filter_map(|days| today.checked_add_days(Days::new(days)))
        .flat_map(|day| {
            parts
                .iter()
                .filter_map(move |part| instant(zone, day.and_time(*part)))
        })
        .find(|at| *at > now)
}

fn next_payday(
    parts: &[NaiveTime],
    days: &[u32],
    last_working: bool,
    now: Instant,
    zone: Tz,
) -> Option<Instant> {
    let first = *parts.first()?;
    let today = now.with_timezone(&zone).date_naive();
    (0..=62u64)
        .filter_map(|ahead| today.checked_add_days(Days::new(ahead)))
        .filter(|day| days.contains(&day.day()) || last_working && is_last_working_day(*day))
        .filter_map(|day| instant(zone, day.and_time(first)))
        .find(|at| *at > now)
}

/// Monday to Friday and no later one in the month. Holidays are not known here.
fn is_last_working_day(day: NaiveDate) -> bool {
    let works = |day: NaiveDate| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    works(day)
        && !(1..=30u64)
            .filter_map(|ahead| day.checked_add_days(Days::new(ahead)))
            .take_while(|later| later.month() == day.month())
            .any(works)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Asia::Kolkata;

    fn ist(text: &str) -> Instant {
        Instant::from(chrono::DateTime::parse_from_rfc3339(&format!("{text}:00+05:30")).unwrap())
    }

    fn parts() -> Vec<NaiveTime> {
        ["06:30:00", "13:05:00", "21:35:00"]
            .map(|part| part.parse().unwrap())
            .to_vec()
    }

    #[test]
    fn funds_are_tried_in_the_next_part_of_the_day_then_on_payday() {
        let payday = Strategy::Payday {
            day_parts: parts(),
            days: vec![1, 2, 3],
            last_working_day: true,
        };
        let far = ist("2027-01-01T00:00");
        let time =
            |tried, now, latest| strategy_time(&payday, tried, ist(now), latest, Kolkata).unwrap();
        assert_eq!(time(1, "2026-11-10T07:00", far), ist("2026-11-10T13:05"));
        assert_eq!(time(1, "2026-11-10T22:00", far), ist("2026-11-11T06:30"));
        // 30 November 2026 is a Monday.
        assert_eq!(time(2, "2026-11-10T07:00", far), ist("2026-11-30T06:30"));
        assert_eq!(
            time(2, "2026-11-10T07:00", ist("2026-11-12T00:00")),
            ist("2026-11-10T13:05")
        );
        // The last working day of October 2026 is Friday the 30th.
        assert_eq!(time(2, "2026-10-29T07:00", far), ist("2026-10-30T06:30"));
        assert_eq!(time(2, "2026-10-30T07:00", far), ist("2026-11-01T06:30"));
    }

    #[test]
    fn limits_are_tried_on_a_later_day() {
        let reset = Strategy::AfterReset {
            at: "06:30:00".parse().unwrap(),
        };
        assert_eq!(
            strategy_time(
                &reset,
                1,
                ist("2026-11-10T00:10"),
                Instant::MAX_UTC,
                Kolkata
            ),
            Some(ist("2026-11-11T06:30"))
        );
        assert_eq!(
            strategy_time(
                &Strategy::None,
                1,
                ist("2026-11-10T00:10"),
                Instant::MAX_UTC,
                Kolkata
            ),
            None
        );
    }
}
