//! The facts that the sandbox tells the judge, in the judge's own types.

use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::calendar::{Cycles, PeriodLength};

/// A point in time.
pub type Timestamp = DateTime<Utc>;

/// The rail that a mandate is collected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rail {
    Upi,
    Card,
    Enach,
}

impl Rail {
    /// The rail of its word in lower case.
    pub fn of_word(word: &str) -> Option<Self> {
        match word {
            "upi" => Some(Self::Upi),
            "card" => Some(Self::Card),
            "enach" => Some(Self::Enach),
            _ => None,
        }
    }
}

/// Money in the smallest unit of its currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Amount {
    pub minor: i64,
    /// An ISO code.
    pub currency: String,
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} minor units of {}", self.minor, self.currency)
    }
}

/// A mandate, as it was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    pub id: String,
    pub rail: Rail,
    /// The purpose of the payment, in the words of the import file: `fastag`, `ncmc`, `insurance`.
    pub category: Option<String>,
    /// The most that one debit may take, in minor units.
    pub max_amount: Option<i64>,
    pub cycles: Cycles,
    /// The periods in which its rail takes one debit, if its frequency says anything of a second one.
    pub period: Option<PeriodLength>,
}

/// A pre-debit notification that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    pub reference: String,
    pub amount: Amount,
    pub requested_at: Timestamp,
    /// When it reaches the payer, if it ever does.
    pub delivered_at: Option<Timestamp>,
}

/// An order that the merchant asked the provider to debit on a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scheduled<'a> {
    pub order_id: &'a str,
    /// The reference of its notification.
    pub notification: &'a str,
    pub execution_date: Timestamp,
    /// When the merchant asked.
    pub at: Timestamp,
}

/// The party that set a presentation off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presenter {
    /// A call of the merchant.
    Merchant,
    /// The provider, at the time that the merchant asked for.
    Schedule,
    /// The provider, of its own accord: not the merchant's doing.
    Provider,
}

/// An order that is presented to the payer's bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presentation<'a> {
    pub order_id: &'a str,
    pub amount: Amount,
    /// The reference of the notification that the order goes by, if it names one.
    pub notification: Option<&'a str>,
    pub by: Presenter,
    pub at: Timestamp,
}

/// The bank's answer to a presentation that it did not refuse unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordedAnswer<'a> {
    pub order_id: &'a str,
    pub presented_at: Timestamp,
    /// When the answer is known; on NACH the day of the return.
    pub known_at: Timestamp,
    pub declined: bool,
}

/// Money that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected<'a> {
    pub order_id: &'a str,
    pub amount: Amount,
    pub at: Timestamp,
    /// The cycle that the provider collected it for.
    pub cycle: NaiveDate,
}

/// A retry of an order that the merchant asks Juspay for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrderRetry<'a> {
    pub order_id: &'a str,
    /// Whether the order is still under way.
    pub pending: bool,
    pub at: Timestamp,
}

/// A retry of a payment that the merchant asks Signzy for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaymentRetry<'a> {
    pub payment_id: &'a str,
    /// Whether the payment is still under way.
    pub pending: bool,
    pub at: Timestamp,
}
