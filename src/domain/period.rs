//! Billing periods on a fixed calendar grid.
//!
//! A period is the name of a cycle that everybody can compute: it follows from the calendar and the mandate's frequency, never from
//! `starts_on` or `debit_at`. So a restored database, a copy and a second installation name the same cycle alike, and with it the
//! orders of the cycle ([`super::cycle_identity::CycleIdentity`]).
//!
//! | frequency | grid | name | why |
//! |---|---|---|---|
//! | `onetime` | the mandate's whole life | `once` | one debit, ever |
//! | `daily`, cron | day | `2026-11-22` | |
//! | `weekly` | ISO week | `2026-W47` | seven days lie between two cycles, so each week has one |
//! | `fortnightly`, `twicemonthly` | 1st to 15th, 16th to the end | `2026-11-H1`, `2026-11-H2` | Juspay's `rule_value` of FORTNIGHTLY is a day of a half month ("P2M mandate creation"); NACH's BIMN is two debits a calendar month ("`LotusPay`, Mandate frequencies"), of which one a half is the narrower reading |
//! | `monthly` | calendar month | `2026-11` | "one successful debit per month" ("Razorpay, Execute Subsequent Payments") |
//! | `bimonthly` | January and February, … | `2026-01+02` | |
//! | `quarterly` | quarter | `2026-Q4` | |
//! | `halfyearly` | half-year | `2026-H2` | |
//! | `yearly` | calendar year | `2026` | |
//! | `aspresented` | the presented day | `2026-11-22` | |

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use chrono::{Datelike, Days, Months, NaiveDate, Weekday};

use super::schedule::{Frequency, Schedule};

/// A billing period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    grid: Grid,
    first_day: NaiveDate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Grid {
    Once,
    Day,
    Week,
    HalfMonth,
    Months(MonthCount),
}

impl Grid {
    const ALL: [Self; 9] = [
        Self::Once,
        Self::Day,
        Self::Week,
        Self::HalfMonth,
        Self::Months(MonthCount::One),
        Self::Months(MonthCount::Two),
        Self::Months(MonthCount::Three),
        Self::Months(MonthCount::Six),
        Self::Months(MonthCount::Twelve),
    ];
}

/// How many months a period has. All of them divide a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum MonthCount {
    One,
    Two,
    Three,
    Six,
    Twelve,
}

impl MonthCount {
    const fn get(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Three => 3,
            Self::Six => 6,
            Self::Twelve => 12,
        }
    }
}

/// A text that names no period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it names no period: a day is 2026-11-22, a week 2026-W47, a half month 2026-11-H1, a month 2026-11"
)]
pub struct PeriodError;

impl Period {
    /// The period of a schedule that a day lies in.
    pub fn of(schedule: &Schedule, day: NaiveDate) -> Option<Self> {
        let grid = match schedule {
            Schedule::Cron(_) => Grid::Day,
            Schedule::Every(frequency) => match frequency {
                Frequency::Onetime => Grid::Once,
                Frequency::Daily | Frequency::Aspresented => Grid::Day,
                Frequency::Weekly => Grid::Week,
                Frequency::Fortnightly | Frequency::Twicemonthly => Grid::HalfMonth,
                Frequency::Monthly => Grid::Months(MonthCount::One),
                Frequency::Bimonthly => Grid::Months(MonthCount::Two),
                Frequency::Quarterly => Grid::Months(MonthCount::Three),
                Frequency::Halfyearly => Grid::Months(MonthCount::Six),
                Frequency::Yearly => Grid::Months(MonthCount::Twelve),
            },
        };
        Self::on(grid, day)
    }

    /// A day as a period of its own.
    pub const fn day(day: NaiveDate) -> Self {
        Self {
            grid: Grid::Day,
            first_day: day,
        }
    }

