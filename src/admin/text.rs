//! How the commands print: tables for people, JSON for programs, times in a named zone.

use std::io::{self, Write};

use chrono_tz::Tz;
use comfy_table::{ContentArrangement, Table, presets};

use crate::domain::{Amount, Currency, Instant};

/// For whom to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns.
    Text,
    /// One JSON value a line.
    Json,
}

/// An empty table with a heading.
pub(crate) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// Prints a table without the blanks that its alignment leaves at the ends of lines.
pub(crate) fn write_table(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Prints a value on one line.
pub(crate) fn write_json(out: &mut dyn Write, value: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)
}

/// `2026-11-20 06:00:05 IST`
pub(crate) fn local(at: Instant, zone: Tz) -> String {
    at.with_timezone(&zone)
        .format("%Y-%m-%d %H:%M:%S %Z")
        .to_string()
}

/// `2026-11-20 06:00:05 UTC`, or a dash.
pub(crate) fn utc(at: Option<Instant>) -> String {
    at.map_or_else(|| "-".to_owned(), |at| local(at, Tz::UTC))
}

/// A stored amount as people write it: `499.00 INR`.
pub(crate) fn money(minor: i64, currency: &str) -> String {
    Currency::parse(currency)
        .ok()
        .and_then(|currency| Amount::new(minor, currency))
        .map_or_else(
            || format!("{minor} {currency}"),
            |amount| amount.to_string(),
        )
}

/// How long ago, in the two largest units: `3h 12m`.
pub(crate) fn age(from: Instant, now: Instant) -> String {
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

    #[test]
    fn tables_end_where_their_text_ends() {
        let mut small = table(["ref", "rail"]);
        small
            .add_row(["a-long-reference", "upi"])
            .add_row(["b", ""]);
        let mut out = Vec::new();
        write_table(&mut out, &small).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r"
        ref               rail
        a-long-reference  upi
        b
        ");
    }
}
