//! From the time on a wall to an instant, in any zone and on any day, the clock changes among them.

mod named;

use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeZone};
use chrono_tz::{GapInfo, Tz};

use super::Timestamp;

pub use named::{ZoneError, parse};

/// All that RFC 3339 can write; chrono itself panics at the far ends of its own range.
const YEARS: RangeInclusive<i32> = 1..=9999;

/// The first instant at which the clocks of a zone read at least this.
///
/// A time that comes twice (clocks go back) is its first coming; a time that never comes (clocks go forward,
/// or a zone leaves a day out) is the first instant after the gap. So a later local time is never an earlier
/// instant. Nothing outside the years 1 to 9999.
pub fn instant(zone: Tz, local: NaiveDateTime) -> Option<Timestamp> {
    if !YEARS.contains(&local.year()) {
        return None;
    }
    match zone.from_local_datetime(&local) {
        chrono::LocalResult::Single(at) | chrono::LocalResult::Ambiguous(at, _) => {
            Some(at.to_utc())
        }
        chrono::LocalResult::None => Some(GapInfo::new(&local, &zone)?.end?.to_utc()),
    }
}

/// The first instant of a day.
pub fn start_of_day(zone: Tz, day: NaiveDate) -> Option<Timestamp> {
    instant(zone, day.and_time(NaiveTime::MIN))
}

/// The day that an instant lies on.
pub fn day(zone: Tz, at: Timestamp) -> Option<NaiveDate> {
    if YEARS.contains(&at.year()) {
        Some(at.with_timezone(&zone).date_naive())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "test data is small")]

    use super::*;
    use chrono::TimeDelta;
    use proptest::prelude::*;

    fn utc(zone: &str, local: &str) -> String {
        let local = NaiveDateTime::parse_from_str(local, "%Y-%m-%d %H:%M").unwrap();
        instant(zone.parse().unwrap(), local).map_or("-".to_owned(), |at| at.to_rfc3339())
    }

    #[test]
    fn gaps_end_at_their_end_and_overlaps_mean_the_first_time() {
        let table = [
            (
                "Asia/Kolkata",
                "2026-03-08 02:30",
                "2026-03-07T21:00:00+00:00",
            ),
            (
                "America/New_York",
                "2026-03-08 01:59",
                "2026-03-08T06:59:00+00:00",
            ),
            (
                "America/New_York",
                "2026-03-08 02:30",
                "2026-03-08T07:00:00+00:00",
            ),
            (
                "America/New_York",
                "2026-11-01 01:30",
                "2026-11-01T05:30:00+00:00",
            ),
            (
                "America/New_York",
                "2026-11-01 02:00",
                "2026-11-01T07:00:00+00:00",
            ),
            // Samoa left 30 December 2011 out.
            (
                "Pacific/Apia",
                "2011-12-30 12:00",
                "2011-12-30T10:00:00+00:00",
            ),
            (
                "Pacific/Apia",
                "2011-12-31 00:00",
                "2011-12-30T10:00:00+00:00",
            ),
            // Clocks that go forward at midnight, and by half an hour.
            (
                "Asia/Beirut",
                "2026-03-29 00:00",
                "2026-03-28T22:00:00+00:00",
            ),
            (
                "Australia/Lord_Howe",
                "2026-10-04 02:15",
                "2026-10-03T15:30:00+00:00",
            ),
            ("Asia/Kolkata", "+10000-01-01 00:00", "-"),
        ];
        for (zone, local, expected) in table {
            assert_eq!(utc(zone, local), expected, "{zone} {local}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_later_local_time_is_never_an_earlier_timestamp(
            zone in prop::sample::select(&chrono_tz::TZ_VARIANTS[..]),
            minute in 0i64..60_000_000,
            step in 0i64..100_000,
        ) {
            let first = NaiveDate::from_ymd_opt(1990, 1, 1).unwrap().and_time(NaiveTime::MIN);
            let local = first + TimeDelta::minutes(minute);
            let (a, b) = (instant(zone, local).unwrap(), instant(zone, local + TimeDelta::minutes(step)).unwrap());
            prop_assert!(a <= b);
            prop_assert!(a.with_timezone(&zone).naive_local() >= local);
        }
    }
}
