//! The command line: types only. What a command does is in `app` and `admin`.

use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::domain::resolve::ResolvedAs;
use crate::domain::{Instant, MandateStatus, ProviderKind, Rail, State, Step};

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
    /// Live through a month in seconds: a private Postgres, a sandbox, and every outcome there is.
    ///
    /// Ends with what was collected and why the rest was not, and fails if the sandbox's ledger differs from ours.
    #[cfg(feature = "sandbox")]
    Demo(Demo),
    /// Try to break the guarantees: weeks of collections while providers, daemons, clocks and the database fail.
    ///
    /// Prints what was injected beside what it led to, and fails if one thing was debited twice, early, wrongly or never found. The
    /// same seed and figures give the same weeks, so that a failure can be looked at again.
    #[cfg(feature = "sandbox")]
    Chaos(Chaos),
    /// Serve a stand-in for both providers on this machine, with its own ledger and the faults of real ones.
    #[cfg(feature = "sandbox")]
    Sandbox(crate::sandbox::SandboxArgs),
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
    /// Add, list and show executions: the collection of one cycle each.
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

/// One answer, or all that are unmapped.
#[derive(Debug, Args)]
pub struct Classify {
    /// Its body: a file, or - for standard input. A body is redacted before anything of it is shown.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Its body as text, in place of a file.
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    pub body: Option<String>,
    /// Whose answer it is.
    #[arg(long, value_parser = one_of(ProviderKind::ALL), required_unless_present = "unmapped")]
    pub provider: Option<ProviderKind>,
    /// How the money was to move.
    #[arg(long, value_parser = one_of(Rail::ALL), required_unless_present = "unmapped")]
    pub rail: Option<Rail>,
    /// The account, for rules that ask for one.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Its HTTP status; 200 unless given.
    #[arg(long, value_name = "HTTP", value_parser = clap::value_parser!(u16).range(100..=599))]
    pub status: Option<u16>,
    /// The step that was answered.
    #[arg(long, value_parser = one_of(CLASSIFIED), default_value = "execute")]
    pub step: Step,
    /// Which attempt of the order it was.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub attempt: u16,
    /// When it came (RFC 3339); now, unless given.
    #[arg(long, value_name = "TIME")]
    pub at: Option<Instant>,
    /// A header of it, such as 'Retry-After: 120'. Can be repeated.
    #[arg(long = "header", value_name = "HEADER", value_parser = header)]
    pub headers: Vec<(String, String)>,
    /// In place of a body: a code, such as Z9, or `merchant_advice_code=02` with its field. Can be repeated, the most telling first.
    #[arg(long = "code", value_name = "CODE", conflicts_with_all = ["file", "body"])]
    pub codes: Vec<String>,
    /// In place of a body: a message. Can be repeated.
    #[arg(long = "message", value_name = "TEXT", conflicts_with_all = ["file", "body"])]
    pub messages: Vec<String>,
    /// List the answers in the database that no rule gave a class.
    #[arg(long, conflicts_with_all = ["file", "body", "provider", "rail", "account", "status", "at", "headers", "codes", "messages"])]
    pub unmapped: bool,
    /// Of the unmapped: how far back.
    #[arg(long, conflicts_with = "provider", value_name = "DURATION", default_value = "30days", value_parser = humantime::parse_duration)]
    pub since: Duration,
    /// Of the unmapped: print a rule to start from for each, instead of a table.
    #[arg(long, conflicts_with = "provider")]
    pub rules: bool,
    /// Of the unmapped: how many kinds at most.
    #[arg(long, conflicts_with = "provider", value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

/// The steps whose answers are classified.
const CLASSIFIED: &[Step] = &[
    Step::Notify,
    Step::NotifyStatus,
    Step::Execute,
    Step::Lookup,
    Step::Retry,
];

/// A header as it stands in an answer.
fn header(line: &str) -> Result<(String, String), &'static str> {
    let (name, value) = line
        .split_once(':')
        .ok_or("write NAME: VALUE, such as 'Retry-After: 120'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(feature = "sandbox")]
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
    #[arg(long, value_enum, default_value_t = crate::sandbox::Payers::Demo)]
    pub profile: crate::sandbox::Payers,
}

#[cfg(feature = "sandbox")]
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
    /// Let the daemons be processes of their own, `mandated run`, which are killed with SIGKILL and stopped with SIGSTOP. What happens
    /// when depends on the machine then: the seed gives the same payers, faults and incidents, and another order of events.
    #[arg(long)]
    pub processes: bool,
    /// Keep the database after the report, to look into it, until Ctrl-C.
    #[arg(long)]
    pub hold: bool,
}

