//! `jobs`: what is due, leased and late.

use std::io::Write;

use serde::Serialize;
use sqlx::PgConnection;

use super::AdminError;
use super::error::step;
use super::text::{Format, age, table, utc, write_json, write_table};
use crate::domain::Instant;
use crate::store;
use crate::store::listing::{JobCount, LateJob};

/// How many late jobs are shown.
const SHOWN: i64 = 20;

#[derive(Serialize)]
struct Jobs {
    counts: Vec<JobCount>,
    late: Vec<LateJob>,
}

/// Prints the jobs: counts by account and step, then those that have been due the longest.
pub async fn jobs(
    conn: &mut PgConnection,
    now: Instant,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), AdminError> {
    let counts = store::listing::job_counts(conn, now)
        .await
        .map_err(step("count the jobs"))?;
    let late = store::listing::late_jobs(conn, now, SHOWN)
        .await
        .map_err(step("list the late jobs"))?;
    let jobs = Jobs { counts, late };
    if format == Format::Json {
        return Ok(write_json(out, &jobs)?);
    }
    if jobs.counts.is_empty() {
        writeln!(out, "no jobs")?;
        return Ok(());
    }
    let mut shown = table([
        "account",
        "step",
        "due",
        "oldest due",
        "leased",
        "lease over",
        "waiting",
        "next at",
        "paused until",
    ]);
    for row in jobs.counts {
        shown.add_row([
            row.account,
            row.step,
            row.due.to_string(),
            row.oldest_due_at
                .map_or_else(|| "-".to_owned(), |at| age(at, now)),
            row.leased.to_string(),
            row.overdue.to_string(),
            row.waiting.to_string(),
            utc(row.next_at),
            utc(row.paused_until),
        ]);
    }
    write_table(out, &shown)?;
    if jobs.late.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let mut shown = table([
        "late by",
        "execution",
        "ref",
        "cycle",
        "account",
        "step",
        "held by",
    ]);
    for row in jobs.late {
        shown.add_row([
            age(row.run_at, now),
            row.execution_id.to_string(),
            row.mandate_ref,
            row.cycle_on.to_string(),
            row.account,
            row.step,
            row.worker_id.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    write_table(out, &shown)?;
    Ok(())
}
