//! Lists for operators. Each takes a limit: a database can hold ten million of anything.

use chrono::{DateTime, NaiveDate, Utc};
use futures::stream::BoxStream;
use serde::Serialize;
use sqlx::PgConnection;

use crate::domain::{MandateStatus, State};
use crate::store::pool::DatabasePool;

/// A mandate in one line.
#[derive(Debug, Serialize)]
pub struct MandateLine {
    #[serde(rename = "ref")]
    pub reference: String,
    pub account: String,
    pub rail: String,
    pub notify: String,
    pub amount_minor: Option<i64>,
    pub max_amount_minor: i64,
    pub currency: String,
    /// The frequency or the cron expression.
    pub schedule: String,
    pub status: String,
    pub status_reason: Option<String>,
    pub next_cycle_on: Option<NaiveDate>,
    pub next_plan_at: Option<DateTime<Utc>>,
}

/// Which mandates to list; nothing means any.
#[derive(Debug, Clone, Default)]
pub struct MandateFilter {
    pub status: Option<MandateStatus>,
    pub account: Option<String>,
    pub limit: i64,
}

/// Mandates in the order of their registration.
pub fn mandates<'a>(
    pool: &'a DatabasePool,
    filter: &'a MandateFilter,
) -> BoxStream<'a, sqlx::Result<MandateLine>> {
    sqlx::query_as!(
        MandateLine,
        r#"
        select m.ref as reference, a.name as account, m.rail, m.notify, m.amount_minor, m.max_amount_minor, m.currency,
               coalesce(m.frequency, m.cron) as "schedule!", m.status, m.status_reason, m.next_cycle_on, m.next_plan_at
          from mandated.mandates m join mandated.accounts a on a.id = m.account_id
         where ($1::text is null or m.status = $1) and ($2::text is null or a.name = $2)
         order by m.id
         limit $3
        "#,
        filter.status.map(MandateStatus::as_str),
        filter.account.as_deref(),
        filter.limit
    )
    .fetch(pool)
}

/// An execution in one line.
#[derive(Debug, Serialize)]
pub struct ExecutionLine {
    pub id: i64,
    pub mandate_ref: String,
    pub cycle_on: NaiveDate,
    pub state: String,
    pub reason: String,
    pub class: Option<String>,
    pub amount_minor: i64,
    pub currency: String,
    pub order_id: String,
    /// Since when it stands there; of an unknown outcome since the debit was sent.
    pub since: DateTime<Utc>,
    pub next_step: Option<String>,
    pub next_at: Option<DateTime<Utc>>,
}

/// Which executions to list; nothing means any.
#[derive(Debug, Clone, Default)]
pub struct ExecutionFilter {
    pub state: Option<State>,
    pub mandate_ref: Option<String>,
    pub limit: i64,
}

/// Executions, the newest first.
pub fn executions<'a>(
    pool: &'a DatabasePool,
    filter: &'a ExecutionFilter,
) -> BoxStream<'a, sqlx::Result<ExecutionLine>> {
    if let Some(state @ (State::Unknown | State::Review)) = filter.state {
        return open_executions(pool, state, filter);
    }
    sqlx::query_as!(
        ExecutionLine,
        r#"
        select s.id as "id!", s.mandate_ref as "mandate_ref!", s.cycle_on as "cycle_on!", s.state as "state!",
               s.reason as "reason!", s.class, s.amount_minor as "amount_minor!", s.currency as "currency!",
               s.order_id as "order_id!",
               coalesce(case when s.state = 'unknown' then e.sent_at end, e.finished_at, e.updated_at) as "since!",
               s.next_step as "next_step?", s.next_at as "next_at?"
          from mandated.execution_status s join mandated.executions e on e.id = s.id
         where ($1::text is null or s.state = $1) and ($2::text is null or s.mandate_ref = $2)
         order by s.id desc
         limit $3
        "#,
        filter.state.map(State::as_str),
        filter.mandate_ref.as_deref(),
        filter.limit
    )
    .fetch(pool)
}

