//! The days of a cron expression. The time of day does not matter here: a cycle is a day.

use std::ops::RangeInclusive;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

/// Sunday is the first day: a range runs from Sunday to Saturday.
const WEEKDAYS: [&str; 7] = [
    "sunday",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
];

/// The days on which a cron expression fires: the day of the month, the month, the day of the week and the year must
/// all match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronDays {
    days_of_month: Vec<u32>,
    months: Vec<u32>,
    weekdays: Vec<u32>,
    years: Vec<u32>,
}

/// Why the days of a cron expression cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronDaysError {
    #[error("{0:?} has not 5, 6 or 7 fields")]
    Fields(String),
    #[error(
        "{field:?} is not a list of numbers, names, ranges and steps from {lowest} to {highest}"
    )]
    Field {
        field: String,
        lowest: u32,
        highest: u32,
    },
}

impl CronDays {
    /// Whether it fires on a day.
    pub fn matches(&self, day: NaiveDate) -> bool {
        let year = u32::try_from(day.year()).unwrap_or(0);
        self.days_of_month.contains(&day.day())
            && self.months.contains(&day.month())
            && self.weekdays.contains(&day.weekday().number_from_sunday())
            && self.years.contains(&year)
    }
}

impl FromStr for CronDays {
    type Err = CronDaysError;

    /// Reads 5 fields (minute first), 6 (second first) or 7 (year last).
    fn from_str(expression: &str) -> Result<Self, CronDaysError> {
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let (day_of_month, month, weekday, year) = match fields.as_slice() {
            [_, _, day, month, weekday] | [_, _, _, day, month, weekday] => {
                (day, month, weekday, &"*")
            }
            [_, _, _, day, month, weekday, year] => (day, month, weekday, year),
            _ => return Err(CronDaysError::Fields(expression.to_owned())),
        };
        Ok(Self {
            days_of_month: values(day_of_month, 1..=31, &[])?,
            months: values(month, 1..=12, &MONTHS)?,
            weekdays: values(weekday, 1..=7, &WEEKDAYS)?,
            years: values(year, 1970..=2100, &[])?,
        })
    }
}

/// The values of a field such as `1,15`, `MON-FRI` or `*/10`.
fn values(
    field: &str,
    all: RangeInclusive<u32>,
    names: &[&str],
) -> Result<Vec<u32>, CronDaysError> {
    let (lowest, highest) = (*all.start(), *all.end());
    let unreadable = || CronDaysError::Field {
        field: field.to_owned(),
        lowest,
        highest,
    };
    let mut values = Vec::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => {
                let step = step.parse::<usize>().ok().filter(|step| *step > 0);
                (range, Some(step.ok_or_else(unreadable)?))
            }
        };
        let value = |text: &str| value(text, names).filter(|value| all.contains(value));
        let range = match range.split_once('-') {
            None if matches!(range, "*" | "?") => Some(all.clone()),
            // With a step, one value is where the steps begin.
            None if step.is_some() => value(range).map(|first| first..=highest),
            None => value(range).map(|only| only..=only),
            Some((first, last)) => value(first)
                .zip(value(last))
                .map(|(first, last)| first..=last),
        };
        let range = range
            .filter(|range| !range.is_empty())
            .ok_or_else(unreadable)?;
        values.extend(range.step_by(step.unwrap_or(1)));
    }
    Ok(values)
}

/// A number, or a name of which at least three letters are written.
fn value(text: &str, names: &[&str]) -> Option<u32> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let name = text.to_ascii_lowercase();
    let position = names
        .iter()
        .position(|known| name.len() >= 3 && known.starts_with(&name))?;
    u32::try_from(position).ok()?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first_days(expression: &str) -> String {
        let cron: CronDays = expression.parse().unwrap();
        let start = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        let days = start
            .iter_days()
            .take(1000)
            .filter(|day| cron.matches(*day));
        let days: Vec<String> = days.take(3).map(|day| day.to_string()).collect();
        days.join(" ")
    }

    #[test]
    fn lists_ranges_steps_and_names_are_the_days_of_a_crontab() {
        for (expression, expected) in [
            ("0 9 1,15 * *", "2026-01-01 2026-01-15 2026-02-01"),
            ("0 9 31 * ?", "2026-01-31 2026-03-31 2026-05-31"),
            ("0 9 */10 * *", "2026-01-01 2026-01-11 2026-01-21"),
            ("0 9 20/5 * *", "2026-01-20 2026-01-25 2026-01-30"),
            ("0 0 9 * * MON-WED", "2026-01-05 2026-01-06 2026-01-07"),
            // Both days must match: the first Monday of the month.
            ("0 9 1-7 * Mon", "2026-01-05 2026-02-02 2026-03-02"),
            ("0 9 1 mar,SEPTEMBER *", "2026-03-01 2026-09-01 2027-03-01"),
            ("0 0 9 29 2 * 2028", "2028-02-29"),
        ] {
            assert_eq!(first_days(expression), expected, "{expression}");
        }
    }

    #[test]
    fn what_is_no_list_of_days_is_refused() {
        for expression in [
            "",
            "0 9 1 *",
            "0 9 32 * *",
            "0 9 0 * *",
            "0 9 1-x * *",
            "0 9 7-1 * *",
            "0 9 */0 * *",
            "0 9 1 13 *",
            "0 9 1 * MO",
        ] {
            assert!(expression.parse::<CronDays>().is_err(), "{expression}");
        }
    }
}
