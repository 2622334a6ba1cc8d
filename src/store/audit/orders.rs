//! `audit --provider`: whose orders are asked about, what we have on record of them, and the look-up that each question costs.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{PgConnection, PgExecutor};

use super::Range;
use crate::domain::{Class, ExecutionId, Timestamp};
use crate::store::error::{StoreContext, StoreError};
use crate::store::pool::DatabasePool;
use crate::store::settle::Attempt;

/// What the decision of an attempt says that the audit has made.
pub const ASKED: &str = "asked by the audit";

/// What is on record of an execution whose order the provider can be asked about.
#[derive(Debug, Clone)]
pub struct Standing {
    pub execution_id: i64,
    pub mandate_ref: String,
    pub account_id: i16,
    pub account_paused: bool,
    pub policy_id: i64,
    pub cycle_on: NaiveDate,
    pub period: String,
    pub closes_at: DateTime<Utc>,
    pub amount_minor: i64,
    pub currency: String,
    pub state: String,
    pub order_no: i16,
    pub order_id: String,
    pub provider_ref: Option<String>,
    /// When the current order was called for last.
    pub sent_at: Option<DateTime<Utc>>,
    pub execute_at: Option<DateTime<Utc>>,
    pub lookup_times: Vec<DateTime<Utc>>,
    pub opened_at: Option<DateTime<Utc>>,
    /// The payments that were there before the open charge.
    pub payments_before: Option<Vec<i64>>,
    pub debit_order_id: Option<String>,
    pub debit_minor: Option<i64>,
    pub debit_currency: Option<String>,
    pub debit_txn: Option<String>,
    pub next_step: Option<String>,
    pub next_at: Option<DateTime<Utc>>,
    /// Whether a worker holds its job.
    pub held: bool,
    /// Whether a person has said that what was collected too often was given back.
    pub refunded: bool,
    /// The version of the row: another one means that somebody has worked on it.
    pub version: String,
}

/// An execution, and whether its provider can be asked about it.
#[derive(Debug)]
pub struct Candidate {
    pub id: i64,
    /// It has not changed since.
    pub is_old: bool,
    /// No order of it was sent as far as we know, none is made by the provider itself, and it is not over: of what is over, somebody may
    /// have forgotten that it was sent.
    pub is_unsent: bool,
}

