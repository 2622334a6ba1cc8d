#![expect(clippy::arithmetic_side_effects, reason = "test data is small")]

use super::*;
use proptest::prelude::*;

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
    let cycles = std::iter::successors(terms.cycle_from(terms.starts_on), |cycle| {
        terms.cycle_after(cycle.on)
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
            "2026-02-20 2026-03-06 2026-03-20",
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
        debit_at: at("2026-02-28T03:30:00Z"),
        closes_at: at("2026-03-30T18:30:00Z"),
    };
    assert_eq!(terms.cycle_from(day("2026-02-01")), Some(cycle));
    assert_eq!(terms.cycle_from(day("2026-02-28")), Some(cycle));
    assert_eq!(terms.cycle_after(day("2026-02-27")), Some(cycle));
    assert_eq!(
        terms.cycle_after(day("2026-02-28")).unwrap().on,
        day("2026-03-31")
    );
    assert_eq!(
        terms.cycle_from(day("1999-01-01")).unwrap().on,
        day("2026-01-31")
    );
}

#[test]
fn nothing_is_after_the_last_day_and_the_last_cycle_closes_with_it() {
    let mut terms = terms(Frequency::Monthly, "2026-01-31");
    terms.ends_on = Some(day("2026-03-30"));
    let last = terms.cycle_from(day("2026-02-01")).unwrap();
    assert_eq!(
        (last.on, last.closes_at),
        (day("2026-02-28"), at("2026-03-30T18:30:00Z"))
    );
    assert_eq!(terms.cycle_after(last.on), None);
    terms.ends_on = Some(day("2026-03-01"));
    assert_eq!(
        terms.cycle_from(day("2026-02-01")).unwrap().closes_at,
        at("2026-03-01T18:30:00Z")
    );
    terms.ends_on = Some(day("2026-01-30"));
    assert_eq!(terms.cycle_from(terms.starts_on), None);
}

#[test]
fn one_time_stays_open_to_the_last_day_or_for_a_while() {
    let mut terms = terms(Frequency::Onetime, "2026-01-31");
    assert_eq!(
        terms.cycle_from(day("2026-01-01")).unwrap().closes_at,
        at("2026-03-01T18:30:00Z")
    );
    terms.ends_on = Some(day("2026-12-31"));
    assert_eq!(
        terms.cycle_from(day("2026-01-01")).unwrap().closes_at,
        at("2026-12-31T18:30:00Z")
    );
    assert_eq!(terms.cycle_from(day("2026-02-01")), None);
}

