//! The product's calendar and the judge's know nothing of each other: they must agree on random mandates.

use ::judge::calendar::{Recurrence, Term};
use chrono::{Days, NaiveTime};
use mandated::domain::cycle::{CycleCloses, Terms};
use mandated::domain::schedule::{CronSchedule, Frequency, Schedule};
use proptest::prelude::*;

use super::*;

const WORDS: [&str; 11] = [
    "onetime",
    "daily",
    "weekly",
    "fortnightly",
    "twicemonthly",
    "monthly",
    "bimonthly",
    "quarterly",
    "halfyearly",
    "yearly",
    "aspresented",
];

/// A mandate as both calendars read it.
#[derive(Debug)]
struct Both {
    product: Terms,
    judge: Term,
    from: NaiveDate,
    until: NaiveDate,
}

impl Both {
    fn new(
        (schedule, recurrence): (Schedule, Recurrence),
        (starts_on, ends_on): (NaiveDate, Option<NaiveDate>),
        (from, horizon): (NaiveDate, u64),
    ) -> Self {
        Self {
            product: Terms {
                schedule,
                starts_on,
                ends_on,
                time_zone: chrono_tz::Asia::Kolkata,
                debit_at: NaiveTime::from_hms_opt(9, 0, 0).unwrap(),
            },
            judge: Term {
                recurrence,
                starts_on,
                ends_on,
            },
            from,
            until: from + Days::new(horizon),
        }
    }

    fn product_days(&self) -> Vec<NaiveDate> {
        let first = self.product.cycle_from(self.from, CycleCloses::NextCycle);
        std::iter::successors(first, |cycle| {
            self.product.cycle_after(cycle.on, CycleCloses::NextCycle)
        })
        .map(|cycle| cycle.on)
        .take_while(|day| *day <= self.until)
        .collect()
    }

    fn judge_days(&self) -> Vec<NaiveDate> {
        self.judge.cycle_days(self.from, self.until)
    }
}

fn any_day() -> impl Strategy<Value = NaiveDate> {
    // 2019 to 2032: three leap years, and the ends of every month.
    (0..5000_u64).prop_map(|days| NaiveDate::from_ymd_opt(2019, 1, 1).unwrap() + Days::new(days))
}

fn both(recurrence: impl Strategy<Value = (Schedule, Recurrence)>) -> impl Strategy<Value = Both> {
    let term = (any_day(), prop::option::of(0..2000_u64));
    let range = (any_day(), 0..1500_u64);
    (recurrence, term, range).prop_map(|(recurrence, (starts_on, runs_for), range)| {
        let ends_on = runs_for.map(|days| starts_on + Days::new(days));
        Both::new(recurrence, (starts_on, ends_on), range)
    })
}

fn frequency() -> impl Strategy<Value = (Schedule, Recurrence)> {
    prop::sample::select(&WORDS[..]).prop_map(|word| {
        let frequency = Frequency::parse(word).unwrap();
        let recurrence = Recurrence::of_word(word).unwrap();
        (Schedule::Every(frequency), recurrence)
    })
}

/// Days of the month, months and weekdays in every way that an import takes them.
fn cron() -> impl Strategy<Value = (Schedule, Recurrence)> {
    let days = prop_oneof![
        Just("*".to_owned()),
        Just("?".to_owned()),
        (1..=31_u32).prop_map(|day| day.to_string()),
        (1..=31_u32, 1..=31_u32).prop_map(|(a, b)| format!("{a},{b}")),
        (1..=28_u32, 0..=3_u32).prop_map(|(first, more)| format!("{first}-{}", first + more)),
        (1..=15_u32).prop_map(|step| format!("*/{step}")),
        (1..=20_u32, 1..=15_u32).prop_map(|(first, step)| format!("{first}/{step}")),
    ];
    let months = prop::sample::select(
        &[
            "*",
            "*/2",
            "*/3",
            "1,7",
            "MAR",
            "apr-sep",
            "FEB,AUGUST",
            "3/4",
        ][..],
    );
    let weekdays = prop::sample::select(
        &[
            "*", "?", "MON", "mon-fri", "SUN,SAT", "Tuesday", "SUN-TUE", "MON/2",
        ][..],
    );
    (days, months, weekdays).prop_filter_map("some day matches", |(days, months, weekdays)| {
        let expression = format!("30 8 {days} {months} {weekdays}");
        let schedule = CronSchedule::parse(&expression).ok()?;
        let recurrence = Recurrence::Cron(expression.parse().unwrap());
        Some((Schedule::Cron(Box::new(schedule)), recurrence))
    })
}

proptest! {
    #[test]
    fn both_calendars_agree_on_the_cycles_of_a_frequency(both in both(frequency())) {
        prop_assert_eq!(both.product_days(), both.judge_days());
    }

    #[test]
    fn both_calendars_agree_on_the_cycles_of_a_cron_expression(both in both(cron())) {
        prop_assert_eq!(both.product_days(), both.judge_days());
    }
}

#[test]
fn the_judge_knows_every_frequency_that_can_be_imported() {
    for frequency in Frequency::ALL {
        let word = frequency.as_str();
        assert!(WORDS.contains(&word), "{word}");
        assert!(Recurrence::of_word(word).is_some(), "{word}");
    }
}
