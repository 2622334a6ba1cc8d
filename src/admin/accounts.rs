//! `accounts`: list them, pause and resume them.

use std::io::{self, Write};
use std::time::Duration;

use chrono::TimeDelta;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use super::AdminError;
use super::output::{Table, write_json};
use super::text::{Format, utc};
use super::words::{REASON, WHO, acceptable};
use crate::domain::Instant;
use crate::store::operations::{self, AccountRow, Order};

/// A pause without an end: a person ends it.
const FOR_GOOD: TimeDelta = TimeDelta::days(36_500);

/// What was done to which accounts.
#[derive(Debug, Serialize)]
pub struct Done {
    what: &'static str,
    accounts: Vec<String>,
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
    said: Order<'_>,
    lasting: Option<Duration>,
    now: Instant,
) -> Result<Done, AdminError> {
    let said = checked(said)?;
    let lasting = lasting.and_then(|lasting| TimeDelta::from_std(lasting).ok());
    let until = now
        .checked_add_signed(lasting.unwrap_or(FOR_GOOD))
        .unwrap_or(Instant::MAX_UTC);
    let accounts = operations::pause(conn, said, until, now).await?;
    known(said, &accounts)?;
    Ok(Done {
        what: "paused",
        accounts,
        until: lasting.map(|_| until),
    })
}

/// What waited goes on, as far as its window allows.
pub async fn resume(
    conn: &mut PgConnection,
    said: Order<'_>,
    now: Instant,
) -> Result<Done, AdminError> {
    let said = checked(said)?;
    let accounts = operations::resume(conn, said, now).await?;
    Ok(Done {
        what: "resumed",
        accounts,
        until: None,
    })
}

fn checked(said: Order<'_>) -> Result<Order<'_>, AdminError> {
    let said = Order {
        who: said.who.trim(),
        reason: said.reason.trim(),
        ..said
    };
    acceptable(WHO, said.who).map_err(AdminError::Words)?;
    acceptable(REASON, said.reason).map_err(AdminError::Words)?;
    Ok(said)
}

fn known(said: Order<'_>, accounts: &[String]) -> Result<(), AdminError> {
    match said.account {
        Some(name) if accounts.is_empty() => Err(AdminError::NoAccount(name.to_owned())),
        Some(_) | None => Ok(()),
    }
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
        let names = self.accounts.join(", ");
        match self.until {
            Some(_) => writeln!(out, "{names}: {} until {}", self.what, utc(self.until)),
            None => writeln!(out, "{names}: {}", self.what),
        }
    }
}
