//! `mandates …`: what an operator does to a mandate, here and at its provider.

use std::io::Write;

use anyhow::{Context, anyhow};

use super::{Failure, engine, import};
use crate::admin::{self, AdminError, Format};
use crate::cli::{Mandates, Word};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::MandateStatus;
use crate::provider::{MandateAnswer, MandateCommand, Provider};
use crate::store;
use crate::store::listing::MandateFilter;
use crate::store::mandates::{Change, Wanted};

/// Cycles of a timeline that are shown.
const NEWEST: u32 = 24;

pub(super) async fn run(
    config: &Config,
    command: Mandates,
    format: Format,
    out: &mut impl Write,
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
            let pool = engine::connect_checked(config).await?;
            let filter = MandateFilter {
                status,
                account,
                limit: i64::from(limit),
            };
            Ok(admin::mandates::list(&pool, &filter, format, out).await?)
        }
        Mandates::Show { reference } => {
            let pool = engine::connect_checked(config).await?;
            let mut connection = store::planning::acquire(&pool).await?;
            Ok(
                admin::timeline::of_mandate(&mut connection, &reference, NEWEST)
                    .await?
                    .write(out, format)?,
            )
        }
        Mandates::Pause {
            reference,
            until,
            local_only,
            word,
        } => {
            let wanted = Wanted {
                until,
                ..wanted(&reference, Change::Pause, &word)
            };
            change(config, wanted, local_only, out).await
        }
        Mandates::Resume { reference, word } => {
            change(
                config,
                wanted(&reference, Change::Resume, &word),
                false,
                out,
            )
            .await
        }
        Mandates::Revoke { reference, word } => {
            change(
                config,
                wanted(&reference, Change::Revoke, &word),
                false,
                out,
            )
            .await
        }
    }
}

fn wanted<'a>(reference: &'a str, change: Change, word: &'a Word) -> Wanted<'a> {
    Wanted {
        reference,
        change,
        said: word.said(),
        until: None,
    }
}

/// Changes a mandate in the order in which a failure half-way is harmless: what stops debits is done here first, what allows
/// them again only after the provider has agreed.
async fn change(
    config: &Config,
    wanted: Wanted<'_>,
    local_only: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let Wanted {
        reference,
        change,
        until,
        ..
    } = wanted;
    let pool = engine::connect_checked(config).await?;
    let now = Clock::System.now();
    let mut connection = store::planning::acquire(&pool).await?;
    if change != Change::Resume {
        admin::mandates::change(&mut connection, wanted, now, out).await?;
    }
    if !local_only {
        let stored = store::mandates::find(&mut connection, reference)
            .await?
            .ok_or_else(|| AdminError::NoMandate(reference.to_owned()))?;
        let built = engine::build(config, pool.clone(), Clock::System).await?;
        let account = built
            .accounts
            .iter()
            .find(|account| account.name == stored.account)
            .ok_or_else(|| {
                Failure::config(
                    anyhow!(
                        "account {} of mandate {reference} is not configured",
                        stored.account
                    ),
                    "configure accounts.NAME, or use --local-only where it is offered",
                )
            })?;
        let command = match change {
            Change::Pause => MandateCommand::Pause { until },
            Change::Resume => MandateCommand::Resume,
            Change::Revoke => MandateCommand::Revoke,
        };
        let provider = stored.mandate.provider;
        let client = account.client();
        let mut answer = client.command(&stored.mandate, command, now).await;
        if change == Change::Pause && matches!(answer, MandateAnswer::Failed { .. }) {
            // Paused by the payer, or by this command before its answer was lost.
            let stands = client.mandate_status(&stored.mandate, now).await;
            if let MandateAnswer::Status {
                status: MandateStatus::Paused,
                ..
            } = stands
            {
                answer = stands;
            }
        }
        match answer {
            MandateAnswer::Status { status, word } => {
                if (change, status) == (Change::Pause, MandateStatus::Paused) {
                    store::mandates::paused_at_provider(&mut connection, reference, now).await?;
                }
                writeln!(out, "{provider} says {word}").context("print the answer")?;
            }
            MandateAnswer::NotOffered => {
                writeln!(out, "{provider} has no such command; it is done here only")
                    .context("print the answer")?;
            }
            MandateAnswer::Failed { why } => {
                let here = if change == Change::Resume {
                    "nothing was changed"
                } else {
                    "here it is done, and no debit will be made"
                };
                return Err(Failure::anyhow(
                    anyhow!("{provider} did not do it for mandate {reference}: {why}"),
                    &format!("{here}; run the command again, or do it in the provider's dashboard"),
                ));
            }
        }
    }
    if change == Change::Resume {
        admin::mandates::change(&mut connection, wanted, now, out).await?;
    }
    Ok(())
}
