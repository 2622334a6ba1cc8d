//! `mandates import`: opens the file and hands it to the import with what the configuration says.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::Context;
use sqlx::PgPool;

use super::{Failure, engine};
use crate::admin::Format;
use crate::admin::import::{Options, Report, import as import_rows};
use crate::admin::output::progress;
use crate::config::Config;
use crate::domain::{Instant, ProviderKind, Rail};
use crate::provider::juspay::check_metadata;

/// Imports a file or standard input, and prints what came of it. Bad rows are a failure unless they are to be skipped.
pub(super) async fn run(
    config: &Config,
    path: &Path,
    skip_invalid: bool,
    format: Format,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let input: Box<dyn Read + Send> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
        Box::new(file)
    };
    let pool = engine::connect_checked(config).await?;
    engine::register_accounts(config, &pool).await?;
    // What is still to come is so by the clock that the daemon will live by.
    let now = engine::clock(config).now();
    let report = import(config, &pool, input, now, skip_invalid).await?;
    report.write(out, format).context("print the report")?;
    if report.kept {
        return Ok(());
    }
    Err(Failure::anyhow(
        anyhow::anyhow!("nothing was imported: {} rows are bad", report.invalid),
        "correct them, or take the good rows with --skip-invalid",
    ))
}

/// Imports rows at an instant.
pub async fn import(
    config: &Config,
    pool: &PgPool,
    input: impl Read,
    now: Instant,
    skip_invalid: bool,
) -> Result<Report, Failure> {
    let policy = |provider: ProviderKind, rail: Rail| config.policy(provider, rail);
    let check = |provider: ProviderKind, metadata: &serde_json::Map<String, serde_json::Value>| {
        match provider {
            ProviderKind::Juspay => check_metadata(metadata),
            // Signzy's calls carry nothing of the merchant's own.
            ProviderKind::Signzy if metadata.is_empty() => Ok(()),
            ProviderKind::Signzy => Err("Signzy takes no metadata: leave it empty".to_owned()),
        }
    };
    let options = Options {
        skip_invalid,
        now,
        horizon: config.planner.horizon,
        policy: &policy,
        check_metadata: &check,
    };
    let bar = progress(None, "rows");
    Ok(import_rows(pool, input, &options, &bar)
        .await
        .context("import the mandates")?)
}
