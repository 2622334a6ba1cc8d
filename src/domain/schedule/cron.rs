//! Cron expressions that can be the schedule of a mandate.

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};
use cron::{Schedule, TimeUnitSpec};

use super::cron_hint;
use crate::domain::shown::Shown;

/// A cron expression that fires at most once a day.
///
/// It is read by the `cron` crate, with two differences to a crontab: a day of the month and a day of the week
/// must *both* match ("0 9 1-7 * MON" is the first Monday), and days of the week are written as names.
#[derive(Debug, Clone, PartialEq)]
pub struct CronSchedule {
    written: String,
    schedule: Schedule,
    at: NaiveTime,
}

/// Why a cron expression cannot be a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// The expression does not parse.
    #[error("{} is not a cron expression: {why}", Shown(.expression))]
    Syntax {
        /// What was written.
        expression: String,
        /// What is wrong with it.
        why: String,
    },
    /// It can fire twice in one day; a cycle is a day.
    #[error(
        "{} can fire more than once a day: write one number each for second, minute and hour, such as 0 6 1 * *",
        Shown(.0)
    )]
    TooOften(String),
}

impl CronSchedule {
    /// Parses 5 fields (minute first) or the `cron` crate's 6 or 7 (second first).
    pub fn parse(expression: &str) -> Result<Self, CronError> {
        let syntax = |why: &str| CronError::Syntax {
            expression: expression.to_owned(),
            why: why.to_owned(),
        };
        let fields = with_seconds(expression);
        if let Some(why) = cron_hint::before_parsing(expression, &fields) {
            return Err(syntax(&why));
        }
        let schedule: Schedule = fields
            .join(" ")
            .parse()
            .map_err(|error| syntax(&cron_hint::after_parsing(&error)))?;
        let at =
            time_of_day(&schedule).ok_or_else(|| CronError::TooOften(expression.to_owned()))?;
        let parsed = Self {
            written: expression.to_owned(),
            schedule,
            at,
        };
        if parsed.day_from(NaiveDate::MIN).is_none() {
            return Err(syntax(
                "no day matches it, ever: write a day of the month that its months have",
            ));
        }
        Ok(parsed)
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The time of day at which it fires.
    pub(in crate::domain) const fn at(&self) -> NaiveTime {
        self.at
    }

    /// The first day on or after a day on which it fires. The crate knows the years 1970 to 2100.
    pub(in crate::domain) fn day_from(&self, day: NaiveDate) -> Option<NaiveDate> {
        // UTC stands for the days of any zone: asked in the zone itself, the crate skips a day whose
        // clocks leave out the time of day.
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1)?;
        let before = day
            .max(epoch)
            .and_time(NaiveTime::MIN)
            .checked_sub_signed(TimeDelta::seconds(1))?;
        // The crate cannot add a second to the last of all days.
        before.date().checked_add_days(Days::new(2))?;
        Some(self.schedule.after(&before.and_utc()).next()?.date_naive())
    }
}

/// The fields, the second's first.
fn with_seconds(expression: &str) -> Vec<&str> {
    let mut fields: Vec<&str> = expression.split_whitespace().collect();
    if fields.len() == 5 {
        fields.insert(0, "0");
    }
    fields
}

/// The one time of day at which a schedule fires, if there is but one.
fn time_of_day(schedule: &Schedule) -> Option<NaiveTime> {
    let hour = only(schedule.hours())?;
    let minute = only(schedule.minutes())?;
    NaiveTime::from_hms_opt(hour, minute, only(schedule.seconds())?)
}

fn only(field: &impl TimeUnitSpec) -> Option<u32> {
    if field.count() == 1 {
        field.iter().next()
    } else {
        None
    }
}
