//! Accounts that no daemon has in its configuration: what of theirs waits for nobody, and how its cycles end in time.

use chrono::NaiveDate;
use sqlx::PgConnection;

use super::columns::small;
use super::error::{StoreContext, StoreError};
use super::operator_requests::lock;
use super::planning::{begin, commit};
use super::rows::corrupt;
use crate::domain::machine::decide::Decision;
use crate::domain::machine::{end_unconfigured, transition};
use crate::domain::{Class, ExecutionId, State, Step, Timestamp};
use crate::store::pool::DatabasePool;
use crate::wording;

/// A daemon that has not beaten for longer is gone.
const GONE_S: f64 = 60.0;

/// An account that neither this configuration nor that of a living daemon has, though mandates or jobs of it are left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnconfiguredAccount {
    pub id: i16,
    pub name: String,
    /// Active and paused ones, up to 10,000.
    pub mandates: i64,
    /// Up to 10,000.
    pub jobs: i64,
}

/// Those beside the accounts of a configuration.
pub async fn unconfigured_accounts(
    pool: &DatabasePool,
    configured: &[String],
) -> Result<Vec<UnconfiguredAccount>, StoreError> {
    sqlx::query_as!(
        UnconfiguredAccount,
        r#"select a.id, a.name, m.count as "mandates!", j.count as "jobs!"
             from mandated.accounts a
             cross join lateral (
               select count(*) from (select 1 from mandated.mandates
                where account_id = a.id and status in ('active', 'paused') limit 10000) c) m
             cross join lateral (select count(*) from (select 1 from mandated.jobs where account_id = a.id limit 10000) c) j
            where a.name <> all ($1) and (m.count > 0 or j.count > 0)
              and not exists (select from mandated.daemons d
                               where a.id = any (d.accounts) and d.heartbeat_at >= now() - make_interval(secs => $2))
            order by a.name"#,
        configured,
        GONE_S
    )
    .fetch_all(pool)
    .await
    .context("look for accounts that are not configured")
}

/// Executions of accounts whose cycle is over and that no worker holds, after one, at most 500: the oldest numbers first.
pub async fn over(
    pool: &DatabasePool,
    accounts: &[i16],
    after: ExecutionId,
    now: Timestamp,
) -> Result<Vec<ExecutionId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "select j.execution_id from mandated.jobs j join mandated.executions e on e.id = j.execution_id
          where j.account_id = any ($1) and j.lease_token is null and j.execution_id > $2 and j.step <> 'recheck'
            and e.closes_at <= $3 and e.state in ('planned', 'notifying', 'notified', 'retrying')
          order by j.execution_id limit 500",
        accounts,
        after.0,
        now
    )
    .fetch_all(pool)
    .await
    .context("find cycles that are over, of accounts that are not configured")?;
    Ok(ids.into_iter().map(ExecutionId).collect())
}

/// A cycle that has ended because nobody had its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedCycle {
    pub execution_id: ExecutionId,
    pub mandate_ref: String,
    pub cycle_on: NaiveDate,
    pub order_id: String,
    pub from: State,
    pub state: State,
    pub reason: String,
}

/// Ends the cycle of an execution as the machine says, in one transaction; nothing when it says that it waits, or somebody has it.
pub async fn end_cycle(
    pool: &DatabasePool,
    id: ExecutionId,
    now: Timestamp,
) -> Result<Option<EndedCycle>, StoreError> {
    let mut tx = begin(pool).await?;
    let free = sqlx::query_scalar!(
        "select execution_id from mandated.jobs where execution_id = $1 and lease_token is null for update skip locked",
        id.0
    )
    .fetch_optional(&mut *tx)
    .await
    .context("lock the job")?;
    if free.is_none() {
        return Ok(None);
    }
    let Some(locked) = lock(&mut tx, id, None, now).await? else {
        return Ok(None);
    };
    let Some(decision) = end_unconfigured(&locked.execution, &locked.policy, now) else {
        return Ok(None);
    };
    let change = transition(&locked.execution, &decision)
        .map_err(|illegal| corrupt("execution", id.0, illegal.to_string()))?;
    let ended = EndedCycle {
        execution_id: id,
        mandate_ref: locked.mandate.reference.clone(),
        cycle_on: locked.execution.cycle.on,
        order_id: locked.cycle_identity().order_id(decision.progress.order_no),
        from: locked.stored,
        state: change.to,
        reason: wording::reason(&decision.reason, locked.policy.debit_windows.time_zone()),
    };
    write(&mut tx, &ended, &decision, now).await?;
    commit(tx).await?;
    Ok(Some(ended))
}

async fn write(
    connection: &mut PgConnection,
    ended: &EndedCycle,
    decision: &Decision,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with moved as (
           update mandated.executions set state = $2, reason = $3, class = $4, step_attempts = $5, updated_at = $6, finished_at = $6
            where id = $1
           returning mandate_id, cycle_on, order_id, amount_minor, currency, class, reason
         ), gone as (
           delete from mandated.jobs where execution_id = $1 and $7::text is null
         ), again as (
           update mandated.jobs set step = $7, run_at = $8, run_before = null, parked = false
            where execution_id = $1 and $7::text is not null
         )
         insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, cycle_on, from_state, to_state, order_id,
                                      amount_minor, currency, class, reason)
         select $6, 'execution.' || $2, mandate_id, $9, $1, cycle_on, $10, $2, order_id, amount_minor, currency, class, reason
           from moved",
        ended.execution_id.0,
        ended.state.as_str(),
        ended.reason,
        decision.class.map(Class::as_str),
        small(decision.progress.step_attempts),
        now,
        decision.next.map(|next| next.step).map(Step::as_str),
        decision.next.map(|next| next.span.opens),
        ended.mandate_ref,
        ended.from.as_str()
    )
    .execute(connection)
    .await
    .context("end the cycle")?;
    Ok(())
}
