//! What an operator does to mandates, accounts, rails and executions.

use std::path::PathBuf;
use std::time::Duration;

use chrono::NaiveDate;
use clap::{Args, Subcommand};

use super::one_of;
use crate::domain::resolve::ResolvedAs;
use crate::domain::{Instant, MandateStatus, Rail, State};

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
        #[command(flatten)]
        word: Word,
    },
    /// Resume a paused mandate, here and at the provider.
    Resume {
        /// The merchant's own reference.
        #[arg(value_name = "REF")]
        reference: String,
        #[command(flatten)]
        word: Word,
    },
    /// Revoke a mandate, here and at the provider. It cannot be undone.
    Revoke {
        /// The merchant's own reference.
        #[arg(value_name = "REF")]
        reference: String,
        #[command(flatten)]
        word: Word,
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

/// Which accounts.
#[derive(Debug, Args)]
pub struct AboutAccounts {
    /// The account's name in the configuration.
    #[arg(value_name = "NAME", required_unless_present = "all")]
    pub account: Option<String>,
    /// Every account there is.
    #[arg(long, conflicts_with = "account")]
    pub all: bool,
    #[command(flatten)]
    pub word: Word,
}

/// Who does it, and why.
#[derive(Debug, Args)]
pub struct Word {
    /// Who does it: a name, no address.
    #[arg(long = "by", value_name = "WHO")]
    pub who: String,
    /// Why. It is kept for good, and shown with what it led to.
    #[arg(long, value_name = "WHY")]
    pub reason: String,
}

#[derive(Debug, Subcommand)]
pub enum Rails {
    /// List rails, and until when and why one is paused.
    List,
    /// Pause a rail: nobody is notified or debited on it, whatever the account. What is under way ends, and is looked up.
    ///
    /// What waits loses no attempt, but windows and cycles go on: what closes meanwhile expires. What a provider debits by itself it
    /// goes on debiting. It ends with --for, or with `rails resume`.
    Pause {
        /// Which.
        #[arg(value_parser = one_of(Rail::ALL))]
        rail: Rail,
        /// How long, such as 2h; without it, until it is resumed.
        #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
        lasting: Option<Duration>,
        #[command(flatten)]
        word: Word,
    },
    /// Resume a paused rail.
    Resume {
        /// Which.
        #[arg(value_parser = one_of(Rail::ALL))]
        rail: Rail,
        #[command(flatten)]
        word: Word,
    },
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
    /// Have an execution tried sooner than it is planned, or, once it has failed or was skipped, once more while its cycle is open.
    ///
    /// Nothing unlawful is brought forward: windows, gaps, budgets, notifications and look-ups stay as they are, and a new order is
    /// made only when the old one is dead. It says when the next step is, or why there is none.
    Retry {
        /// Its number, as in the lists and in the log.
        id: i64,
        #[command(flatten)]
        word: Word,
    },
    /// Leave a cycle out: nothing more of it is notified or debited. Not while a debit of it is open.
    Skip {
        /// Its number, as in the lists and in the log.
        id: i64,
        #[command(flatten)]
        word: Word,
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
    #[command(flatten)]
    pub word: Word,
    /// What proves it: a settlement report, a ticket of the provider. Nothing about the payer's person.
    #[arg(long, value_name = "TEXT")]
    pub evidence: String,
    /// The provider's id of the debit.
    #[arg(long, value_name = "REF")]
    pub provider_ref: Option<String>,
}
