//! How the payer of an order hears of it: the merchant's pre-debit notification, or Juspay's own.

use judge::Timestamp;
use mandated::domain::Amount;

/// A pre-debit notification.
#[derive(Debug, Clone)]
pub(super) struct Notification {
    pub(super) reference: String,
    pub(super) amount: Amount,
    pub(super) amount_text: String,
    pub(super) debit_at: Timestamp,
    pub(super) description: String,
    pub(super) created_at: Timestamp,
    pub(super) settles_at: Timestamp,
    pub(super) delivered: bool,
}

impl Notification {
    /// `PENDING`, `SUCCESS` or `FAILURE`.
    pub(super) fn status(&self, now: Timestamp) -> &'static str {
        match (now < self.settles_at, self.delivered) {
            (true, _) => "PENDING",
            (false, true) => "SUCCESS",
            (false, false) => "FAILURE",
        }
    }

    pub(super) fn delivered_at(&self) -> Option<Timestamp> {
        self.delivered.then_some(self.settles_at)
    }
}

/// How the payer of an order hears of it.
#[derive(Debug, Clone)]
pub(super) enum SandboxNotice {
    /// No need.
    Exempt,
    /// There is need, and the call named none.
    Missing,
    /// The call named one that we do not know.
    Unknown(String),
    /// The merchant's, by its reference.
    Merchant(String),
    /// Juspay's own.
    Provider(Box<Notification>),
}

impl SandboxNotice {
    pub(super) fn reference(&self) -> Option<&str> {
        match self {
            Self::Exempt | Self::Missing => None,
            Self::Unknown(reference) | Self::Merchant(reference) => Some(reference),
            Self::Provider(notification) => Some(&notification.reference),
        }
    }
}
