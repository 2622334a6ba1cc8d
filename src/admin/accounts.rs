//! `accounts`: list them, pause and resume them.

use std::io::{self, Write};
use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use super::AdminError;
use super::output::{Table, write_json};
use super::text::{Format, utc};
use super::words::checked;
use crate::domain::Instant;
use crate::store::operations::{self, AccountRow, Paused, Said};

/// A pause without an end: a person ends it.
const FOR_GOOD: TimeDelta = TimeDelta::days(36_500);
/// A pause of which that much is left has none.
const ENDLESS: TimeDelta = TimeDelta::days(18_250);

/// What was done to which accounts.
#[derive(Debug, Serialize)]
pub struct Done {
    what: &'static str,
    accounts: Vec<Affected>,
}

#[derive(Debug, Serialize)]
struct Affected {
    name: String,
    /// Nothing where no end is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Instant>,
}

pub async fn list(
    pool: &PgPool,
    now: Instant,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), AdminError> {
    let rows = operations::accounts(pool, now).await?;
    if format == Format::Json {
        return Ok(write_json(out, &rows)?);
    }
    let mut shown = Table::new(["account", "provider", "due", "paused until", "why"]).right(2);
    for row in rows {
        let AccountRow {
            name,
            provider,
            paused_until,
            pause_reason,
            due,
        } = row;
        shown.row([
            name,
            provider,
            due.to_string(),
            utc(paused_until),
            pause_reason.unwrap_or_default(),
        ]);
    }
    Ok(shown.write(out)?)
}

/// Nothing of the accounts is claimed any more. What is under way ends.
pub async fn pause(
    conn: &mut PgConnection,
    account: Option<&str>,
    said: Said<'_>,
    lasting: Option<Duration>,
    now: Instant,
) -> Result<Done, AdminError> {
    let said = checked(said)?;
    let end = end_of(lasting, now);
    let paused = operations::pause_accounts(conn, account, said, end, now).await?;
    match account {
        Some(name) if paused.is_empty() => return Err(AdminError::NoAccount(name.to_owned())),
        Some(_) | None => {}
    }
    let affected = paused.into_iter().map(|Paused { name, until }| Affected {
        name,
        until: shown(until, now),
    });
    Ok(Done {
        what: "paused",
        accounts: affected.collect(),
    })
}

/// What waited goes on, as far as its window allows.
pub async fn resume(
    conn: &mut PgConnection,
    account: Option<&str>,
    said: Said<'_>,
    now: Instant,
) -> Result<Done, AdminError> {
    let names = operations::resume_accounts(conn, account, checked(said)?, now).await?;
    let affected = names.into_iter().map(|name| Affected { name, until: None });
    Ok(Done {
        what: "resumed",
        accounts: affected.collect(),
    })
}

/// When a pause ends by itself.
pub(super) fn end_of(lasting: Option<Duration>, now: Instant) -> Instant {
    let lasting = lasting.and_then(|lasting| TimeDelta::from_std(lasting).ok());
    now.checked_add_signed(lasting.unwrap_or(FOR_GOOD))
        .unwrap_or(Instant::MAX_UTC)
}

/// The end of a pause for people, if it has one.
pub(super) fn shown(until: Instant, now: Instant) -> Option<Instant> {
    Some(until).filter(|until| until.signed_duration_since(now) < ENDLESS)
}

impl Done {
    /// Prints it.
    pub fn write(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        if format == Format::Json {
            return write_json(out, self);
        }
        if self.accounts.is_empty() {
            return writeln!(out, "no account was {}", self.what);
        }
        for Affected { name, until } in &self.accounts {
            match until {
                Some(_) => writeln!(out, "{name}: {} until {}", self.what, utc(*until))?,
                None => writeln!(out, "{name}: {}", self.what)?,
            }
        }
        Ok(())
    }
}
