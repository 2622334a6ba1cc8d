//! The daemons that live: which they are, and whether each knows of the others.

use std::time::Duration;

use super::error::{StoreContext, StoreError};
use crate::store::pool::DatabasePool;

/// A daemon that lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub id: i64,
    /// The accounts that it calls.
    pub accounts: Vec<i16>,
    /// Whether it has made room for the daemon that asks.
    pub has_acknowledged: bool,
    /// How often it has beaten.
    pub beats: i64,
}

/// How long a beat is worth something, by the database's clock.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// A daemon whose last beat is older must join anew.
    pub kept: Duration,
    /// The others count it as gone after this.
    pub gone: Duration,
}

/// Joins as a new daemon, in the place of the one that this process was before. The number that it gets is higher than any other.
///
/// Who else lives is asked afterwards: of two that join at the same moment at least one sees the other then.
pub async fn join(
    pool: &DatabasePool,
    worker: &str,
    accounts: &[i16],
    before: Option<i64>,
) -> Result<i64, StoreError> {
    sqlx::query_scalar!(
        "with before as (delete from mandated.daemons where id = $2)
         insert into mandated.daemons (worker_id, accounts, joined_at, heartbeat_at) values ($1, $3, now(), now()) returning id",
        worker,
        before,
        accounts
    )
    .fetch_one(pool)
    .await
    .context("join the cluster")
}

/// Beats, says for whom room was made, and returns the daemons that live, the one that beats among them: without it, if it has not
/// beaten for too long, and the others may have counted it as gone.
pub async fn renew(
    pool: &DatabasePool,
    id: i64,
    acknowledged_members: &[i64],
    terms: Terms,
) -> Result<Vec<Member>, StoreError> {
    sqlx::query_as!(
        Member,
        r#"with beating as (
             update mandated.daemons set heartbeat_at = now(), beats = beats + 1, acknowledged_members = $2
              where id = $1 and heartbeat_at >= now() - make_interval(secs => $3) returning id, accounts, beats
           ), long_gone as (
             delete from mandated.daemons where id in (
               select id from mandated.daemons where heartbeat_at < now() - make_interval(secs => $4) * 10
                  for update skip locked)
           )
           select b.id as "id!", b.accounts as "accounts!", true as "has_acknowledged!", b.beats as "beats!"
             from beating b
           union all
           select d.id, d.accounts, $1 = any (d.acknowledged_members), d.beats from mandated.daemons d
            where d.id <> $1 and d.heartbeat_at >= now() - make_interval(secs => $4)"#,
        id,
        acknowledged_members,
        terms.kept.as_secs_f64(),
        terms.gone.as_secs_f64()
    )
    .fetch_all(pool)
    .await
    .context("beat")
}

/// Leaves: the others have its share at their next beat.
pub async fn leave(pool: &DatabasePool, id: i64) -> Result<(), StoreError> {
    sqlx::query!("delete from mandated.daemons where id = $1", id)
        .execute(pool)
        .await
        .context("leave the cluster")?;
    Ok(())
}
