//! The command line of `mandated-lab`, and what runs each command.

use std::time::Duration;

use anyhow::Context;
use clap::{Parser, Subcommand};
use mandated::cli::Failure;
use mandated::lifecycle::Lifecycle;

use crate::chaos::Chaos;
use crate::demo::Demo;
use crate::sandbox::SandboxArgs;
use crate::{chaos, demo, sandbox};

/// Plays the other side of mandated: the providers, their payers, and everything that can go wrong.
///
/// Exit codes: 0 done, 1 it failed, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(
    name = "mandated-lab",
    version,
    propagate_version = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Print JSON for programs, one object a line, instead of tables for people.
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Live through a month in seconds: a private Postgres, a sandbox, and every outcome there is.
    ///
    /// Ends with what was collected and why the rest was not, and fails if the sandbox's ledger differs from ours.
    Demo(Demo),
    /// Try to break the guarantees: weeks of collections while providers, daemons, clocks and the database fail.
    ///
    /// Prints what was injected beside what it led to, and fails if one thing was debited twice, early, wrongly or never found. The
    /// same seed and figures give the same weeks, so that a failure can be looked at again.
    Chaos(Chaos),
    /// Serve a stand-in for both providers on this machine, with its own ledger and the faults of real ones.
    Sandbox(SandboxArgs),
}

/// Runs a command.
///
/// # Errors
/// Something is missing on this machine, or what was promised did not hold.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let out = &mut std::io::stdout();
    match cli.command {
        Command::Demo(asked) => demo::run(&asked, cli.json, out).await,
        Command::Chaos(asked) => chaos::run(&asked, cli.json, out).await,
        Command::Sandbox(args) => {
            let lifecycle =
                Lifecycle::start(Duration::from_secs(5)).context("listen to signals")?;
            let stop = lifecycle.draining();
            sandbox::run(args, out, stop.cancelled())
                .await
                .map_err(|error| {
                    Failure::hinted(error, "`mandated-lab sandbox --help` shows what it takes")
                })
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
