//! The hours in which a rail may be debited.
//!
//! The window of a day runs from the first instant at which the zone's clocks read its start to the first instant
//! at which they read its end, so it is right on the days on which clocks change as well.

#[cfg(test)]
pub(super) mod properties;
#[cfg(test)]
mod tests;

use std::iter::successors;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;

use super::Timestamp;
use super::zone::{self, day, instant};

/// The smallest step between two instants: the database keeps microseconds.
pub const TICK: TimeDelta = TimeDelta::microseconds(1);

const DAY: TimeDelta = TimeDelta::days(1);

/// Local time ranges, the same every day. Half-open: the end is outside.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "WindowsText", into = "WindowsText")]
pub struct Windows {
    time_zone: Tz,
    /// Ascending, with time between any two of them; empty means always.
    ranges: Vec<Range>,
}

/// From a time of day on, for up to a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    start: NaiveTime,
    length: TimeDelta,
}

/// As it stands in the configuration and in a policy: `["13:01-16:59", "21:31-09:59"]`; none means always.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WindowsText {
    /// An IANA name.
    pub time_zone: String,
    /// `HH:MM-HH:MM`; one whose end is not after its start runs over midnight.
    pub ranges: Vec<String>,
}

/// Part of a window: from an instant to the window's end, if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first instant.
    pub opens: Timestamp,
    /// The first instant that is outside again; nothing where the rail has no windows.
    pub closes: Option<Timestamp>,
}

impl Windows {
    /// Whether an instant lies in a window.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.at_or_after(at).is_some_and(|span| span.opens == at)
    }

    /// The rest of the window around an instant, or the next window.
    pub fn at_or_after(&self, at: Timestamp) -> Option<Span> {
        if self.ranges.is_empty() {
            return Some(Span {
                opens: at,
                closes: None,
            });
        }
        // The window of the day before may run over midnight; a day can be without one when clocks change.
        let days = successors(day(self.time_zone, at)?.pred_opt(), NaiveDate::succ_opt).take(5);
        let windows = days.flat_map(|day| self.ranges.iter().map(move |range| (day, range)));
        let (opens, closes) = windows
            .filter_map(|(day, range)| self.window(day, *range))
            .find(|(_, closes)| at < *closes)?;
        Some(Span {
            opens: opens.max(at),
            closes: Some(closes),
        })
    }

    /// The latest instant inside a window that is not after the given one.
    pub fn at_or_before(&self, at: Timestamp) -> Option<Timestamp> {
        match self.window_before(at)?.closes {
            Some(closes) => Some(at.min(closes.checked_sub_signed(TICK)?)),
            None => Some(at),
        }
    }

    /// The whole window around an instant, or the last one before it; without windows, the instant itself.
    pub(super) fn window_before(&self, at: Timestamp) -> Option<Span> {
        if self.ranges.is_empty() {
            return Some(Span {
                opens: at,
                closes: None,
            });
        }
        let days = successors(day(self.time_zone, at)?.succ_opt(), NaiveDate::pred_opt).take(5);
        let windows = days.flat_map(|day| self.ranges.iter().rev().map(move |range| (day, range)));
        let (opens, closes) = windows
            .filter_map(|(day, range)| self.window(day, *range))
            .find(|(opens, _)| *opens <= at)?;
        Some(Span {
            opens,
            closes: Some(closes),
        })
    }

    /// Where its times are counted.
    pub fn time_zone(&self) -> Tz {
        self.time_zone
    }

    /// The window that starts on a day, unless the clocks leave it out.
    fn window(&self, day: NaiveDate, range: Range) -> Option<(Timestamp, Timestamp)> {
        let start = day.and_time(range.start);
        let opens = instant(self.time_zone, start)?;
        let closes = instant(self.time_zone, start.checked_add_signed(range.length)?)?;
        (opens < closes).then_some((opens, closes))
    }
}

