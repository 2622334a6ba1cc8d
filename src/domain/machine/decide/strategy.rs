//! When to try again: the strategies of a policy turned into times, each with the reason for it.
//!
//! What learns from payers can be one more strategy: it is asked what all are asked ([`Wanted`]), and everything that it answers is
//! moved into a lawful window and measured against the budgets by whoever asks.

use chrono::{Days, NaiveDate, NaiveTime};
use chrono_tz::Tz;

use crate::domain::Instant;
use crate::domain::cycle::Cycle;
use crate::domain::payday::Paydays;
use crate::domain::policy::Strategy;
use crate::domain::reason::TimeChoice;
use crate::domain::retry::{after, backoff_delay};
use crate::domain::zone::instant;

/// What a strategy is asked: when to try for the next time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// Tries so far, at least one.
    pub(super) tried: u16,
    /// Whether there is only one left. It is the most patient one.
    pub(super) is_last: bool,
    pub(super) now: Instant,
    /// Not before this: what the answer, the rail or the provider asks for.
    pub(super) from: Instant,
    /// Before this: the end of the notification or of the cycle.
    pub(super) latest: Instant,
    /// Where times of day are counted.
    pub(super) zone: Tz,
}

/// The time that a strategy gives for the next try, before it is moved into a window, and why it is this one.
pub(super) fn strategy_time(strategy: &Strategy, wanted: Wanted) -> Option<(Instant, TimeChoice)> {
    match strategy {
        Strategy::Backoff { initial, max } => {
            let delay = backoff_delay(*initial, *max, wanted.tried.saturating_sub(1));
            let at = after(wanted.now, delay).max(wanted.from);
            Some((at, TimeChoice::AfterBackoff))
        }
        Strategy::NextDayPart { day_parts } => {
            Some((next_day_part(day_parts, wanted)?, TimeChoice::NextDayPart))
        }
        Strategy::Payday {
            day_parts,
            days,
            last_working_day,
            day_part_first,
        } => {
            let paydays = Paydays {
                days,
                last_working_day: *last_working_day,
            };
            payday(day_parts, paydays, *day_part_first, wanted)
        }
        Strategy::AfterReset { at } => {
            let tomorrow = wanted.local(wanted.now).checked_add_days(Days::new(1))?;
            let reset = instant(wanted.zone, tomorrow.and_time(*at))?;
            Some((reset.max(wanted.from), TimeChoice::AfterReset))
        }
        Strategy::None => None,
    }
}

/// Another part of the day first; then a payday that can be reached; then another part of the day, the last of them at last.
fn payday(
    parts: &[NaiveTime],
    paydays: Paydays<'_>,
    day_part_first: bool,
    wanted: Wanted,
) -> Option<(Instant, TimeChoice)> {
    let soon = next_day_part(parts, wanted)?;
    if day_part_first && wanted.tried <= 1 && !wanted.is_last {
        return Some((soon, TimeChoice::AnotherDayPart));
    }
    let salary = || {
        let at = reached(parts, |day| paydays.salary_from(day), wanted)?;
        Some((at, TimeChoice::NextSalary))
    };
    let payday = || {
        let at = reached(parts, |day| paydays.from(day), wanted)?;
        Some((at, TimeChoice::Payday))
    };
    if wanted.is_last {
        let last = || {
            let at = last_day_part(parts, wanted)?;
            Some((at, TimeChoice::Latest))
        };
        return salary()
            .or_else(payday)
            .or_else(last)
            .or(Some((soon, TimeChoice::AnotherDayPart)));
    }
    payday().or(Some((soon, TimeChoice::AnotherDayPart)))
}

/// The first part of a day that is chosen from the days that come, if that is in time.
fn reached(
    parts: &[NaiveTime],
    choose: impl Fn(NaiveDate) -> Option<NaiveDate>,
    wanted: Wanted,
) -> Option<Instant> {
    let first = *parts.first()?;
    let today = wanted.local(wanted.from);
    // Today's first part may be over: then the choice begins tomorrow.
    (0..=1u64)
        .filter_map(|days| choose(today.checked_add_days(Days::new(days))?))
        .filter_map(|day| instant(wanted.zone, day.and_time(first)))
        .find(|at| wanted.allows(*at))
}

