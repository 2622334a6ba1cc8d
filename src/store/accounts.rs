//! The pause of an account that all daemons share.

use sqlx::PgPool;

use super::error::{StoreContext, StoreError};
use crate::domain::{AccountId, Timestamp};
use crate::failpoint::around;

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
