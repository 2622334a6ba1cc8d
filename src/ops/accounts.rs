//! `accounts`: list them, pause and resume them.

use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;
use sqlx::PgConnection;

use super::OpsError;
use super::justification::checked;
use crate::compose;
use crate::config::Config;
use crate::domain::Timestamp;
use crate::store::environment;
use crate::store::pauses::{self, Paused};
use crate::store::pool::DatabasePool;

pub use crate::store::pauses::{AccountRow, Attribution};

/// A pause without an end: a person ends it.
const FOR_GOOD: TimeDelta = TimeDelta::days(36_500);
/// A pause of which that much is left has none.
const ENDLESS: TimeDelta = TimeDelta::days(18_250);

/// What was done to which accounts.
#[derive(Debug, Serialize)]
pub struct PauseChange {
    pub what: &'static str,
    pub accounts: Vec<Affected>,
}

#[derive(Debug, Serialize)]
pub struct Affected {
    pub name: String,
    /// Nothing where no end is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Every account there is: what is due, and until when and why it is paused.
pub async fn list(pool: &DatabasePool, now: Timestamp) -> Result<Vec<AccountRow>, OpsError> {
    Ok(pauses::accounts(pool, now).await?)
}

/// Nothing of the accounts is claimed any more. What is under way ends.
pub async fn pause(
    conn: &mut PgConnection,
    account: Option<&str>,
    attribution: Attribution<'_>,
    lasting: Option<Duration>,
    now: Timestamp,
) -> Result<PauseChange, OpsError> {
    let attribution = checked(attribution)?;
    let end = end_of(lasting, now);
    let paused = pauses::pause_accounts(conn, account, attribution, end, now).await?;
    match account {
        Some(name) if paused.is_empty() => return Err(OpsError::NoAccount(name.to_owned())),
        Some(_) | None => {}
    }
    let affected = paused.into_iter().map(|Paused { name, until }| Affected {
        name,
        until: shown(until, now),
    });
    Ok(PauseChange {
        what: "paused",
        accounts: affected.collect(),
    })
}

/// What waited goes on, as far as its window allows.
pub async fn resume(
    conn: &mut PgConnection,
    account: Option<&str>,
    attribution: Attribution<'_>,
    now: Timestamp,
) -> Result<PauseChange, OpsError> {
    let names = pauses::resume_accounts(conn, account, checked(attribution)?, now).await?;
    let affected = names.into_iter().map(|name| Affected { name, until: None });
    Ok(PauseChange {
        what: "resumed",
        accounts: affected.collect(),
    })
}

/// An account that was bound to another environment.
#[derive(Debug, Serialize)]
pub struct Rebound {
    pub name: String,
    /// What it belonged to.
    pub before: String,
}

/// Binds a configured account to this database, provider and clock.
pub async fn rebind(
    conn: &mut PgConnection,
    config: &Config,
    name: &str,
    attribution: Attribution<'_>,
    now: Timestamp,
) -> Result<Rebound, OpsError> {
    let attribution = checked(attribution)?;
    let Some(account) = config.accounts.get(name) else {
        return Err(OpsError::NoAccount(name.to_owned()));
    };
    let account = compose::configured(config, name, account);
    let before = environment::rebind(conn, &account, attribution, now).await?;
    let Some(before) = before else {
        return Err(OpsError::NoAccount(name.to_owned()));
    };
    Ok(Rebound {
        name: name.to_owned(),
        before: before.to_string(),
    })
}

/// When a pause ends by itself.
pub(super) fn end_of(lasting: Option<Duration>, now: Timestamp) -> Timestamp {
    let lasting = lasting.and_then(|lasting| TimeDelta::from_std(lasting).ok());
    now.checked_add_signed(lasting.unwrap_or(FOR_GOOD))
        .unwrap_or(Timestamp::MAX_UTC)
}

/// The end of a pause for people, if it has one.
pub(super) fn shown(until: Timestamp, now: Timestamp) -> Option<Timestamp> {
    Some(until).filter(|until| until.signed_duration_since(now) < ENDLESS)
}
