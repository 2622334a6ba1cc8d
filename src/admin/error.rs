//! Why a command could not do what it was asked.

use std::io;

use chrono::NaiveDate;

use crate::domain::money::MoneyError;
use crate::domain::{Amount, ExecutionId, MandateStatus};
use crate::store::StoreError;

/// The message says what to do next, where there is something to do.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
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
    /// The output could not be written.
    #[error("write the output")]
    Write(#[from] io::Error),
    /// No such reference.
    #[error("there is no mandate {0:?}; `mandated mandates list` shows what there is")]
    NoMandate(String),
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
    /// An execution that cannot be added.
    #[error("mandate {reference:?}, cycle {cycle_on}: {why}")]
    Cycle {
        reference: String,
        cycle_on: NaiveDate,
        why: CycleRefusal,
    },
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
pub(crate) fn step(step: &'static str) -> impl FnOnce(sqlx::Error) -> AdminError {
    move |source| AdminError::Database { step, source }
}
