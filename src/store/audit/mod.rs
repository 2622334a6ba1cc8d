//! The guarantees, derived again from what is stored. A check is one statement that finds what breaks a rule; the
//! engine's own constraints are not trusted, since they are part of what is audited.

mod calls;
mod cycles;
mod debits;
mod progress;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use serde::Serialize;
use sqlx::PgConnection;

pub use calls::{Call, Place, StoredPolicy, calls_after, policies};
pub use cycles::{Schedule, schedules_after};
pub use progress::{Transition, transitions};

/// Readies a connection for the checks: they read whole tables, and every other connection is kept from that.
pub async fn prepare(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("select set_config('enable_seqscan', 'on', false)")
        .fetch_one(conn)
        .await?;
    Ok(())
}

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
    /// How many findings are returned; all are counted.
    pub limit: i64,
}

/// A rule, and the statement that finds what breaks it.
#[derive(Debug)]
pub struct Check {
    /// The guarantee it belongs to, as numbered in `ARCHITECTURE.md`.
    pub guarantee: &'static str,
    /// What must be true.
    pub rule: &'static str,
    pub find: for<'a> fn(&'a mut PgConnection, Scope) -> BoxFuture<'a, sqlx::Result<Vec<Finding>>>,
}

/// Every check that is one statement, in the order of the guarantees.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    debits::CHECKS
        .iter()
        .chain(calls::CHECKS)
        .chain(progress::CHECKS)
}

/// A check. `$1` is the limit; fields of the scope that are named after the statement are `$2` and so on.
macro_rules! check {
    ($guarantee:literal, $rule:literal, $sql:literal $(, $field:ident)*) => {
        Check {
            guarantee: $guarantee,
            rule: $rule,
            find: |conn, scope| Box::pin(async move {
                sqlx::query_as!(Finding, $sql, scope.limit $(, scope.$field)*).fetch_all(conn).await
            }),
        }
    };
}
use check;
