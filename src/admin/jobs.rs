//! `jobs`: what is due, leased and late.

use std::io::Write;

use serde::Serialize;
use sqlx::PgConnection;

use super::AdminError;
use super::error::step;
use super::output::{Table, write_json};
use super::text::{Format, age, utc};
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
    let mut shown = Table::new([
        "account",
        "step",
        "due",
        "oldest due",
        "leased",
        "lease over",
        "waiting",
        "next at",
        "paused until",
    ])
    .right(2)
    .right(3)
    .right(4)
    .right(5)
    .right(6);
    for row in jobs.counts {
        shown.row([
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
    shown.write(out)?;
    if jobs.late.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let mut shown = Table::new([
        "late by",
        "execution",
        "ref",
        "cycle",
        "account",
        "step",
        "held by",
    ])
    .right(0)
    .right(1);
    for row in jobs.late {
        shown.row([
            age(row.run_at, now),
            row.execution_id.to_string(),
            row.mandate_ref,
            row.cycle_on.to_string(),
            row.account,
            row.step,
            row.worker_id.unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    shown.write(out)?;
    Ok(())
}
