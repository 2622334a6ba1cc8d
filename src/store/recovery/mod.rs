//! A database that was restored asks its providers for what it has forgotten: whose recovery is open, which executions are to be asked
//! about, and what came of each.

mod begin;
mod subject;
mod write;

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::{PgConnection, Postgres, Transaction};

use super::error::{StoreContext, StoreError};
use crate::domain::Timestamp;
use crate::store::pool::DatabasePool;

pub use begin::{OpenRecovery, begin};
pub use subject::{Subject, subject};
pub use write::{ExecutionResult, Written, write};

/// Holds an account's recovery alone, as long as the transaction lasts: it ends with this process. Nothing if somebody else has it.
///
/// A transaction, and no session: it works through a pooler too. It has no snapshot, so it keeps nothing from being cleaned up.
pub async fn hold(
    pool: &DatabasePool,
    account: &str,
) -> Result<Option<Transaction<'static, Postgres>>, StoreError> {
    let mut tx = super::planning::begin(pool).await?;
    let is_ours = sqlx::query!(
        r#"select pg_try_advisory_xact_lock(hashtext('mandated recover'), hashtext($1)) as "is_ours!",
                  set_config('idle_in_transaction_session_timeout', '0', true) as waits"#,
        account
    );
    let is_ours = is_ours
        .fetch_one(&mut *tx)
        .await
        .context("hold the recovery of the account")?;
    Ok(is_ours.is_ours.then_some(tx))
}

/// Whether the recovery is still ours alone: fails when the connection that holds it is gone.
pub async fn is_held(held: &mut Transaction<'static, Postgres>) -> Result<(), StoreError> {
    sqlx::query_scalar!(r#"select true as "is_held!""#)
        .fetch_one(&mut **held)
        .await
        .context("hold the recovery of the account")?;
    Ok(())
}

/// The next executions to ask about, after one: of the account, not collected, of a cycle that closes after an instant or changed
/// after it, and not asked about in this recovery.
pub async fn executions(
    pool: &DatabasePool,
    recovery: OpenRecovery,
    after: i64,
    limit: i64,
) -> Result<Vec<i64>, StoreError> {
    sqlx::query_scalar!(
        "select e.id from mandated.executions e
          where e.id > $3 and e.account_id = $1 and e.state <> 'charged' and (e.closes_at > $2 or e.updated_at >= $2)
            and not exists (select from mandated.debits d where d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on)
            and not exists (select from mandated.recovered_executions r where r.recovery_id = $4 and r.execution_id = e.id)
          order by e.id limit $5",
        recovery.account.0,
        recovery.since,
        after,
        recovery.id,
        limit
    )
    .fetch_all(pool)
    .await
    .context("find the executions to ask about")
}

/// How many there are.
pub async fn count(pool: &DatabasePool, recovery: OpenRecovery) -> Result<i64, StoreError> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from mandated.executions e
            where e.account_id = $1 and e.state <> 'charged' and (e.closes_at > $2 or e.updated_at >= $2)
              and not exists (select from mandated.debits d where d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on)
              and not exists (select from mandated.recovered_executions r where r.recovery_id = $3 and r.execution_id = e.id)"#,
        recovery.account.0,
        recovery.since,
        recovery.id
    )
    .fetch_one(pool)
    .await
    .context("count the executions to ask about")
}

/// What has come of a recovery so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RecoveryCounts {
    pub looked_up: i64,
    pub collected: i64,
    pub not_collected: i64,
    pub review: i64,
    pub not_found: i64,
}

pub async fn counts(
    pool: &DatabasePool,
    recovery: OpenRecovery,
) -> Result<RecoveryCounts, StoreError> {
    sqlx::query_as!(
        RecoveryCounts,
        r#"select count(*) as "looked_up!", count(*) filter (where result = 'collected') as "collected!",
                  count(*) filter (where result = 'not_collected') as "not_collected!",
                  count(*) filter (where result = 'review') as "review!", count(*) filter (where result = 'not_found') as "not_found!"
             from mandated.recovered_executions where recovery_id = $1"#,
        recovery.id
    )
    .fetch_one(pool)
    .await
    .context("count what a recovery found")
}

/// Ends a recovery: the account's jobs are claimed again from now on.
pub async fn finish(
    conn: &mut PgConnection,
    recovery: OpenRecovery,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with ended as (
           update mandated.recoveries set finished_at = greatest(started_at, $2) where id = $1 and finished_at is null
           returning account_id
         ), freed as (
           update mandated.accounts a set recovering_since = null from ended where a.id = ended.account_id
           returning a.id
         )
         select pg_notify('mandated_jobs', '') from freed",
        recovery.id,
        now
    )
    .execute(conn)
    .await
    .context("end the recovery of the account")?;
    Ok(())
}

/// A cycle that only the merchant knows of: nothing makes it again when it is forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Presented {
    /// Mandates of the account whose cycles the merchant presents.
    pub mandates: i64,
    /// The last presented cycle that this database knows of.
    pub last_cycle_on: Option<NaiveDate>,
}

pub async fn presented(
    pool: &DatabasePool,
    recovery: OpenRecovery,
) -> Result<Presented, StoreError> {
    sqlx::query_as!(
        Presented,
        r#"select count(*) as "mandates!",
                  (select max(e.cycle_on) from mandated.mandates p join mandated.executions e on e.mandate_id = p.id
                    where p.account_id = $1 and p.frequency = 'aspresented') as last_cycle_on
             from mandated.mandates where account_id = $1 and frequency = 'aspresented'"#,
        recovery.account.0
    )
    .fetch_one(pool)
    .await
    .context("count the mandates whose cycles are presented")
}