/// The same for the few that wait for proof or for a person, which have a table of their own.
fn open_executions<'a>(
    pool: &'a DatabasePool,
    state: State,
    filter: &'a ExecutionFilter,
) -> BoxStream<'a, sqlx::Result<ExecutionLine>> {
    sqlx::query_as!(
        ExecutionLine,
        r#"
        select e.id as "id!", m.ref as "mandate_ref!", e.cycle_on as "cycle_on!", e.state as "state!", e.reason as "reason!",
               e.class, e.amount_minor as "amount_minor!", e.currency as "currency!", e.order_id as "order_id!",
               coalesce(case when e.state = 'unknown' then e.sent_at end, e.finished_at, e.updated_at) as "since!",
               j.step as "next_step?", j.run_at as "next_at?"
          from mandated.unresolved_executions o
          join mandated.executions e on e.id = o.execution_id
          join mandated.mandates m on m.id = e.mandate_id
          left join mandated.jobs j on j.execution_id = e.id
         where o.state = $1 and ($2::text is null or m.ref = $2)
         order by e.id desc
         limit $3
        "#,
        state.as_str(),
        filter.mandate_ref.as_deref(),
        filter.limit
    )
    .fetch(pool)
}

/// How many jobs an account has for a step.
#[derive(Debug, Serialize)]
pub struct JobCount {
    pub account: String,
    pub paused_until: Option<DateTime<Utc>>,
    pub step: String,
    /// Runnable now and held by nobody.
    pub due: i64,
    /// Held by a worker.
    pub leased: i64,
    /// Held by a worker that has not come back in time.
    pub overdue: i64,
    /// Not yet runnable.
    pub waiting: i64,
    /// Since when the oldest due job could have run.
    pub oldest_due_at: Option<DateTime<Utc>>,
    /// When the next waiting one will be due.
    pub next_at: Option<DateTime<Utc>>,
}

/// The jobs by account and step. Leases are judged by the database's clock, which also gives them.
pub async fn job_counts(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<JobCount>> {
    sqlx::query_as!(
        JobCount,
        r#"
        select a.name as account, a.paused_until, j.step,
               count(*) filter (where j.lease_token is null and j.run_at <= $1) as "due!",
               count(*) filter (where j.lease_token is not null) as "leased!",
               count(*) filter (where j.lease_until < now()) as "overdue!",
               count(*) filter (where j.lease_token is null and j.run_at > $1) as "waiting!",
               min(j.run_at) filter (where j.lease_token is null and j.run_at <= $1) as oldest_due_at,
               min(j.run_at) filter (where j.lease_token is null and j.run_at > $1) as next_at
          from mandated.jobs j join mandated.accounts a on a.id = j.account_id
         group by a.name, a.paused_until, j.step
         order by a.name, j.step
        "#,
        now
    )
    .fetch_all(conn)
    .await
}

/// A job that ought to have run.
#[derive(Debug, Serialize)]
pub struct LateJob {
    pub execution_id: i64,
    pub mandate_ref: String,
    pub cycle_on: NaiveDate,
    pub account: String,
    pub step: String,
    pub run_at: DateTime<Utc>,
    pub worker_id: Option<String>,
}

/// The jobs that have been due the longest, those held past their lease among them.
pub async fn late_jobs(
    conn: &mut PgConnection,
    now: DateTime<Utc>,
    limit: i64,
) -> sqlx::Result<Vec<LateJob>> {
    sqlx::query_as!(
        LateJob,
        "select j.execution_id, m.ref as mandate_ref, e.cycle_on, a.name as account, j.step, j.run_at, j.worker_id
           from mandated.jobs j
           join mandated.executions e on e.id = j.execution_id
           join mandated.mandates m on m.id = j.mandate_id
           join mandated.accounts a on a.id = j.account_id
          where j.run_at <= $1 and (j.lease_token is null or j.lease_until < now())
          order by j.run_at, j.execution_id
          limit $2",
        now,
        limit
    )
    .fetch_all(conn)
    .await
}
