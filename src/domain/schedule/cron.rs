//! Cron expressions that can be the schedule of a mandate.

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};
use cron::{Schedule, TimeUnitSpec};

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
    #[error("{expression:?} is not a cron expression: {why}")]
    Syntax {
        /// What was written.
        expression: String,
        /// What is wrong with it.
        why: String,
    },
    /// It can fire twice in one day; a cycle is a day.
    #[error("{0:?} can fire more than once a day: second, minute and hour must each be one number")]
    TooOften(String),
}

const FIVE_TO_SEVEN: &str = "write 5 fields (minute, hour, day of month, month, day of week), \
    6 (second first) or 7 (year last)";
const NO_LAST_DAY: &str = "there is no L; month ends are the frequencies' job: \
    use frequency monthly with starts_on on a 31st";
// Sunday is 0 in a crontab and 1 in the crate. A day's difference is a wrong debit.
const NAMES_ONLY: &str = "write days of the week as names (MON, MON-FRI): \
    what the numbers mean differs between crons";

const DAY_NUMBERS: &str =
    "write the day of the month as a number, a list (1,15), a range (1-7), a step (*/10) or *";

impl CronSchedule {
    /// Parses 5 fields (minute first) or the `cron` crate's 6 or 7 (second first).
    pub fn parse(expression: &str) -> Result<Self, CronError> {
        let syntax = |why: &str| CronError::Syntax {
            expression: expression.to_owned(),
            why: why.to_owned(),
        };
        let fields = with_seconds(expression).ok_or_else(|| syntax(FIVE_TO_SEVEN))?;
        let [
            _second,
            _minute,
            _hour,
            day_of_month,
            _month,
            day_of_week,
            ..,
        ] = fields.as_slice()
        else {
            return Err(syntax(FIVE_TO_SEVEN));
        };
        // No name of a day has an L.
        if [day_of_month, day_of_week]
            .iter()
            .any(|field| field.contains(['L', 'l']))
        {
            return Err(syntax(NO_LAST_DAY));
        }
        if !day_of_month
            .chars()
            .all(|c| c.is_ascii_digit() || "*?,-/".contains(c))
        {
            return Err(syntax(DAY_NUMBERS));
        }
        if day_of_week.contains(|c: char| c.is_ascii_digit()) {
            return Err(syntax(NAMES_ONLY));
        }
        let schedule: Schedule = fields
            .join(" ")
            .parse()
            .map_err(|error| syntax(&cause(&error)))?;
        let at =
            time_of_day(&schedule).ok_or_else(|| CronError::TooOften(expression.to_owned()))?;
        let parsed = Self {
            written: expression.to_owned(),
            schedule,
            at,
        };
        if parsed.day_from(NaiveDate::MIN).is_none() {
            return Err(syntax("no day matches it, ever"));
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
fn with_seconds(expression: &str) -> Option<Vec<&str>> {
    let mut fields: Vec<&str> = expression.split_whitespace().collect();
    match fields.len() {
        5 => {
            fields.insert(0, "0");
            Some(fields)
        }
        6 | 7 => Some(fields),
        _ => None,
    }
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

/// What the crate says, without its drawing of the expression, which would show our own seconds.
fn cause(error: &cron::error::Error) -> String {
    let text = error.to_string();
    match text.lines().map(str::trim).rfind(|line| !line.is_empty()) {
        Some(line) if text.lines().count() > 2 => line.trim_end_matches('.').to_owned(),
        Some(_) | None => FIVE_TO_SEVEN.to_owned(),
    }
}
