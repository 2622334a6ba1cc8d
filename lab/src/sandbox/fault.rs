//! What goes wrong between a caller and a provider, drawn from the seed or scripted for one mandate.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::decline::Decline;
use super::payer::Reason;
use crate::seeded_rng::SeededRng;

/// One way for a call, or for the order it made, to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is done, then the connection breaks before the answer is whole.
    AnswerLost,
    /// It is done, then HTTP 500.
    ErrorAfter,
    /// The connection breaks before anything is done.
    ResetBefore,
    /// It is done and answered, slowly.
    Slow,
    /// It is done, and not answered as long as the caller waits.
    Held,
    /// It is done, and answered as a duplicate of itself.
    Duplicate,
    /// Nothing is done: Juspay 429, Signzy 403.
    Throttled,
    /// Nothing is done: the provider's own 403, which is about no limit.
    Forbidden,
    /// Nothing is done: a firewall's page with HTTP 403.
    Firewall,
    /// Nothing is done: some proxy's page with HTTP 200.
    Html,
    /// It is done, and half of the JSON arrives.
    Truncated,
    /// It is done, and answered in good JSON in which every value has another type.
    WrongTypes,
    /// Juspay shows the attempt as failed, and as charged hours later.
    LateSuccess,
    /// The attempt fails and Juspay retries it by itself.
    SilentRetry,
}

impl Fault {
    /// The faults of a call; the other two are of an attempt.
    const OF_CALLS: [Self; 9] = [
        Self::AnswerLost,
        Self::ErrorAfter,
        Self::ResetBefore,
        Self::Slow,
        Self::Duplicate,
        Self::Throttled,
        Self::Html,
        Self::Truncated,
        Self::WrongTypes,
    ];

    /// What it is called in a report.
    pub const fn words(self) -> &'static str {
        match self {
            Self::AnswerLost => "answer lost after it was done",
            Self::ErrorAfter => "HTTP 500 after it was done",
            Self::ResetBefore => "connection reset before it was done",
            Self::Slow => "answered too late",
            Self::Duplicate => "delivered twice",
            Self::Throttled => "throttled",
            Self::Forbidden => "forbidden",
            Self::Firewall => "a firewall's page with HTTP 403",
            Self::Html => "a proxy's page with HTTP 200",
            Self::Truncated => "half of the answer",
            Self::WrongTypes => "an answer of other types",
            Self::Held => "never answered",
            Self::LateSuccess => "declined, and collected after all",
            Self::SilentRetry => "retried by the provider itself",
        }
    }

    /// Whether the call is stopped before it has any effect.
    pub(super) const fn is_before(self) -> bool {
        matches!(
            self,
            Self::ResetBefore | Self::Throttled | Self::Forbidden | Self::Firewall | Self::Html
        )
    }
}

/// How often each fault is drawn, in a thousand calls; of the last two, in a thousand failures that they are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    pub answer_lost: u16,
    pub error_after: u16,
    pub reset_before: u16,
    pub slow: u16,
    pub duplicate: u16,
    pub throttled: u16,
    pub html: u16,
    pub truncated: u16,
    pub wrong_types: u16,
    /// Of technical ones.
    pub late_success: u16,
    /// Of technical ones and of those for lack of money.
    pub silent_retry: u16,
    /// How long a slow answer takes, on the machine's clock.
    pub slow_for: Duration,
}

impl Faults {
    /// Nothing goes wrong unless it is scripted.
    pub const NONE: Self = Self {
        answer_lost: 0,
        error_after: 0,
        reset_before: 0,
        slow: 0,
        duplicate: 0,
        throttled: 0,
        html: 0,
        truncated: 0,
        wrong_types: 0,
        late_success: 0,
        silent_retry: 0,
        slow_for: Duration::from_millis(200),
    };

    /// A rough month: about one call in thirty goes wrong.
    pub const DEMO: Self = Self {
        answer_lost: 6,
        error_after: 5,
        reset_before: 5,
        slow: 1,
        duplicate: 3,
        throttled: 6,
        html: 2,
        truncated: 3,
        wrong_types: 0,
        late_success: 250,
        silent_retry: 60,
        slow_for: Duration::from_millis(50),
    };

    /// One call in twenty goes wrong, most of them after it was done.
    pub const CHAOS: Self = Self {
        answer_lost: 13,
        error_after: 10,
        reset_before: 8,
        slow: 0,
        duplicate: 10,
        throttled: 3,
        html: 5,
        truncated: 7,
        wrong_types: 7,
        late_success: 300,
        silent_retry: 120,
        slow_for: Duration::from_millis(2_500),
    };

    /// In a thousand.
    pub const fn share(&self, fault: Fault) -> u16 {
        match fault {
            Fault::AnswerLost => self.answer_lost,
            Fault::ErrorAfter => self.error_after,
            Fault::ResetBefore => self.reset_before,
            Fault::Slow => self.slow,
            // Only a script asks for them: a caller's whole timeout is too long for a draw, and the others befall one payer alone.
            Fault::Held | Fault::Forbidden | Fault::Firewall => 0,
            Fault::Duplicate => self.duplicate,
            Fault::Throttled => self.throttled,
            Fault::Html => self.html,
            Fault::Truncated => self.truncated,
            Fault::WrongTypes => self.wrong_types,
            Fault::LateSuccess => self.late_success,
            Fault::SilentRetry => self.silent_retry,
        }
    }

    /// The fault of one call, if it has one.
    pub(super) fn of_call(&self, call: Call, mut rng: SeededRng) -> Option<Fault> {
        let lot = rng.below(1000);
        let mut reached: u32 = 0;
        Fault::OF_CALLS
            .into_iter()
            .filter(|fault| call.can_have(*fault))
            .find(|fault| {
                reached = reached.saturating_add(u32::from(self.share(*fault)));
                lot < reached
            })
    }
}

/// The calls that a script can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Juspay `pre_debit_notify`.
    Notify,
    NotificationStatus,
    /// Juspay `/txns`, Signzy `charge`; also Signzy's own debit of a periodic eMandate.
    Execute,
    /// Juspay `/orders`, Signzy's payments.
    OrderStatus,
    /// `/ecr/mandate/retry`, `retry-charge`.
    Retry,
    /// Everything about the mandate itself.
    Mandate,
}

impl Call {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::NotificationStatus => "notification_status",
            Self::Execute => "execute",
            Self::OrderStatus => "order_status",
            Self::Retry => "retry",
            Self::Mandate => "mandate",
        }
    }

    /// Only what makes something can be answered as a duplicate.
    const fn can_have(self, fault: Fault) -> bool {
        let makes = matches!(self, Self::Notify | Self::Execute | Self::Retry);
        makes || !matches!(fault, Fault::Duplicate)
    }
}

/// What a script makes of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// No fault on this call.
    Normal,
    /// This fault.
    Fault(Fault),
    /// The next attempt is paid, or the next notification is delivered.
    Pays,
    /// The next attempt is declined for this reason, or the next notification fails.
    Declines(Reason),
    /// The next attempt is declined with exactly these fields.
    DeclinesWith(Box<Decline>),
}

/// One line of a script: what becomes of the next call of a kind about a mandate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    pub mandate_id: String,
    pub call: Call,
    pub then: Then,
}
