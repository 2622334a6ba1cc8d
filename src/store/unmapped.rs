//! Answers that no rule gave a class. Both statements read the partial index of such attempts and never the history.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;

use super::error::{StoreError, Tried};
use crate::domain::Instant;

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
    pool: &PgPool,
    since: Instant,
    limit: i64,
) -> Result<Vec<Unmapped>, StoreError> {
    sqlx::query_as!(
        Unmapped,
        r#"
        with seen as (
          select a.execution_id, a.mandate_id, a.call, a.http_status, a.code, a.message, a.rule,
                 count(*) as attempts, max(a.at) as last_at
            from mandated.attempts a
           where a.class = 'unmapped' and a.at >= $1
           group by 1, 2, 3, 4, 5, 6, 7
        )
        select m.provider, m.rail, s.call as "call!", s.http_status, s.code, s.message, s.rule,
               sum(s.attempts)::bigint as "attempts!", count(*) as "executions!",
               coalesce(sum(e.amount_minor) filter (where e.state <> 'charged'), 0)::bigint as "amount_minor!",
               m.currency, max(s.last_at) as "last_at!",
               (array_agg(s.execution_id order by s.last_at desc, s.execution_id desc))[1] as "example!"
          from seen s
          join mandated.mandates m on m.id = s.mandate_id
          -- Old executions are deleted before their attempts are dropped.
          left join mandated.executions e on e.id = s.execution_id
         group by m.provider, m.rail, s.call, s.http_status, s.code, s.message, s.rule, m.currency
         order by (s.rule is not null), "attempts!" desc, "last_at!" desc
         limit $2
        "#,
        since,
        limit
    )
    .fetch_all(pool)
    .await
    .tried("list the answers that no rule knows")
}

/// How many attempts were answered with what no rule knows since some time.
pub async fn recent(pool: &PgPool, since: Instant) -> Result<i64, StoreError> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from mandated.attempts where class = 'unmapped' and at >= $1"#,
        since
    )
    .fetch_one(pool)
    .await
    .tried("count the answers that no rule knows")
}
