//! What holds for every cycle, every zone and all windows.

#![expect(clippy::arithmetic_side_effects, reason = "test data is small")]

use std::time::Duration;

use chrono::{NaiveTime, TimeDelta};
use proptest::prelude::*;

use super::tests::policy;
use super::*;
use crate::domain::cycle::CycleCloses;
use crate::domain::schedule::{Frequency, Schedule};
use crate::domain::window::properties::{any_windows, any_zone};

const HOUR: TimeDelta = TimeDelta::hours(1);

#[derive(Debug, Clone)]
struct Case {
    cycle: Cycle,
    policy: Policy,
    notify: Notify,
    seed: i64,
}

fn any_case() -> impl Strategy<Value = Case> {
    use Frequency as F;
    let frequency =
        prop::sample::select(vec![F::Onetime, F::Daily, F::Weekly, F::Monthly, F::Yearly]);
    let cycle = (frequency, 0i64..20_000, any_zone(), 0u32..86_400).prop_filter_map(
        "a day that the zone leaves out",
        |(frequency, start, time_zone, second)| {
            let starts_on = NaiveDate::from_ymd_opt(1990, 1, 1).unwrap() + TimeDelta::days(start);
            let debit_at = NaiveTime::from_num_seconds_from_midnight_opt(second, 0).unwrap();
            let schedule = Schedule::Every(frequency);
            Terms {
                schedule,
                starts_on,
                ends_on: None,
                time_zone,
                debit_at,
            }
            .cycle_from(starts_on, CycleCloses::NextCycle)
        },
    );
    let windows =
        any_zone().prop_flat_map(|zone| (any_windows(Just(zone)), any_windows(Just(zone))));
    let notify = prop::sample::select(vec![Notify::Separate, Notify::Provider, Notify::None]);
    (cycle, windows, 0u64..30, 0u64..8, notify, any::<i64>()).prop_map(
        |(cycle, (debit_windows, notify_windows), jitter, lead, notify, seed)| {
            let policy = Policy {
                debit_windows,
                notify_windows,
                jitter: Duration::from_mins(jitter),
                notify_lead: Duration::from_hours(lead),
                ..policy(&[], &[])
            };
            Case {
                cycle,
                policy,
                notify,
                seed,
            }
        },
    )
}

impl Case {
    fn timetable(&self) -> Option<Timetable> {
        timetable(
            &self.cycle,
            ProviderKind::Juspay,
            self.notify,
            &self.policy,
            self.seed,
        )
    }

    /// The start from an instant on, if there is one.
    fn start(&self, now: Timestamp) -> Option<Span> {
        match start(
            &self.cycle,
            ProviderKind::Juspay,
            self.notify,
            &self.policy,
            self.seed,
            now,
        ) {
            Start::At(_, span) => Some(span),
            Start::Closed { .. } => None,
        }
    }

    /// The debit that a start leads to.
    fn debit(&self, started: Timestamp) -> Option<Timestamp> {
        if self.notify == Notify::None {
            return Some(started);
        }
        let debit = debit_after_notice(&self.cycle, &self.policy, self.seed, started, started);
        debit.map(|debit| debit.opens)
    }

    /// The rules that no plan may break.
    fn check(&self, start: Timestamp, debit: Timestamp) -> Result<(), TestCaseError> {
        prop_assert!(self.policy.debit_windows.contains(debit));
        prop_assert!(debit >= self.cycle.debit_at && debit < self.cycle.closes_at);
        if self.notify != Notify::None {
            prop_assert!(self.policy.notify_windows.contains(start));
            prop_assert!(debit - start >= HOUR * 25 && debit - start <= HOUR * 48);
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_plan_breaks_a_rule(case in any_case()) {
        let Some(plan) = case.timetable() else { return Ok(()) };
        case.check(plan.start_at, plan.debit.opens)?;
        prop_assert!(plan.start_at <= plan.last_safe_start);
        prop_assert_eq!(plan.notify_at.is_some(), case.notify != Notify::None);
        let end = case.policy.debit_windows.at_or_after(plan.debit.opens).unwrap().closes;
        prop_assert_eq!(plan.debit.closes, end);
        prop_assert_eq!(case.start(plan.start_at - HOUR * 100).unwrap().opens, plan.start_at);
        prop_assert_eq!(case.start(plan.start_at).unwrap().opens, plan.start_at);
    }

    #[test]
    fn a_late_start_breaks_no_rule_either(case in any_case(), late in 0i64..10_000_000) {
        let Some(plan) = case.timetable() else { return Ok(()) };
        let now = plan.start_at + TimeDelta::milliseconds(late * 97);
        if let Some(span) = case.start(now) {
            prop_assert!(span.opens >= now && span.closes.is_none_or(|closes| span.opens < closes));
            let debit = case.debit(span.opens);
            prop_assert!(debit.is_some());
            case.check(span.opens, debit.unwrap())?;
        } else {
            // Closed means closed: no minute of the rest of the cycle would have done.
            let mut at = now;
            while at < case.cycle.closes_at && at < now + HOUR * 24 * 3 {
                let windows = match case.notify {
                    Notify::None => &case.policy.debit_windows,
                    Notify::Separate | Notify::Provider => &case.policy.notify_windows,
                };
                prop_assert!(!windows.contains(at) || case.debit(at).is_none());
                at += TimeDelta::minutes(1);
            }
        }
    }

    #[test]
    fn the_last_safe_start_is_safe_and_the_last(case in any_case()) {
        let Some(plan) = case.timetable() else { return Ok(()) };
        let last = case.start(plan.last_safe_start);
        prop_assert_eq!(last.map(|span| span.opens), Some(plan.last_safe_start));
        prop_assert_eq!(case.start(plan.last_safe_start + TICK), None);
    }
}