#[derive(Debug, Subcommand)]
pub enum Mandates {
    /// Import mandates, all or none. Importing the same file twice changes nothing.
    #[command(after_help = format!("Columns of a CSV header, or keys of JSON Lines:\n{}", crate::admin::import::help()))]
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
        until: Option<Instant>,
        /// Do not tell the provider.
        #[arg(long)]
        local_only: bool,
    },
    /// Resume a paused mandate, here and at the provider.
    Resume {
        /// The merchant's own reference.
        #[arg(value_name = "REF")]
        reference: String,
    },
    /// Revoke a mandate, here and at the provider. It cannot be undone.
    Revoke {
        /// The merchant's own reference.
        #[arg(value_name = "REF")]
        reference: String,
    },
}

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
        said: AboutAccounts,
        /// How long, such as 2h; without it, until it is resumed.
        #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
        lasting: Option<Duration>,
    },
    /// Resume a paused account, or all of them, whoever paused it.
    Resume {
        #[command(flatten)]
        said: AboutAccounts,
    },
}

/// Which accounts, and a person's word.
#[derive(Debug, Args)]
pub struct AboutAccounts {
    /// The account's name in the configuration.
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub account: Option<String>,
    /// Every account there is.
    #[arg(long, conflicts_with = "account")]
    pub all: bool,
    /// Who does it: a name, no address.
    #[arg(long = "by", value_name = "WHO")]
    pub who: String,
    /// Why. It is kept, and shown as long as the pause lasts.
    #[arg(long, value_name = "WHY")]
    pub reason: String,
}

#[derive(Debug, Subcommand)]
pub enum Executions {
    /// Present a cycle: for mandates whose frequency is aspresented, or whose amount varies.
    Add {
        /// The merchant's own reference of the mandate.
        #[arg(value_name = "REF")]
        reference: String,
        /// The cycle's day.
        #[arg(long, value_name = "DATE")]
        cycle: NaiveDate,
        /// What to collect, such as 499.00; without it, the mandate's own amount.
        #[arg(long)]
        amount: Option<String>,
    },
    /// List executions, the newest first.
    List {
        /// Only those that stand here.
        #[arg(long, value_parser = one_of(State::ALL))]
        state: Option<State>,
        /// Only those of this mandate.
        #[arg(long, value_name = "REF")]
        mandate: Option<String>,
        /// How many at most.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
    },
    /// Show an execution: every notification, attempt, answer, class and decision.
    Show {
        /// Its number, as in the lists and in the log.
        id: i64,
    },
    /// Say what became of an execution that is unknown, in review, or pending after its cycle. It cannot be undone.
    ///
    /// Only with evidence of the provider or the bank: what is said here counts as proof, and is kept with your name. As charged, the
    /// cycle has its debit; as failed, the order is looked at once more later, in case it was collected after all; as refunded, what
    /// was collected twice or in excess was given back, and the cycle's own debit stands.
    Resolve(Resolve),
}

/// A person's word.
#[derive(Debug, Args)]
pub struct Resolve {
    /// Its number, as in the lists and in the log.
    pub id: i64,
    /// What became of it.
    #[arg(long = "as", value_parser = one_of(ResolvedAs::ALL))]
    pub resolved_as: ResolvedAs,
    /// Who says so: a name, no address.
    #[arg(long = "by", value_name = "WHO")]
    pub who: String,
    /// Why it is resolved by hand.
    #[arg(long, value_name = "WHY")]
    pub reason: String,
    /// What proves it: a settlement report, a ticket of the provider. Nothing about the payer's person.
    #[arg(long, value_name = "TEXT")]
    pub evidence: String,
    /// The provider's id of the debit.
    #[arg(long, value_name = "REF")]
    pub provider_ref: Option<String>,
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
