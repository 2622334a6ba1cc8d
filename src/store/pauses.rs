//! What a person does to accounts and rails: pause and resume, each with a row that says who and why.

use serde::Serialize;
use sqlx::{FromRow, PgConnection};

use super::error::{StoreContext, StoreError};
use crate::domain::{Rail, Timestamp};
use crate::store::pool::DatabasePool;

/// Who did something, and why: kept for good.
#[derive(Debug, Clone, Copy)]
pub struct Attribution<'a> {
    pub who: &'a str,
    pub reason: &'a str,
}

/// An account as the database has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct AccountRow {
    pub name: String,
    pub provider: String,
    pub paused_until: Option<Timestamp>,
    pub pause_reason: Option<String>,
    /// Since when nothing of it is notified or debited, until `mandated recover` is over.
    pub recovering_since: Option<Timestamp>,
    /// Jobs that are due and wait, up to 10,000.
    pub due: i64,
}

/// Every account that was ever configured.
pub async fn accounts(pool: &DatabasePool, now: Timestamp) -> Result<Vec<AccountRow>, StoreError> {
    sqlx::query_as!(
        AccountRow,
        r#"select a.name, a.provider, case when a.paused_until > $1 then a.paused_until end as paused_until,
                  case when a.paused_until > $1 then a.pause_reason end as pause_reason,
                  a.recovering_since,
                  (select count(*) from (select 1 from mandated.jobs j
                    where j.account_id = a.id and j.lease_token is null and j.run_at <= $1 limit 10000) d) as "due!"
             from mandated.accounts a order by a.name"#,
        now
    )
    .fetch_all(pool)
    .await
    .context("list the accounts")
}

/// A rail as the database has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct RailRow {
    pub rail: String,
    pub paused_until: Option<Timestamp>,
    pub pause_reason: Option<String>,
}

/// Every rail.
pub async fn rails(pool: &DatabasePool, now: Timestamp) -> Result<Vec<RailRow>, StoreError> {
    sqlx::query_as!(
        RailRow,
        "select rail, case when paused_until > $1 then paused_until end as paused_until,
                case when paused_until > $1 then pause_reason end as pause_reason
           from mandated.rails order by rail",
        now
    )
    .fetch_all(pool)
    .await
    .context("list the rails")
}

/// An account that is paused, until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paused {
    pub name: String,
    pub until: Timestamp,
}

/// Pauses accounts until a time. A pause that lasts longer keeps its end. Without a name, all of them.
pub async fn pause_accounts(
    conn: &mut PgConnection,
    account: Option<&str>,
    attribution: Attribution<'_>,
    until: Timestamp,
    now: Timestamp,
) -> Result<Vec<Paused>, StoreError> {
    sqlx::query_as!(
        Paused,
        r#"with changed as (
             update mandated.accounts
                set paused_until = greatest(paused_until, $2), pause_reason = format('%s, by %s', $4::text, $3::text),
                    refused = false, probe_until = null
              where $1::text is null or name = $1
             returning id, name, paused_until
           ), noted as (
             insert into mandated.operator_requests (at, account_id, what, until, who, reason)
             select $5, id, 'pause', paused_until, $3, $4 from changed
           )
           select name as "name!", paused_until as "until!" from changed order by name"#,
        account,
        until,
        attribution.who,
        attribution.reason,
        now
    )
    .fetch_all(conn)
    .await
    .context("pause the accounts")
}

/// Ends the pauses of accounts, whoever made them; which accounts. All of their jobs go on: a person has said that they may.
pub async fn resume_accounts(
    conn: &mut PgConnection,
    account: Option<&str>,
    attribution: Attribution<'_>,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        r#"with changed as (
             update mandated.accounts set paused_until = null, pause_reason = null, refused = false, probe_until = null
              where paused_until is not null and ($1::text is null or name = $1)
             returning id, name
           ), sound as (
             -- Or the same reason would pause it again at the next job.
             delete from mandated.account_faults where account_id in (select id from changed)
           ), noted as (
             insert into mandated.operator_requests (at, account_id, what, who, reason)
             select $4, id, 'resume', $2, $3 from changed
           ), woken as (
             select pg_notify('mandated_jobs', '') from changed limit 1
           )
           select name as "name!" from changed left join woken on true order by name"#,
        account,
        attribution.who,
        attribution.reason,
        now
    )
    .fetch_all(conn)
    .await
    .context("resume the accounts")
}

/// Pauses a rail until a time; until when it is paused now. A pause that lasts longer keeps its end.
pub async fn pause_rail(
    conn: &mut PgConnection,
    rail: Rail,
    attribution: Attribution<'_>,
    until: Timestamp,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    sqlx::query_scalar!(
        r#"with changed as (
             update mandated.rails
                set paused_until = greatest(paused_until, $2), pause_reason = format('%s, by %s', $4::text, $3::text)
              where rail = $1
             returning rail, paused_until
           ), noted as (
             insert into mandated.operator_requests (at, rail, what, until, who, reason)
             select $5, rail, 'pause', paused_until, $3, $4 from changed
           )
           select paused_until as "until!" from changed"#,
        rail.as_str(),
        until,
        attribution.who,
        attribution.reason,
        now
    )
    .fetch_one(conn)
    .await
    .context("pause the rail")
}

/// Ends the pause of a rail; whether there was one.
pub async fn resume_rail(
    conn: &mut PgConnection,
    rail: Rail,
    attribution: Attribution<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let done = sqlx::query!(
        "with changed as (
           update mandated.rails set paused_until = null, pause_reason = null where rail = $1 and paused_until is not null
           returning rail
         )
         insert into mandated.operator_requests (at, rail, what, who, reason) select $4, rail, 'resume', $2, $3 from changed",
        rail.as_str(),
        attribution.who,
        attribution.reason,
        now
    )
    .execute(conn)
    .await
    .context("resume the rail")?;
    Ok(done.rows_affected() > 0)
}