impl TryFrom<WindowsText> for Windows {
    type Error = String;
    fn try_from(text: WindowsText) -> Result<Self, String> {
        let time_zone = zone::parse(&text.time_zone).map_err(|error| error.to_string())?;
        let mut ranges = Vec::new();
        for written in &text.ranges {
            ranges.push((Range::parse(written)?, written.as_str()));
        }
        ranges.sort_by_key(|(range, _)| range.start);
        check_overlap(&ranges)?;
        Ok(Self {
            time_zone,
            ranges: join(ranges.into_iter().map(|(range, _)| range)),
        })
    }
}

impl From<Windows> for WindowsText {
    fn from(windows: Windows) -> Self {
        Self {
            time_zone: windows.time_zone.name().to_owned(),
            ranges: windows.ranges.iter().map(Range::text).collect(),
        }
    }
}

impl Range {
    fn parse(written: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("{written:?} is not a window: {why}");
        let shape = || wrong("write HH:MM-HH:MM, such as 13:01-16:59");
        let (start, end) = written.split_once('-').ok_or_else(shape)?;
        let start = time(start).ok_or_else(shape)?;
        if end == "24:00" {
            return Ok(Self::between(start, NaiveTime::MIN));
        }
        let end = time(end).ok_or_else(shape)?;
        if start == end {
            return Err(wrong(
                "it ends when it starts; for the whole day write no windows",
            ));
        }
        Ok(Self::between(start, end))
    }

    /// An end that is not after the start is the next day's.
    fn between(start: NaiveTime, end: NaiveTime) -> Self {
        let length = end.signed_duration_since(start);
        let over_midnight = length <= TimeDelta::zero();
        let length = if over_midnight {
            length.checked_add(&DAY).unwrap_or(DAY)
        } else {
            length
        };
        Self { start, length }
    }

    fn text(&self) -> String {
        let (end, _days) = self.start.overflowing_add_signed(self.length);
        let end = if end == NaiveTime::MIN {
            "24:00".to_owned()
        } else {
            end.format("%H:%M").to_string()
        };
        format!("{}-{end}", self.start.format("%H:%M"))
    }

    /// The time from the end of this range to the start of the next one; less than nothing if they overlap.
    fn gap_to(&self, next: &Self) -> Option<TimeDelta> {
        Self::between(self.start, next.start)
            .length
            .checked_sub(&self.length)
    }
}

/// A time of day, in exactly four digits.
fn time(text: &str) -> Option<NaiveTime> {
    let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
    let (hour, minute) = text
        .split_once(':')
        .filter(|(hour, minute)| digits(hour) && digits(minute))?;
    NaiveTime::from_hms_opt(hour.parse().ok()?, minute.parse().ok()?, 0)
}

/// Each range, which are ascending, must end before the next starts, and the last before the first of the next day.
fn check_overlap(ranges: &[(Range, &str)]) -> Result<(), String> {
    let next = ranges.iter().cycle().skip(1);
    for ((range, written), (other, other_written)) in ranges.iter().zip(next) {
        // The same start twice reads as a day apart.
        let same = range.start == other.start && ranges.len() > 1;
        if same
            || range
                .gap_to(other)
                .is_none_or(|gap| gap < TimeDelta::zero())
        {
            return Err(format!(
                "the windows {written:?} and {other_written:?} overlap"
            ));
        }
    }
    Ok(())
}

/// Ranges that touch are one. Together they can be the whole day, which is no limit at all.
fn join(ascending: impl Iterator<Item = Range>) -> Vec<Range> {
    let mut joined: Vec<Range> = Vec::new();
    for range in ascending {
        match joined.last_mut() {
            Some(last) if last.gap_to(&range) == Some(TimeDelta::zero()) => grow(last, range),
            Some(_) | None => joined.push(range),
        }
    }
    if let ([first, _, ..], Some(last)) = (joined.as_slice(), joined.last().copied())
        && last.gap_to(first) == Some(TimeDelta::zero())
    {
        let first = joined.remove(0);
        if let Some(last) = joined.last_mut() {
            grow(last, first);
        }
    }
    joined.retain(|range| range.length < DAY);
    joined
}

fn grow(range: &mut Range, by: Range) {
    range.length = range.length.checked_add(&by.length).unwrap_or(DAY);
}
