//! On which days the cycles of a mandate begin: in the providers' words for a frequency, or by a cron expression.

use chrono::{Datelike, NaiveDate};

use super::cron_days::CronDays;
use super::india::next_day;

/// How often a mandate is collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recurrence {
    /// On the first day and never again.
    Once,
    /// Each time so many days have passed.
    EveryDays(u32),
    /// Each time so many months have passed, on the first day's day of the month or, where the month is too short for
    /// it, on the month's last day.
    EveryMonths(u32),
    /// Once from the 1st to the 15th of a month and once from the 16th on, 15 days apart: Juspay's rule value of FORTNIGHTLY is a day
    /// of a half month ("P2M mandate creation"), and NACH's BIMN is two debits a calendar month ("`LotusPay`, Mandate frequencies").
    EveryHalfMonth,
    /// On the days of a cron expression.
    Cron(CronDays),
    /// Whenever the merchant presents a cycle.
    AsPresented,
}

impl Recurrence {
    /// Juspay's words, "Mandate Order Creation": `ONETIME`, `DAILY`, `WEEKLY`, `FORTNIGHTLY` and so on, here in lower
    /// case.
    pub fn of_word(word: &str) -> Option<Self> {
        let recurrence = match word {
            "onetime" => Self::Once,
            "daily" => Self::EveryDays(1),
            "weekly" => Self::EveryDays(7),
            "fortnightly" | "twicemonthly" => Self::EveryHalfMonth,
            "monthly" => Self::EveryMonths(1),
            "bimonthly" => Self::EveryMonths(2),
            "quarterly" => Self::EveryMonths(3),
            "halfyearly" => Self::EveryMonths(6),
            "yearly" => Self::EveryMonths(12),
            "aspresented" => Self::AsPresented,
            _ => return None,
        };
        Some(recurrence)
    }
}

/// For how long a mandate runs, and how often it is collected meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    pub recurrence: Recurrence,
    pub starts_on: NaiveDate,
    /// The last day, itself included.
    pub ends_on: Option<NaiveDate>,
}

impl Term {
    /// The days from `from` to `until`, both included, on which a cycle begins.
    pub fn cycle_days(&self, from: NaiveDate, until: NaiveDate) -> Vec<NaiveDate> {
        let last = self.ends_on.map_or(until, |ends_on| ends_on.min(until));
        match &self.recurrence {
            Recurrence::AsPresented => Vec::new(),
            Recurrence::Once => within(std::iter::once(self.starts_on), from, last),
            Recurrence::EveryDays(step) => within(self.every_days(*step), from, last),
            Recurrence::EveryHalfMonth => within(self.every_half_month(), from, last),
            Recurrence::EveryMonths(step) => within(self.every_months(*step), from, last),
            Recurrence::Cron(cron) => {
                let first = self.starts_on.max(from);
                let days = std::iter::successors(Some(first), |day| Some(next_day(*day)));
                within(days, from, last)
                    .into_iter()
                    .filter(|day| cron.matches(*day))
                    .collect()
            }
        }
    }

    fn every_days(&self, step: u32) -> impl Iterator<Item = NaiveDate> {
        let step = usize::try_from(step.max(1)).unwrap_or(1);
        self.starts_on.iter_days().step_by(step)
    }

    /// Month after month the same two days, beginning with the first day's own half.
    fn every_half_month(&self) -> impl Iterator<Item = NaiveDate> {
        let start = self.starts_on;
        let early = if start.day() > 15 {
            start.day().saturating_sub(15).min(15)
        } else {
            start.day()
        };
        let late = if start.day() > 15 {
            start.day()
        } else {
            start.day().saturating_add(15)
        };
        let months = std::iter::successors(Some((start.year(), start.month())), |month| {
            months_later(*month, 1)
        });
        months
            .flat_map(move |(year, month)| [early, late].map(|day| clamped(year, month, day)))
            .map_while(|day| day)
            .skip_while(move |day| *day < start)
    }

    fn every_months(&self, step: u32) -> impl Iterator<Item = NaiveDate> {
        let (day, start) = (self.starts_on.day(), self.starts_on);
        let months = std::iter::successors(Some((start.year(), start.month())), move |month| {
            months_later(*month, step)
        });
        months.map_while(move |(year, month)| clamped(year, month, day))
    }
}

