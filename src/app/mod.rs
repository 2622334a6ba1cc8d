//! The commands of the lab, beside those of the command line.

mod chaos;
mod demo;
mod ledgers;
mod lots;
mod payers;
mod stage;

use std::io::Write;

use anyhow::Context;

use crate::cli::{self, Cli, Command, EXIT_CONFIG, Failure};
use crate::compose;
use crate::compose::engine;

/// Runs a command.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let out = &mut std::io::stdout();
    match &cli.command {
        Command::Demo(demo) => demo::run(demo, cli.json, out).await,
        Command::Chaos(asked) => chaos::run(asked, cli.json, out).await,
        Command::Sandbox(args) => sandbox(args.clone(), out).await,
        Command::Run
        | Command::Migrate
        | Command::CheckConfig
        | Command::Mandates(_)
        | Command::Plan { .. }
        | Command::Accounts(_)
        | Command::Rails(_)
        | Command::Executions(_)
        | Command::Jobs
        | Command::Classify(_)
        | Command::Audit(_)
        | Command::Doctor { .. }
        | Command::Healthcheck
        | Command::Completions { .. } => cli::run(cli).await,
    }
}

async fn sandbox(args: crate::sandbox::SandboxArgs, out: &mut impl Write) -> Result<(), Failure> {
    let lifecycle = crate::lifecycle::Lifecycle::start(std::time::Duration::from_secs(5))
        .context("listen to signals")?;
    let stop = lifecycle.draining();
    crate::sandbox::run(args, out, stop.cancelled())
        .await
        .map_err(|error| Failure::hinted(error, "`mandated sandbox --help` shows what it takes"))
}
