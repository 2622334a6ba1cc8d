//! The command line: types only. What a command does is in `app` and `admin`.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

mod classify;
mod operator;

pub use classify::Classify;
pub use operator::{AboutAccounts, Accounts, Executions, Mandates, Rails, Resolve, Word};

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

/// What to audit.
#[derive(Debug, Args)]
pub struct Audit {
    /// Ask the providers about the orders of recent executions too, and compare.
    ///
    /// A question is a look-up and counts as one: it is asked only of orders that no worker holds and whose look-ups are not spent.
    #[arg(long)]
    pub provider: bool,
    /// Of the orders to ask about: those of executions that changed within this long.
    #[arg(long, requires = "provider", value_name = "DURATION", default_value = "7days", value_parser = humantime::parse_duration)]
    pub since: Duration,
    /// Of the orders to ask about: those of this mandate.
    #[arg(long, requires = "provider", value_name = "REF")]
    pub mandate: Option<String>,
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
