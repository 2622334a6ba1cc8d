//! `rails`: list them, pause and resume them.

use std::io::{self, Write};
use std::time::Duration;

use clap::Subcommand;

use super::print::times_and_amounts::utc;
use super::print::{Format, Table, write_json};
use super::{Failure, Justification, one_of};
use crate::compose;
use crate::config::Config;
use crate::domain::Rail;
use crate::ops::rails::{self, RailRow};

#[derive(Debug, Subcommand)]
pub enum Rails {
    /// List rails, and until when and why one is paused.
    List,
    /// Pause a rail: nobody is notified or debited on it, whatever the account. What is under way ends, and is looked up.
    ///
    /// What waits loses no attempt, but windows and cycles go on: what closes meanwhile expires. What a provider debits by itself it
    /// goes on debiting. It ends with --for, or with `rails resume`.
    Pause {
        /// Which.
        #[arg(value_parser = one_of(Rail::ALL))]
        rail: Rail,
        /// How long, such as 2h; without it, until it is resumed.
        #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
        lasting: Option<Duration>,
        #[command(flatten)]
        justification: Justification,
    },
    /// Resume a paused rail.
    Resume {
        /// Which.
        #[arg(value_parser = one_of(Rail::ALL))]
        rail: Rail,
        #[command(flatten)]
        justification: Justification,
    },
}

pub(super) async fn run(
    config: &Config,
    command: &Rails,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let pool = compose::connect_checked(config).await?;
    let now = compose::clock(config).now();
    match command {
        Rails::List => write_list(rails::list(&pool, now).await?, format, out)?,
        Rails::Pause {
            rail,
            lasting,
            justification,
        } => {
            let mut conn = compose::connection(&pool).await?;
            let end =
                rails::pause(&mut conn, *rail, justification.attribution(), *lasting, now).await?;
            match end {
                Some(_) => print_line!(out, "{rail}: paused until {}", utc(end))?,
                None => print_line!(out, "{rail}: paused")?,
            }
        }
        Rails::Resume {
            rail,
            justification,
        } => {
            let mut conn = compose::connection(&pool).await?;
            if rails::resume(&mut conn, *rail, justification.attribution(), now).await? {
                print_line!(
                    out,
                    "{rail}: resumed; what waited goes on within 20 minutes"
                )?;
            } else {
                print_line!(out, "{rail}: was not paused")?;
            }
        }
    }
    Ok(())
}

fn write_list(rows: Vec<RailRow>, format: Format, out: &mut dyn Write) -> io::Result<()> {
    if format == Format::Json {
        return write_json(out, &rows);
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
    shown.write(out)
}
