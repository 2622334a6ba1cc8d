//! The pause of an account that all daemons share.

use super::error::{StoreContext, StoreError};
use crate::domain::{AccountId, MandateId, ProbeSubject, Timestamp};
use crate::failpoint::around;
use crate::store::pool::DatabasePool;

/// Why an account is paused by what its provider answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// It refuses the credentials: other ones end the pause.
    Refused,
    /// Too many calls.
    Throttled,
}

/// Pauses an account in all daemons; a pause that lasts longer stays as it is. Says whether that is news: only then is it worth an error line.
pub async fn pause(
    pool: &DatabasePool,
    account: AccountId,
    pause: Pause,
    until: Timestamp,
    reason: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let statement = sqlx::query_scalar!(
        r#"with before as (select id, paused_until from mandated.accounts where id = $1 for no key update)
           update mandated.accounts a
              set paused_until = greatest(a.paused_until, $2), probe_until = null,
                  pause_reason = case when a.paused_until > $2 then a.pause_reason else $3 end,
                  refused = case when a.paused_until > $2 then a.refused else $5 end
             from before b where a.id = b.id
           returning coalesce(b.paused_until <= $4, true) as "news!""#,
        account.0,
        until,
        reason,
        now,
        pause == Pause::Refused
    );
    let row = around("pause", statement.fetch_optional(pool))
        .await
        .context("pause the account")?;
    Ok(row.unwrap_or(false))
}

/// Whether an account is paused because its provider refuses its credentials.
pub async fn is_refused(pool: &DatabasePool, account: AccountId) -> Result<bool, StoreError> {
    let refused = sqlx::query_scalar!(
        "select refused from mandated.accounts where id = $1",
        account.0
    )
    .fetch_optional(pool)
    .await
    .context("read whether the account's credentials are refused")?;
    Ok(refused.unwrap_or(false))
}

/// The provider takes the credentials: a pause for refused ones is over, in all daemons. Says whether there was one.
pub async fn end_refusal(pool: &DatabasePool, account: AccountId) -> Result<bool, StoreError> {
    let ended = sqlx::query_scalar!(
        r#"with ended as (
             update mandated.accounts set paused_until = null, pause_reason = null, probe_until = null, refused = false
              where id = $1 and refused
             returning id
           ), woken as (
             select pg_notify('mandated_jobs', '') from ended limit 1
           )
           select count(*) > 0 as "ended!" from ended left join woken on true"#,
        account.0
    )
    .fetch_one(pool)
    .await
    .context("end the pause for refused credentials")?;
    Ok(ended)
}

/// An active mandate of an account to ask its provider about, and another one than this. Its neighbours are looked through, and not a
/// whole table: mandates of one account stand close together.
pub async fn mandate_to_ask_about(
    pool: &DatabasePool,
    account: AccountId,
    but: Option<MandateId>,
) -> Result<Option<ProbeSubject>, StoreError> {
    sqlx::query_as!(
        ProbeSubject,
        r#"select provider_mandate_id as "provider_mandate_id!", customer_id as "customer_id!" from (
             (select account_id, status, provider_mandate_id, customer_id from mandated.mandates where id > $2 order by id limit 300)
             union all
             (select account_id, status, provider_mandate_id, customer_id from mandated.mandates where id < $2 order by id desc limit 300)
           ) near
          where account_id = $1 and status = 'active' limit 1"#,
        account.0,
        but.map_or(0, |mandate| mandate.0)
    )
    .fetch_optional(pool)
    .await
    .context("find a mandate to ask the provider about")
}
