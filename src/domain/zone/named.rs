//! Time zones by the names that people write: the IANA name, or which one they meant.

use chrono_tz::{TZ_VARIANTS, Tz};

use crate::domain::nearest::nearest;
use crate::domain::shown::Shown;

/// A text that is no IANA time zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not an IANA time zone{}", Shown(.written), hint(*.meant))]
pub struct ZoneError {
    written: String,
    meant: Option<&'static str>,
}

fn hint(meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("; did you mean {meant}?"),
        None => ": write one such as Asia/Kolkata".to_owned(),
    }
}

/// What is written for a zone and is none: abbreviations, which mean several zones over the world and are read as India and its
/// neighbours would, and places that no zone is called after. In lower case.
const WRITTEN: &[(&str, &str)] = &[
    ("ist", "Asia/Kolkata"),
    ("india", "Asia/Kolkata"),
    ("india standard time", "Asia/Kolkata"),
    ("indian standard time", "Asia/Kolkata"),
    ("indian", "Asia/Kolkata"),
    ("bharat", "Asia/Kolkata"),
    ("bombay", "Asia/Kolkata"),
    ("mumbai", "Asia/Kolkata"),
    ("delhi", "Asia/Kolkata"),
    ("new delhi", "Asia/Kolkata"),
    ("bangalore", "Asia/Kolkata"),
    ("bengaluru", "Asia/Kolkata"),
    ("chennai", "Asia/Kolkata"),
    ("hyderabad", "Asia/Kolkata"),
    ("pune", "Asia/Kolkata"),
    ("asia/mumbai", "Asia/Kolkata"),
    ("asia/delhi", "Asia/Kolkata"),
    ("asia/new_delhi", "Asia/Kolkata"),
    ("asia/bangalore", "Asia/Kolkata"),
    ("asia/chennai", "Asia/Kolkata"),
    ("asia/india", "Asia/Kolkata"),
    ("npt", "Asia/Kathmandu"),
    ("nepal", "Asia/Kathmandu"),
    ("pkt", "Asia/Karachi"),
    ("pakistan", "Asia/Karachi"),
    ("slst", "Asia/Colombo"),
    ("sri lanka", "Asia/Colombo"),
    ("bdt", "Asia/Dhaka"),
    ("bangladesh", "Asia/Dhaka"),
    ("btt", "Asia/Thimphu"),
    ("gst", "Asia/Dubai"),
    ("uae", "Asia/Dubai"),
    ("sgt", "Asia/Singapore"),
    ("myt", "Asia/Kuala_Lumpur"),
    ("wib", "Asia/Jakarta"),
    ("ict", "Asia/Bangkok"),
    ("hkt", "Asia/Hong_Kong"),
    ("jst", "Asia/Tokyo"),
    ("kst", "Asia/Seoul"),
    ("bst", "Europe/London"),
    ("cest", "Europe/Paris"),
    ("msk", "Europe/Moscow"),
    ("pst", "America/Los_Angeles"),
    ("pdt", "America/Los_Angeles"),
    ("mdt", "America/Denver"),
    ("cst", "America/Chicago"),
    ("cdt", "America/Chicago"),
    ("edt", "America/New_York"),
    ("aest", "Australia/Sydney"),
    ("aedt", "Australia/Sydney"),
    ("nzst", "Pacific/Auckland"),
    ("z", "UTC"),
];

/// The zone of an IANA name.
pub fn parse(name: &str) -> Result<Tz, ZoneError> {
    name.parse().map_err(|_unknown| ZoneError {
        written: name.to_owned(),
        meant: meant(name),
    })
}

fn meant(name: &str) -> Option<&'static str> {
    let lower = name.trim().to_lowercase();
    let known = WRITTEN.iter().find(|(written, _)| *written == lower);
    if let Some((_, zone)) = known {
        return Some(zone);
    }
    if is_half_past_five(&lower) {
        return Some("Asia/Kolkata");
    }
    let names = || {
        TZ_VARIANTS
            .iter()
            .map(|zone| zone.name())
            .filter(|name| name.contains('/'))
    };
    let city = lower.replace(' ', "_");
    let of_city = names().find(|zone| {
        let last = zone.rsplit('/').next().unwrap_or_default();
        last.eq_ignore_ascii_case(&city)
    });
    // An abbreviation is close to every other one, and to no zone that it means.
    let is_abbreviation = lower.len() <= 4;
    of_city.or_else(|| nearest(name, names().filter(|_| !is_abbreviation)))
}

/// India's distance to UTC, however it is written: "+05:30", "UTC+5:30", "GMT +0530", "IST+5:30".
fn is_half_past_five(lower: &str) -> bool {
    let (before, offset) = match lower.split_once('+') {
        Some((before, offset)) => (before.trim(), offset),
        None => return false,
    };
    let digits: String = offset.chars().filter(char::is_ascii_digit).collect();
    ["", "utc", "gmt", "ist"].contains(&before)
        && ["530", "0530", "053000"].contains(&digits.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_that_is_named_instead_is_the_one_that_was_meant() {
        for (written, zone) in [
            ("IST", "Asia/Kolkata"),
            ("ist", "Asia/Kolkata"),
            ("IST+5:30", "Asia/Kolkata"),
            ("+05:30", "Asia/Kolkata"),
            ("UTC+5:30", "Asia/Kolkata"),
            ("GMT +0530", "Asia/Kolkata"),
            ("India", "Asia/Kolkata"),
            ("India Standard Time", "Asia/Kolkata"),
            ("Asia/Mumbai", "Asia/Kolkata"),
            ("Kolkata", "Asia/Kolkata"),
            ("asia/kolkata", "Asia/Kolkata"),
            ("Asia/Kolkatta", "Asia/Kolkata"),
            ("Dubai", "Asia/Dubai"),
            ("new york", "America/New_York"),
            ("PST", "America/Los_Angeles"),
            ("BST", "Europe/London"),
            ("SGT", "Asia/Singapore"),
        ] {
            assert_eq!(parse(written).unwrap_err().meant, Some(zone), "{written}");
        }
    }

    #[test]
    fn every_zone_that_is_named_instead_is_one() {
        for (written, zone) in WRITTEN {
            assert!(parse(zone).is_ok(), "{zone}");
            assert!(parse(written).is_err(), "{written} is a zone itself");
        }
    }

    #[test]
    fn where_nothing_was_meant_an_example_is_named() {
        for written in ["", "XYZ", "+04:00", "my own time", &"x".repeat(300_000)] {
            let error = parse(written).unwrap_err().to_string();
            assert!(
                error.ends_with(": write one such as Asia/Kolkata"),
                "{error}"
            );
        }
    }
}
