//! How the commands write times, ages and amounts.

use chrono_tz::Tz;

use crate::domain::{Amount, Currency, Timestamp};

/// `2026-11-20 06:00:05 IST`
pub(in crate::cli) fn local(at: Timestamp, zone: Tz) -> String {
    at.with_timezone(&zone)
        .format("%Y-%m-%d %H:%M:%S %Z")
        .to_string()
}

/// `2026-11-20 06:00:05 UTC`, or a dash.
pub(in crate::cli) fn utc(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| local(at, Tz::UTC))
}

/// A stored amount as people write it: `499.00 INR`.
pub(in crate::cli) fn money(minor: i64, currency: &str) -> String {
    Currency::parse(currency)
        .ok()
        .and_then(|currency| Amount::new(minor, currency))
        .map_or_else(
            || format!("{minor} {currency}"),
            |amount| amount.to_string(),
        )
}

/// How long ago, in the two largest units: `3h 12m`.
pub(in crate::cli) fn age(from: Timestamp, now: Timestamp) -> String {
    let seconds = now
        .signed_duration_since(from)
        .num_seconds()
        .max(0)
        .unsigned_abs();
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (hours, minutes, seconds) = (rest / 3_600, rest % 3_600 / 60, rest % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {seconds}s"),
        (0, _, _) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{TimeDelta, TimeZone};

    #[test]
    fn ages_are_short() {
        let now = chrono::Utc.with_ymd_and_hms(2026, 11, 20, 6, 0, 0).unwrap();
        let ages =
            [5, 65, 3_700, 90_000].map(|seconds| age(now - TimeDelta::seconds(seconds), now));
        assert_eq!(ages, ["5s", "1m 5s", "1h 1m", "1d 1h"]);
        assert_eq!(age(now + TimeDelta::seconds(5), now), "0s");
    }
}
