//! G1 and G2: what cycles, orders, notifications and payments are called, for a reader that derives the names again.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use super::Range;

/// An execution with its names.
#[derive(Debug)]
pub struct NamedExecution {
    pub id: i64,
    pub mandate_id: i64,
    pub provider: String,
    pub provider_mandate_id: String,
    pub frequency: Option<String>,
    pub cycle_on: NaiveDate,
    pub period: String,
    pub order_no: i16,
    pub order_id: String,
    pub notification_no: i16,
    pub notification_ref: Option<String>,
}

/// The next executions of a range after one of them.
pub async fn executions(
    conn: &mut PgConnection,
    range: Range,
    after: i64,
    limit: i64,
) -> sqlx::Result<Vec<NamedExecution>> {
    sqlx::query_as!(
        NamedExecution,
        "select e.id, e.mandate_id, m.provider, m.provider_mandate_id, m.frequency, e.cycle_on, e.period, e.order_no, e.order_id,
                e.notification_no, e.notification_ref
           from (select * from mandated.executions where id > $1 and id <= $2 order by id limit $3) e
          cross join lateral (select * from mandated.mandates where id = e.mandate_id limit 1) m
          order by e.id",
        range.after.max(after),
        range.to,
        limit
    )
    .fetch_all(conn)
    .await
}

/// A notification with its name and its times.
#[derive(Debug)]
pub struct NamedNotification {
    pub execution_id: i64,
    pub notification_no: i16,
    pub mandate_id: i64,
    pub of_mandate: i64,
    pub provider: String,
    pub provider_mandate_id: String,
    pub period: String,
    pub reference: String,
    pub requested_at: DateTime<Utc>,
    pub delivered_at: Option<DateTime<Utc>>,
    /// Whether it is the one that its execution names, and what that says of its delivery.
    pub is_current: bool,
    pub execution_delivered_at: Option<DateTime<Utc>>,
    /// When a provider first said that it was delivered.
    pub said_at: Option<DateTime<Utc>>,
}

/// The next notifications of a range after one of them.
pub async fn notifications(
    conn: &mut PgConnection,
    range: Range,
    (execution_id, notification_no): (i64, i16),
    limit: i64,
) -> sqlx::Result<Vec<NamedNotification>> {
    sqlx::query_as!(
        NamedNotification,
        r#"select n.execution_id, n.notification_no, n.mandate_id, e.mandate_id as of_mandate, m.provider, m.provider_mandate_id,
                  e.period, n.reference, n.requested_at, n.delivered_at, e.notification_no = n.notification_no as "is_current!",
                  e.delivered_at as execution_delivered_at,
                  (select min(a.at) from mandated.attempts a
                    where a.execution_id = n.execution_id and a.reference = n.reference and a.outcome = 'delivered'
                      and a.call in ('notify', 'notification_status')) as said_at
             from (select * from mandated.notifications
                    where execution_id > $1 and execution_id <= $2 and (execution_id, notification_no) > ($3, $4)
                    order by execution_id, notification_no limit $5) n
            cross join lateral (select * from mandated.executions where id = n.execution_id limit 1) e
            cross join lateral (select * from mandated.mandates where id = e.mandate_id limit 1) m
            order by n.execution_id, n.notification_no"#,
        range.after,
        range.to,
        execution_id,
        notification_no,
        limit
    )
    .fetch_all(conn)
    .await
}

/// A debit with its names.
#[derive(Debug)]
pub struct NamedDebit {
    pub execution_id: i64,
    pub mandate_id: i64,
    pub cycle_on: NaiveDate,
    pub order_id: String,
    pub provider_txn: Option<String>,
    pub provider: String,
    pub provider_mandate_id: String,
    pub frequency: Option<String>,
}

/// The next debits of a range of mandates after one of them. Those of a mandate follow each other.
pub async fn debits(
    conn: &mut PgConnection,
    range: Range,
    (mandate_id, cycle_on): (i64, NaiveDate),
    limit: i64,
) -> sqlx::Result<Vec<NamedDebit>> {
    sqlx::query_as!(
        NamedDebit,
        "select d.execution_id, d.mandate_id, d.cycle_on, d.order_id, d.provider_txn, m.provider, m.provider_mandate_id, m.frequency
           from (select * from mandated.debits
                  where mandate_id > $1 and mandate_id <= $2 and (mandate_id, cycle_on) > ($3, $4)
                  order by mandate_id, cycle_on limit $5) d
          cross join lateral (select * from mandated.mandates where id = d.mandate_id limit 1) m
          order by d.mandate_id, d.cycle_on",
        range.after,
        range.to,
        mandate_id,
        cycle_on,
        limit
    )
    .fetch_all(conn)
    .await
}
