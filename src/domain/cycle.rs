//! Cycles: which days a mandate is billed for, in its own time zone.

use chrono::{NaiveDate, NaiveTime};
use chrono_tz::Tz;

use super::Instant;
use super::text::text_enum;

text_enum!(
    /// How often, in the words of Juspay's `mandate.frequency`.
    Frequency {
        /// Once, on the first day.
        Onetime = "onetime",
        /// Every day.
        Daily = "daily",
        /// Every 7 days.
        Weekly = "weekly",
        /// Every 14 days.
        Fortnightly = "fortnightly",
        /// Every month.
        Monthly = "monthly",
        /// Every 2 months.
        Bimonthly = "bimonthly",
        /// Every 3 months.
        Quarterly = "quarterly",
        /// Every 6 months.
        Halfyearly = "halfyearly",
        /// Every 12 months.
        Yearly = "yearly",
        /// Whenever the merchant presents a cycle.
        Aspresented = "aspresented",
    }
);

/// A cron expression that fires at most once a day.
#[derive(Debug, Clone, PartialEq)]
pub struct CronSchedule(());

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

impl CronSchedule {
    /// Parses 5 fields (minute first) or the `cron` crate's 6 or 7 (second first).
    pub fn parse(_expression: &str) -> Result<Self, CronError> {
        todo!()
    }

    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        todo!()
    }
}

/// When the cycles of a mandate are.
#[derive(Debug, Clone, PartialEq)]
pub enum Schedule {
    /// A frequency, anchored to the first day.
    Every(Frequency),
    /// A cron expression; its time of day takes the place of `debit_at`.
    Cron(Box<CronSchedule>),
}

/// All that the cycles of a mandate follow from.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// How often.
    pub schedule: Schedule,
    /// The first day; frequencies are anchored to it.
    pub starts_on: NaiveDate,
    /// The last day, itself included.
    pub ends_on: Option<NaiveDate>,
    /// Where days and times are counted.
    pub time_zone: Tz,
    /// The time of day at which to debit.
    pub debit_at: NaiveTime,
}

/// One billing period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cycle {
    /// Its day, which is its name.
    pub on: NaiveDate,
    /// When it is meant to be debited.
    pub debit_at: Instant,
    /// When it ends: the start of the next cycle's day, or of the day after the mandate's last.
    pub closes_at: Instant,
}

impl Terms {
    /// The first cycle on or after a day.
    pub fn cycle_from(&self, _day: NaiveDate) -> Option<Cycle> {
        todo!()
    }

    /// The first cycle after a day.
    pub fn cycle_after(&self, day: NaiveDate) -> Option<Cycle> {
        self.cycle_from(day.succ_opt()?)
    }

    /// A cycle that the merchant presents for a day (`aspresented`): it stays open for `open_days`, and not past the last day.
    pub fn presented(&self, _on: NaiveDate, _open_days: u32) -> Option<Cycle> {
        todo!()
    }
}
