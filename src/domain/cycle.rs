//! Cycles: which days a mandate is billed for, in its own time zone.
//!
//! Every day follows from `starts_on` by arithmetic, never by walking: the 31st falls back to the end of a short
//! month and returns, and a mandate of ten years ago costs no more than one of today.

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::ops::Range;

use chrono::{Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;

use super::Timestamp;
use super::period::{HALF, Period};
use super::schedule::{Frequency, Schedule};
use super::text::text_enum;
use super::zone::{instant, start_of_day};

/// How many days a cycle stays open that neither a next cycle nor a last day ends: long enough for one
/// payday to come, short enough that nobody is debited for something forgotten.
pub const OPEN_ENDED_DAYS: u32 = 30;

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

text_enum!(
    /// When a cycle ends that the mandate's last day does not end.
    CycleCloses {
        /// With its calendar period, or when the next cycle begins, whichever is first. NPCI allows one successful debit a period, so what
        /// is collected in the next period takes the next cycle's place ("Razorpay, Execute Subsequent Payments").
        Period = "period",
        /// When the next cycle begins.
        NextCycle = "next_cycle",
    }
);

/// One billing period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cycle {
    /// Its day.
    pub on: NaiveDate,
    /// Its name, on a grid that does not depend on the mandate's first day.
    pub period: Period,
    /// When it is meant to be debited.
    pub debit_at: Timestamp,
    /// When it ends: the start of the next cycle's day, of the next period's, or of the day after the mandate's last.
    pub closes_at: Timestamp,
}

impl Cycle {
    /// The same cycle, to be debited later.
    #[must_use]
    pub fn put_off(mut self, until: Timestamp) -> Self {
        self.debit_at = self.debit_at.max(until);
        self
    }
}

impl Terms {
    /// The first cycle on or after a day.
    pub fn cycle_from(&self, day: NaiveDate, closes: CycleCloses) -> Option<Cycle> {
        let mut on = self.day_from(day)?;
        loop {
            let next = on.succ_opt().and_then(|day| self.day_from(day));
            let cycle = self.cycle(on, self.end_day(on, next, closes)?)?;
            if cycle.has_time() {
                return Some(cycle);
            }
            on = next?;
        }
    }

    /// The first cycle after a day.
    pub fn cycle_after(&self, day: NaiveDate, closes: CycleCloses) -> Option<Cycle> {
        self.cycle_from(day.succ_opt()?, closes)
    }

    /// A cycle that the merchant presents for a day (`aspresented`): it stays open for `open_days`, and not past the last day.
    pub fn presented(&self, on: NaiveDate, open_days: u32) -> Option<Cycle> {
        if on < self.starts_on || self.ends_on.is_some_and(|last| last < on) {
            return None;
        }
        let open_until = on.checked_add_days(Days::new(u64::from(open_days.max(1))))?;
        let end = self.end_day(on, Some(open_until), CycleCloses::NextCycle)?;
        self.cycle(on, end).filter(Cycle::has_time)
    }

    /// The first day on or after a day that has a cycle.
    fn day_from(&self, day: NaiveDate) -> Option<NaiveDate> {
        let day = day.max(self.starts_on);
        let on = match &self.schedule {
            Schedule::Cron(cron) => cron.day_from(day)?,
            Schedule::Every(frequency) => match frequency {
                Frequency::Onetime if day == self.starts_on => day,
                Frequency::Onetime | Frequency::Aspresented => return None,
                Frequency::Daily => day,
                Frequency::Weekly => every_days(self.starts_on, 7, day)?,
                Frequency::Fortnightly | Frequency::Twicemonthly => {
                    every_half_month(self.starts_on, day)?
                }
                Frequency::Monthly => every_months(self.starts_on, 1, day)?,
                Frequency::Bimonthly => every_months(self.starts_on, 2, day)?,
                Frequency::Quarterly => every_months(self.starts_on, 3, day)?,
                Frequency::Halfyearly => every_months(self.starts_on, 6, day)?,
                Frequency::Yearly => every_months(self.starts_on, 12, day)?,
            },
        };
        if self.ends_on.is_some_and(|last| last < on) {
            None
        } else {
            Some(on)
        }
    }

