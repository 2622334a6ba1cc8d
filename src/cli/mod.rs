//! The command line: what can be asked for, and how it is printed. [`crate::ops`] does it.

#[macro_use]
pub mod print;

mod accounts;
mod audit;
mod check_config;
mod classify;
mod doctor;
pub mod executions;
mod failure;
mod import;
mod jobs;
mod justification;
pub mod mandate_change;
pub mod mandates;
pub mod plan;
mod rails;
mod recover;
mod timeline;
pub mod unmapped;

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{CommandFactory, Parser, Subcommand};

use crate::config::Config;
use crate::telemetry::{self, Destination};
use crate::{compose, daemon, ops};
use print::{Format, Print};

pub use accounts::{AboutAccounts, Accounts};
pub use audit::Audit;
pub use classify::Classify;
pub use executions::{Executions, Resolve};
pub use failure::{EXIT_CONFIG, Failure};
pub use justification::Justification;
pub use mandates::Mandates;
pub use rails::Rails;
pub use recover::Recover;

/// Collects recurring payments: notifies the payer, waits out the 25-hour window, debits, and retries.
///
/// Exit codes: 0 done, 1 it failed, 2 wrong usage, 78 wrong configuration or a database of another version.
#[derive(Debug, Parser)]
#[command(
    name = "mandated",
    version,
    propagate_version = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// The configuration file; without it, the one that `MANDATED_CONFIG` names.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Everywhere")]
    pub config: Option<PathBuf>,
    /// Print JSON for programs, one object a line, instead of tables for people.
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon: plan, notify, debit, look up, retry, until a signal stops it.
    ///
    /// The first SIGTERM or SIGINT stops claiming and lets calls under way end; the second one, or
    /// `worker.drain_timeout`, stops at once. Nothing is lost either way: leases and intents are in the database.
    Run,
    /// Bring the database's schema `mandated` to this version. Run it before the new daemon.
    Migrate,
    /// Print the configuration in force, where each value comes from, and what is wrong with it.
    CheckConfig,
    /// Import, list, show and stop mandates.
    #[command(subcommand)]
    Mandates(Mandates),
    /// Print a mandate's coming cycles: notification, earliest debit, window, last safe time.
    Plan {
        /// The merchant's own reference of the mandate.
        #[arg(value_name = "REF")]
        reference: String,
        /// How many cycles.
        #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..))]
        cycles: u16,
    },
    /// List accounts, pause and resume them.
    #[command(subcommand)]
    Accounts(Accounts),
    /// List rails, pause and resume them.
    #[command(subcommand)]
    Rails(Rails),
    /// Add, list, show, retry, skip and resolve executions: the collection of one cycle each.
    #[command(subcommand)]
    Executions(Executions),
    /// List the job table: what is next for each execution, soonest first.
    Jobs,
    /// Tell which rule matches a provider's answer and what would follow, or which answers no rule knows.
    ///
    /// The answer is read exactly as the daemon reads it, with your own failures.file before the built-in rules, and decided
    /// under the policy in force for an ordinary execution. Without a configuration the built-in rules and policy count.
    Classify(Box<Classify>),
    /// Derive the guarantees from the database once more, and fail with the counter-examples if one is broken.
    ///
    /// It reads a range of rows at a time and rests while workers are busy, so it may run on a database that is at work.
    Audit(Audit),
    /// Ask the providers for what a restored database has forgotten, account by account. No money moves before it is over.
    ///
    /// After a restore, or a fail-over that may have lost commits: stop all daemons first, and import again what is younger than the
    /// dump. Each account is bound to this database and moves no money until everything that could have been sent since TIME was looked
    /// up: what was collected is recorded, what else is found goes on from there, what contradicts goes to review. It may be stopped and
    /// called again at any time.
    Recover(Recover),
    /// Look at everything that a daemon stands on, and say what to do about what is wrong.
    ///
    /// The configuration, the failure rules, the database with its settings, rights, migrations and partitions, the clocks, the
    /// credentials of every account (asked by a look-up of an order that nobody has), and what waits. Fails if something is broken;
    /// warnings alone do not.
    Doctor {
        /// Do not ask the providers.
        #[arg(long)]
        offline: bool,
    },
    /// Ask the running daemon whether it is ready, at listen.address. For containers and load balancers.
    Healthcheck,
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// Runs a command.
pub async fn run(cli: Cli) -> Result<(), Failure> {
    let out: &mut dyn Write = &mut std::io::stdout();
    let format = if cli.json { Format::Json } else { Format::Text };
    match &cli.command {
        Command::Completions { shell } => return completions(*shell, out),
        Command::Classify(asked) if !asked.unmapped => {
            let config = classify::config(cli.config.as_deref())?;
            return classify::one(&config, asked, format, out);
        }
        Command::Run
        | Command::Classify(_)
        | Command::Migrate
        | Command::CheckConfig
        | Command::Mandates(_)
        | Command::Plan { .. }
        | Command::Accounts(_)
        | Command::Rails(_)
        | Command::Executions(_)
        | Command::Jobs
        | Command::Audit(_)
        | Command::Recover(_)
        | Command::Doctor { .. }
        | Command::Healthcheck => {}
    }
    let config = load(&cli, out)?;
    if matches!(cli.command, Command::Run) {
        return Ok(daemon::run(&config, cli.config).await?);
    }
    telemetry::init(&config.log, Destination::Stderr).context("set up the log")?;
    with_config(&config, cli.command, format, out).await
}

