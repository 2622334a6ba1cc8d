//! The auditor's own reading of the days of a cron expression: day of the month, month, day of the week and year must all match.

use chrono::{Datelike, NaiveDate};

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
/// Counted from 1, as the names of months are.
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The fields that decide about a day.
#[derive(Debug)]
pub(in super::super) struct Cron {
    day_of_month: Field,
    month: Field,
    weekday: Field,
    year: Option<Field>,
}

/// Numbers, as first, last and step.
type Field = Vec<(u32, u32, u32)>;

impl Cron {
    /// Five fields (minute first), six (second first) or seven (year last).
    pub(super) fn read(expression: &str) -> Option<Self> {
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let (day_of_month, month, weekday, year) = match fields.as_slice() {
            [_, _, day, month, weekday] | [_, _, _, day, month, weekday] => {
                (*day, *month, *weekday, None)
            }
            [_, _, _, day, month, weekday, year] => (*day, *month, *weekday, Some(*year)),
            _ => return None,
        };
        Some(Self {
            day_of_month: field(day_of_month, (1, 31), &[])?,
            month: field(month, (1, 12), &MONTHS)?,
            weekday: field(weekday, (1, 7), &WEEKDAYS)?,
            year: match year {
                Some(year) => Some(field(year, (1970, 2100), &[])?),
                None => None,
            },
        })
    }

    pub(super) fn fires_on(&self, day: NaiveDate) -> bool {
        let year = u32::try_from(day.year()).unwrap_or(0);
        matches(&self.day_of_month, day.day())
            && matches(&self.month, day.month())
            && matches(&self.weekday, day.weekday().number_from_monday())
            && self.year.as_ref().is_none_or(|field| matches(field, year))
    }
}

fn matches(field: &Field, value: u32) -> bool {
    field.iter().any(|(first, last, step)| {
        let past = value.checked_sub(*first).filter(|_| value <= *last);
        past.and_then(|past| past.checked_rem(*step)) == Some(0)
    })
}

fn field(text: &str, all: (u32, u32), words: &[&str]) -> Option<Field> {
    let number = |word: &str| {
        let word = word.to_ascii_lowercase();
        let named = words.iter().position(|known| word.starts_with(known));
        match named {
            Some(at) => u32::try_from(at).ok()?.checked_add(1),
            None => word.parse().ok(),
        }
    };
    let part = |part: &str| {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse().ok()?)),
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => all,
            Some((from, to)) => (number(from)?, number(to)?),
            // A step from one number on goes to the end.
            None => (number(range)?, step.map_or(number(range)?, |_| all.1)),
        };
        (first <= last && step != Some(0)).then(|| (first, last, step.unwrap_or(1)))
    };
    text.split(',').map(part).collect()
}
