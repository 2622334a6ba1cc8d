//! Accounts: their numbers, and the pause that all daemons share.

use sqlx::PgPool;

use super::error::{StoreContext, StoreError};
use crate::domain::{AccountId, ProviderKind, Timestamp};
use crate::failpoint::around;

/// The number of a configured account; it gets one when it is new.
///
/// An account cannot change its provider: its mandates would be looked up where nobody knows them.
pub async fn register(
    pool: &PgPool,
    name: &str,
    provider: ProviderKind,
) -> Result<AccountId, StoreError> {
    let row = sqlx::query!(
        "with added as (
           insert into mandated.accounts (name, provider) values ($1, $2) on conflict (name) do nothing returning id, provider)
         select id as \"id!\", provider as \"provider!\" from added
         union all select id, provider from mandated.accounts where name = $1",
        name,
        provider.as_str()
    )
    .fetch_one(pool)
    .await
    .context("register the configured accounts")?;
    if row.provider != provider.as_str() {
        return Err(StoreError::Corrupt {
            what: format!("register account {name}"),
            why: format!(
                "the database has it as a {} account, the configuration as {provider}",
                row.provider
            ),
        });
    }
    Ok(AccountId(row.id))
}

/// Pauses an account in all daemons. Says whether that is news: only then is it worth an error line.
pub async fn pause(
    pool: &PgPool,
    account: AccountId,
    until: Timestamp,
    reason: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let statement = sqlx::query_scalar!(
        r#"with before as (select id, paused_until from mandated.accounts where id = $1 for no key update)
           update mandated.accounts a set paused_until = greatest(a.paused_until, $2), pause_reason = $3
             from before b where a.id = b.id
           returning coalesce(b.paused_until <= $4, true) as "news!""#,
        account.0,
        until,
        reason,
        now
    );
    let row = around("pause", statement.fetch_optional(pool))
        .await
        .context("pause the account")?;
    Ok(row.unwrap_or(false))
}
