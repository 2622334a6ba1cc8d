//! Which executions are to be asked about: the table is read in ranges of ids, so that no statement's cost grows with its history.

use sqlx::PgConnection;

use super::OpenRecovery;
use crate::domain::Timestamp;
use crate::store::error::{StoreContext, StoreError};
use crate::store::pool::DatabasePool;

/// Executions that one statement reads, whether they are to be asked about or not.
pub const ROWS: i64 = 2_000;
/// Ids that a transaction may have been given, and commit later, when greater ones were read already.
const IN_FLIGHT: i64 = 8_000;

/// A range of executions.
#[derive(Debug, Default)]
pub struct Page {
    /// The greatest id that was read: the next range begins after it. Nothing behind the end of the table.
    pub last: Option<i64>,
    /// Those of the range that are to be asked about.
    pub executions: Vec<ToAsk>,
}

/// An execution that is to be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToAsk {
    pub id: i64,
    pub mandate: i64,
}

/// How many executions are to be asked about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    pub executions: u64,
    /// The greatest id that was read.
    pub last: i64,
}

/// The next range of executions after an id, with those that are to be asked about: of the account, not collected, of a cycle that
/// closes after an instant or changed after it, and not asked about in this recovery.
pub async fn page(
    pool: &DatabasePool,
    recovery: OpenRecovery,
    after: i64,
    rows: i64,
) -> Result<Page, StoreError> {
    let row = sqlx::query!(
        r#"with range as materialized (
             select id, mandate_id, cycle_on, account_id, state, closes_at, updated_at
               from mandated.executions where id > $3 order by id limit $5
           ), wanted as (
             select r.id, r.mandate_id from range r
              where r.account_id = $1 and r.state <> 'charged' and (r.closes_at > $2 or r.updated_at >= $2)
                and not exists (select from mandated.debits d where d.mandate_id = r.mandate_id and d.cycle_on = r.cycle_on)
                and not exists (select from mandated.recovered_executions a where a.recovery_id = $4 and a.execution_id = r.id)
           )
           select (select max(id) from range) as last, array(select id from wanted order by id) as "ids!",
                  array(select mandate_id from wanted order by id) as "mandates!""#,
        recovery.account.0,
        recovery.since,
        after,
        recovery.id,
        rows
    )
    .fetch_one(pool)
    .await
    .context("find the executions to ask about")?;
    let executions = row.ids.into_iter().zip(row.mandates);
    Ok(Page {
        last: row.last,
        executions: executions
            .map(|(id, mandate)| ToAsk { id, mandate })
            .collect(),
    })
}

/// How many there are, counted range by range.
pub async fn count(pool: &DatabasePool, recovery: OpenRecovery) -> Result<Counted, StoreError> {
    let mut counted = Counted::default();
    loop {
        let page = page(pool, recovery, counted.last, ROWS).await?;
        let Some(last) = page.last else {
            return Ok(counted);
        };
        counted.last = last;
        let more = u64::try_from(page.executions.len()).unwrap_or(u64::MAX);
        counted.executions = counted.executions.saturating_add(more);
    }
}

/// Ends a recovery, if nothing is left to ask about: the account's jobs are claimed again from now on. Whether it did.
///
/// The executions up to `counted` were asked about, range by range. What was planned since, and a mandate that was imported since, is
/// looked for in the statement that frees the account.
pub async fn finish(
    conn: &mut PgConnection,
    recovery: OpenRecovery,
    counted: Counted,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let freed = sqlx::query!(
        r#"with ended as (
             update mandated.recoveries set finished_at = greatest(started_at, $2)
              where id = $1 and finished_at is null and not exists (
                select from mandated.executions e
                 where e.id > $3 and e.account_id = $4 and e.state <> 'charged' and (e.closes_at > $5 or e.updated_at >= $5)
                   and not exists (select from mandated.debits d where d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on)
                   and not exists (select from mandated.recovered_executions a where a.recovery_id = $1 and a.execution_id = e.id))
                and not exists (
                select from mandated.mandates m
                 where m.account_id = $4 and (m.status in ('active', 'paused') or m.updated_at >= $5)
                   and not exists (select from mandated.compared_mandates c where c.recovery_id = $1 and c.mandate_id = m.id))
             returning account_id
           ), freed as (
             update mandated.accounts a set recovering_since = null, recovered_at = $2 from ended where a.id = ended.account_id
             returning a.id
           )
           select pg_notify('mandated_jobs', '') from freed"#,
        recovery.id,
        now,
        counted.last.saturating_sub(IN_FLIGHT),
        recovery.account.0,
        recovery.since
    )
    .fetch_all(conn)
    .await
    .context("end the recovery of the account")?;
    Ok(!freed.is_empty())
}
