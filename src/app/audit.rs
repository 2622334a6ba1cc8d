//! `audit`: the guarantees from the database, and what the providers say of the same orders.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, anyhow};
use chrono::TimeDelta;
use sqlx::PgPool;

use super::{Failure, engine};
use crate::admin::audit::audit;
use crate::admin::audit::provider::{Question, compare};
use crate::admin::{Format, output};
use crate::cli::Audit;
use crate::config::Config;
use crate::domain::Instant;

/// A planner that is this late has forgotten a mandate, or is down.
const LATE: Duration = Duration::from_mins(15);

/// Prints the verdicts; a broken guarantee is a failure, and so is a provider that says something else, or nothing.
pub(super) async fn run(
    config: &Config,
    asked: &Audit,
    format: Format,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let pool = engine::connect_checked(config).await?;
    let clock = engine::clock(config);
    let bar = output::progress(None, "rows");
    let verdict = audit(&pool, clock.now(), LATE, &bar).await?;
    verdict.write(out, format).context("print the verdict")?;
    let agrees = if asked.provider {
        ask(config, pool, asked, format, out).await
    } else {
        Ok(())
    };
    if verdict.holds {
        return agrees;
    }
    Err(Failure::anyhow(
        anyhow!("a guarantee is broken"),
        "stop the daemons, and look at the counter-examples with `mandated executions show ID`",
    ))
}

async fn ask(
    config: &Config,
    pool: PgPool,
    asked: &Audit,
    format: Format,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let engine = engine::build(config, pool.clone(), engine::clock(config)).await?;
    let since = TimeDelta::from_std(asked.since)
        .ok()
        .and_then(|since| engine.clock.now().checked_sub_signed(since))
        .unwrap_or(Instant::UNIX_EPOCH);
    let accounts = engine.accounts.iter();
    let worker = format!("audit-{}", engine.settings.worker_id);
    let question = Question {
        clients: accounts
            .map(|account| (account.id.0, account.client()))
            .collect(),
        tag: &engine.tag,
        since,
        mandate: asked.mandate.as_deref(),
        worker: &worker,
    };
    let bar = output::progress(None, "executions asked about");
    let comparison = compare(&pool, &question, || engine.clock.now(), &bar).await?;
    comparison
        .write(out, format)
        .context("print the comparison")?;
    if !comparison.agrees() {
        return Err(Failure::anyhow(
            anyhow!("a provider contradicts our record"),
            "look at the executions with `mandated executions show ID`, and at the orders in the provider's dashboard",
        ));
    }
    if !comparison.is_answered() {
        return Err(Failure::anyhow(
            anyhow!("not every question was answered"),
            "nothing is proven of what was not answered: run it again later",
        ));
    }
    Ok(())
}
