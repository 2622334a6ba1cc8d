//! `accounts`: list them, pause and resume them.

use std::io::{self, Write};
use std::time::Duration;

use clap::{Args, Subcommand};

use super::print::times_and_amounts::utc;
use super::print::{Format, Print, Table, write_json};
use super::{Failure, Justification};
use crate::compose;
use crate::config::Config;
use crate::ops::accounts::{self, AccountRow, Affected, PauseChange, Rebound};

#[derive(Debug, Subcommand)]
pub enum Accounts {
    /// List accounts: what is due, and until when and why one is paused.
    List,
    /// Pause an account, or all of them: nothing of it is notified, debited or asked about. Calls under way end.
    ///
    /// What waits loses no attempt, but windows and cycles go on: what closes meanwhile expires. It ends with --for, or with
    /// `accounts resume`.
    Pause {
        #[command(flatten)]
        about: AboutAccounts,
        /// How long, such as 2h; without it, until it is resumed.
        #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
        lasting: Option<Duration>,
    },
    /// Bind an account to this database, this provider and this clock: after a restore, a copy or a new address.
    ///
    /// An account moves money only where it was first used. Rebinding it says that nobody else uses what it belonged to, and that no
    /// order was sent since the dump that this database does not know.
    Rebind {
        /// The account's name in the configuration.
        #[arg(value_name = "NAME")]
        account: String,
        #[command(flatten)]
        justification: Justification,
    },
    /// Resume a paused account, or all of them, whoever paused it.
    Resume {
        #[command(flatten)]
        about: AboutAccounts,
    },
}

/// Which accounts.
#[derive(Debug, Args)]
pub struct AboutAccounts {
    /// The account's name in the configuration.
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub account: Option<String>,
    /// Every account there is.
    #[arg(long, conflicts_with = "account")]
    pub all: bool,
    #[command(flatten)]
    pub justification: Justification,
}

pub(super) async fn run(
    config: &Config,
    command: &Accounts,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let pool = compose::connect_checked(config).await?;
    let now = compose::clock(config).now();
    let done = match command {
        Accounts::List => {
            let rows = accounts::list(&pool, now).await?;
            return Ok(write_list(rows, format, out)?);
        }
        Accounts::Pause { about, lasting } => {
            let mut conn = compose::connection(&pool).await?;
            let name = about.account.as_deref();
            let attribution = about.justification.attribution();
            accounts::pause(&mut conn, name, attribution, *lasting, now).await?
        }
        Accounts::Rebind {
            account,
            justification,
        } => {
            let mut conn = compose::connection(&pool).await?;
            let by = justification.attribution();
            let rebound = accounts::rebind(&mut conn, config, account, by, now).await?;
            return Ok(write_rebound(&rebound, format, out)?);
        }
        Accounts::Resume { about } => {
            let mut conn = compose::connection(&pool).await?;
            let name = about.account.as_deref();
            let attribution = about.justification.attribution();
            accounts::resume(&mut conn, name, attribution, now).await?
        }
    };
    Ok(done.write(out, format)?)
}

fn write_rebound(rebound: &Rebound, format: Format, out: &mut dyn Write) -> io::Result<()> {
    if format == Format::Json {
        return write_json(out, rebound);
    }
    let Rebound { name, before } = rebound;
    print_line!(
        out,
        "account {name} is bound to this database now; before: {before}"
    )
}

fn write_list(rows: Vec<AccountRow>, format: Format, out: &mut dyn Write) -> io::Result<()> {
    if format == Format::Json {
        return write_json(out, &rows);
    }
    let mut shown = Table::new(["account", "provider", "due", "paused until", "why"]).right(2);
    for row in rows {
        let AccountRow {
            name,
            provider,
            paused_until,
            pause_reason,
            recovering_since,
            due,
        } = row;
        let recovering = recovering_since.map(|since| {
            let since = utc(Some(since));
            format!("recovering since {since}, nothing is notified or debited: run `mandated recover` to its end")
        });
        shown.row([
            name,
            provider,
            due.to_string(),
            utc(paused_until),
            recovering.or(pause_reason).unwrap_or_default(),
        ]);
    }
    shown.write(out)
}

impl Print for PauseChange {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.accounts.is_empty() {
            return print_line!(out, "no account was {}", self.what);
        }
        for Affected { name, until } in &self.accounts {
            match until {
                Some(_) => print_line!(out, "{name}: {} until {}", self.what, utc(*until))?,
                None => print_line!(out, "{name}: {}", self.what)?,
            }
        }
        Ok(())
    }
}
