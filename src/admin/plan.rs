//! `plan REF`: the coming cycles of a mandate and when their things are due.

use std::io::Write;

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::PgConnection;

use super::AdminError;
use super::output::{Table, write_json};
use super::text::{Format, local};
use crate::domain::afa::approval_above;
use crate::domain::plan::coming;
use crate::domain::plan::reason::times;
use crate::domain::policy::Policy;
use crate::domain::{Instant, ProviderKind, Rail};
use crate::store;
use crate::wording;

/// A coming cycle. Without times it cannot be collected lawfully.
#[derive(Debug, Serialize)]
struct Line {
    cycle_on: NaiveDate,
    notify_at: Option<Instant>,
    debit_at: Option<Instant>,
    window_ends_at: Option<Instant>,
    last_safe_start: Option<Instant>,
    closes_at: Instant,
    /// Why these times.
    why: Option<String>,
}

/// Prints the coming cycles, from the first one that has no execution yet.
pub async fn plan(
    conn: &mut PgConnection,
    reference: &str,
    cycles: usize,
    policy: impl FnOnce(ProviderKind, Rail) -> Policy,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), AdminError> {
    let found = store::mandates::find(conn, reference).await?;
    let stored = found.ok_or_else(|| AdminError::NoMandate(reference.to_owned()))?;
    let mandate = &stored.mandate;
    let policy = policy(mandate.provider, mandate.rail);
    let found = match stored.next_cycle_on {
        Some(from) => coming(
            &mandate.terms,
            mandate.provider,
            mandate.notify,
            &policy,
            mandate.id.0,
            from,
            cycles,
        ),
        None => Vec::new(),
    };
    let lines = found.into_iter().map(|(cycle, timetable)| Line {
        cycle_on: cycle.on,
        notify_at: timetable.and_then(|timetable| timetable.notify_at),
        debit_at: timetable.map(|timetable| timetable.debit.opens),
        window_ends_at: timetable.and_then(|timetable| timetable.debit.closes),
        last_safe_start: timetable.map(|timetable| timetable.last_safe_start),
        closes_at: cycle.closes_at,
        why: timetable.map(|timetable| {
            let zone = policy.debit_windows.time_zone();
            wording::times(&times(&cycle, &timetable, &policy), zone)
        }),
    });
    if format == Format::Json {
        for line in lines {
            write_json(out, &line)?;
        }
        return Ok(());
    }
    if stored.next_cycle_on.is_none() {
        writeln!(
            out,
            "{reference} has no cycle to plan: it has ended, or you present its cycles"
        )?;
        return Ok(());
    }
    let zone = mandate.terms.time_zone;
    let at =
        |at: Option<Instant>, none: &str| at.map_or_else(|| none.to_owned(), |at| local(at, zone));
    let mut shown = Table::new([
        "cycle",
        "notify at",
        "debit at",
        "window ends",
        "last safe start",
        "closes",
        "why",
    ]);
    for line in lines {
        shown.row([
            line.cycle_on.to_string(),
            at(line.notify_at, "-"),
            at(line.debit_at, "no lawful time"),
            at(line.window_ends_at, "-"),
            at(line.last_safe_start, "-"),
            at(Some(line.closes_at), "-"),
            line.why.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    shown.write(out)?;
    let ceiling = mandate
        .amount
        .and_then(|amount| approval_above(mandate.rail, amount, mandate.category.as_deref()));
    if let Some(ceiling) = ceiling {
        writeln!(
            out,
            "the payer must approve each debit: it is above the AFA ceiling of {ceiling}"
        )?;
    }
    Ok(())
}
