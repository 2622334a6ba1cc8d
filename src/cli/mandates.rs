//! `mandates`: import, list, show, pause, resume and revoke them.

use std::io::Write;
use std::path::PathBuf;
use std::pin::pin;

use clap::Subcommand;
use futures::{Stream, TryStreamExt};

use super::import::{self, columns};
use super::mandate_change::write_step;
use super::print::times_and_amounts::{money, utc};
use super::print::{Format, Print, Table, write_json};
use super::{Failure, Justification, one_of};
use crate::compose;
use crate::config::Config;
use crate::domain::{MandateStatus, Timestamp};
use crate::ops::mandates::{
    self, Change, ChangeReport, ChangeRequest, Extent, MandateFilter, MandateLine,
};
use crate::ops::{OpsError, timeline};

/// Cycles of a timeline that are shown.
const NEWEST: u32 = 24;

#[derive(Debug, Subcommand)]
pub enum Mandates {
    /// Import mandates, all or none. Importing the same file twice changes nothing.
    #[command(after_help = format!("Columns of a CSV header, or keys of JSON Lines:\n{}", columns()))]
    Import {
        /// A file, or - for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Import the good rows and report the bad ones.
        #[arg(long)]
        skip_invalid: bool,
    },
    /// List mandates.
    List {
        /// Only those that stand here.
        #[arg(long, value_parser = one_of(MandateStatus::ALL))]
        status: Option<MandateStatus>,
        /// Only those of this account.
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show a mandate and all that happened to it, in its own time zone.
    Show {
        /// The merchant's own reference.
        #[arg(value_name = "REF")]
        reference: String,
    },
    /// Pause a mandate, here and at the provider.
    Pause {
        /// The merchant's own reference.
        #[arg(value_name = "REF")]
        reference: String,
        /// Until this time (RFC 3339); without it, until it is resumed.
        #[arg(long, value_name = "TIME")]
        until: Option<Timestamp>,
        /// Do not tell the provider.
        #[arg(long)]
        local_only: bool,
        #[command(flatten)]
        justification: Justification,
    },
    /// Resume a paused mandate, here and at the provider, and say how its open cycle goes on.
    ///
    /// The provider is asked where the mandate stands afterwards: only if it is active there it is resumed here. A mandate that has
    /// ended there ends here.
    Resume {
        /// The merchant's own reference.
        #[arg(value_name = "REF")]
        reference: String,
        /// Leave the open cycle out, the one that waited: collection begins with the next one.
        #[arg(long)]
        skip_open: bool,
        #[command(flatten)]
        justification: Justification,
    },
    /// Revoke a mandate, here and at the provider. It cannot be undone.
    Revoke {
        /// The merchant's own reference.
        #[arg(value_name = "REF")]
        reference: String,
        #[command(flatten)]
        justification: Justification,
    },
    /// Take back ends by an answer that the provider does not know the mandate, as of a wrong environment.
    ///
    /// The provider is asked where each mandate stands: only if it is active there it is active here again, and its cycles are planned.
    /// What the payer, the bank or an operator has ended stays ended.
    Reinstate {
        /// The merchant's own references.
        #[arg(value_name = "REF", required = true)]
        references: Vec<String>,
        #[command(flatten)]
        justification: Justification,
    },
}

pub(super) async fn run(
    config: &Config,
    command: Mandates,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match command {
        Mandates::Import { file, skip_invalid } => {
            import::run(config, &file, skip_invalid, format, out).await
        }
        Mandates::List {
            status,
            account,
            limit,
        } => {
            let pool = compose::connect_checked(config).await?;
            let filter = MandateFilter {
                status,
                account,
                limit: i64::from(limit),
            };
            write_list(mandates::list(&pool, &filter), format, out).await
        }
        Mandates::Show { reference } => {
            let pool = compose::connect_checked(config).await?;
            let mut conn = compose::connection(&pool).await?;
            let timeline = timeline::of_mandate(&mut conn, &reference, NEWEST).await?;
            Ok(timeline.write(out, format)?)
        }
        Mandates::Pause {
            reference,
            until,
            local_only,
            justification,
        } => {
            let change_request = ChangeRequest {
                until,
                ..change_request(&reference, Change::Pause, &justification)
            };
            let extent = Extent {
                local_only,
                skip_open: false,
            };
            change(config, change_request, extent, out).await
        }
        Mandates::Resume {
            reference,
            skip_open,
            justification,
        } => {
            let change_request = change_request(&reference, Change::Resume, &justification);
            let extent = Extent {
                local_only: false,
                skip_open,
            };
            change(config, change_request, extent, out).await
        }
        Mandates::Revoke {
            reference,
            justification,
        } => {
            let change_request = change_request(&reference, Change::Revoke, &justification);
            change(config, change_request, Extent::default(), out).await
        }
        Mandates::Reinstate {
            references,
            justification,
        } => reinstate(config, &references, &justification, out).await,
    }
}

/// One after the other: what is wrong with one keeps none of the others from being reinstated.
async fn reinstate(
    config: &Config,
    references: &[String],
    justification: &Justification,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut refused = Vec::new();
    for reference in references {
        let request = change_request(reference, Change::Reinstate, justification);
        match change(config, request, Extent::default(), out).await {
            Ok(()) => {}
            Err(failure) if references.len() == 1 => return Err(failure),
            Err(failure) => {
                failure.write(&mut std::io::stderr())?;
                refused.push(reference.as_str());
            }
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    let (count, all) = (refused.len(), references.len());
    Err(Failure::from(anyhow::anyhow!(
        "{count} of {all} mandates were not reinstated: {}",
        refused.join(" ")
    )))
}

fn change_request<'a>(
    reference: &'a str,
    change: Change,
    justification: &'a Justification,
) -> ChangeRequest<'a> {
    ChangeRequest {
        reference,
        change,
        attribution: justification.attribution(),
        until: None,
    }
}

async fn change(
    config: &Config,
    change_request: ChangeRequest<'_>,
    extent: Extent,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let pool = compose::connect_checked(config).await?;
    let now = compose::clock(config).now();
    let ChangeReport { done, result } =
        mandates::change(config, &pool, change_request, extent, now).await;
    for step in &done {
        write_step(step, out)?;
    }
    Ok(result?)
}

/// Prints mandates. JSON is written as it is read, so it may be a list of millions.
pub async fn write_list(
    rows: impl Stream<Item = Result<MandateLine, OpsError>>,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut rows = pin!(rows);
    let mut shown = Table::new([
        "ref",
        "account",
        "rail",
        "notify",
        "amount",
        "maximum",
        "schedule",
        "status",
        "next cycle",
        "planned at",
    ])
    .right(4)
    .right(5);
    while let Some(row) = rows.try_next().await? {
        if format == Format::Json {
            write_json(out, &row)?;
            continue;
        }
        shown.row([
            row.reference,
            row.account,
            row.rail,
            row.notify,
            row.amount_minor
                .map_or_else(|| "-".to_owned(), |minor| money(minor, &row.currency)),
            money(row.max_amount_minor, &row.currency),
            row.schedule,
            row.status,
            row.next_cycle_on
                .map_or_else(|| "-".to_owned(), |on| on.to_string()),
            utc(row.next_plan_at),
        ]);
    }
    if format == Format::Text {
        shown.write(out)?;
    }
    Ok(())
}
