//! Retention: partitions made ahead, old ones dropped, old executions deleted. Nothing that proves a debit is ever dropped.

use super::error::{StoreContext, StoreError};
use crate::domain::Timestamp;
use crate::store::pool::DatabasePool;

/// Makes the partitions of the month of `first` and of the `ahead` months after it; says how many were new.
pub async fn make_partitions(
    pool: &DatabasePool,
    first: Timestamp,
    ahead: i32,
) -> Result<i32, StoreError> {
    let mut made = 0i32;
    for parent in [Parent::Attempts, Parent::Events] {
        let new = sqlx::query_scalar!(
            r#"select mandated.make_partitions($1, $2, array[$3]) as "made!""#,
            first,
            ahead,
            parent.as_str()
        )
        .fetch_one(pool)
        .await
        .context("make partitions")?;
        made = made.saturating_add(new);
    }
    Ok(made)
}

/// Drops the monthly partitions of `attempts` or `events` that hold nothing younger than `before`.
pub async fn drop_partitions(
    pool: &DatabasePool,
    parent: Parent,
    before: Timestamp,
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        r#"select mandated.drop_partitions($1, $2) as "name!""#,
        parent.as_str(),
        before
    )
    .fetch_all(pool)
    .await
    .context("drop old partitions")
}

/// The two histories.
#[derive(Debug, Clone, Copy)]
pub enum Parent {
    Attempts,
    Events,
}

impl Parent {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Attempts => "attempts",
            Self::Events => "events",
        }
    }
}

/// Deletes up to `limit` executions that ended before an instant, as their cycles did, with their notifications. Their debits stay; reviews stay.
pub async fn delete_executions(
    pool: &DatabasePool,
    before: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        // By their keys, and so that Postgres has no choice: see claim.sql.
        "with old as materialized (
           select e.id from mandated.executions e
            where e.closes_at < $1 and e.finished_at < $1 and e.state <> 'review'
              and (select true from mandated.jobs j where j.execution_id = e.id limit 1) is null
            order by e.closes_at limit $2 for update skip locked)
         delete from mandated.executions where id = any (array(select id from old))",
        before,
        limit
    )
    .execute(pool)
    .await
    .context("delete old executions")?;
    Ok(done.rows_affected())
}

/// Deletes the days of card budgets that no claim counts any more.
pub async fn delete_budgets(pool: &DatabasePool, now: Timestamp) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "delete from mandated.budgets where day < ($1 at time zone 'UTC')::date - 30",
        now
    )
    .execute(pool)
    .await
    .context("delete old budgets")?;
    Ok(done.rows_affected())
}

/// Forgets what was wrong with accounts and has not come again since an instant.
pub async fn delete_faults(pool: &DatabasePool, before: Timestamp) -> Result<u64, StoreError> {
    let done = sqlx::query!(
        "delete from mandated.account_faults where last_at < $1 and coalesce(paused_until < $1, true)",
        before
    )
    .execute(pool)
    .await
    .context("forget old faults")?;
    Ok(done.rows_affected())
}