fn next_day_part(parts: &[NaiveTime], wanted: Wanted) -> Option<Instant> {
    let today = wanted.local(wanted.from);
    (0..=1u64)
        .filter_map(|days| today.checked_add_days(Days::new(days)))
        .flat_map(|day| times_of(parts, day, wanted.zone))
        .find(|at| *at > wanted.now && *at >= wanted.from)
}

/// The last part of a day that is still in time.
fn last_day_part(parts: &[NaiveTime], wanted: Wanted) -> Option<Instant> {
    let last = wanted.local(wanted.latest);
    (0..=1u64)
        .filter_map(|days| last.checked_sub_days(Days::new(days)))
        .flat_map(|day| times_of(parts, day, wanted.zone).rev())
        .find(|at| wanted.allows(*at))
}

fn times_of(
    parts: &[NaiveTime],
    day: NaiveDate,
    zone: Tz,
) -> impl DoubleEndedIterator<Item = Instant> {
    parts
        .iter()
        .filter_map(move |part| instant(zone, day.and_time(*part)))
}

impl Wanted {
    fn allows(self, at: Instant) -> bool {
        at > self.now && at >= self.from && at < self.latest
    }

    fn local(self, at: Instant) -> NaiveDate {
        at.with_timezone(&self.zone).date_naive()
    }
}

