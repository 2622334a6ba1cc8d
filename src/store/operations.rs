//! What a person does to accounts: pause and resume, each with a row that says who and why.

use serde::Serialize;
use sqlx::{FromRow, PgConnection, PgPool};

use super::error::{StoreError, Tried};
use crate::domain::Instant;

/// A person's word.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The account's name; none is all of them.
    pub account: Option<&'a str>,
    pub who: &'a str,
    pub reason: &'a str,
}

/// An account as the database has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromRow)]
pub struct AccountRow {
    pub name: String,
    pub provider: String,
    pub paused_until: Option<Instant>,
    pub pause_reason: Option<String>,
    /// Jobs that are due and wait, up to 10,000.
    pub due: i64,
}

/// Every account that was ever configured.
pub async fn accounts(pool: &PgPool, now: Instant) -> Result<Vec<AccountRow>, StoreError> {
    sqlx::query_as!(
        AccountRow,
        r#"select a.name, a.provider, case when a.paused_until > $1 then a.paused_until end as paused_until,
                  case when a.paused_until > $1 then a.pause_reason end as pause_reason,
                  (select count(*) from (select 1 from mandated.jobs j
                    where j.account_id = a.id and j.lease_token is null and j.run_at <= $1 limit 10000) d) as "due!"
             from mandated.accounts a order by a.name"#,
        now
    )
    .fetch_all(pool)
    .await
    .tried("list the accounts")
}

/// Pauses accounts until a time; which ones. A pause that lasts longer keeps its end.
pub async fn pause(
    conn: &mut PgConnection,
    order: Order<'_>,
    until: Instant,
    now: Instant,
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        r#"with changed as (
             update mandated.accounts
                set paused_until = greatest(paused_until, $2), pause_reason = format('%s, by %s', $4::text, $3::text)
              where $1::text is null or name = $1
             returning id, name
           ), noted as (
             insert into mandated.operations (at, account_id, what, until, who, reason)
             select $5, id, 'pause', $2, $3, $4 from changed
           )
           select name as "name!" from changed order by name"#,
        order.account,
        until,
        order.who,
        order.reason,
        now
    )
    .fetch_all(conn)
    .await
    .tried("pause the accounts")
}

/// Ends the pauses of accounts, whoever made them; which accounts.
pub async fn resume(
    conn: &mut PgConnection,
    order: Order<'_>,
    now: Instant,
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        r#"with changed as (
             update mandated.accounts set paused_until = null, pause_reason = null
              where paused_until is not null and ($1::text is null or name = $1)
             returning id, name
           ), sound as (
             -- Or the same reason would pause it again at the next job.
             delete from mandated.account_faults where account_id in (select id from changed)
           ), noted as (
             insert into mandated.operations (at, account_id, what, who, reason)
             select $4, id, 'resume', $2, $3 from changed
           ), woken as (
             select pg_notify('mandated_jobs', '') from changed limit 1
           )
           select name as "name!" from changed left join woken on true order by name"#,
        order.account,
        order.who,
        order.reason,
        now
    )
    .fetch_all(conn)
    .await
    .tried("resume the accounts")
}
