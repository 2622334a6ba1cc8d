//! Why an operation could not be done.

use chrono::NaiveDate;

use crate::compose::ComposeError;
use crate::domain::machine::decide::operator::OperatorRequestKind;
use crate::domain::money::MoneyError;
use crate::domain::resolve::Refusal;
use crate::domain::{Amount, ExecutionId, MandateStatus, ProviderKind, Timestamp};
use crate::store::StoreError;

/// The message says what to do next, where there is something to do.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// The database refused or was not there.
    #[error("{step}")]
    Database {
        /// What was being done.
        step: &'static str,
        #[source]
        source: sqlx::Error,
    },
    /// The same, from the statements that the daemon uses too.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration does not give what it needs.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// No such reference.
    #[error("there is no mandate {0:?}; `mandated mandates list` shows what there is")]
    NoMandate(String),
    /// No such account.
    #[error("there is no account {0:?}; `mandated accounts list` shows what there is")]
    NoAccount(String),
    /// No such execution.
    #[error("there is no execution {0}; `mandated executions list` shows what there is")]
    NoExecution(ExecutionId),
    /// A mandate in this status cannot be paused, resumed, revoked or debited.
    #[error("mandate {reference:?} is {status}: it cannot be {wanted}")]
    Status {
        reference: String,
        status: MandateStatus,
        wanted: &'static str,
    },
    /// A worker holds the execution's job.
    #[error(
        "a worker is at work on execution {0}: try again in a moment, it may have found out by itself"
    )]
    Held(ExecutionId),
    /// A person's word that is not enough, or not needed.
    #[error("execution {execution} was not resolved: {why}")]
    Resolve {
        execution: ExecutionId,
        why: Refusal,
    },
    /// What an operator requested is not lawful, or not needed.
    #[error("execution {execution}: no {request}, for {why}")]
    Declined {
        execution: ExecutionId,
        request: OperatorRequestKind,
        why: String,
    },
    /// Words that cannot be kept.
    #[error(transparent)]
    Words(Unacceptable),
    /// Nobody can be asked about it.
    #[error("account {account} of mandate {reference} is not configured")]
    NotConfigured { account: String, reference: String },
    /// The provider said no.
    #[error("{provider} did not do it for mandate {reference}: {why}")]
    ProviderDeclined {
        provider: ProviderKind,
        reference: String,
        why: String,
        /// Whether it was done here before the provider was asked.
        done_here: bool,
    },
    /// The provider says that the mandate has ended: it cannot be resumed.
    #[error(
        "{provider} says that mandate {reference} is {word}: it has ended, and cannot be resumed"
    )]
    EndedAtProvider {
        provider: ProviderKind,
        reference: String,
        /// The provider's own word.
        word: String,
    },
    /// A mandate whose end is not taken back, with what to do instead.
    #[error("mandate {reference:?} is not reinstated: {why}")]
    NotReinstated { reference: String, why: String },
    /// Somebody else recovers the account.
    #[error(
        "somebody else is recovering account {0}, and was not done in ten seconds: wait for it to end; if it was killed, try again in a minute, for its connection to the database must end first"
    )]
    Recovering(String),
    /// Nothing was sent from then on.
    #[error("--since {0} is still to come: give the time of the dump")]
    SinceLater(Timestamp),
    /// An execution that cannot be added.
    #[error("mandate {reference:?}, cycle {cycle_on}: {why}")]
    Cycle {
        reference: String,
        cycle_on: NaiveDate,
        why: CycleRefusal,
    },
}

/// Why a person's words cannot be kept. They are not repeated: that is why.
#[derive(Debug, thiserror::Error)]
pub enum Unacceptable {
    #[error("{option} is empty: who does this, why, and by what evidence is kept for good")]
    Empty { option: &'static str },
    #[error("{option} is longer than {limit} characters")]
    Long { option: &'static str, limit: usize },
    #[error(
        "{option} has an address or a number of nine digits or more, which may be a person's: leave it out, and write a bank's \
         reference with its name before it, such as RRN412345678901"
    )]
    Personal { option: &'static str },
    #[error("--provider-ref is the provider's id of the debit: one word of at most 100 characters")]
    ProviderRef,
}

/// Why a cycle cannot be presented.
#[derive(Debug, thiserror::Error)]
pub enum CycleRefusal {
    #[error("{0}")]
    Amount(#[from] MoneyError),
    #[error("its amount is not fixed: give it with --amount")]
    AmountMissing,
    #[error("{amount} is more than the mandate's maximum, {max}")]
    OverMaximum { amount: Amount, max: Amount },
    #[error("this day is outside the mandate")]
    OutsideMandate,
    #[error("this day is not one of its cycles; the next one is {next}")]
    NotACycle { next: NaiveDate },
    #[error("it is planned already, as execution {execution}, which is {state}")]
    Exists {
        execution: ExecutionId,
        state: String,
    },
    #[error("{0}")]
    TooLate(String),
}

/// Names the step that a database error came from.
pub(super) fn step(step: &'static str) -> impl Fn(sqlx::Error) -> OpsError {
    move |source| OpsError::Database { step, source }
}