    /// The first day that no longer belongs to the cycle of a day.
    fn end_day(
        &self,
        on: NaiveDate,
        next: Option<NaiveDate>,
        closes: CycleCloses,
    ) -> Option<NaiveDate> {
        let after_last = match self.ends_on {
            Some(last) => Some(last.succ_opt()?),
            None => None,
        };
        let next_period = match closes {
            CycleCloses::Period => self.counted_period(on).map(|period| period.end),
            CycleCloses::NextCycle => None,
        };
        let ends = [next, after_last, next_period];
        let first = ends.into_iter().flatten().min();
        first.or_else(|| on.checked_add_days(Days::new(u64::from(OPEN_ENDED_DAYS))))
    }

    /// The days of the period that a cycle lies in, of which a rail takes one debit. A cycle that is named after its day has none:
    /// `aspresented` and cron say nothing of how many debits a period may have.
    pub fn counted_period(&self, on: NaiveDate) -> Option<Range<NaiveDate>> {
        match &self.schedule {
            Schedule::Cron(_) | Schedule::Every(Frequency::Aspresented) => None,
            Schedule::Every(_) => Period::of(&self.schedule, on)?.days(),
        }
    }

    fn cycle(&self, on: NaiveDate, end_day: NaiveDate) -> Option<Cycle> {
        let opens_at = start_of_day(self.time_zone, on)?;
        let closes_at = start_of_day(self.time_zone, end_day)?;
        let time = match &self.schedule {
            Schedule::Every(_) => self.debit_at,
            Schedule::Cron(cron) => cron.at(),
        };
        let mut debit_at = instant(self.time_zone, on.and_time(time))?;
        if opens_at < closes_at {
            // Where clocks go forward across midnight, a time before it falls on the start of the next day.
            debit_at = debit_at.min(closes_at.checked_sub_signed(TimeDelta::seconds(1))?);
        }
        Some(Cycle {
            on,
            period: Period::of(&self.schedule, on)?,
            debit_at,
            closes_at,
        })
    }
}

impl Cycle {
    /// Whether any time passes in it. A zone that moves across the date line leaves out a day, and then
    /// nobody can be billed for that day alone.
    fn has_time(&self) -> bool {
        self.debit_at < self.closes_at
    }
}

/// The first day on or after `day` that is a multiple of `step` days from `start`, which is not after it.
fn every_days(start: NaiveDate, step: i64, day: NaiveDate) -> Option<NaiveDate> {
    let past = day
        .signed_duration_since(start)
        .num_days()
        .checked_rem(step)?;
    let wait = if past == 0 {
        0
    } else {
        step.checked_sub(past)?
    };
    day.checked_add_days(Days::new(u64::try_from(wait).ok()?))
}

/// The first day on or after `day` that is a multiple of `step` months from `start`, which is not after it.
/// Always counted from `start`, so that its day of the month returns after a shorter month.
fn every_months(start: NaiveDate, step: u32, day: NaiveDate) -> Option<NaiveDate> {
    let months = month_number(day)?.checked_sub(month_number(start)?)?;
    let whole = months.checked_sub(months.checked_rem(step)?)?;
    let on = start.checked_add_months(Months::new(whole))?;
    if on < day {
        start.checked_add_months(Months::new(whole.checked_add(step)?))
    } else {
        Some(on)
    }
}

/// The first day on or after `day` that lies as far into its half of a month as `start` does. Where the half is shorter, its last day.
fn every_half_month(start: NaiveDate, day: NaiveDate) -> Option<NaiveDate> {
    let into_half = if start.day() <= HALF {
        start.day()
    } else {
        start.day().checked_sub(HALF)?
    };
    let first = day.with_day(into_half.min(HALF))?;
    let second = || {
        let last = day.num_days_in_month();
        day.with_day(into_half.checked_add(HALF)?.min(u32::from(last)))
    };
    let next = || {
        let month = day.with_day(1)?.checked_add_months(Months::new(1))?;
        month.with_day(into_half.min(HALF))
    };
    if day <= first {
        return Some(first);
    }
    second().filter(|second| day <= *second).or_else(next)
}

/// Months since the year 0.
fn month_number(day: NaiveDate) -> Option<u32> {
    u32::try_from(day.year())
        .ok()?
        .checked_mul(12)?
        .checked_add(day.month0())
}
