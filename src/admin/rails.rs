//! `rails`: list them, pause and resume them.

use std::io::Write;
use std::time::Duration;

use sqlx::{PgConnection, PgPool};

use super::AdminError;
use super::accounts::{end_of, shown};
use super::output::{Table, write_json};
use super::text::{Format, utc};
use super::words::checked;
use crate::domain::{Instant, Rail};
use crate::store::operations::{self, RailRow, Said};

pub async fn list(
    pool: &PgPool,
    now: Instant,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), AdminError> {
    let rows = operations::rails(pool, now).await?;
    if format == Format::Json {
        return Ok(write_json(out, &rows)?);
    }
    let mut shown = Table::new(["rail", "paused until", "why"]);
    for row in rows {
        let RailRow {
            rail,
            paused_until,
            pause_reason,
        } = row;
        shown.row([rail, utc(paused_until), pause_reason.unwrap_or_default()]);
    }
    Ok(shown.write(out)?)
}

/// Nothing on the rail is notified or debited any more. What is under way ends, and its outcome is looked up.
pub async fn pause(
    conn: &mut PgConnection,
    rail: Rail,
    said: Said<'_>,
    lasting: Option<Duration>,
    now: Instant,
    out: &mut dyn Write,
) -> Result<(), AdminError> {
    let end = end_of(lasting, now);
    let end = operations::pause_rail(conn, rail, checked(said)?, end, now).await?;
    match shown(end, now) {
        Some(end) => writeln!(out, "{rail}: paused until {}", utc(Some(end)))?,
        None => writeln!(out, "{rail}: paused")?,
    }
    Ok(())
}

/// What waited goes on at its next check, as far as its window allows.
pub async fn resume(
    conn: &mut PgConnection,
    rail: Rail,
    said: Said<'_>,
    now: Instant,
    out: &mut dyn Write,
) -> Result<(), AdminError> {
    if operations::resume_rail(conn, rail, checked(said)?, now).await? {
        writeln!(
            out,
            "{rail}: resumed; what waited goes on within 20 minutes"
        )?;
    } else {
        writeln!(out, "{rail}: was not paused")?;
    }
    Ok(())
}
