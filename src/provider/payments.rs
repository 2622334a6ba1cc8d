//! Everything that a provider has of a mandate's money, for a database that may not know of all of it.

use chrono::NaiveDate;

use crate::domain::{Amount, Mandate, Timestamp};

/// Which payments are asked for.
#[derive(Debug)]
pub struct PaymentsRequest<'a> {
    pub at: Timestamp,
    pub mandate: &'a Mandate,
    /// Signzy: the first day.
    pub since: NaiveDate,
    /// Juspay, which has no list of a mandate's orders: the ids of those that there may be.
    pub orders: &'a [String],
}

/// A payment that took money, or may yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPayment {
    /// Juspay: the order id. Signzy: `paymentId`.
    pub id: String,
    /// Where it stands, in the provider's word or ours.
    pub status: String,
    pub amount: Option<Amount>,
    pub day: Option<NaiveDate>,
}

/// What came of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaymentsAnswer {
    /// All of them, but for those that ended without a debit.
    Listed(Vec<ListedPayment>),
    /// No answer, or none that can be read.
    Failed { why: String },
}
