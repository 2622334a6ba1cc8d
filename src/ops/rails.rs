//! List rails, pause and resume them.

use std::time::Duration;

use sqlx::PgConnection;

use super::OpsError;
use super::accounts::{end_of, shown};
use super::justification::checked;
use crate::domain::{Rail, Timestamp};
use crate::store::pauses::{self, Attribution};
use crate::store::pool::DatabasePool;

pub use crate::store::pauses::RailRow;

/// Every rail, and until when and why it is paused.
pub async fn list(pool: &DatabasePool, now: Timestamp) -> Result<Vec<RailRow>, OpsError> {
    Ok(pauses::rails(pool, now).await?)
}

/// Nothing on the rail is notified or debited any more. What is under way ends, and its outcome is looked up. It says until when, if
/// the pause has an end.
pub async fn pause(
    conn: &mut PgConnection,
    rail: Rail,
    attribution: Attribution<'_>,
    lasting: Option<Duration>,
    now: Timestamp,
) -> Result<Option<Timestamp>, OpsError> {
    let end = end_of(lasting, now);
    let end = pauses::pause_rail(conn, rail, checked(attribution)?, end, now).await?;
    Ok(shown(end, now))
}

/// What waited goes on at its next check, as far as its window allows. It says whether the rail was paused.
pub async fn resume(
    conn: &mut PgConnection,
    rail: Rail,
    attribution: Attribution<'_>,
    now: Timestamp,
) -> Result<bool, OpsError> {
    Ok(pauses::resume_rail(conn, rail, checked(attribution)?, now).await?)
}
