//! What was called and what came back, as it is kept, with what it must be held against: for a reader that knows the providers' words.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::Range;

/// A policy as it is stored.
#[derive(Debug)]
pub struct StoredPolicy {
    pub id: i64,
    pub body: serde_json::Value,
}

/// Every policy: there are as many as the configuration had versions.
pub async fn policies(conn: &mut PgConnection) -> sqlx::Result<Vec<StoredPolicy>> {
    sqlx::query_as!(
        StoredPolicy,
        "select id, body from mandated.policies order by id"
    )
    .fetch_all(conn)
    .await
}

/// A call to a provider.
#[derive(Debug)]
pub struct Call {
    pub execution_id: i64,
    pub attempt_id: i64,
    /// When its answer was written down.
    pub at: DateTime<Utc>,
    pub call: String,
    pub reference: String,
    pub http_status: Option<i16>,
    pub outcome: String,
    pub message: Option<String>,
    pub body: Option<String>,
    pub mandate_id: i64,
    pub provider: String,
    pub notify: String,
    pub provider_mandate_id: String,
    pub customer_id: String,
    pub policy_id: i64,
    pub period: String,
    pub order_no: i16,
    pub notification_no: i16,
    pub amount_minor: i64,
    pub currency: String,
    /// The debit of its order, where there is one that no person has stated.
    pub has_debit: bool,
    pub debit_txn: Option<String>,
    pub debit_minor: Option<i64>,
    pub debit_currency: Option<String>,
}

/// Where a reading of the calls has come to.
#[derive(Debug, Clone, Copy)]
pub struct CallCursor {
    pub execution_id: i64,
    pub attempt_id: i64,
}

/// The next calls of a range of executions, in their order. Few at a time: their answers are long, and no statement waits for us.
pub async fn calls(
    conn: &mut PgConnection,
    range: Range,
    cursor: CallCursor,
    limit: i64,
) -> sqlx::Result<Vec<Call>> {
    sqlx::query_as!(
        Call,
        r#"select a.execution_id, a.id as attempt_id, a.at, a.call, a.reference, a.http_status, a.outcome, a.message, a.body,
                  a.mandate_id, m.provider, m.notify, m.provider_mandate_id, m.customer_id, e.policy_id, e.period, e.order_no,
                  e.notification_no, e.amount_minor, e.currency, d.order_id is not null as "has_debit!", d.provider_txn as debit_txn,
                  d.amount_minor as "debit_minor?", d.currency as "debit_currency?"
             from (select * from mandated.attempts
                    where execution_id > $1 and execution_id <= $2 and (execution_id, id) > ($3, $4)
                    order by execution_id, id limit $5) a
            cross join lateral (select * from mandated.executions where id = a.execution_id limit 1) e
            cross join lateral (select * from mandated.mandates where id = e.mandate_id limit 1) m
             left join lateral (select d.* from mandated.debits d
                                 where a.outcome = 'charged' and d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on
                                   and d.order_id = a.reference
                                   and not exists (select from mandated.resolutions r
                                                    where r.execution_id = e.id and r.to_state = 'charged')
                                 limit 1) d on true
            order by a.execution_id, a.id"#,
        range.after,
        range.to,
        cursor.execution_id,
        cursor.attempt_id,
        limit
    )
    .fetch_all(conn)
    .await
}

/// When the last claim before an instant opened an intent: the call that was made under it was not made earlier.
pub async fn call_began_at(
    conn: &mut PgConnection,
    execution_id: i64,
    before: DateTime<Utc>,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!(
        "select max(at) from mandated.events where execution_id = $1 and kind = 'execution.executing' and at <= $2",
        execution_id,
        before
    )
    .fetch_one(conn)
    .await
}