#[test]
fn what_the_merchant_presents_is_open_for_the_days_it_says() {
    let mut terms = terms(Frequency::Aspresented, "2026-01-31");
    terms.ends_on = Some(day("2026-02-20"));
    assert_eq!(terms.cycle_from(terms.starts_on), None);
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
fn cron_days_are_local_days_at_the_crons_own_time() {
    let payday = cron("30 1 1,15 * *", "2026-01-02");
    assert_eq!(days(&payday, 3), "2026-01-15 2026-02-01 2026-02-15");
    let cycle = payday.cycle_from(day("2026-02-01")).unwrap();
    assert_eq!(cycle.debit_at, at("2026-01-31T20:00:00Z"));
    assert_eq!(cycle.closes_at, at("2026-02-14T18:30:00Z"));
    assert_eq!(
        days(&cron("0 30 9 29 2 ? *", "2026-01-01"), 2),
        "2028-02-29 2032-02-29"
    );
    // Both days must match: the first Monday.
    assert_eq!(
        days(&cron("0 9 1-7 * MON", "2026-01-01"), 3),
        "2026-01-05 2026-02-02 2026-03-02"
    );
    let once = cron("0 0 9 1 3 ? 2026", "2026-01-01");
    assert_eq!(days(&once, 5), "2026-03-01");
    assert_eq!(
        once.cycle_from(day("2026-01-01")).unwrap().closes_at,
        at("2026-03-30T18:30:00Z")
    );
    assert_eq!(
        days(&cron("0 9 31 12 *", "2099-06-01"), 5),
        "2099-12-31 2100-12-31"
    );
    assert_eq!(
        days(&cron("0 9 1 1 *", "1950-06-01"), 2),
        "1970-01-01 1971-01-01"
    );
}

#[test]
fn a_cron_fires_in_a_gap_of_the_clock_too() {
    let terms = Terms {
        time_zone: chrono_tz::America::New_York,
        ..cron("30 2 * * *", "2026-03-07")
    };
    let cycle = terms.cycle_from(day("2026-03-08")).unwrap();
    assert_eq!(
        (cycle.on, cycle.debit_at),
        (day("2026-03-08"), at("2026-03-08T07:00:00Z"))
    );
}

#[test]
fn expressions_that_cannot_be_schedules_say_why() {
    let why = |expression| {
        CronSchedule::parse(expression)
            .map(drop)
            .unwrap_err()
            .to_string()
    };
    let expressions = [
        "* * * * *",
        "0 */6 * * *",
        "0,30 0 9 1 * ?",
        "0 9 L * *",
        "0 9 ? * 5L",
        "0 9 * * 1",
        "0 9 30 2 *",
        "0 25 * * *",
        "0 9 1 Foo *",
        "0 9 15W * *",
        "@daily",
        "",
        "₹ ₹ ₹ ₹ ₹",
    ];
    let text: Vec<String> = expressions.into_iter().map(why).collect();
    insta::assert_snapshot!(text.join("\n"));
    let good = CronSchedule::parse(" 0  9 1 JUL * ").unwrap();
    assert_eq!(good.as_str(), " 0  9 1 JUL * ");
    assert_eq!(good, good.clone());
    assert_ne!(good, CronSchedule::parse("0 9 2 JUL *").unwrap());
}

#[test]
fn days_on_which_clocks_change() {
    let in_zone = |zone: Tz, on: &str, hour, minute| {
        let terms = Terms {
            time_zone: zone,
            debit_at: NaiveTime::from_hms_opt(hour, minute, 0).unwrap(),
            ..terms(Frequency::Daily, on)
        };
        let cycle = terms.cycle_from(terms.starts_on).unwrap();
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
    let cycle = monthly.cycle_after(day("2011-11-30")).unwrap();
    assert_eq!(
        (cycle.on, cycle.debit_at),
        (day("2011-12-30"), at("2011-12-30T10:00:00Z"))
    );
    assert_eq!(
        Terms {
            ends_on: Some(cycle.on),
            ..monthly.clone()
        }
        .cycle_from(cycle.on),
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
            terms.cycle_from(day("9999-12-30")).unwrap().on,
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
            assert_eq!(terms.cycle_from(on).is_some(), expected, "{on}");
            assert_eq!(terms.cycle_after(NaiveDate::MAX), None);
            assert_eq!(terms.presented(on, u32::MAX), None);
        }
    }
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let frequencies = Frequency::ALL
        .iter()
        .map(|frequency| Schedule::Every(*frequency));
    let crons = [
        "0 9 1,15 * *",
        "30 2 * * SUN",
        "0 0 29-31 * *",
        "59 59 23 * * *",
        "0 12 29 2 *",
    ]
    .map(|text| Schedule::Cron(Box::new(CronSchedule::parse(text).unwrap())));
    let schedules: Vec<Schedule> = frequencies.chain(crons).collect();
    (
        prop::sample::select(schedules),
        0i64..40_000,
        prop::option::of(0i64..4_000),
        prop::sample::select(&chrono_tz::TZ_VARIANTS[..]),
        0u32..86_400,
    )
        .prop_map(|(schedule, start, length, time_zone, second)| {
            let starts_on = day("1990-01-01") + TimeDelta::days(start);
            Terms {
                schedule,
                starts_on,
                ends_on: length.map(|length| starts_on + TimeDelta::days(length)),
                time_zone,
                debit_at: NaiveTime::from_num_seconds_from_midnight_opt(second, 0).unwrap(),
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cycles_ascend_and_never_overlap(terms in any_terms(), skip in 0i64..5_000) {
        let from = terms.starts_on + TimeDelta::days(skip);
        let Some(mut cycle) = terms.cycle_from(from) else { return Ok(()) };
        prop_assert!(cycle.on >= from);
        for _ in 0..20 {
            let opens = start_of_day(terms.time_zone, cycle.on).unwrap();
            prop_assert!(opens <= cycle.debit_at && cycle.debit_at < cycle.closes_at, "{:?}", cycle);
            if let Some(last) = terms.ends_on {
                let end = start_of_day(terms.time_zone, last.succ_opt().unwrap()).unwrap();
                prop_assert!(cycle.on <= last && cycle.closes_at <= end);
            }
            let Some(next) = terms.cycle_after(cycle.on) else { break };
            prop_assert!(next.on > cycle.on);
            prop_assert!(cycle.closes_at <= start_of_day(terms.time_zone, next.on).unwrap());
            cycle = next;
        }
    }

    #[test]
    fn starting_from_a_day_and_walking_to_it_find_the_same(terms in any_terms(), skip in 0i64..400) {
        let from = terms.starts_on + TimeDelta::days(skip);
        let walked = std::iter::successors(terms.cycle_from(terms.starts_on), |cycle| terms.cycle_after(cycle.on))
            .find(|cycle| cycle.on >= from);
        prop_assert_eq!(terms.cycle_from(from), walked);
    }
}
