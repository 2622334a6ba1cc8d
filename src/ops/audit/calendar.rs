//! The auditor's own calendar: on which days a mandate has a cycle, and what the period of a day is called. Written from DESIGN §5 and
//! the documentation of the frequencies; `domain::cycle` computes the next day, this asks of a day whether it is one.

mod cron;

use chrono::{Datelike, NaiveDate};

pub(super) use cron::Cron;

/// The last day of a month's first half.
const HALF: u32 = 15;

/// When the cycles of a mandate are, as its row says.
#[derive(Debug)]
pub(super) struct Days {
    rhythm: Rhythm,
    starts_on: NaiveDate,
    ends_on: Option<NaiveDate>,
}

#[derive(Debug)]
enum Rhythm {
    Once,
    EveryDay,
    EverySevenDays,
    EveryHalfMonth,
    EveryMonths(u32),
    Cron(Cron),
}

impl Days {
    /// Nothing where the merchant presents each cycle, or where the row says what the auditor cannot read.
    pub(super) fn read(
        (frequency, cron): (Option<&str>, Option<&str>),
        starts_on: NaiveDate,
        ends_on: Option<NaiveDate>,
    ) -> Option<Self> {
        let rhythm = match (frequency, cron) {
            (None, Some(cron)) => Rhythm::Cron(Cron::read(cron)?),
            (Some("onetime"), _) => Rhythm::Once,
            (Some("daily"), _) => Rhythm::EveryDay,
            (Some("weekly"), _) => Rhythm::EverySevenDays,
            (Some("fortnightly" | "twicemonthly"), _) => Rhythm::EveryHalfMonth,
            (Some(word), _) => Rhythm::EveryMonths(months(word)?),
            (None, None) => return None,
        };
        Some(Self {
            rhythm,
            starts_on,
            ends_on,
        })
    }

    /// Whether a day is the day of a cycle.
    pub(super) fn has(&self, day: NaiveDate) -> bool {
        if day < self.starts_on || self.ends_on.is_some_and(|last| last < day) {
            return false;
        }
        let first = self.starts_on;
        match &self.rhythm {
            Rhythm::Once => day == first,
            Rhythm::EveryDay => true,
            Rhythm::EverySevenDays => day.signed_duration_since(first).num_days() % 7 == 0,
            Rhythm::EveryHalfMonth => {
                let into_half = if first.day() > HALF {
                    first.day().saturating_sub(HALF)
                } else {
                    first.day()
                };
                let second = into_half.saturating_add(HALF).min(length(day));
                day.day() == into_half.min(HALF) || day.day() == second
            }
            Rhythm::EveryMonths(months) => {
                let fits = months_between(first, day).checked_rem(*months) == Some(0);
                fits && day.day() == first.day().min(length(day))
            }
            Rhythm::Cron(cron) => cron.fires_on(day),
        }
    }
}

/// How many months a period has; nothing for what is no number of months.
fn months(frequency: &str) -> Option<u32> {
    Some(match frequency {
        "monthly" => 1,
        "bimonthly" => 2,
        "quarterly" => 3,
        "halfyearly" => 6,
        "yearly" => 12,
        _ => return None,
    })
}

/// Of two days in this order, by their months alone.
fn months_between(first: NaiveDate, day: NaiveDate) -> u32 {
    let number = |day: NaiveDate| {
        let years = u32::try_from(day.year()).unwrap_or(0);
        years.saturating_mul(12).saturating_add(day.month0())
    };
    number(day).saturating_sub(number(first))
}

