mod cron;
mod period;

use super::*;
use crate::domain::schedule::CronSchedule;

const NEXT: CycleCloses = CycleCloses::NextCycle;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn terms(frequency: Frequency, starts_on: &str) -> Terms {
    Terms {
        schedule: Schedule::Every(frequency),
        starts_on: day(starts_on),
        ends_on: None,
        time_zone: chrono_tz::Asia::Kolkata,
        debit_at: NaiveTime::from_hms_opt(9, 0, 0).unwrap(),
    }
}

fn cron(expression: &str, starts_on: &str) -> Terms {
    let schedule = Schedule::Cron(Box::new(CronSchedule::parse(expression).unwrap()));
    Terms {
        schedule,
        ..terms(Frequency::Daily, starts_on)
    }
}

fn days(terms: &Terms, count: usize) -> String {
    let cycles = std::iter::successors(terms.cycle_from(terms.starts_on, NEXT), |cycle| {
        terms.cycle_after(cycle.on, NEXT)
    });
    cycles
        .take(count)
        .map(|cycle| cycle.on.to_string())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn every_frequency_is_anchored_to_its_first_day() {
    use Frequency as F;
    let table = [
        (F::Onetime, "2026-01-31", "2026-01-31"),
        (F::Daily, "2028-02-28", "2028-02-28 2028-02-29 2028-03-01"),
        (F::Weekly, "2026-12-28", "2026-12-28 2027-01-04 2027-01-11"),
        (
            F::Fortnightly,
            "2026-02-20",
            "2026-02-20 2026-03-05 2026-03-20 2026-04-05",
        ),
        (
            F::Twicemonthly,
            "2026-01-31",
            "2026-01-31 2026-02-15 2026-02-28 2026-03-15 2026-03-31",
        ),
        (
            F::Fortnightly,
            "2028-02-15",
            "2028-02-15 2028-02-29 2028-03-15 2028-03-30",
        ),
        (
            F::Monthly,
            "2026-01-31",
            "2026-01-31 2026-02-28 2026-03-31 2026-04-30 2026-05-31",
        ),
        (
            F::Monthly,
            "2027-12-30",
            "2027-12-30 2028-01-30 2028-02-29 2028-03-30",
        ),
        (F::Monthly, "2100-01-29", "2100-01-29 2100-02-28 2100-03-29"),
        (
            F::Bimonthly,
            "2025-12-31",
            "2025-12-31 2026-02-28 2026-04-30 2026-06-30 2026-08-31",
        ),
        (
            F::Quarterly,
            "2027-11-30",
            "2027-11-30 2028-02-29 2028-05-30 2028-08-30",
        ),
        (
            F::Halfyearly,
            "2026-08-31",
            "2026-08-31 2027-02-28 2027-08-31 2028-02-29",
        ),
        (
            F::Yearly,
            "2028-02-29",
            "2028-02-29 2029-02-28 2030-02-28 2031-02-28 2032-02-29",
        ),
        (
            F::Yearly,
            "2096-02-29",
            "2096-02-29 2097-02-28 2098-02-28 2099-02-28 2100-02-28 2101-02-28",
        ),
        (F::Aspresented, "2026-01-31", ""),
    ];
    for (frequency, starts_on, expected) in table {
        let count = expected.split(' ').count();
        assert_eq!(
            days(&terms(frequency, starts_on), count),
            expected,
            "{frequency} {starts_on}"
        );
    }
    assert_eq!(days(&terms(F::Onetime, "2026-01-31"), 5), "2026-01-31");
}

#[test]
fn a_cycle_starts_at_its_day_and_closes_at_the_next() {
    let terms = terms(Frequency::Monthly, "2026-01-31");
    let cycle = Cycle {
        on: day("2026-02-28"),
        period: "2026-02".parse().unwrap(),
        debit_at: at("2026-02-28T03:30:00Z"),
        closes_at: at("2026-03-30T18:30:00Z"),
    };
    assert_eq!(terms.cycle_from(day("2026-02-01"), NEXT), Some(cycle));
    assert_eq!(terms.cycle_from(day("2026-02-28"), NEXT), Some(cycle));
    assert_eq!(terms.cycle_after(day("2026-02-27"), NEXT), Some(cycle));
    assert_eq!(
        terms.cycle_after(day("2026-02-28"), NEXT).unwrap().on,
        day("2026-03-31")
    );
    assert_eq!(
        terms.cycle_from(day("1999-01-01"), NEXT).unwrap().on,
        day("2026-01-31")
    );
}

#[test]
fn nothing_is_after_the_last_day_and_the_last_cycle_closes_with_it() {
    let mut terms = terms(Frequency::Monthly, "2026-01-31");
    terms.ends_on = Some(day("2026-03-30"));
    let last = terms.cycle_from(day("2026-02-01"), NEXT).unwrap();
    assert_eq!(
        (last.on, last.closes_at),
        (day("2026-02-28"), at("2026-03-30T18:30:00Z"))
    );
    assert_eq!(terms.cycle_after(last.on, NEXT), None);
    terms.ends_on = Some(day("2026-03-01"));
    assert_eq!(
        terms.cycle_from(day("2026-02-01"), NEXT).unwrap().closes_at,
        at("2026-03-01T18:30:00Z")
    );
    terms.ends_on = Some(day("2026-01-30"));
    assert_eq!(terms.cycle_from(terms.starts_on, NEXT), None);
}

#[test]
fn one_time_stays_open_to_the_last_day_or_for_a_while() {
    let mut terms = terms(Frequency::Onetime, "2026-01-31");
    assert_eq!(
        terms.cycle_from(day("2026-01-01"), NEXT).unwrap().closes_at,
        at("2026-03-01T18:30:00Z")
    );
    terms.ends_on = Some(day("2026-12-31"));
    assert_eq!(
        terms.cycle_from(day("2026-01-01"), NEXT).unwrap().closes_at,
        at("2026-12-31T18:30:00Z")
    );
    assert_eq!(terms.cycle_from(day("2026-02-01"), NEXT), None);
}

#[test]
fn what_the_merchant_presents_is_open_for_the_days_it_says() {
    let mut terms = terms(Frequency::Aspresented, "2026-01-31");
    terms.ends_on = Some(day("2026-02-20"));
    assert_eq!(terms.cycle_from(terms.starts_on, NEXT), None);
    let closes = |on, open| terms.presented(day(on), open).map(|cycle| cycle.closes_at);
    assert_eq!(closes("2026-02-01", 10), Some(at("2026-02-10T18:30:00Z")));
    assert_eq!(closes("2026-02-15", 10), Some(at("2026-02-20T18:30:00Z")));
    assert_eq!(closes("2026-02-01", 0), Some(at("2026-02-01T18:30:00Z")));
    assert_eq!(closes("2026-02-21", 10), None);
    assert_eq!(closes("2026-01-30", 10), None);
    assert_eq!(
        terms.presented(day("2026-02-01"), 10).unwrap().debit_at,
        at("2026-02-01T03:30:00Z")
    );
}

#[test]
fn days_on_which_clocks_change() {
    let in_zone = |zone: Tz, on: &str, hour, minute| {
        let terms = Terms {
            time_zone: zone,
            debit_at: NaiveTime::from_hms_opt(hour, minute, 0).unwrap(),
            ..terms(Frequency::Daily, on)
        };
        let cycle = terms.cycle_from(terms.starts_on, NEXT).unwrap();
        format!("{} {:?} {:?}", cycle.on, cycle.debit_at, cycle.closes_at)
    };
    let new_york = chrono_tz::America::New_York;
    let table = [
        (
            in_zone(new_york, "2026-03-08", 2, 30),
            "2026-03-08 2026-03-08T07:00:00Z 2026-03-09T04:00:00Z",
        ),
        (
            in_zone(new_york, "2026-11-01", 1, 30),
            "2026-11-01 2026-11-01T05:30:00Z 2026-11-02T05:00:00Z",
        ),
        // 23:00 is followed by midnight: a time between them is kept inside the day.
        (
            in_zone(chrono_tz::America::Nuuk, "2026-03-28", 23, 30),
            "2026-03-28 2026-03-29T00:59:59Z 2026-03-29T01:00:00Z",
        ),
        // The day starts at 01:00.
        (
            in_zone(chrono_tz::Asia::Beirut, "2026-03-29", 0, 0),
            "2026-03-29 2026-03-28T22:00:00Z 2026-03-29T21:00:00Z",
        ),
        // There was no 30 December.
        (
            in_zone(chrono_tz::Pacific::Apia, "2011-12-30", 9, 0),
            "2011-12-31 2011-12-30T19:00:00Z 2011-12-31T10:00:00Z",
        ),
    ];
    for (cycle, expected) in table {
        assert_eq!(cycle, expected);
    }
    // A month's cycle is not lost with its day.
    let monthly = Terms {
        time_zone: chrono_tz::Pacific::Apia,
        ..terms(Frequency::Monthly, "2011-11-30")
    };
    let cycle = monthly.cycle_after(day("2011-11-30"), NEXT).unwrap();
    assert_eq!(
        (cycle.on, cycle.debit_at),
        (day("2011-12-30"), at("2011-12-30T10:00:00Z"))
    );
    assert_eq!(
        Terms {
            ends_on: Some(cycle.on),
            ..monthly.clone()
        }
        .cycle_from(cycle.on, NEXT),
        None
    );
    assert_eq!(
        Terms {
            time_zone: chrono_tz::Pacific::Apia,
            ..monthly
        }
        .presented(cycle.on, 1),
        None
    );
}

#[test]
fn a_far_day_costs_no_more_than_the_first() {
    // A walk from the first day would take three million steps for each of these.
    let terms = terms(Frequency::Daily, "1970-01-01");
    for _ in 0..20_000 {
        assert_eq!(
            terms.cycle_from(day("9999-12-30"), NEXT).unwrap().on,
            day("9999-12-30")
        );
    }
}

#[test]
fn the_ends_of_time_are_nothing_rather_than_a_panic() {
    for schedule in [
        terms(Frequency::Daily, "2026-01-31"),
        cron("0 9 * * *", "2026-01-31"),
    ] {
        for on in [NaiveDate::MIN, NaiveDate::MAX, day("9999-12-31")] {
            let terms = Terms {
                starts_on: on,
                ..schedule.clone()
            };
            let expected = on == NaiveDate::MIN && matches!(terms.schedule, Schedule::Cron(_));
            assert_eq!(terms.cycle_from(on, NEXT).is_some(), expected, "{on}");
            assert_eq!(terms.cycle_after(NaiveDate::MAX, NEXT), None);
            assert_eq!(terms.presented(on, u32::MAX), None);
        }
    }
}