/// When a new order is best debited after failures of a class, where that is not as soon as can be: on a payday. The last order
/// is the most patient: it waits for the next salary, or for the cycle's last days. Not on its very last: a debit there leaves
/// no room for anything ("Razorpay Docs, create subsequent payments").
pub(super) fn new_order_time(
    strategy: &Strategy,
    is_last: bool,
    from: Instant,
    cycle: &Cycle,
    zone: Tz,
) -> Option<(Instant, TimeChoice)> {
    let Strategy::Payday {
        day_parts,
        days,
        last_working_day,
        ..
    } = strategy
    else {
        return None;
    };
    let latest = cycle.closes_at.checked_sub_days(Days::new(1))?;
    let wanted = Wanted {
        tried: 1,
        is_last,
        now: from,
        from,
        latest,
        zone,
    };
    let paydays = Paydays {
        days,
        last_working_day: *last_working_day,
    };
    let (at, why) = payday(day_parts, paydays, false, wanted)?;
    wanted.allows(at).then_some((at, why))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::TimeChoice::{AfterBackoff, AfterReset, AnotherDayPart, Latest, NextSalary, Payday};
    use super::*;
    use chrono_tz::Asia::Kolkata;

    fn ist(text: &str) -> Instant {
        Instant::from(chrono::DateTime::parse_from_rfc3339(&format!("{text}:00+05:30")).unwrap())
    }

    fn funds(day_part_first: bool) -> Strategy {
        Strategy::Payday {
            day_parts: ["06:30:00", "16:00:00", "21:45:00"]
                .map(|part| part.parse().unwrap())
                .to_vec(),
            days: vec![1, 2, 3],
            last_working_day: true,
            day_part_first,
        }
    }

    fn wanted(tried: u16, is_last: bool, now: &str, latest: &str) -> Wanted {
        Wanted {
            tried,
            is_last,
            now: ist(now),
            from: ist(now),
            latest: ist(latest),
            zone: Kolkata,
        }
    }

    /// When and why, in India.
    fn at(strategy: &Strategy, wanted: Wanted) -> (String, TimeChoice) {
        let (at, why) = strategy_time(strategy, wanted).unwrap();
        let at = at.with_timezone(&Kolkata).format("%Y-%m-%dT%H:%M");
        (at.to_string(), why)
    }

    fn on(at: &str, why: TimeChoice) -> (String, TimeChoice) {
        (at.to_owned(), why)
    }

    #[test]
    fn funds_are_tried_in_another_part_of_the_day_then_on_payday_and_last_when_the_next_salary_begins()
     {
        let far = "2027-03-01T00:00";
        let time =
            |tried, is_last, now, latest| at(&funds(true), wanted(tried, is_last, now, latest));
        assert_eq!(
            time(1, false, "2026-11-10T07:00", far),
            on("2026-11-10T16:00", AnotherDayPart)
        );
        assert_eq!(
            time(1, false, "2026-11-10T22:00", far),
            on("2026-11-11T06:30", AnotherDayPart)
        );
        // 30 November 2026 is a Monday.
        assert_eq!(
            time(2, false, "2026-11-10T07:00", far),
            on("2026-11-30T06:30", Payday)
        );
        assert_eq!(
            time(2, false, "2026-11-10T07:00", "2026-11-12T00:00"),
            on("2026-11-10T16:00", AnotherDayPart)
        );
        // On a payday whose morning is over: tomorrow is one too.
        assert_eq!(
            time(2, false, "2026-12-01T07:00", far),
            on("2026-12-02T06:30", Payday)
        );
        // The last one does not go out on the next day of the same salary.
        assert_eq!(
            time(3, true, "2026-12-01T07:00", far),
            on("2026-12-31T06:30", NextSalary)
        );
        assert_eq!(
            time(3, true, "2026-12-01T07:00", "2026-12-20T00:00"),
            on("2026-12-02T06:30", Payday)
        );
        assert_eq!(
            time(3, true, "2026-12-10T07:00", "2026-12-12T12:00"),
            on("2026-12-12T06:30", Latest)
        );
    }

    #[test]
    fn where_a_day_has_one_clearing_the_payday_comes_first() {
        let time = |tried, is_last| {
            at(
                &funds(false),
                wanted(tried, is_last, "2026-11-10T07:00", "2027-03-01T00:00"),
            )
        };
        assert_eq!(time(1, false), on("2026-11-30T06:30", Payday));
    }

    #[test]
    fn what_the_answer_asks_for_comes_before_what_the_strategy_would_like() {
        let mut asked = wanted(1, false, "2026-11-10T07:00", "2027-03-01T00:00");
        asked.from = ist("2026-11-13T17:00");
        assert_eq!(
            at(&funds(true), asked),
            on("2026-11-13T21:45", AnotherDayPart)
        );
        let backoff = Strategy::Backoff {
            initial: Duration::from_hours(1),
            max: Duration::from_hours(8),
        };
        assert_eq!(at(&backoff, asked), on("2026-11-13T17:00", AfterBackoff));
    }

    #[test]
    fn limits_are_tried_on_a_later_day() {
        let reset = Strategy::AfterReset {
            at: "06:30:00".parse().unwrap(),
        };
        let asked = wanted(1, false, "2026-11-10T00:10", "2027-03-01T00:00");
        assert_eq!(at(&reset, asked), on("2026-11-11T06:30", AfterReset));
        assert_eq!(strategy_time(&Strategy::None, asked), None);
    }

    #[test]
    fn a_new_order_is_for_a_payday_and_the_last_one_for_the_next_salary() {
        let cycle = |closes: &str| Cycle {
            on: "2026-11-15".parse().unwrap(),
            debit_at: ist("2026-11-15T06:00"),
            closes_at: ist(closes),
        };
        let time = |is_last, from: &str, closes: &str| {
            let found = new_order_time(&funds(true), is_last, ist(from), &cycle(closes), Kolkata);
            found.map(|(at, _)| at.with_timezone(&Kolkata).to_string())
        };
        let month = "2026-12-15T00:00";
        let payday = Some("2026-11-30 06:30:00 IST".to_owned());
        assert_eq!(time(false, "2026-11-16T20:00", month), payday);
        assert_eq!(time(true, "2026-11-16T20:00", month), payday);
        // The next salary is beyond the cycle: its last payday, or its last day but one.
        let last_payday = Some("2026-12-02 06:30:00 IST".to_owned());
        assert_eq!(time(true, "2026-12-01T20:00", month), last_payday);
        let late = Some("2026-12-13 21:45:00 IST".to_owned());
        assert_eq!(time(true, "2026-12-04T20:00", month), late);
        // A weekly cycle without a payday: as soon as can be, and the last one late.
        let week = "2026-11-22T00:00";
        let soon = Some("2026-11-16 21:45:00 IST".to_owned());
        assert_eq!(time(false, "2026-11-16T20:00", week), soon);
        let late = Some("2026-11-20 21:45:00 IST".to_owned());
        assert_eq!(time(true, "2026-11-16T20:00", week), late);
        assert_eq!(time(false, "2026-11-21T20:00", week), None);
    }
}