    /// What the cycles of a mandate that were open between two days may be called, whatever its schedule is or was. A cycle may be open
    /// after its period: until the next one begins, and one that is called after a day for `open_days`.
    pub fn all_open_between(first: NaiveDate, last: NaiveDate, open_days: Days) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for grid in Grid::ALL {
            let before = match grid {
                Grid::Day => first.checked_sub_days(open_days),
                Grid::Once | Grid::Week | Grid::HalfMonth | Grid::Months(_) => {
                    Self::on(grid, first).and_then(|period| period.first_day.pred_opt())
                }
            };
            let days = before.unwrap_or(first).iter_days();
            let days = days.take_while(|day| *day <= last);
            let mut periods: Vec<Self> = days.filter_map(|day| Self::on(grid, day)).collect();
            periods.dedup();
            all.extend(periods);
        }
        all
    }

    /// Its first day, and the first one after it; nothing of the period that has no end.
    pub fn days(self) -> Option<Range<NaiveDate>> {
        let first = self.first_day;
        let next = match self.grid {
            Grid::Once => return None,
            Grid::Day => first.succ_opt()?,
            Grid::Week => first.checked_add_days(Days::new(7))?,
            Grid::HalfMonth if first.day() == 1 => first.with_day(SIXTEENTH)?,
            Grid::HalfMonth => first.with_day(1)?.checked_add_months(Months::new(1))?,
            Grid::Months(count) => first.checked_add_months(Months::new(count.get()))?,
        };
        Some(first..next)
    }

    fn on(grid: Grid, day: NaiveDate) -> Option<Self> {
        let first_day = match grid {
            // One for all days.
            Grid::Once => NaiveDate::MIN,
            Grid::Day => day,
            Grid::Week => day.week(Weekday::Mon).checked_first_day()?,
            Grid::HalfMonth => day.with_day(if day.day() <= HALF { 1 } else { SIXTEENTH })?,
            Grid::Months(count) => {
                let past = day.month0().checked_rem(count.get())?;
                day.with_day(1)?
                    .with_month0(day.month0().checked_sub(past)?)?
            }
        };
        Some(Self { grid, first_day })
    }
}

/// The last day of a month's first half.
pub(super) const HALF: u32 = 15;
const SIXTEENTH: u32 = 16;

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = self.first_day;
        let (year, month) = (day.year(), day.month());
        match self.grid {
            Grid::Once => f.write_str("once"),
            Grid::Day => write!(f, "{day}"),
            Grid::Week => write!(f, "{}", day.format("%G-W%V")),
            Grid::HalfMonth if day.day() == 1 => write!(f, "{}-H1", day.format("%Y-%m")),
            Grid::HalfMonth => write!(f, "{}-H2", day.format("%Y-%m")),
            Grid::Months(MonthCount::One) => write!(f, "{}", day.format("%Y-%m")),
            Grid::Months(MonthCount::Two) => {
                write!(f, "{year:04}-{month:02}+{:02}", month.saturating_add(1))
            }
            Grid::Months(MonthCount::Three) => write!(f, "{year:04}-Q{}", nth(day.month0(), 3)),
            Grid::Months(MonthCount::Six) => write!(f, "{year:04}-H{}", nth(day.month0(), 6)),
            Grid::Months(MonthCount::Twelve) => write!(f, "{year:04}"),
        }
    }
}

/// Which part of the year begins with a month, counted from 1.
fn nth(month0: u32, length: u32) -> u32 {
    month0
        .checked_div(length)
        .unwrap_or_default()
        .saturating_add(1)
}

impl FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        parse(text)
            .filter(|period| period.to_string() == text)
            .ok_or(PeriodError)
    }
}

/// Reads the first day out of a name. The caller compares the name that comes of it, so a slip here is refused.
fn parse(text: &str) -> Option<Period> {
    if text == "once" {
        return Period::on(Grid::Once, NaiveDate::MIN);
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Period::on(Grid::Day, day);
    }
    let year = text.get(..4)?;
    let day = |month: &str, day: &str| {
        NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?)
    };
    let part: Vec<&str> = text.get(4..)?.split('-').skip(1).collect();
    match part.as_slice() {
        [] => Period::on(Grid::Months(MonthCount::Twelve), day("1", "1")?),
        [month, half] => {
            let first = if *half == "H1" { "1" } else { "16" };
            Period::on(Grid::HalfMonth, day(month, first)?)
        }
        [part] => match (part.split_once('+'), part.chars().next()?) {
            (Some((month, _)), _) => Period::on(Grid::Months(MonthCount::Two), day(month, "1")?),
            (None, 'W') => {
                let week = part.get(1..)?.parse().ok()?;
                let monday = NaiveDate::from_isoywd_opt(year.parse().ok()?, week, Weekday::Mon)?;
                Period::on(Grid::Week, monday)
            }
            (None, 'Q') => {
                let month = first_month(part, 3)?.to_string();
                Period::on(Grid::Months(MonthCount::Three), day(&month, "1")?)
            }
            (None, 'H') => {
                let month = first_month(part, 6)?.to_string();
                Period::on(Grid::Months(MonthCount::Six), day(&month, "1")?)
            }
            (None, _) => Period::on(Grid::Months(MonthCount::One), day(part, "1")?),
        },
        _ => None,
    }
}

/// The month that the nth part of a year begins with.
fn first_month(part: &str, months: u32) -> Option<u32> {
    let nth: u32 = part.get(1..)?.parse().ok()?;
    nth.checked_sub(1)?.checked_mul(months)?.checked_add(1)
}
