//! What holds of any schedule.

#![expect(clippy::arithmetic_side_effects, reason = "test data is small")]

use proptest::prelude::*;

use super::*;
use crate::domain::schedule::CronSchedule;

fn any_closes() -> impl Strategy<Value = CycleCloses> {
    prop::sample::select(CycleCloses::ALL)
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
            let starts_on = NaiveDate::from_ymd_opt(1990, 1, 1).unwrap() + TimeDelta::days(start);
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
    fn cycles_ascend_and_never_overlap(terms in any_terms(), closes in any_closes(), skip in 0i64..5_000) {
        let from = terms.starts_on + TimeDelta::days(skip);
        let Some(mut cycle) = terms.cycle_from(from, closes) else { return Ok(()) };
        prop_assert!(cycle.on >= from);
        for _ in 0..20 {
            let opens = start_of_day(terms.time_zone, cycle.on).unwrap();
            prop_assert!(opens <= cycle.debit_at && cycle.debit_at < cycle.closes_at, "{:?}", cycle);
            if let Some(last) = terms.ends_on {
                let end = start_of_day(terms.time_zone, last.succ_opt().unwrap()).unwrap();
                prop_assert!(cycle.on <= last && cycle.closes_at <= end);
            }
            if closes == CycleCloses::Period && !matches!(terms.schedule, Schedule::Cron(_)) {
                // A debit while it is open lies in its own period.
                let last = cycle.closes_at - TimeDelta::seconds(1);
                let last = last.with_timezone(&terms.time_zone).date_naive();
                let of_last = Period::of(&terms.schedule, last);
                prop_assert_eq!(of_last, Some(cycle.period), "{:?}", cycle);
            }
            let Some(next) = terms.cycle_after(cycle.on, closes) else { break };
            prop_assert!(next.on > cycle.on);
            prop_assert!(cycle.closes_at <= start_of_day(terms.time_zone, next.on).unwrap());
            cycle = next;
        }
    }

    #[test]
    fn starting_from_a_day_and_walking_to_it_find_the_same(terms in any_terms(), closes in any_closes(), skip in 0i64..400) {
        let from = terms.starts_on + TimeDelta::days(skip);
        let walked = std::iter::successors(terms.cycle_from(terms.starts_on, closes), |cycle| terms.cycle_after(cycle.on, closes))
            .find(|cycle| cycle.on >= from);
        prop_assert_eq!(terms.cycle_from(from, closes), walked);
    }

    /// Walks from one cycle to the next, and from one period to the next by the calendar alone: they are the same.
    #[test]
    fn each_period_has_exactly_one_cycle_whatever_the_anchor(start in 0i64..40_000, nth in 0usize..9, closes in any_closes()) {
        let frequencies = Frequency::ALL.iter().filter(|frequency| {
            !matches!(frequency, Frequency::Onetime | Frequency::Aspresented)
        });
        let frequency = *frequencies.collect::<Vec<_>>()[nth];
        let terms = Terms {
            schedule: Schedule::Every(frequency),
            starts_on: NaiveDate::from_ymd_opt(1990, 1, 1).unwrap() + TimeDelta::days(start),
            ends_on: None,
            time_zone: chrono_tz::Asia::Kolkata,
            debit_at: NaiveTime::from_hms_opt(6, 0, 0).unwrap(),
        };
        let first = terms.cycle_from(terms.starts_on, closes).unwrap();
        let cycles = std::iter::successors(Some(first), |cycle| terms.cycle_after(cycle.on, closes));
        let mut calendar: Vec<Period> = first
            .on
            .iter_days()
            .take(1_500)
            .filter_map(|day| Period::of(&terms.schedule, day))
            .collect();
        calendar.dedup();
        let last = first.on + TimeDelta::days(1_499);
        let walked: Vec<Period> = cycles
            .take_while(|cycle| cycle.on <= last)
            .map(|cycle| cycle.period)
            .collect();
        // The last period may have its cycle on a later day.
        prop_assert!(calendar.len() - walked.len() <= 1, "{} {}", frequency, terms.starts_on);
        prop_assert_eq!(&calendar[..walked.len()], &walked[..]);
    }
}
