//! The guarantees, derived again from what is stored. A check is one statement that finds what breaks a rule; the
//! engine's own constraints are not trusted, since they are part of what is audited.
//!
//! No check reads a whole table. A table is read in ranges of its key, so that a statement is short, holds no snapshot that would
//! keep vacuum from the hot tables, and needs little memory. A statement has one snapshot, and every write of ours is one statement
//! or one transaction: so what a check compares within a statement was true at one instant, however busy the workers are.

mod calls;
mod cycles;
mod debits;
mod history;
mod kept;
pub mod names;
pub mod orders;
pub mod payments;
mod progress;
mod ranges;
mod registrations;
mod stops;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde::Serialize;
use sqlx::PgConnection;

pub use cycles::{Schedule, schedules_after};
pub use history::{RecordedTransition, history_from, strays, transitions};
pub use kept::{Call, CallCursor, StoredPolicy, call_began_at, calls, policies};
pub use ranges::{Range, RangeKey, is_busy, last, next_range, prepare};

/// Something that breaks a rule.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    pub execution_id: Option<i64>,
    pub mandate_id: Option<i64>,
    /// What was found, in words.
    pub detail: String,
    /// How many findings the check has in all.
    #[serde(skip)]
    pub total: i64,
}

/// What every check is told.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// The business time.
    pub now: DateTime<Utc>,
    /// How long something may be overdue before it counts as forgotten, in seconds.
    pub late: f64,
    /// Before it, the history may have been dropped.
    pub history_from: DateTime<Utc>,
    /// How many findings are returned; all are counted.
    pub limit: i64,
}

/// Runs the statement of a check for a range.
pub type Find =
    for<'a> fn(&'a mut PgConnection, Range, Scope) -> BoxFuture<'a, sqlx::Result<Vec<Finding>>>;

/// A rule, and the statement that finds what breaks it.
#[derive(Debug)]
pub struct Check {
    /// What is read in ranges.
    pub over: RangeKey,
    /// The guarantee it belongs to, as numbered in `ARCHITECTURE.md`.
    pub guarantee: &'static str,
    /// What must be true. A rule can have more than one check.
    pub rule: &'static str,
    pub find: Find,
}

/// Every check that is one statement a range, in the order of the guarantees.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    debits::CHECKS
        .iter()
        .chain(calls::CHECKS)
        .chain(progress::CHECKS)
        .chain(history::CHECKS)
        .chain(stops::CHECKS)
        .chain(registrations::CHECKS)
}

/// A check. `$1` is the limit, the range is what is greater than `$2` and at most `$3`, and fields of the scope that are named
/// after the statement are `$4` and so on. Every other table is reached by its key, in ways that leave Postgres no choice: see
/// `claim.sql`.
macro_rules! check {
    ($over:ident, $guarantee:literal, $rule:expr, $sql:literal $(, $field:ident)*) => {
        Check {
            over: RangeKey::$over,
            guarantee: $guarantee,
            rule: $rule,
            find: |conn, range, scope| Box::pin(async move {
                sqlx::query_as!(Finding, $sql, scope.limit, range.after, range.to $(, scope.$field)*).fetch_all(conn).await
            }),
        }
    };
}
use check;
