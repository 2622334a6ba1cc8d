//! What the judge says: which rule was broken, when, by which order, and whether the payer's bank refuses the debit.

use serde::{Deserialize, Serialize};

use crate::facts::Timestamp;

/// A rule that the merchant broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Less than 24 h after the notification was delivered.
    EarlyDebit,
    /// The rail wants a notification and none was delivered.
    NoNotification,
    /// More than 48 h after the notification was delivered.
    StaleNotification,
    /// Not the amount that the payer was notified of.
    WrongAmount,
    /// More than the mandate allows.
    OverMaximum,
    /// A UPI debit in peak hours.
    PeakDebit,
    /// A UPI notification in peak hours.
    PeakNotification,
    /// A second debit for one cycle of a mandate.
    SecondDebit,
    /// A second debit of a mandate in one calendar period.
    SecondInPeriod,
    /// A debit before the mandate's first cycle.
    NoCycle,
    /// A fifth UPI attempt for one order or notification, or in one cycle.
    OverBudget,
    /// A debit of a cycle that is over.
    CycleOver,
    /// A fourth NACH presentation in a cycle.
    PresentedTooOften,
    /// A NACH presentation within three days of the return of the one before.
    PresentedTooSoon,
    /// A card debit after 15 declined ones in 30 days.
    DeclinedTooOften,
    /// A retry of what is still under way.
    RetryWhilePending,
    /// A fourth look-up of a UPI order within two hours.
    LookUpTooOften,
    /// A look-up of a UPI order within 90 seconds of its presentation.
    LookUpTooSoon,
    /// A second Signzy retry of a payment on one day in India.
    RetriedToday,
    /// A fourth Signzy retry in a cycle.
    RetriesSpent,
    /// A header or field that the provider asks for is missing or wrong. Only the provider sees that.
    BadRequest,
}

/// One breach, with what is needed to find it in the other side's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    pub at: Timestamp,
    pub mandate_id: String,
    pub order_id: Option<String>,
    pub rule: Rule,
    pub detail: String,
}

/// What the judge says about a debit or a retry that somebody may refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgeVerdict<Refusal> {
    /// What the merchant did wrong; empty for what the provider does of its own accord.
    pub violations: Vec<Violation>,
    /// Whether it is refused, whoever asked for it. Where nobody would notice a breach, it goes through: the worst case
    /// is the one worth finding.
    pub refusal: Option<Refusal>,
}

/// Why the payer's bank refuses a debit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BankRefusal {
    /// Not notified, or not within the hours that count.
    NotNotified,
    /// Notified of another amount.
    OtherAmount,
    /// Attempted too often.
    AttemptsExceeded,
    /// The period has its debit.
    PeriodUsed,
}

/// Why Signzy refuses a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryRefusal {
    RetriedToday,
    StillPending,
    RetriesSpent,
}

/// A rule and how it was broken; the judge adds by whom and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    pub(crate) rule: Rule,
    pub(crate) detail: String,
}

impl Breach {
    pub(crate) const fn of(rule: Rule, detail: String) -> Self {
        Self { rule, detail }
    }
}
