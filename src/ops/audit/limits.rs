//! The auditor's own reading of a stored policy: of the rail's hours and of its budget of look-ups, what the rules of `calls` need.

use chrono::{NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::Timestamp;

/// What a policy limits.
#[derive(Debug)]
pub(super) struct Limits {
    pub(super) rail: String,
    pub(super) debit_hours: Hours,
    pub(super) notify_hours: Hours,
    /// How long an order's look-ups count; none where they are not limited.
    pub(super) lookup_window: Option<TimeDelta>,
    /// From a debit to the first look-up.
    pub(super) first_lookup: Option<TimeDelta>,
    /// How many orders of a cycle any configuration of any rail allows.
    pub(super) max_orders: u32,
}

/// UPI and cards have three. A mandate may have been on another rail when an order was sent.
const MAX_ORDERS: u32 = 3;

/// As it is stored. What the auditor does not hold against anything is left out.
#[derive(Debug, Deserialize)]
struct Written {
    rail: String,
    debit_windows: WrittenHours,
    notify_windows: WrittenHours,
    lookup_window: String,
    lookup_after: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct WrittenHours {
    time_zone: String,
    ranges: Vec<String>,
}

/// Hours of every day, by the clocks of a place. None at all means always.
#[derive(Debug)]
pub(super) struct Hours {
    zone: Tz,
    /// From, and until: the end is outside. An end that is not after its start is on the next day.
    ranges: Vec<(NaiveTime, NaiveTime)>,
}

impl Limits {
    pub(super) fn read(body: Value) -> Result<Self, String> {
        let written: Written = serde_json::from_value(body).map_err(|error| error.to_string())?;
        let first = written.lookup_after.first();
        Ok(Self {
            debit_hours: Hours::read(&written.debit_windows)?,
            notify_hours: Hours::read(&written.notify_windows)?,
            lookup_window: Some(duration(&written.lookup_window)?)
                .filter(|window| *window > TimeDelta::zero()),
            first_lookup: first.map(|text| duration(text)).transpose()?,
            max_orders: MAX_ORDERS,
            rail: written.rail,
        })
    }
}

/// How many look-ups of an order fit into the policy's window.
const LOOKUPS_IN_WINDOW: usize = 3;

impl Limits {
    /// Whether an order that was looked up at these times, the latest first, may be looked up once more.
    pub(super) fn allow_a_lookup(
        &self,
        times: &[Timestamp],
        debited: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        let Some(window) = self.lookup_window else {
            return true;
        };
        let since = |at: &Timestamp| now.signed_duration_since(*at);
        let recent = times.iter().filter(|at| since(at) < window).count();
        let is_settled = match (self.first_lookup, debited) {
            (Some(least), Some(debited)) => since(&debited) >= least,
            (None, _) | (_, None) => true,
        };
        is_settled && recent < LOOKUPS_IN_WINDOW
    }
}

fn duration(text: &str) -> Result<TimeDelta, String> {
    let duration = humantime::parse_duration(text).map_err(|error| format!("{text}: {error}"))?;
    TimeDelta::from_std(duration).map_err(|error| format!("{text}: {error}"))
}

impl Hours {
    fn read(written: &WrittenHours) -> Result<Self, String> {
        let zone = &written.time_zone;
        let time = |text: &str| {
            let text = text.trim();
            NaiveTime::parse_from_str(text, "%H:%M").map_err(|error| format!("{text}: {error}"))
        };
        let range = |text: &String| {
            let (from, until) = text
                .split_once('-')
                .ok_or_else(|| format!("{text} is no range of hours"))?;
            Ok((time(from)?, time(until)?))
        };
        Ok(Self {
            zone: zone.parse().map_err(|error| format!("{zone}: {error}"))?,
            ranges: written
                .ranges
                .iter()
                .map(range)
                .collect::<Result<_, String>>()?,
        })
    }

    /// Whether an instant lies in them. Around a change of the clocks, by the clocks before it or after it.
    pub(super) fn contain(&self, at: Timestamp) -> bool {
        if self.ranges.is_empty() {
            return true;
        }
        let change = TimeDelta::hours(3);
        [Some(at), at.checked_sub_signed(change)]
            .into_iter()
            .flatten()
            .map(|when| self.zone.offset_from_utc_datetime(&when.naive_utc()).fix())
            .any(|offset| {
                let clock = at.with_timezone(&offset).time();
                self.ranges.iter().any(|(from, until)| {
                    if from < until {
                        *from <= clock && clock < *until
                    } else {
                        *from <= clock || clock < *until
                    }
                })
            })
    }

    /// An instant as the clocks show it.
    pub(super) fn shown(&self, at: Timestamp) -> String {
        let local = at.with_timezone(&self.zone);
        local.format("%Y-%m-%d %H:%M:%S %Z").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hours(zone: &str, ranges: &[&str]) -> Hours {
        Hours::read(&WrittenHours {
            time_zone: zone.to_owned(),
            ranges: ranges.iter().map(|&range| range.to_owned()).collect(),
        })
        .unwrap()
    }

    #[test]
    fn hours_begin_with_their_start_and_end_before_their_end() {
        let upi = hours("Asia/Kolkata", &["13:01-16:59", "21:31-09:59"]);
        for (local, inside) in [
            ("13:00:59", false),
            ("13:01:00", true),
            ("16:58:59", true),
            ("16:59:00", false),
            ("21:31:00", true),
            ("00:00:00", true),
            ("09:58:59", true),
            ("09:59:00", false),
        ] {
            let at = format!("2026-11-22T{local}+05:30").parse().unwrap();
            assert_eq!(upi.contain(at), inside, "{local}");
        }
        assert!(hours("Asia/Kolkata", &[]).contain(Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn a_policy_that_lacks_what_is_needed_is_not_read() {
        let hours = json!({ "time_zone": "Asia/Kolkata", "ranges": ["00:00-13:30"] });
        let mut body = json!({ "rail": "enach", "debit_windows": hours, "notify_windows": hours,
            "lookup_window": "0s", "lookup_after": ["15m", "12h"] });
        let limits = Limits::read(body.clone()).unwrap();
        assert_eq!(limits.lookup_window, None);
        assert_eq!(limits.first_lookup, Some(TimeDelta::minutes(15)));
        body["debit_windows"]["ranges"] = json!(["00:00"]);
        assert!(Limits::read(body).is_err());
        assert!(Limits::read(json!({})).is_err());
    }
}
