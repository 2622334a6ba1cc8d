//! The import of mandates: a file of any size, row by row, in one transaction.
//!
//! Rows go to the database in batches, so memory does not grow with the file. A bad row never stops the reading:
//! everything that is wrong with the file is found in one run. The transaction is kept when no row is bad, or when
//! bad ones are to be skipped.

mod cells;
mod checks;
mod columns;
mod duplicates;
mod encoding;
mod first_cycle;
mod json;
mod lines;
mod raw_row;
mod report;
mod rows;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::{OnProgress, Progress};
use crate::config::Config;
use crate::domain::policy::Policy;
use crate::domain::{ProviderKind, Rail, Timestamp};
use crate::provider::juspay;
use crate::store;
use crate::store::import::{Account, Existing, NewMandate};
use crate::store::pool::DatabasePool;
use crate::wording;

use checks::Checks;
use duplicates::Seen;
use first_cycle::Planning;
use raw_row::Line;
use rows::Rows;

pub use crate::store::import::EndedRecovery;
pub use columns::{COLUMNS, Column};
pub use report::{LISTED, Problem, Report};

/// How many rows go to the database at once.
const BATCH: usize = 1_000;

/// What an import needs to know beside the file.
#[expect(missing_debug_implementations, reason = "holds functions")]
pub struct Options<'a> {
    /// Take the good rows and leave the bad ones.
    pub skip_invalid: bool,
    pub now: Timestamp,
    /// How long before its first step a cycle is planned (`planner.horizon`).
    pub horizon: Duration,
    pub policy: &'a (dyn Fn(ProviderKind, Rail) -> Policy + Sync),
    pub check_metadata: cells::CheckMetadata<'a>,
}

/// Why nothing was imported, other than bad rows.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("read the file")]
    Read(#[source] io::Error),
    #[error("the file is empty: it needs a header line with the columns, or JSON Lines")]
    Empty,
    /// It is UTF-16, a workbook, a JSON array: what it is, and how to save it.
    #[error("{0}")]
    Shape(String),
    /// Nobody knows which letters its bytes are, so no row of it is taken, be bad ones skipped or not.
    #[error(
        "the file is not UTF-8: {at} has the byte 0x{byte:02X}, as Windows-1252 and Latin-1 write their letters; save it as UTF-8 \
         (spreadsheets call it CSV UTF-8)"
    )]
    NotUtf8 {
        /// The line and the column.
        at: String,
        byte: u8,
    },
    #[error("the header is wrong\n{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Header(Vec<Problem>),
    #[error("{step}; nothing was imported")]
    Database {
        step: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error(
        "another import registered some of these mandates at the same moment; nothing was imported, run it again"
    )]
    Raced,
}

fn step(step: &'static str) -> impl FnOnce(sqlx::Error) -> ImportError {
    move |source| ImportError::Database { step, source }
}

/// Imports what a file, or anything else, has in it, under the configuration.
pub async fn import_configured(
    config: &Config,
    pool: &DatabasePool,
    input: impl Read,
    now: Timestamp,
    skip_invalid: bool,
    progress: OnProgress<'_>,
) -> Result<Report, ImportError> {
    let policy = |provider: ProviderKind, rail: Rail| config.policy(provider, rail);
    let options = Options {
        skip_invalid,
        now,
        horizon: config.planner.horizon,
        policy: &policy,
        check_metadata: &check_metadata,
    };
    let after = now.checked_sub_signed(RECENT).unwrap_or(now);
    let recoveries = store::import::recoveries_ended_after(pool, after)
        .await
        .map_err(step("find the recoveries that have ended"))?;
    let mut report = import(pool, input, &options, progress).await?;
    if report.imported > 0 {
        // One may have ended meanwhile. The import is done, and is not said to have failed for this.
        let ended = store::import::recoveries_ended_after(pool, after).await;
        report.recovered_before = ended.unwrap_or(recoveries);
    }
    Ok(report)
}

/// For so long after a recovery an import may be one that should have come before it.
const RECENT: TimeDelta = TimeDelta::days(7);

fn check_metadata(provider: ProviderKind, metadata: &Map<String, Value>) -> Result<(), String> {
    match provider {
        ProviderKind::Juspay => juspay::check_metadata(metadata),
        // Signzy's calls carry nothing of the merchant's own.
        ProviderKind::Signzy if metadata.is_empty() => Ok(()),
        ProviderKind::Signzy => Err("Signzy takes no metadata: leave it empty".to_owned()),
    }
}

/// Imports a file. Bad rows are in the report; an error means that nothing was imported.
pub async fn import(
    pool: &DatabasePool,
    input: impl Read,
    options: &Options<'_>,
    progress: OnProgress<'_>,
) -> Result<Report, ImportError> {
    let mut rows = Rows::open(input)?;
    let mut tx = pool.begin().await.map_err(step("begin the import"))?;
    let accounts = store::import::accounts(&mut tx)
        .await
        .map_err(step("read the accounts"))?;
    let planning = Planning::new(options.now, options.horizon, options.policy);
    let mut checks = Checks {
        accounts,
        check_metadata: options.check_metadata,
        planning,
    };
    let mut import = Import {
        now: options.now,
        seen: Seen::default(),
        report: Report::default(),
    };
    let mut done: u64 = 0;
    while let Some(batch) = Batch::read(&mut rows, &mut checks)? {
        done = done.saturating_add(u64::try_from(batch.rows()).unwrap_or(u64::MAX));
        import.register(&mut tx, batch).await?;
        progress(Progress { done, of: None });
    }
    let mut report = import.report;
    report.short_rooms = checks.planning.short;
    let first = checks.planning.first_short;
    report.first_short_room = first.as_ref().map(wording::short_room);
    report.kept = report.invalid == 0 || options.skip_invalid;
    if report.kept {
        tx.commit().await.map_err(step("commit the import"))?;
    } else {
        tx.rollback().await.map_err(step("undo the import"))?;
        report.imported = 0;
    }
    Ok(report)
}

