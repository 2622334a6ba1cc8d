//! Answers that no rule gave a class. Both statements read the partial index of such attempts and never the history.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::error::{StoreContext, StoreError};
use crate::domain::Timestamp;
use crate::store::pool::DatabasePool;

/// Attempts that were answered alike.
#[derive(Debug, Clone, Serialize)]
pub struct Unmapped {
    pub provider: String,
    pub rail: String,
    pub call: String,
    pub http_status: Option<i16>,
    pub code: Option<String>,
    /// As it was stored, redacted and cut.
    pub message: Option<String>,
    /// The rule that says that this code names no cause; nothing where no rule matched.
    pub rule: Option<String>,
    pub attempts: i64,
    pub executions: i64,
    /// Of the executions that were not collected.
    pub amount_minor: i64,
    pub currency: String,
    pub last_at: DateTime<Utc>,
    /// The execution that was answered so last.
    pub example: i64,
}

/// Unmapped answers since some time, those that no rule matched first, then the most frequent.
pub async fn unmapped(
    pool: &DatabasePool,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Unmapped>, StoreError> {
    sqlx::query_file_as!(Unmapped, "src/store/unmapped.sql", since, limit)
        .fetch_all(pool)
        .await
        .context("list the answers that no rule knows")
}

/// How many attempts were answered with what no rule knows since some time.
pub async fn recent(pool: &DatabasePool, since: Timestamp) -> Result<i64, StoreError> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from mandated.attempts where class = 'unmapped' and at >= $1"#,
        since
    )
    .fetch_one(pool)
    .await
    .context("count the answers that no rule knows")
}
