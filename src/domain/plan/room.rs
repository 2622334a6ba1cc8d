//! How many days a cycle leaves for its retries, before its period ends.

use std::time::Duration;

use chrono::{Days, NaiveDate, TimeDelta};
use serde::Serialize;

use crate::domain::cycle::{Cycle, CycleCloses, Terms};
use crate::domain::policy::Policy;

/// A cycle that ends before its retries can all be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ShortRoom {
    /// The cycle's day.
    pub cycle_on: NaiveDate,
    /// Whole days from the debit to the end of the period.
    pub days_left: i64,
    /// Days that the retries can take.
    pub days_wanted: i64,
    /// The last day of the period that leaves so many; nothing if the whole period is too short.
    pub debit_by: Option<NaiveDate>,
}

/// The room of a cycle that its period closes, if it is too short. A cycle that the next one closes is as long as the merchant wants it.
pub fn short_room(cycle: &Cycle, terms: &Terms, policy: &Policy) -> Option<ShortRoom> {
    match policy.cycle_closes {
        CycleCloses::Period => {}
        CycleCloses::NextCycle => return None,
    }
    let period = terms.counted_period(cycle.on)?;
    let left = cycle.closes_at.signed_duration_since(cycle.debit_at);
    let wanted = retries_take(policy)?;
    if left >= wanted {
        return None;
    }
    let days_wanted = wanted
        .num_days()
        .saturating_add(i64::from(wanted > TimeDelta::days(wanted.num_days())));
    let days = Days::new(u64::try_from(days_wanted).ok()?);
    let debit_by = period.end.checked_sub_days(days);
    Some(ShortRoom {
        cycle_on: cycle.on,
        days_left: left.num_days(),
        days_wanted,
        debit_by: debit_by.filter(|day| period.contains(day)),
    })
}

/// How long all attempts and all orders of a cycle can take: each attempt waits for the bank's answer to the one before and the gap after
/// it; each order waits until the one before is dead, and for its own notification.
fn retries_take(policy: &Policy) -> Option<TimeDelta> {
    let gap = policy.min_gap_after_failure;
    let answer = policy.lookup_after.last().copied().unwrap_or_default();
    let retry = if gap.is_zero() {
        policy.min_gap
    } else {
        gap.checked_add(answer)?
    };
    let order = policy
        .provider_retry_horizon
        .checked_add(policy.notify_to_debit)?
        .checked_add(policy.notify_lead)?;
    let retries = retry.checked_mul(u32::from(policy.max_attempts.saturating_sub(1)))?;
    let orders = order.checked_mul(u32::from(policy.max_orders.saturating_sub(1)))?;
    let all: Duration = retries.checked_add(orders)?;
    TimeDelta::from_std(all).ok()
}

#[cfg(test)]
mod tests {
    use chrono::NaiveTime;

    use super::super::tests::policy;
    use super::*;
    use crate::domain::schedule::{Frequency, Schedule};

    fn room(frequency: Frequency, day: &str, policy: &Policy) -> Option<(i64, Option<String>)> {
        let day: NaiveDate = day.parse().unwrap();
        let terms = Terms {
            schedule: Schedule::Every(frequency),
            starts_on: day,
            ends_on: None,
            time_zone: chrono_tz::Asia::Kolkata,
            debit_at: NaiveTime::from_hms_opt(7, 0, 0).unwrap(),
        };
        let cycle = terms.cycle_from(day, policy.cycle_closes).unwrap();
        let short = short_room(&cycle, &terms, policy)?;
        let by = short.debit_by.map(|day| day.to_string());
        Some((short.days_left, by))
    }

    #[test]
    fn a_debit_day_near_the_end_of_its_period_is_named_with_a_better_one() {
        // Two more presentations by NACH, each five days after the one before: three after a return that takes two.
        let mut nach = policy(&[], &[]);
        nach.cycle_closes = CycleCloses::Period;
        nach.max_orders = 1;
        nach.max_attempts = 3;
        nach.min_gap_after_failure = Duration::from_hours(72);
        nach.lookup_after = vec![Duration::from_hours(48)];
        for (frequency, day, short) in [
            (Frequency::Monthly, "2027-02-18", None),
            (
                Frequency::Monthly,
                "2027-02-19",
                Some((9, Some("2027-02-19"))),
            ),
            (
                Frequency::Monthly,
                "2027-02-28",
                Some((0, Some("2027-02-19"))),
            ),
            (Frequency::Weekly, "2027-02-01", Some((6, None))),
        ] {
            let short = short.map(|(left, by): (i64, Option<&str>)| (left, by.map(str::to_owned)));
            assert_eq!(room(frequency, day, &nach), short, "{frequency} {day}");
        }
        nach.cycle_closes = CycleCloses::NextCycle;
        assert_eq!(room(Frequency::Monthly, "2027-02-28", &nach), None);
    }
}
