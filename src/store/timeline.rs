//! All that is kept about the cycles of a mandate, for people to read.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::PgConnection;

/// A cycle and where its collection stands.
#[derive(Debug, Serialize)]
pub struct CycleRow {
    pub execution_id: i64,
    pub cycle_on: NaiveDate,
    pub state: String,
    pub reason: String,
    pub class: Option<String>,
    pub amount_minor: i64,
    pub currency: String,
    pub order_id: String,
    pub debit_at: DateTime<Utc>,
    pub closes_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
    pub next_step: Option<String>,
    pub next_at: Option<DateTime<Utc>>,
    /// When the proof of the debit was written.
    pub proven_at: Option<DateTime<Utc>>,
    /// The provider's transaction.
    pub provider_txn: Option<String>,
}

/// The newest cycles of a mandate, oldest first.
pub async fn cycles(
    conn: &mut PgConnection,
    mandate_id: i64,
    newest: i64,
) -> sqlx::Result<Vec<CycleRow>> {
    let mut rows = sqlx::query_as!(
        CycleRow,
        r#"
        select e.id as execution_id, e.cycle_on, s.state as "state!", e.reason, e.class, e.amount_minor, e.currency,
               e.order_id, e.debit_at, e.closes_at, e.finished_at, s.next_step as "next_step?", s.next_at as "next_at?",
               d.proven_at as "proven_at?", d.provider_txn
          from mandated.executions e
          join mandated.execution_status s on s.id = e.id
          left join mandated.debits d on d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on
         where e.mandate_id = $1
         order by e.cycle_on desc
         limit $2
        "#,
        mandate_id,
        newest
    )
    .fetch_all(conn)
    .await?;
    rows.reverse();
    Ok(rows)
}

/// The ref and the day of an execution.
#[derive(Debug)]
pub struct ExecutionSubject {
    pub mandate_ref: String,
    pub cycle_on: NaiveDate,
}

/// Which cycle of which mandate an execution collects.
pub async fn find_execution(
    conn: &mut PgConnection,
    id: i64,
) -> sqlx::Result<Option<ExecutionSubject>> {
    sqlx::query_as!(
        ExecutionSubject,
        "select m.ref as mandate_ref, e.cycle_on
           from mandated.executions e join mandated.mandates m on m.id = e.mandate_id where e.id = $1",
        id
    )
    .fetch_optional(conn)
    .await
}

/// The cycle of a mandate on a day.
pub async fn cycle(
    conn: &mut PgConnection,
    mandate_id: i64,
    on: NaiveDate,
) -> sqlx::Result<Option<CycleRow>> {
    sqlx::query_as!(
        CycleRow,
        r#"
        select e.id as execution_id, e.cycle_on, s.state as "state!", e.reason, e.class, e.amount_minor, e.currency,
               e.order_id, e.debit_at, e.closes_at, e.finished_at, s.next_step as "next_step?", s.next_at as "next_at?",
               d.proven_at as "proven_at?", d.provider_txn
          from mandated.executions e
          join mandated.execution_status s on s.id = e.id
          left join mandated.debits d on d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on
         where e.mandate_id = $1 and e.cycle_on = $2
        "#,
        mandate_id,
        on
    )
    .fetch_optional(conn)
    .await
}

/// A notification of the payer.
#[derive(Debug, Serialize)]
pub struct NotificationRow {
    #[serde(skip)]
    pub execution_id: i64,
    pub reference: String,
    pub state: String,
    pub amount_minor: i64,
    pub requested_at: DateTime<Utc>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub message: Option<String>,
}

/// The notifications of some executions, in their order.
pub async fn notifications(
    conn: &mut PgConnection,
    executions: &[i64],
) -> sqlx::Result<Vec<NotificationRow>> {
    sqlx::query_as!(
        NotificationRow,
        "select execution_id, reference, state, amount_minor, requested_at, delivered_at, message
           from mandated.notifications where execution_id = any($1) order by execution_id, notification_no",
        executions
    )
    .fetch_all(conn)
    .await
}

/// One call to a provider, its answer, and what was decided.
#[derive(Debug, Serialize)]
pub struct AttemptRow {
    #[serde(skip)]
    pub execution_id: i64,
    pub at: DateTime<Utc>,
    pub call: String,
    pub reference: String,
    pub http_status: Option<i16>,
    pub latency_ms: i32,
    pub outcome: String,
    pub class: Option<String>,
    pub code: Option<String>,
    pub message: Option<String>,
    pub rule: Option<String>,
    pub body: Option<String>,
    pub decision: String,
    pub next_step: Option<String>,
    pub next_at: Option<DateTime<Utc>>,
    pub worker_id: String,
}

/// The attempts of some executions, in their order.
pub async fn attempts(
    conn: &mut PgConnection,
    executions: &[i64],
) -> sqlx::Result<Vec<AttemptRow>> {
    sqlx::query_as!(
        AttemptRow,
        "select execution_id, at, call, reference, http_status, latency_ms, outcome, class, code, message, rule, body,
                decision, next_step, next_at, worker_id
           from mandated.attempts where execution_id = any($1) order by execution_id, id",
        executions
    )
    .fetch_all(conn)
    .await
}

/// A change of state, of a mandate or of an execution.
#[derive(Debug, Serialize)]
pub struct EventRow {
    #[serde(skip)]
    pub execution_id: Option<i64>,
    pub at: DateTime<Utc>,
    pub kind: String,
    pub from_state: Option<String>,
    pub to_state: Option<String>,
    pub class: Option<String>,
    pub reason: String,
}

/// The events of some executions, in their order.
pub async fn execution_events(
    conn: &mut PgConnection,
    executions: &[i64],
) -> sqlx::Result<Vec<EventRow>> {
    sqlx::query_as!(
        EventRow,
        "select execution_id, at, kind, from_state, to_state, class, reason
           from mandated.events where execution_id = any($1) order by execution_id, id",
        executions
    )
    .fetch_all(conn)
    .await
}

/// The events of the mandate itself, in their order.
pub async fn mandate_events(
    conn: &mut PgConnection,
    mandate_id: i64,
) -> sqlx::Result<Vec<EventRow>> {
    sqlx::query_as!(
        EventRow,
        "select execution_id, at, kind, from_state, to_state, class, reason
           from mandated.events where mandate_id = $1 and execution_id is null order by id",
        mandate_id
    )
    .fetch_all(conn)
    .await
}

/// What a person said became of an execution.
#[derive(Debug, Serialize)]
pub struct ResolutionRow {
    #[serde(skip)]
    pub execution_id: i64,
    pub at: DateTime<Utc>,
    pub order_id: String,
    pub resolved_as: String,
    pub who: String,
    pub reason: String,
    pub evidence: String,
    pub provider_ref: Option<String>,
}

/// The resolutions of some executions, in their order.
pub async fn resolutions(
    conn: &mut PgConnection,
    executions: &[i64],
) -> sqlx::Result<Vec<ResolutionRow>> {
    sqlx::query_as!(
        ResolutionRow,
        "select execution_id, at, order_id, resolved_as, who, reason, evidence, provider_ref
           from mandated.resolutions where execution_id = any($1) order by execution_id, id",
        executions
    )
    .fetch_all(conn)
    .await
}
