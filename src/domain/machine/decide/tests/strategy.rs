//! The times that the strategies give.

use std::time::Duration;

use super::super::strategy::*;
use crate::domain::Timestamp;
use crate::domain::cycle::Cycle;
use crate::domain::policy::Strategy;
use crate::domain::reason::TimeChoice;
use crate::domain::reason::TimeChoice::{
    AfterBackoff, AfterReset, AnotherDayPart, Latest, NextSalary, Payday,
};
use chrono_tz::Asia::Kolkata;

fn ist(text: &str) -> Timestamp {
    Timestamp::from(chrono::DateTime::parse_from_rfc3339(&format!("{text}:00+05:30")).unwrap())
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

fn wanted(tried: u16, is_last: bool, now: &str, latest: &str) -> StrategyInput {
    StrategyInput {
        tried,
        is_last,
        now: ist(now),
        from: ist(now),
        latest: ist(latest),
        zone: Kolkata,
    }
}

/// When and why, in India.
fn at(strategy: &Strategy, wanted: StrategyInput) -> (String, TimeChoice) {
    let (at, why) = strategy_time(strategy, wanted).unwrap();
    let at = at.with_timezone(&Kolkata).format("%Y-%m-%dT%H:%M");
    (at.to_string(), why)
}

fn on(at: &str, why: TimeChoice) -> (String, TimeChoice) {
    (at.to_owned(), why)
}

#[test]
fn funds_wait_for_another_part_of_the_day_then_payday_then_the_next_salary() {
    let far = "2027-03-01T00:00";
    let time = |tried, is_last, now, latest| at(&funds(true), wanted(tried, is_last, now, latest));
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
        period: "2026-11".parse().unwrap(),
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
