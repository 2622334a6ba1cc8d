//! Planning: the mandates whose next cycle is to be planned, and the executions that come of it.

use std::collections::HashSet;
use std::sync::LazyLock;

use chrono::{NaiveDate, NaiveTime};
use sqlx::error::BoxDynError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgArguments;
use sqlx::{Arguments, PgConnection, Postgres, Transaction};

use super::columns::{Columns, arrays, column, columns, names, small};
use super::error::{StoreContext, StoreError};
use super::rows::{self, TermsRow, corrupt, word};
use crate::domain::cycle::Terms;
use crate::domain::plan::execution::NewExecution;
use crate::domain::{
    AccountId, Amount, ExecutionId, MandateId, Notify, ProviderKind, Rail, Step, Timestamp,
};
use crate::store::pool::DatabasePool;
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

pub async fn acquire(pool: &DatabasePool) -> Result<PoolConnection<Postgres>, StoreError> {
    pool.acquire()
        .await
        .context("get a database connection from the pool")
}

pub async fn begin(pool: &DatabasePool) -> Result<Transaction<'static, Postgres>, StoreError> {
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
            where status in ('active', 'paused') and next_plan_at is not null and next_plan_at <= $1
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

/// A new execution, and its reason in words.
struct WordedExecution<'a> {
    new: &'a NewExecution,
    period: String,
    reason: String,
}

columns! {
    /// What an execution is inserted with.
    Executions: one in WordedExecution<'_> {
        id bigint = one.new.id.0,
        mandate_id bigint = one.new.mandate_id.0,
        account_id smallint = one.new.account_id.0,
        policy_id bigint = one.new.policy_id,
        cycle_on date = one.new.cycle_on,
        period text = one.period.as_str(),
        debit_at timestamptz = one.new.debit_at,
        closes_at timestamptz = one.new.closes_at,
        amount_minor bigint = one.new.amount_minor,
        max_amount_minor bigint = one.new.max_amount_minor,
        currency text = one.new.currency.as_str(),
        state text = one.new.state.as_str(),
        reason text = one.reason.as_str(),
        order_id text = one.new.order_id.as_str(),
        notification_no smallint = small(one.new.notification_no),
        notification_ref text = one.new.notification_ref.as_deref(),
        execute_at timestamptz = one.new.execute_at,
        max_attempts smallint = small(one.new.max_attempts),
        max_attempts_in_period smallint = one.new.max_attempts_in_period.map(small),
        max_attempts_in_30_days smallint = one.new.max_attempts_in_30_days.map(small),
    }
}

columns! {
    /// The rest of its row, for its first job and its event.
    FirstJobs: one in WordedExecution<'_> {
        mandate_ref text = one.new.mandate_ref.as_str(),
        step text = one.new.step.map(Step::as_str),
        run_at timestamptz = one.new.run_at,
        run_before timestamptz = one.new.run_before,
    }
}

static INSERT: LazyLock<String> = LazyLock::new(|| {
    let first_of_jobs = Executions::COLUMNS.len().saturating_add(2);
    include_str!("insert_executions.sql")
        .replace("{execution arrays}", &arrays(Executions::COLUMNS, 2))
        .replace("{execution names}", &names(Executions::COLUMNS))
        .replace("{job arrays}", &arrays(FirstJobs::COLUMNS, first_of_jobs))
        .replace("{job names}", &names(FirstJobs::COLUMNS))
});

/// Inserts executions with their first jobs and their events, and says which are new: a cycle that has an execution keeps it.
pub async fn insert_executions(
    connection: &mut PgConnection,
    executions: &[NewExecution],
    now: Timestamp,
) -> Result<HashSet<ExecutionId>, StoreError> {
    let what = "insert executions";
    let worded = executions.iter().map(|new| WordedExecution {
        new,
        period: new.period.to_string(),
        reason: wording::planned(&new.reason, new.zone),
    });
    let arguments = arguments(&worded.collect::<Vec<_>>(), now).map_err(sqlx::Error::Encode);
    let inserting = sqlx::query_scalar_with(INSERT.as_str(), arguments.context(what)?);
    let added: Vec<i64> = inserting.fetch_all(connection).await.context(what)?;
    Ok(added.into_iter().map(ExecutionId).collect())
}

fn arguments(
    executions: &[WordedExecution<'_>],
    now: Timestamp,
) -> Result<PgArguments, BoxDynError> {
    let mut arguments = PgArguments::default();
    arguments.add(now)?;
    Executions::add(executions, &mut arguments)?;
    FirstJobs::add(executions, &mut arguments)?;
    Ok(arguments)
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
         update mandated.mandates m
            set next_cycle_on = c.next_cycle_on, next_plan_at = c.next_plan_at, cycles_over = c.next_plan_at is null,
                updated_at = $1
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