/// How many days the month of a day has.
fn length(day: NaiveDate) -> u32 {
    match day.month() {
        2 if day.leap_year() => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The name of the period that a day lies in: of a mandate with this frequency, or of one with a cron expression.
pub(super) fn period(frequency: Option<&str>, day: NaiveDate) -> Option<String> {
    let (year, month) = (day.year(), day.month());
    let nth = |months: u32| {
        let part = day.month0().checked_div(months);
        part.unwrap_or_default().saturating_add(1)
    };
    Some(match frequency {
        None | Some("daily" | "aspresented") => format!("{year:04}-{month:02}-{:02}", day.day()),
        Some("onetime") => "once".to_owned(),
        Some("weekly") => {
            // A week belongs to the year of its Thursday.
            let past = i64::from(day.weekday().num_days_from_monday());
            let to_thursday = chrono::TimeDelta::days(3_i64.saturating_sub(past));
            let thursday = day.checked_add_signed(to_thursday)?;
            let week = thursday.ordinal0().checked_div(7)?.saturating_add(1);
            format!("{:04}-W{week:02}", thursday.year())
        }
        Some("fortnightly" | "twicemonthly") => {
            let half = if day.day() > HALF { 2 } else { 1 };
            format!("{year:04}-{month:02}-H{half}")
        }
        Some("monthly") => format!("{year:04}-{month:02}"),
        Some("bimonthly") => {
            let second = nth(2).saturating_mul(2);
            format!("{year:04}-{:02}+{second:02}", second.saturating_sub(1))
        }
        Some("quarterly") => format!("{year:04}-Q{}", nth(3)),
        Some("halfyearly") => format!("{year:04}-H{}", nth(6)),
        Some("yearly") => format!("{year:04}"),
        Some(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::cycle::{CycleCloses, Terms};
    use crate::domain::period::Period;
    use crate::domain::schedule::{CronSchedule, Frequency, Schedule};
    use chrono::NaiveTime;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn days(frequency: &str, starts_on: &str, from: &str, count: usize) -> Vec<String> {
        let read = Days::read((Some(frequency), None), day(starts_on), None).unwrap();
        let found = day(from).iter_days().filter(|day| read.has(*day));
        found.take(count).map(|day| day.to_string()).collect()
    }

    /// Written by hand from a calendar.
    #[test]
    fn the_days_of_each_frequency() {
        assert_eq!(
            days("monthly", "2026-01-31", "2026-02-01", 3),
            ["2026-02-28", "2026-03-31", "2026-04-30"]
        );
        assert_eq!(
            days("weekly", "2026-11-22", "2026-11-23", 2),
            ["2026-11-29", "2026-12-06"]
        );
        assert_eq!(
            days("fortnightly", "2026-01-31", "2026-02-01", 4),
            ["2026-02-15", "2026-02-28", "2026-03-15", "2026-03-31"]
        );
        assert_eq!(
            days("twicemonthly", "2026-11-03", "2026-11-04", 2),
            ["2026-11-18", "2026-12-03"]
        );
        assert_eq!(
            days("bimonthly", "2026-11-30", "2026-12-01", 2),
            ["2027-01-30", "2027-03-30"]
        );
        assert_eq!(
            days("yearly", "2024-02-29", "2025-01-01", 1),
            ["2025-02-28"]
        );
        assert_eq!(
            days("onetime", "2026-11-22", "2026-11-01", 1),
            ["2026-11-22"]
        );
    }

    /// Two calendars that share no line agree on fifteen years, for every frequency and many first days.
    #[test]
    fn the_days_and_periods_are_those_of_the_product() {
        for frequency in Frequency::ALL {
            if *frequency == Frequency::Aspresented {
                continue;
            }
            let schedule = Schedule::Every(*frequency);
            for first in [
                "2024-02-29",
                "2025-12-31",
                "2026-01-15",
                "2026-03-16",
                "2026-04-30",
            ] {
                let terms = Terms {
                    schedule: schedule.clone(),
                    starts_on: day(first),
                    ends_on: Some(day("2039-01-01")),
                    time_zone: chrono_tz::Asia::Kolkata,
                    debit_at: NaiveTime::MIN,
                };
                let word = frequency.as_str();
                let read = Days::read((Some(word), None), day(first), terms.ends_on).unwrap();
                for day in day(first).iter_days().take(5_500) {
                    let theirs = terms
                        .cycle_from(day, CycleCloses::NextCycle)
                        .is_some_and(|cycle| cycle.on == day);
                    assert_eq!(read.has(day), theirs, "{word} from {first}: {day}");
                    let name = Period::of(&schedule, day).unwrap().to_string();
                    assert_eq!(period(Some(word), day).unwrap(), name, "{word} {day}");
                }
            }
        }
    }

    #[test]
    fn cron_fires_on_the_days_of_the_product() {
        for expression in [
            "0 6 1 * *",
            "30 6 1,15 * *",
            "0 9 1-7 * MON",
            "0 6 */10 * *",
            "0 6 * * MON-FRI",
            "0 0 6 5 JAN,Jul ?",
            "0 6 2-30/7 3-11/2 *",
            "0 0 6 29 2 * 2028-2036",
        ] {
            let theirs = Terms {
                schedule: Schedule::Cron(Box::new(CronSchedule::parse(expression).unwrap())),
                starts_on: day("2026-01-01"),
                ends_on: None,
                time_zone: chrono_tz::Asia::Kolkata,
                debit_at: NaiveTime::MIN,
            };
            let ours = Days::read((None, Some(expression)), theirs.starts_on, None).unwrap();
            for day in theirs.starts_on.iter_days().take(1_500) {
                let fires = theirs
                    .cycle_from(day, CycleCloses::NextCycle)
                    .is_some_and(|cycle| cycle.on == day);
                assert_eq!(ours.has(day), fires, "{expression}: {day}");
            }
        }
    }
}