/// Those from `from` to `last` of days that are in order.
fn within(
    days: impl Iterator<Item = NaiveDate>,
    from: NaiveDate,
    last: NaiveDate,
) -> Vec<NaiveDate> {
    days.take_while(|day| *day <= last)
        .filter(|day| *day >= from)
        .collect()
}

fn months_later((year, month): (i32, u32), step: u32) -> Option<(i32, u32)> {
    let mut year = year;
    let mut month = month.checked_add(step.max(1))?;
    while month > 12 {
        month = month.checked_sub(12)?;
        year = year.checked_add(1)?;
    }
    Some((year, month))
}

/// A day of a month, or the month's last one.
fn clamped(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    let fits = |day| NaiveDate::from_ymd_opt(year, month, day);
    fits(day)
        .or_else(|| fits(30))
        .or_else(|| fits(29))
        .or_else(|| fits(28))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(recurrence: Recurrence, starts_on: &str, from: &str, until: &str) -> String {
        let day = |text: &str| text.parse().unwrap();
        let term = Term {
            recurrence,
            starts_on: day(starts_on),
            ends_on: Some(day("2028-03-31")),
        };
        let days = term.cycle_days(day(from), day(until));
        let days: Vec<String> = days.iter().map(ToString::to_string).collect();
        days.join(" ")
    }

    #[test]
    fn each_frequency_counts_from_the_first_day() {
        for (word, starts_on, from, until, expected) in [
            (
                "onetime",
                "2026-01-31",
                "2026-01-01",
                "2027-01-01",
                "2026-01-31",
            ),
            ("onetime", "2026-01-31", "2026-02-01", "2027-01-01", ""),
            (
                "daily",
                "2028-02-01",
                "2028-02-28",
                "2028-03-01",
                "2028-02-28 2028-02-29 2028-03-01",
            ),
            (
                "weekly",
                "2026-12-28",
                "2027-01-01",
                "2027-01-11",
                "2027-01-04 2027-01-11",
            ),
            (
                "fortnightly",
                "2026-02-20",
                "2026-02-20",
                "2026-03-20",
                "2026-02-20 2026-03-05 2026-03-20",
            ),
            (
                "monthly",
                "2026-01-31",
                "2026-02-01",
                "2026-04-30",
                "2026-02-28 2026-03-31 2026-04-30",
            ),
            (
                "bimonthly",
                "2027-12-31",
                "2027-12-31",
                "2028-03-01",
                "2027-12-31 2028-02-29",
            ),
            (
                "quarterly",
                "2026-11-30",
                "2026-11-30",
                "2027-05-31",
                "2026-11-30 2027-02-28 2027-05-30",
            ),
            (
                "halfyearly",
                "2026-08-31",
                "2026-08-31",
                "2027-09-01",
                "2026-08-31 2027-02-28 2027-08-31",
            ),
            (
                "yearly",
                "2024-02-29",
                "2025-01-01",
                "2028-12-31",
                "2025-02-28 2026-02-28 2027-02-28 2028-02-29",
            ),
            ("aspresented", "2026-01-01", "2026-01-01", "2027-01-01", ""),
        ] {
            let recurrence = Recurrence::of_word(word).unwrap();
            assert_eq!(
                days(recurrence, starts_on, from, until),
                expected,
                "{word} from {starts_on}"
            );
        }
        assert_eq!(Recurrence::of_word("often"), None);
    }

    #[test]
    fn no_cycle_begins_after_the_last_day_of_the_mandate() {
        let monthly = Recurrence::EveryMonths(1);
        assert_eq!(
            days(monthly, "2026-01-31", "2028-02-01", "2028-12-31"),
            "2028-02-29 2028-03-31"
        );
    }

    #[test]
    fn a_cron_expression_begins_no_cycle_before_the_first_day() {
        let cron = Recurrence::Cron("0 9 1,15 * *".parse().unwrap());
        assert_eq!(
            days(cron, "2026-01-02", "2026-01-01", "2026-02-20"),
            "2026-01-15 2026-02-01 2026-02-15"
        );
    }
}
