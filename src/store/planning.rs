//! Planning: the mandates whose next cycle is to be planned, and the executions that come of it.

use std::collections::HashSet;

use chrono::{NaiveDate, NaiveTime};
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use super::columns::{Columns, small};
use super::error::{StoreContext, StoreError};
use super::rows::{self, TermsRow, corrupt, word};
use crate::domain::cycle::Terms;
use crate::domain::plan::execution::NewExecution;
use crate::domain::{
    AccountId, Amount, ExecutionId, MandateId, Notify, ProviderKind, Rail, Step, Timestamp,
};
use crate::wording;

/// A mandate as the planner needs it.
#[derive(Debug)]
pub struct DueMandate {
    pub id: MandateId,
    pub reference: String,
    pub account: AccountId,
    pub provider: ProviderKind,
    pub provider_mandate_id: String,
    pub rail: Rail,
    pub notify: Notify,
    pub amount: Amount,
    pub max_amount: Amount,
    pub terms: Terms,
    /// The cycle to plan first.
    pub next_cycle_on: NaiveDate,
}

/// Where planning goes on for a mandate; nothing when no cycle is left.
#[derive(Debug)]
pub struct Cursor {
    pub mandate_id: MandateId,
    pub next_cycle_on: Option<NaiveDate>,
    pub next_plan_at: Option<Timestamp>,
}

pub async fn acquire(pool: &PgPool) -> Result<PoolConnection<Postgres>, StoreError> {
    pool.acquire()
        .await
        .context("get a database connection from the pool")
}

pub async fn begin(pool: &PgPool) -> Result<Transaction<'static, Postgres>, StoreError> {
    pool.begin().await.context("begin a transaction")
}

pub async fn commit(transaction: Transaction<'static, Postgres>) -> Result<(), StoreError> {
    transaction.commit().await.context("commit a transaction")
}

/// Locks up to `limit` mandates that are due for planning; other planners skip them. One that cannot be read stays due.
pub async fn lock_due(
    connection: &mut PgConnection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<DueMandate>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select id, ref as reference, account_id, provider, provider_mandate_id, rail, notify, amount_minor as "amount_minor!", max_amount_minor,
                  currency, frequency, cron, time_zone, starts_on, ends_on, debit_at, next_cycle_on as "next_cycle_on!"
             from mandated.mandates
            where (status = 'active' or provider_paused_at is not null) and next_plan_at is not null and next_plan_at <= $1
            order by next_plan_at, id limit $2 for no key update skip locked"#,
        now,
        limit
    )
    .fetch_all(connection)
    .await
    .context("find mandates to plan")?;
    Ok(rows::readable(rows.into_iter().map(Row::read)))
}

/// Numbers for new executions, which the spread of their times is made of.
pub async fn reserve_ids(
    connection: &mut PgConnection,
    count: i64,
) -> Result<Vec<ExecutionId>, StoreError> {
    let ids = sqlx::query_scalar!(
        r#"select nextval(pg_get_serial_sequence('mandated.executions', 'id')) as "id!" from generate_series(1::bigint, $1::bigint)"#,
        count
    )
    .fetch_all(connection)
    .await
    .context("reserve execution ids")?;
    Ok(ids.into_iter().map(ExecutionId).collect())
}

/// What sets the requests of this installation apart in the provider's log.
pub async fn installation_tag(connection: &mut PgConnection) -> Result<String, StoreError> {
    sqlx::query_scalar!("select tag from mandated.installation")
        .fetch_one(connection)
        .await
        .context("read the installation tag")
}

