//! List rails, pause and resume them.

use std::time::Duration;

use sqlx::{PgConnection, PgPool};

use super::OpsError;
use super::accounts::{end_of, shown};
use super::justification::checked;
use crate::domain::{Instant, Rail};
use crate::store::operations::{self, Said};

pub use crate::store::operations::RailRow;

/// Every rail, and until when and why it is paused.
pub async fn list(pool: &PgPool, now: Instant) -> Result<Vec<RailRow>, OpsError> {
    Ok(operations::rails(pool, now).await?)
}

/// Nothing on the rail is notified or debited any more. What is under way ends, and its outcome is looked up. It says until when, if
/// the pause has an end.
pub async fn pause(
    conn: &mut PgConnection,
    rail: Rail,
    said: Said<'_>,
    lasting: Option<Duration>,
    now: Instant,
) -> Result<Option<Instant>, OpsError> {
    let end = end_of(lasting, now);
    let end = operations::pause_rail(conn, rail, checked(said)?, end, now).await?;
    Ok(shown(end, now))
}

/// What waited goes on at its next check, as far as its window allows. It says whether the rail was paused.
pub async fn resume(
    conn: &mut PgConnection,
    rail: Rail,
    said: Said<'_>,
    now: Instant,
) -> Result<bool, OpsError> {
    Ok(operations::resume_rail(conn, rail, checked(said)?, now).await?)
}
