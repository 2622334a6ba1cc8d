//! A database that was restored asks its providers for what it has forgotten: whose recovery is open, which executions are to be asked
//! about, and what came of each.

mod begin;
mod pages;
mod subject;
mod unowned;
mod write;

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::{Postgres, Transaction};

use super::error::{StoreContext, StoreError};
use crate::domain::Timestamp;
use crate::store::pool::DatabasePool;

pub use begin::{OpenRecovery, begin};
pub use pages::{Counted, Page, ROWS, ToAsk, count, finish, page};
pub use subject::{Subject, subject};
pub use unowned::{
    MandateToCompare, UnownedPayment, UnownedPayments, answered, compared, mandates, unknown,
    unowned, without_execution,
};
pub use write::{ExecutionResult, Written, write};

/// Postgres' code for a lock that was not free within `lock_timeout`.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Marks every account as recovering: nothing of them is claimed before `recover` is over.
pub async fn mark_all(pool: &DatabasePool, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query!(
        "update mandated.accounts set recovering_since = $1 where recovering_since is null",
        now
    )
    .execute(pool)
    .await
    .context("mark the accounts as recovering")?;
    Ok(())
}

/// Holds an account's recovery alone, as long as the transaction lasts: it ends with this process. Nothing if somebody else has it, and
/// still has it after some seconds: Postgres notices only after a moment that a process was killed.
///
/// A transaction, and no session: it works through a pooler too. It has no snapshot, so it keeps nothing from being cleaned up.
pub async fn hold(
    pool: &DatabasePool,
    account: &str,
) -> Result<Option<Transaction<'static, Postgres>>, StoreError> {
    let what = "hold the recovery of the account";
    let mut tx = super::planning::begin(pool).await?;
    sqlx::query!(
        "select set_config(name, value, true)
           from (values ('idle_in_transaction_session_timeout', '0'), ('lock_timeout', '10s')) s (name, value)"
    )
    .fetch_all(&mut *tx)
    .await
    .context(what)?;
    let held = sqlx::query!(
        "select pg_advisory_xact_lock(hashtext('mandated recover'), hashtext($1))",
        account
    )
    .execute(&mut *tx)
    .await;
    match held {
        Ok(_) => Ok(Some(tx)),
        Err(sqlx::Error::Database(error))
            if error.code().as_deref() == Some(LOCK_NOT_AVAILABLE) =>
        {
            Ok(None)
        }
        Err(source) => Err(StoreError::Database { what, source }),
    }
}

/// Goes on with a recovery: fails when the connection that holds it is gone, and notes that somebody is at work on it and
/// on those that wait for their turn.
pub async fn go_on(
    pool: &DatabasePool,
    held: &mut Transaction<'static, Postgres>,
    recoveries: &[i64],
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query_scalar!(r#"select true as "is_held!""#)
        .fetch_one(&mut **held)
        .await
        .context("hold the recovery of the account")?;
    sqlx::query!(
        "update mandated.recoveries set seen_at = $2 where id = any ($1)",
        recoveries,
        now
    )
    .execute(pool)
    .await
    .context("note that the recovery goes on")?;
    Ok(())
}

/// What has come of a recovery so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RecoveryCounts {
    pub looked_up: i64,
    pub collected: i64,
    pub not_collected: i64,
    pub known: i64,
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
                  count(*) filter (where result = 'known') as "known!",
                  count(*) filter (where result = 'review') as "review!", count(*) filter (where result = 'not_found') as "not_found!"
             from mandated.recovered_executions where recovery_id = $1"#,
        recovery.id
    )
    .fetch_one(pool)
    .await
    .context("count what a recovery found")
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
                  (select max(l.cycle_on) from mandated.mandates p
                     cross join lateral (select e.cycle_on from mandated.executions e where e.mandate_id = p.id
                                          order by e.cycle_on desc limit 1) l
                    where p.account_id = $1 and p.frequency = 'aspresented') as last_cycle_on
             from mandated.mandates where account_id = $1 and frequency = 'aspresented'"#,
        recovery.account.0
    )
    .fetch_one(pool)
    .await
    .context("count the mandates whose cycles are presented")
}