/// The executions of a range.
pub async fn candidates(
    conn: &mut PgConnection,
    range: Range,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Candidate>, StoreError> {
    sqlx::query_as!(
        Candidate,
        r#"select e.id, e.updated_at < $3 as "is_old!", e.updated_at >= $3
                  and not (m.provider = 'signzy' and m.notify = 'provider' and e.debit_at <= $4)
                  and (e.debit_at > $4 or e.finished_at is null)
                  and (select true from mandated.intents i where i.execution_id = e.id limit 1) is null
                  and (select true from mandated.attempts a
                        where a.execution_id = e.id and a.call in ('execute', 'retry') limit 1) is null as "is_unsent!"
             from mandated.executions e
            cross join lateral (select provider, notify from mandated.mandates where id = e.mandate_id limit 1) m
            where e.id > $1 and e.id <= $2
            order by e.id"#,
        range.after,
        range.to,
        since,
        now
    )
    .fetch_all(conn)
    .await
    .context("find the executions to ask about")
}

/// The same for one mandate.
pub async fn candidates_of(
    conn: &mut PgConnection,
    reference: &str,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Candidate>, StoreError> {
    sqlx::query_as!(
        Candidate,
        r#"select e.id, e.updated_at < $2 as "is_old!", e.updated_at >= $2
                  and not (m.provider = 'signzy' and m.notify = 'provider' and e.debit_at <= $3)
                  and (e.debit_at > $3 or e.finished_at is null)
                  and (select true from mandated.intents i where i.execution_id = e.id limit 1) is null
                  and (select true from mandated.attempts a
                        where a.execution_id = e.id and a.call in ('execute', 'retry') limit 1) is null as "is_unsent!"
             from mandated.mandates m join mandated.executions e on e.mandate_id = m.id
            where m.ref = $1
            order by e.id"#,
        reference,
        since,
        now
    )
    .fetch_all(conn)
    .await
    .context("find the executions to ask about")
}

/// The policy that an execution was planned under, as it is stored.
pub async fn policy(
    conn: &mut PgConnection,
    id: i64,
) -> Result<Option<serde_json::Value>, StoreError> {
    sqlx::query_scalar!("select body from mandated.policies where id = $1", id)
        .fetch_optional(conn)
        .await
        .context("read a policy")
}

/// What is on record of an execution, all of it at one instant.
pub async fn standing(
    pool: &DatabasePool,
    id: i64,
    now: Timestamp,
) -> Result<Option<Standing>, StoreError> {
    sqlx::query_as!(
        Standing,
        r#"select e.id as execution_id, m.ref as mandate_ref, e.account_id, coalesce(a.paused_until > $2, false) as "account_paused!",
                  e.policy_id, e.cycle_on, e.period, e.closes_at, e.amount_minor, e.currency, e.state, e.order_no, e.order_id, e.provider_ref,
                  (select max(a.at) from mandated.attempts a
                    where a.execution_id = e.id and a.call in ('execute', 'retry') and a.reference = e.order_id) as sent_at,
                  e.execute_at, e.lookup_times, i.opened_at as "opened_at?",
                  i.payments_before,
                  d.order_id as "debit_order_id?", d.amount_minor as "debit_minor?", d.currency as "debit_currency?",
                  d.provider_txn as debit_txn, j.step as "next_step?", j.run_at as "next_at?",
                  coalesce(j.lease_token is not null, false) as "held!",
                  exists (select from mandated.resolutions r
                           where r.execution_id = e.id and r.resolved_as = 'refunded') as "refunded!",
                  e.xmin::text as "version!"
             from mandated.executions e
             join mandated.mandates m on m.id = e.mandate_id
             join mandated.accounts a on a.id = e.account_id
             left join mandated.jobs j on j.execution_id = e.id
             left join mandated.intents i on i.execution_id = e.id
             left join mandated.debits d on d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on
            where e.id = $1"#,
        id,
        now
    )
    .fetch_optional(pool)
    .await
    .context("read what is on record of an execution")
}

/// When an order was looked up that is none of the execution's own, the latest first. Its row counts the look-ups of its own orders only.
pub async fn later_lookups(
    pool: &DatabasePool,
    execution_id: i64,
    order: &str,
) -> Result<Vec<Timestamp>, StoreError> {
    sqlx::query_scalar!(
        "select at from mandated.attempts where execution_id = $1 and call = 'order_status' and reference = $2
            and outcome not in ('not_sent', 'throttled')
          order by at desc limit 3",
        execution_id,
        order
    )
    .fetch_all(pool)
    .await
    .context("find when an order was looked up")
}

/// Counts a look-up of an order before it is made, and says the row's version from then on; nothing if a worker has the job, or somebody
/// has changed the execution meanwhile.
///
/// The job is moved by the smallest time there is, so that a claim that has already begun leaves it to the next one: it would not see
/// this look-up, and its settlement would undo it.
pub async fn reserve(
    pool: &DatabasePool,
    id: i64,
    version: &str,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar!(
        r#"with job as materialized (
             update mandated.jobs set run_at = run_at + interval '1 microsecond'
              where execution_id = $1 and lease_token is null
                and (run_before is null or run_before > run_at + interval '1 microsecond')
             returning execution_id
           )
           update mandated.executions e
              set lookup_times = (array_prepend($3::timestamptz, e.lookup_times))[1:3]
            where e.id = $1 and e.xmin::text = $2
              and (exists (select 1 from job) or not exists (select 1 from mandated.jobs j where j.execution_id = $1))
           returning e.xmin::text as "version!""#,
        id,
        version,
        now
    )
    .fetch_optional(pool)
    .await
    .context("count a look-up of an order")
}

/// Writes down a look-up that no job has made, like every other call.
pub async fn record(
    conn: impl PgExecutor<'_>,
    attempt: &Attempt,
    decision: &str,
    now: Timestamp,
    worker: &str,
) -> Result<(), StoreError> {
    let ExecutionId(id) = attempt.execution_id;
    let http_status = attempt
        .http_status
        .and_then(|status| i16::try_from(status).ok());
    sqlx::query!(
        "insert into mandated.attempts (at, execution_id, mandate_id, call, reference, http_status, latency_ms, outcome, class, code,
                                        message, rule, body, decision, lease_token, worker_id)
         select $2, e.id, e.mandate_id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, nextval('mandated.lease_tokens'), $14
           from mandated.executions e where e.id = $1",
        id,
        now,
        attempt.call.as_str(),
        attempt.reference,
        http_status,
        attempt.latency_ms,
        attempt.outcome.as_str(),
        attempt.class.map(Class::as_str),
        attempt.code,
        attempt.message,
        attempt.rule,
        attempt.body,
        decision,
        worker
    )
    .execute(conn)
    .await
    .context("write down a look-up")?;
    Ok(())
}