/// Inserts executions with their first jobs and their events, and says which are new: a cycle that has an execution keeps it.
pub async fn insert_executions(
    connection: &mut PgConnection,
    executions: &[NewExecution],
    now: Timestamp,
) -> Result<HashSet<ExecutionId>, StoreError> {
    let columns = Columns(executions);
    let reasons: Vec<String> = executions
        .iter()
        .map(|new| wording::planned(&new.reason, new.zone))
        .collect();
    let added = sqlx::query_scalar!(
        r#"with n as materialized (
             select * from unnest(
               $2::bigint[], $3::bigint[], $4::text[], $5::smallint[], $6::bigint[], $7::date[], $8::timestamptz[],
               $9::timestamptz[], $10::bigint[], $11::bigint[], $12::text[], $13::text[], $14::text[], $15::text[],
               $16::smallint[], $17::text[], $18::timestamptz[], $19::smallint[], $20::smallint[], $21::text[],
               $22::timestamptz[], $23::timestamptz[], $24::text[]) as n (
               id, mandate_id, mandate_ref, account_id, policy_id, cycle_on, debit_at,
               closes_at, amount_minor, max_amount_minor, currency, state, reason, order_id,
               notification_no, notification_ref, execute_at, max_attempts, max_attempts_in_30_days, step,
               run_at, run_before, period)
           ), added as (
             insert into mandated.executions (id, mandate_id, account_id, policy_id, cycle_on, period, debit_at, closes_at, amount_minor,
               max_amount_minor, currency, state, reason, order_id, notification_no, notification_ref, execute_at, max_attempts,
               max_attempts_in_30_days, planned_at, updated_at, finished_at)
             select id, mandate_id, account_id, policy_id, cycle_on, period, debit_at, closes_at, amount_minor,
               max_amount_minor, currency, state, reason, order_id, notification_no, notification_ref, execute_at, max_attempts,
               max_attempts_in_30_days, $1::timestamptz, $1::timestamptz, case when state in ('expired', 'skipped') then $1::timestamptz end
               from n
             on conflict (mandate_id, period) do nothing
             returning id
           ), queued as (
             insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at, run_before)
             select n.id, n.account_id, n.mandate_id, n.step, n.run_at, n.run_before
               from n join added using (id) where n.step is not null
           ), announced as (
             insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, cycle_on, to_state, order_id,
                                          amount_minor, currency, reason)
             select $1::timestamptz, 'execution.' || n.state, n.mandate_id, n.mandate_ref, n.id, n.cycle_on, n.state, n.order_id,
                    n.amount_minor, n.currency, n.reason
               from n join added using (id)
           )
           select id as "id!" from added"#,
        now,
        &columns.of(|new| new.id.0),
        &columns.of(|new| new.mandate_id.0),
        &columns.of(|new| new.mandate_ref.as_str()) as _,
        &columns.of(|new| new.account_id.0),
        &columns.of(|new| new.policy_id),
        &columns.of(|new| new.cycle_on),
        &columns.of(|new| new.debit_at),
        &columns.of(|new| new.closes_at),
        &columns.of(|new| new.amount_minor),
        &columns.of(|new| new.max_amount_minor),
        &columns.of(|new| new.currency.as_str()) as _,
        &columns.of(|new| new.state.as_str()) as _,
        &reasons,
        &columns.of(|new| new.order_id.as_str()) as _,
        &columns.of(|new| small(new.notification_no)),
        &columns.of(|new| new.notification_ref.as_deref()) as _,
        &columns.of(|new| new.execute_at) as _,
        &columns.of(|new| small(new.max_attempts)),
        &columns.of(|new| new.max_attempts_in_30_days.map(small)) as _,
        &columns.of(|new| new.step.map(Step::as_str)) as _,
        &columns.of(|new| new.run_at) as _,
        &columns.of(|new| new.run_before) as _,
        &columns.of(|new| new.period.to_string())
    )
    .fetch_all(connection)
    .await
    .context("insert executions")?;
    Ok(added.into_iter().map(ExecutionId).collect())
}

/// Moves the planning cursors.
pub async fn advance(
    connection: &mut PgConnection,
    cursors: &[Cursor],
    now: Timestamp,
) -> Result<(), StoreError> {
    let columns = Columns(cursors);
    sqlx::query!(
        // By their keys, and so that Postgres has no choice: see claim.sql.
        "with c as materialized (
           select * from unnest($2::bigint[], $3::date[], $4::timestamptz[]) as c (mandate_id, next_cycle_on, next_plan_at))
         update mandated.mandates m set next_cycle_on = c.next_cycle_on, next_plan_at = c.next_plan_at, updated_at = $1
           from c
          where m.id = any (array(select mandate_id from c)) and m.id = c.mandate_id",
        now,
        &columns.of(|cursor| cursor.mandate_id.0),
        &columns.of(|cursor| cursor.next_cycle_on) as _,
        &columns.of(|cursor| cursor.next_plan_at) as _
    )
    .execute(connection)
    .await
    .context("move planning cursors")?;
    Ok(())
}

#[derive(Debug)]
struct Row {
    id: i64,
    reference: String,
    account_id: i16,
    provider: String,
    provider_mandate_id: String,
    rail: String,
    notify: String,
    amount_minor: i64,
    max_amount_minor: i64,
    currency: String,
    frequency: Option<String>,
    cron: Option<String>,
    time_zone: String,
    starts_on: NaiveDate,
    ends_on: Option<NaiveDate>,
    debit_at: NaiveTime,
    next_cycle_on: NaiveDate,
}

impl Row {
    fn read(self) -> Result<DueMandate, StoreError> {
        let id = self.id;
        if self.amount_minor > self.max_amount_minor {
            return Err(corrupt("mandate", id, "its amount is over its maximum"));
        }
        Ok(DueMandate {
            id: MandateId(id),
            account: AccountId(self.account_id),
            provider: word("mandate", id, &self.provider, ProviderKind::parse)?,
            rail: word("mandate", id, &self.rail, Rail::parse)?,
            notify: word("mandate", id, &self.notify, Notify::parse)?,
            amount: rows::amount("mandate", id, self.amount_minor, &self.currency)?,
            max_amount: rows::amount("mandate", id, self.max_amount_minor, &self.currency)?,
            terms: rows::terms(&TermsRow {
                id,
                frequency: self.frequency.as_deref(),
                cron: self.cron.as_deref(),
                time_zone: &self.time_zone,
                starts_on: self.starts_on,
                ends_on: self.ends_on,
                debit_at: self.debit_at,
            })?,
            reference: self.reference,
            provider_mandate_id: self.provider_mandate_id,
            next_cycle_on: self.next_cycle_on,
        })
    }
}