/// Every row of a file, checked as [`import`] checks it before it asks the database: for the tests of what it reads.
pub fn check(
    input: impl Read,
    accounts: Vec<Account>,
    options: &Options<'_>,
) -> Result<Vec<Result<NewMandate, Vec<Problem>>>, ImportError> {
    let mut rows = Rows::open(input)?;
    let planning = Planning::new(options.now, options.horizon, options.policy);
    let mut checks = Checks {
        accounts,
        check_metadata: options.check_metadata,
        planning,
    };
    let mut checked = Vec::new();
    loop {
        match rows.next()? {
            Line::End => return Ok(checked),
            Line::Bad(problem) => checked.push(Err(vec![problem])),
            Line::Row(row) => checked.push(checks.check(row)),
        }
    }
}

/// The rows that are looked at together: good so far, or what is wrong with them, by line.
struct Batch {
    good: Vec<NewMandate>,
    bad: BTreeMap<u64, Vec<Problem>>,
}

impl Batch {
    fn read<R: Read>(
        rows: &mut Rows<R>,
        checks: &mut Checks<'_>,
    ) -> Result<Option<Self>, ImportError> {
        let mut batch = Self {
            good: Vec::new(),
            bad: BTreeMap::new(),
        };
        while batch.rows() < BATCH {
            match rows.next()? {
                Line::End if batch.good.is_empty() && batch.bad.is_empty() => return Ok(None),
                Line::End => break,
                Line::Bad(problem) => batch.add_problem(problem),
                Line::Row(row) => match checks.check(row) {
                    Ok(mandate) => batch.good.push(mandate),
                    Err(problems) => batch.add_problems(problems),
                },
            }
        }
        Ok(Some(batch))
    }

    fn rows(&self) -> usize {
        self.good.len().saturating_add(self.bad.len())
    }

    fn add_problems(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            self.add_problem(problem);
        }
    }

    fn add_problem(&mut self, problem: Problem) {
        self.bad.entry(problem.line).or_default().push(problem);
    }
}

struct Import {
    now: Timestamp,
    seen: Seen,
    report: Report,
}

impl Import {
    /// Compares a batch with the database, which holds the batches before it, and inserts what is new.
    async fn register(
        &mut self,
        conn: &mut PgConnection,
        mut batch: Batch,
    ) -> Result<(), ImportError> {
        let existing = store::import::existing(conn, &batch.good)
            .await
            .map_err(step("compare with the database"))?;
        let mut by_line: BTreeMap<u64, Vec<Existing>> = BTreeMap::new();
        for found in existing {
            by_line.entry(found.line).or_default().push(found);
        }
        let mut in_batch = duplicates::New::default();
        let mut new: Vec<NewMandate> = Vec::with_capacity(batch.good.len());
        for mandate in std::mem::take(&mut batch.good) {
            if let Some(found) = by_line.get(&mandate.line) {
                let problems = self.compare(found);
                if problems.is_empty() {
                    self.report.unchanged = self.report.unchanged.saturating_add(1);
                }
                batch.add_problems(problems);
            } else if let Some(problem) = in_batch.add(&mandate) {
                batch.add_problem(problem);
            } else {
                new.push(mandate);
            }
        }
        for problems in batch.bad.into_values() {
            self.report.add_bad_row(problems);
        }
        self.insert(conn, &new).await
    }

    /// What speaks against a row, given the mandates that have its ref or its `mandate_id`. Nothing if it is one of
    /// them, unchanged.
    fn compare(&mut self, found: &[Existing]) -> Vec<Problem> {
        let mut problems = Vec::new();
        for existing in found {
            let line = existing.line;
            let above = self.seen.line_of(existing.id);
            match (above, existing.same_ref) {
                (Some(above), true) => problems.push(duplicates::twice(line, "ref", above)),
                (Some(above), false) => problems.push(duplicates::twice(line, "mandate_id", above)),
                (None, false) => problems.push(duplicates::known(existing)),
                (None, true) if existing.differs.is_empty() => self.seen.add(existing.id, line),
                (None, true) => problems.extend(existing.differs.iter().map(|column| {
                    let reason = "differs from the mandate that is registered under this ref; an import never changes one";
                    Problem::new(line, Some(column), reason.to_owned())
                })),
            }
        }
        problems
    }

    async fn insert(
        &mut self,
        conn: &mut PgConnection,
        new: &[NewMandate],
    ) -> Result<(), ImportError> {
        let inserted = store::import::insert(conn, new, self.now)
            .await
            .map_err(step("insert the mandates"))?;
        if inserted.len() != new.len() {
            return Err(ImportError::Raced);
        }
        for row in &inserted {
            self.seen.add(row.id, row.line);
        }
        self.report.imported = self
            .report
            .imported
            .saturating_add(u64::try_from(new.len()).unwrap_or(0));
        Ok(())
    }
}
