//! The headers `Retry-After` and `Date` (RFC 9110): seconds, or a date.

use std::time::Duration;

use crate::domain::Timestamp;

/// A longer wait is asked for again when it is over: one wrong header must not stop an account for good.
const LONGEST: Duration = Duration::from_hours(24);

/// How long to wait from now on, a day at most; nothing for what cannot be read. A date that has passed asks for no wait.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let wait = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_no_number) => {
            let ahead = date(value)?.signed_duration_since(now);
            ahead.to_std().unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST))
}

/// A date as HTTP writes it, in any of the three ways that RFC 9110 wants to be understood.
pub(super) fn date(value: &str) -> Option<Timestamp> {
    httpdate::parse_http_date(value.trim())
        .ok()
        .map(Timestamp::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_every_kind_of_date_are_understood() {
        let now = chrono::DateTime::from_timestamp(784_111_777, 0).unwrap(); // 6 November 1994, 08:49:37
        for (value, seconds) in [
            ("0", Some(0)),
            ("120", Some(120)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:51:37 GMT", Some(120)),
            ("Sunday, 06-Nov-94 08:51:37 GMT", Some(120)),
            ("Sun Nov  6 08:51:37 1994", Some(120)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            // A day at most.
            ("99999999", Some(86_400)),
            ("Mon, 06 Nov 2094 08:49:37 GMT", None), // it was a Saturday
            ("Sat, 06 Nov 2094 08:49:37 GMT", Some(86_400)),
            ("", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("1994-11-06T08:51:37Z", None),
        ] {
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(value, now), expected, "{value:?}");
        }
    }
}
