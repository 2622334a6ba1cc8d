//! `mandates show` and `executions show`: why each cycle ended, or waits, as it does, in the mandate's own time zone.

use std::fmt::Write as _;
use std::io::{self, Write};

use chrono_tz::Tz;

use super::print::Print;
use super::print::times_and_amounts::{local, money};
use crate::domain::Timestamp;
use crate::ops::mandates::Header;
use crate::ops::timeline::{
    AttemptRow, CycleRow, CycleTimeline, EventRow, ResolutionRow, Timeline,
};

impl Print for Timeline {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        write_header(&self.mandate, out)?;
        for event in &self.events {
            print_line!(
                out,
                "{}",
                line(event.at, self.zone, "mandate", &event_text(event))
            )?;
        }
        for timeline in &self.cycles {
            write_cycle(timeline, self.zone, out)?;
        }
        Ok(())
    }
}

fn write_header(header: &Header, out: &mut dyn Write) -> io::Result<()> {
    let Header {
        reference,
        id,
        status,
        account,
        provider,
        mandate_id,
        rail,
        notify,
        currency,
        ..
    } = header;
    let why = header
        .status_reason
        .as_ref()
        .map(|why| format!(": {why}"))
        .unwrap_or_default();
    let category = header
        .category
        .as_ref()
        .map(|word| format!(", {word}"))
        .unwrap_or_default();
    let amount = header.amount.as_deref().unwrap_or("as presented");
    let end = header
        .ends_on
        .map(|end| format!(" to {end}"))
        .unwrap_or_default();
    let zone = header.time_zone.parse().unwrap_or(Tz::UTC);
    print_line!(out, "mandate    {reference} ({id}), {status}{why}")?;
    print_line!(
        out,
        "account    {account} ({provider}), mandate {mandate_id}"
    )?;
    print_line!(out, "rail       {rail}{category}, notify {notify}")?;
    print_line!(
        out,
        "amount     {amount}, at most {} {currency}",
        header.max_amount
    )?;
    print_line!(
        out,
        "schedule   {} at {} {}, from {}{end}",
        header.schedule,
        header.debit_at,
        header.time_zone,
        header.starts_on
    )?;
    match (header.next_cycle_on, header.next_plan_at) {
        (Some(on), Some(at)) => print_line!(out, "to plan    {on}, at {}", local(at, zone)),
        (_, _) => print_line!(out, "to plan    nothing"),
    }
}

fn write_cycle(timeline: &CycleTimeline, zone: Tz, out: &mut dyn Write) -> io::Result<()> {
    let CycleRow {
        execution_id,
        cycle_on,
        state,
        reason,
        amount_minor,
        currency,
        order_id,
        ..
    } = &timeline.cycle;
    let amount = money(*amount_minor, currency);
    print_line!(out)?;
    print_line!(out, "cycle {cycle_on}: {state}, {reason}")?;
    print_line!(
        out,
        "  execution {execution_id}, order {order_id}, {amount}"
    )?;
    let mut lines = lines(timeline, zone);
    // Stable: what happened at one instant stays in the order in which it was written.
    lines.sort_by_key(|(at, rank, _)| (*at, *rank));
    for (_, _, line) in lines {
        print_line!(out, "{line}")?;
    }
    if let (Some(next), Some(at)) = (&timeline.cycle.next_step, timeline.cycle.next_at) {
        print_line!(out, "  next: {next} at {}", local(at, zone))?;
    }
    Ok(())
}

/// What happened in a cycle: when, in which order of what happened at one instant, and the line that says so.
fn lines(timeline: &CycleTimeline, zone: Tz) -> Vec<(Timestamp, u8, String)> {
    let cycle = &timeline.cycle;
    let currency = &cycle.currency;
    let mut lines = Vec::new();
    for row in &timeline.notifications {
        let text = format!(
            "{} requested, {}",
            row.reference,
            money(row.amount_minor, currency)
        );
        lines.push((
            row.requested_at,
            1,
            line(row.requested_at, zone, "notification", &text),
        ));
        if let Some(at) = row.delivered_at {
            lines.push((
                at,
                1,
                line(
                    at,
                    zone,
                    "notification",
                    &format!("{} delivered", row.reference),
                ),
            ));
        }
    }
    for row in &timeline.attempts {
        lines.push((
            row.at,
            0,
            line(row.at, zone, &row.call, &attempt_text(row, zone)),
        ));
    }
    for row in &timeline.events {
        lines.push((row.at, 2, line(row.at, zone, "state", &event_text(row))));
    }
    for row in &timeline.resolutions {
        let line = line(row.at, zone, "resolved", &resolution_text(row));
        lines.push((row.at, 4, line));
    }
    if let Some(at) = cycle.proven_at {
        let txn = cycle.provider_txn.as_deref().unwrap_or("without a number");
        lines.push((
            at,
            3,
            line(
                at,
                zone,
                "debit",
                &format!(
                    "{} collected, transaction {txn}",
                    money(cycle.amount_minor, currency)
                ),
            ),
        ));
    }
    lines
}

fn line(at: Timestamp, zone: Tz, about: &str, text: &str) -> String {
    format!("  {}  {about:<19}  {text}", local(at, zone))
}

fn attempt_text(row: &AttemptRow, zone: Tz) -> String {
    let mut text = format!("{}: {}", row.reference, row.outcome);
    let mut add = |label: &str, value: Option<&String>| {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            write!(text, ", {label}{value}").unwrap_or_default();
        }
    };
    add("class ", row.class.as_ref());
    add("code ", row.code.as_ref());
    add("rule ", row.rule.as_ref());
    add(
        "HTTP ",
        row.http_status.map(|status| status.to_string()).as_ref(),
    );
    add("", Some(&format!("{} ms", row.latency_ms)));
    add(
        "",
        row.message
            .as_ref()
            .map(|message| format!("{message:?}"))
            .as_ref(),
    );
    write!(text, "; {}", row.decision).unwrap_or_default();
    if let (Some(next), Some(at)) = (&row.next_step, row.next_at) {
        write!(text, "; next {next} at {}", local(at, zone)).unwrap_or_default();
    }
    text
}

fn event_text(row: &EventRow) -> String {
    let change = match (&row.from_state, &row.to_state) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        (None, Some(to)) => to.clone(),
        (Some(_) | None, None) => row.kind.clone(),
    };
    format!("{change}: {}", row.reason)
}

fn resolution_text(row: &ResolutionRow) -> String {
    let ResolutionRow {
        order_id,
        resolved_as,
        who,
        reason,
        evidence,
        ..
    } = row;
    let txn = row.provider_ref.as_ref();
    let txn = txn.map_or_else(String::new, |id| format!(", transaction {id}"));
    format!("{order_id} as {resolved_as} by {who}{txn}: {reason}; evidence: {evidence}")
}
