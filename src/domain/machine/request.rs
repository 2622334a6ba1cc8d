//! The calls that notify or move money.

use chrono::NaiveDate;

use crate::domain::Timestamp;

/// A call that notifies or moves money.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    /// Notify the payer of a debit.
    Notify {
        /// The time that the payer is told.
        debit_at: Timestamp,
    },
    /// Debit the current order.
    Execute {
        /// What it says of the payer's notification.
        notice: Notice,
    },
    /// Have the provider retry the current order.
    Retry(RetryRequest),
}

/// What a retry tells the provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RetryRequest {
    /// The provider's id for the debit, once known.
    pub provider_ref: Option<String>,
    /// When the provider should charge the next cycle, where it debits by its own schedule.
    pub next_scheduled_on: Option<NaiveDate>,
}

/// What an execute call says about the payer's notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice {
    /// Ours, delivered.
    Reference,
    /// The provider notifies, and debits at this time.
    ExecuteAt(Timestamp),
    /// None is needed.
    Exempt,
}
