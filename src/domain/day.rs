//! Days and times of day as people and spreadsheets write them.

use chrono::{NaiveDate, NaiveTime, TimeDelta, Timelike};

use super::shown::Shown;

/// Why a text is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DayError {
    /// Something else.
    #[error("{} is not a day: write YYYY-MM-DD, such as 2026-12-31", Shown(.0))]
    Shape(String),
    /// The 30th of February.
    #[error("{} is in no calendar: write a day that there is, as YYYY-MM-DD", Shown(.0))]
    NoSuchDay(String),
    /// A day with a time behind it.
    #[error("{} is not a day: leave the time out, and write {day}", Shown(.written))]
    WithTime {
        /// What was written.
        written: String,
        /// The day in it.
        day: NaiveDate,
    },
    /// The same in a zone of its own, in which the day can be another one.
    #[error("{} is not a day: leave the time out, and write the day in the mandate's time zone as YYYY-MM-DD", Shown(.0))]
    WithZone(String),
    /// How a spreadsheet counts days.
    #[error("{} is a spreadsheet's number for a day, perhaps {day}: format the column as YYYY-MM-DD", Shown(.written))]
    Serial {
        /// What was written.
        written: String,
        /// What it stands for.
        day: NaiveDate,
    },
}

/// The day of `YYYY-MM-DD`.
pub fn parse_day(text: &str) -> Result<NaiveDate, DayError> {
    if let Some(day) = plain_day(text) {
        return Ok(day);
    }
    let written = || text.to_owned();
    if has_shape(text) {
        return Err(DayError::NoSuchDay(written()));
    }
    if let Some((day, time)) = text.split_at_checked(10)
        && let Some(day) = plain_day(day)
        && time.starts_with([' ', 'T', 't'])
        && time.contains(':')
    {
        return Err(if time.contains(['Z', 'z', '+', '-']) {
            DayError::WithZone(written())
        } else {
            DayError::WithTime {
                written: written(),
                day,
            }
        });
    }
    Err(match serial(text) {
        Some(day) => DayError::Serial {
            written: written(),
            day,
        },
        None => DayError::Shape(written()),
    })
}

fn plain_day(text: &str) -> Option<NaiveDate> {
    // The parser alone would take a year of two digits and spaces for zeros.
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|_| has_shape(text))
}

fn has_shape(text: &str) -> bool {
    let is_right = |(at, byte): (usize, u8)| {
        if at == 4 || at == 7 {
            byte == b'-'
        } else {
            byte.is_ascii_digit()
        }
    };
    text.len() == 10 && text.bytes().enumerate().all(is_right)
}

/// The day that a spreadsheet shows as a number of five digits: it counts from 30 December 1899.
fn serial(text: &str) -> Option<NaiveDate> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    let days: i64 = whole.parse().ok().filter(|_| whole.len() == 5)?;
    NaiveDate::from_ymd_opt(1899, 12, 30)?.checked_add_signed(TimeDelta::try_days(days)?)
}

/// A text that is no time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a time of day: write HH:MM, from 00:00 to 23:59, such as 06:00", Shown(.0))]
pub struct TimeOfDayError(String);

/// The time of `HH:MM` or `HH:MM:SS`. Without the leap second that the parser knows: no clock of a mandate shows it.
pub fn parse_time_of_day(text: &str) -> Result<NaiveTime, TimeOfDayError> {
    let is_right = |(at, byte): (usize, u8)| {
        if at == 2 || at == 5 {
            byte == b':'
        } else {
            byte.is_ascii_digit()
        }
    };
    let shape = matches!(text.len(), 5 | 8) && text.bytes().enumerate().all(is_right);
    ["%H:%M", "%H:%M:%S"]
        .iter()
        .find_map(|format| NaiveTime::parse_from_str(text, format).ok())
        .filter(|time| shape && time.nanosecond() == 0)
        .ok_or_else(|| TimeOfDayError(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_and_what_is_none_says_what_to_write() {
        assert_eq!(
            parse_day("2026-12-31").map(|day| day.to_string()),
            Ok("2026-12-31".to_owned())
        );
        for (text, why) in [
            (
                "2026-12-31 00:00:00",
                "leave the time out, and write 2026-12-31",
            ),
            (
                "2026-12-31T00:00:00",
                "leave the time out, and write 2026-12-31",
            ),
            (
                "2026-12-31 06:00",
                "leave the time out, and write 2026-12-31",
            ),
            (
                "2026-12-31 00:00:00.000",
                "leave the time out, and write 2026-12-31",
            ),
            ("2026-12-30T18:30:00Z", "the day in the mandate's time zone"),
            (
                "2026-12-31T00:00:00+05:30",
                "the day in the mandate's time zone",
            ),
            ("2026-02-30", "in no calendar"),
            ("2026-13-01", "in no calendar"),
            (
                "46387",
                "perhaps 2026-12-31: format the column as YYYY-MM-DD",
            ),
            ("46387.0", "perhaps 2026-12-31"),
            ("31/12/2026", "write YYYY-MM-DD, such as 2026-12-31"),
            ("31-Dec-26", "write YYYY-MM-DD"),
            ("20261231", "write YYYY-MM-DD"),
            ("26-12-31", "write YYYY-MM-DD"),
            ("2026-1-1", "write YYYY-MM-DD"),
            ("2026-12-3é", "write YYYY-MM-DD"),
            ("", "write YYYY-MM-DD"),
        ] {
            let error = parse_day(text).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_time_of_day_is_read_and_no_leap_second() {
        for (text, time) in [
            ("06:00", "06:00:00"),
            ("23:59", "23:59:00"),
            ("06:00:30", "06:00:30"),
            ("00:00", "00:00:00"),
        ] {
            assert_eq!(
                parse_time_of_day(text).map(|time| time.to_string()),
                Ok(time.to_owned())
            );
        }
        for text in [
            "06:00:60",
            "23:59:60",
            "24:00",
            "6 am",
            "6:00",
            "06:60",
            "06.00",
            "06:00:00.5",
            "6:00 AM",
            "0600",
            "",
            " 6:00",
            "2026-12-31 06:00",
        ] {
            let error = parse_time_of_day(text).unwrap_err().to_string();
            assert!(error.ends_with("such as 06:00"), "{error}");
        }
    }
}