async fn with_config(
    config: &Config,
    command: Command,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    match command {
        Command::Migrate => {
            match ops::migrate::migrate(config).await? {
                0 => print_line!(out, "the database is up to date")?,
                applied => print_line!(out, "{applied} migrations applied")?,
            }
            Ok(())
        }
        Command::CheckConfig => {
            compose::classifier(config)?;
            check_config::write(out, config, format)?;
            if let Some(plain) = compose::remote_without_tls(config)? {
                let fix = compose::PlainDatabase::FIX;
                print_line!(&mut std::io::stderr(), "warning: {plain}; {fix}")?;
            }
            Ok(())
        }
        Command::Healthcheck => ops::healthcheck::check(&config.listen)
            .await
            .map_err(|error| Failure::hinted(error, "the daemon's own log says more")),
        Command::Mandates(command) => mandates::run(config, command, format, out).await,
        Command::Plan { reference, cycles } => {
            let pool = compose::connect_checked(config).await?;
            let mut conn = compose::connection(&pool).await?;
            let policy = |provider, rail| config.policy(provider, rail);
            let plan = ops::plan::plan(&mut conn, &reference, cycles.into(), policy).await?;
            Ok(plan::write(&plan, &reference, format, out)?)
        }
        Command::Executions(command) => executions::run(config, command, format, out).await,
        Command::Accounts(command) => accounts::run(config, &command, format, out).await,
        Command::Rails(command) => rails::run(config, &command, format, out).await,
        Command::Jobs => {
            let pool = compose::connect_checked(config).await?;
            let mut conn = compose::connection(&pool).await?;
            let jobs = ops::jobs::jobs(&mut conn, compose::clock(config).now()).await?;
            Ok(jobs.write(out, format)?)
        }
        Command::Classify(asked) => unmapped::run(config, &asked, format, out).await,
        Command::Doctor { offline } => doctor::run(config, offline, format, out).await,
        Command::Audit(asked) => audit::run(config, &asked, format, out).await,
        Command::Recover(asked) => recover::run(config, &asked, format, out).await,
        // These have run without a configuration, or by themselves.
        Command::Run | Command::Completions { .. } => Ok(()),
    }
}

fn load(cli: &Cli, out: &mut dyn Write) -> Result<Config, Failure> {
    Config::load(cli.config.as_deref()).map_err(|errors| {
        if cli.json
            && matches!(cli.command, Command::CheckConfig)
            && let Err(error) = check_config::write_errors(out, &errors)
        {
            return Failure::from(error);
        }
        Failure::config(errors.into(), "`config/default.toml` explains every key")
    })
}

fn completions(shell: clap_complete::Shell, out: &mut dyn Write) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "mandated", &mut script);
    Ok(out.write_all(&script)?)
}

/// A word out of the domain's own list.
fn one_of<T>(all: &[T]) -> impl TypedValueParser<Value = T>
where
    T: Copy + Into<&'static str> + TryFrom<String, Error = String> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(all.iter().map(|value| (*value).into())).try_map(T::try_from)
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
