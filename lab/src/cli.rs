//! The command line of `mandated-lab`, and what runs each command.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use mandated::cli::Failure;
use mandated::lifecycle::Lifecycle;

use crate::sandbox::{Population, SandboxArgs};
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

#[derive(Debug, Args)]
pub struct Demo {
    /// The same seed gives the same month.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many mandates.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub mandates: u32,
    /// How many days.
    #[arg(long, default_value_t = 35, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// What the payers are like.
    #[arg(long, value_enum, default_value_t = Population::Demo)]
    pub profile: Population,
}

#[derive(Debug, Clone, Args)]
#[command(args_override_self = true)]
pub struct Chaos {
    /// The same seed gives the same weeks.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many mandates; most of them have a cycle every week.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..))]
    pub mandates: u32,
    /// How many days until the last cycle; then everything may come to its end in peace.
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub days: u32,
    /// How many daemons share the database.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub daemons: u8,
    /// How often a daemon is killed in the middle of work.
    #[arg(long, default_value_t = 30)]
    pub kills: u32,
    /// How often a daemon stands still until somebody else has its jobs, and wakes up.
    #[arg(long, default_value_t = 15)]
    pub freezes: u32,
    /// How often Postgres is killed and started again.
    #[arg(long, default_value_t = 5)]
    pub restarts: u32,
    /// How often a connection to Postgres breaks in the middle of a statement, before or after its commit.
    #[arg(long, default_value_t = 30)]
    pub cuts: u32,
    /// How often a daemon's clock is put forward or back by up to four minutes.
    #[arg(long, default_value_t = 20)]
    pub clock_steps: u32,
    /// How often a provider takes longer for its answer than the daemon waits.
    #[arg(long, default_value_t = 4)]
    pub slow: u32,
    /// How often a person has an execution retried or skipped, and with every twentieth time a rail paused for some hours.
    #[arg(long, default_value_t = 60)]
    pub operator_requests: u32,
    /// Let the daemons be processes of their own, `mandated run`, which are killed with SIGKILL and stopped with SIGSTOP. What happens
    /// when depends on the machine then: the seed gives the same payers, faults and incidents, and another order of events.
    #[arg(long)]
    pub processes: bool,
    /// The program `mandated` that --processes starts; without it, the one beside this program.
    #[arg(long, value_name = "PATH", requires = "processes")]
    pub daemon: Option<PathBuf>,
    /// Keep the database after the report, to look into it, until Ctrl-C.
    #[arg(long)]
    pub hold: bool,
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
