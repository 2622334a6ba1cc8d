//! Time in India: the day, the wall clock, and the peak hours of UPI.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Timelike, Utc};

use crate::facts::Timestamp;

/// India Standard Time has no daylight saving.
const IST: TimeDelta = TimeDelta::minutes(330);

/// A time later or, with a negative span, earlier.
pub fn after(at: Timestamp, span: TimeDelta) -> Timestamp {
    at.checked_add_signed(span)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The wall clock in India.
pub fn local(at: Timestamp) -> NaiveDateTime {
    after(at, IST).naive_utc()
}

/// The day in India.
pub fn day(at: Timestamp) -> NaiveDate {
    local(at).date()
}

/// A day and a time of day in India.
pub fn time(day: NaiveDate, hour: u32, minute: u32) -> Timestamp {
    let local = day.and_hms_opt(hour, minute, 0).unwrap_or_default();
    after(
        local.and_utc(),
        TimeDelta::zero().checked_sub(&IST).unwrap_or_default(),
    )
}

/// The day after.
pub fn next_day(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap_or(NaiveDate::MAX)
}

/// NPCI/UPI/OC/215A/2025-26, "Guidelines on usage of UPI API": peak is "from 10:00 hrs to 13:00 hrs and from 17:00 hrs
/// to 21:30 hrs".
pub fn is_peak(at: Timestamp) -> bool {
    let local = local(at);
    let minute = local
        .hour()
        .saturating_mul(60)
        .saturating_add(local.minute());
    (600..780).contains(&minute) || (1020..1290).contains(&minute)
}

/// The first time from here on that is not in peak hours.
pub fn off_peak(at: Timestamp) -> Timestamp {
    if !is_peak(at) {
        at
    } else if local(at).hour() < 13 {
        time(day(at), 13, 0)
    } else {
        time(day(at), 21, 30)
    }
}

/// A time as a clock in India shows it.
pub(crate) struct ClockTime(pub(crate) Timestamp);

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", local(self.0).format("%H:%M:%S"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peak_hours_are_those_of_the_circular_to_the_second() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        // 10:00 and 13:00, 17:00 and 21:30 in India.
        assert!(!is_peak(at("2026-01-05T04:29:59Z")));
        assert!(is_peak(at("2026-01-05T04:30:00Z")));
        assert!(is_peak(at("2026-01-05T07:29:59Z")));
        assert!(!is_peak(at("2026-01-05T07:30:00Z")));
        assert!(!is_peak(at("2026-01-05T11:29:59Z")));
        assert!(is_peak(at("2026-01-05T11:30:00Z")));
        assert!(is_peak(at("2026-01-05T15:59:59Z")));
        assert!(!is_peak(at("2026-01-05T16:00:00Z")));
        assert_eq!(
            off_peak(at("2026-01-05T05:00:00Z")),
            at("2026-01-05T07:30:00Z")
        );
        assert_eq!(
            off_peak(at("2026-01-05T12:00:00Z")),
            at("2026-01-05T16:00:00Z")
        );
        // 18:30 in Greenwich is midnight in India.
        assert_eq!(day(at("2026-01-05T18:30:00Z")).to_string(), "2026-01-06");
    }
}
