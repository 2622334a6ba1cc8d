//! What an attempt came to.

use std::time::Duration;

use super::backoff::after;
use super::{Amount, AttemptOutcome, Class, Timestamp};

/// A failure with the class that the rules gave it and what the provider said, redacted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Failure {
    /// Why it failed.
    pub class: Class,
    /// The most telling code in the answer.
    pub code: Option<String>,
    /// The provider's words, redacted and cut.
    pub message: Option<String>,
    /// The rule that gave the class; nothing where none matched.
    pub rule: Option<Matched>,
    /// The shortest wait before another try, by the rule or by the answer's `Retry-After`.
    pub retry_after: Option<Duration>,
    /// The time before which the answer allows no other try.
    pub not_before: Option<Timestamp>,
}

/// Whether an answer says that the provider does not know the mandate, rather than that the mandate has ended.
pub fn says_not_found(class: Option<Class>, code: Option<&str>, message: Option<&str>) -> bool {
    class == Some(Class::MandateDead) && is_unknown_there(code, message)
}

/// The rule that gave a class.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Matched {
    /// Its name in the file of rules.
    pub id: String,
    /// The public title of the page that documents what it matches.
    pub source: String,
    /// What in the answer it was found by, for people: `bank_error_code Z9`.
    pub by: String,
}

impl Failure {
    /// When the answer allows another try at the earliest.
    pub fn allowed_from(&self, now: Timestamp) -> Timestamp {
        let waited = after(now, self.retry_after.unwrap_or_default());
        self.not_before
            .map_or(waited, |earliest| earliest.max(waited))
    }

    /// Whether the provider does not know the mandate, rather than that it has ended.
    pub fn says_not_found(&self) -> bool {
        says_not_found(
            Some(self.class),
            self.code.as_deref(),
            self.message.as_deref(),
        )
    }

    /// The id of the rule that gave the class.
    pub fn rule_id(&self) -> Option<String> {
        self.rule.as_ref().map(|rule| rule.id.clone())
    }
}

/// What a call for a notification came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotificationOutcome {
    /// The payer's bank accepted it.
    Delivered,
    /// Under way.
    Pending,
    /// It failed for good; another try needs a new reference.
    Failed(Failure),
    /// A notification with this reference exists: look it up.
    AlreadyExists,
    /// The provider does not know the reference.
    NotFound,
    /// The call itself did not come to an answer of the above.
    Call(CallFailure),
}

/// What a call that debits, or that asks about a debit, came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Collected. The amount is the provider's own, where it gives one.
    Charged {
        /// What was debited.
        amount: Option<Amount>,
        /// The provider's transaction.
        txn: Option<String>,
    },
    /// The provider works on it.
    Pending,
    /// Terminal for this attempt of the order; the money did not move.
    Failed(Failure),
    /// Documented as not processed (a 4xx that says why).
    Refused(Failure),
    /// An earlier call of ours landed (`DUPLICATE_ORDER_ID`, `DUPLICATE_REQUEST`).
    AlreadyExists,
    /// The provider does not know the order or payment. Proves nothing until its processing time has passed.
    NotFound,
    /// Collected and given back by the provider (`AUTO_REFUNDED`, `VOIDED`).
    Reversed(Failure),
    /// Something that only a person can judge, such as a partial debit.
    Unrecognized(Failure),
    /// An answer about somebody else's debit, as far as it says: it proves nothing, and a person must look.
    Contradicted(Contradiction),
    /// The call itself did not come to an answer of the above.
    Call(CallFailure),
}

/// A field of an answer that is not what the debit in question has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The field, as the provider names it.
    pub field: &'static str,
    /// What we have.
    pub ours: String,
    /// What the answer says, redacted.
    pub theirs: String,
}

impl Contradiction {
    /// An amount that is stated, and is not ours.
    pub fn of_amounts(theirs: Option<Amount>, ours: Amount) -> Option<Self> {
        let theirs = theirs.filter(|theirs| *theirs != ours)?;
        Some(Self {
            field: "amount",
            ours: ours.to_string(),
            theirs: theirs.to_string(),
        })
    }
}

/// Whether the words of an answer say that the provider does not know what was asked for, rather than that it has ended.
pub fn is_unknown_there(code: Option<&str>, message: Option<&str>) -> bool {
    [code, message]
        .into_iter()
        .flatten()
        .map(|words| words.to_ascii_lowercase().replace('_', " "))
        .any(|words| words.contains("not found") || words.contains("not exist"))
}

impl NotificationOutcome {
    /// As it is written to `attempts` and the log.
    pub const fn recorded(&self) -> AttemptOutcome {
        match self {
            Self::Delivered => AttemptOutcome::Delivered,
            Self::Pending => AttemptOutcome::Pending,
            Self::Failed(_) => AttemptOutcome::Failed,
            Self::AlreadyExists => AttemptOutcome::AlreadyExists,
            Self::NotFound => AttemptOutcome::NotFound,
            Self::Call(failure) => failure.recorded(),
        }
    }

    /// The failure in it, if there is one.
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure) => Some(failure),
            Self::Delivered
            | Self::Pending
            | Self::AlreadyExists
            | Self::NotFound
            | Self::Call(_) => None,
        }
    }
}

impl Outcome {
    /// As it is written to `attempts` and the log.
    pub const fn recorded(&self) -> AttemptOutcome {
        match self {
            Self::Charged { .. } => AttemptOutcome::Charged,
            Self::Pending => AttemptOutcome::Pending,
            Self::Failed(_) => AttemptOutcome::Failed,
            Self::Refused(_) => AttemptOutcome::Refused,
            Self::AlreadyExists => AttemptOutcome::AlreadyExists,
            Self::NotFound => AttemptOutcome::NotFound,
            Self::Reversed(_) => AttemptOutcome::Reversed,
            Self::Unrecognized(_) => AttemptOutcome::Unrecognized,
            Self::Contradicted(_) => AttemptOutcome::Contradicted,
            Self::Call(failure) => failure.recorded(),
        }
    }

    /// The failure in it, if there is one.
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failed(failure)
            | Self::Refused(failure)
            | Self::Reversed(failure)
            | Self::Unrecognized(failure) => Some(failure),
            Self::Charged { .. }
            | Self::Pending
            | Self::AlreadyExists
            | Self::NotFound
            | Self::Contradicted(_)
            | Self::Call(_) => None,
        }
    }
}

/// A call that was not answered, or not by the provider's application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallFailure {
    /// Name, connect or TLS failure: no byte of the request left.
    NotSent {
        /// What was tried and failed.
        why: String,
    },
    /// Timeout, reset, 5xx, unreadable or unexpected body: the provider may have done it.
    Unknown {
        /// What came back, if anything.
        why: String,
    },
    /// The credentials are refused.
    AccountRefused {
        /// The provider's words.
        why: String,
    },
    /// Too many calls.
    Throttled {
        /// The provider's `Retry-After`.
        after: Option<Duration>,
    },
}

impl CallFailure {
    /// As it is written to `attempts` and the log.
    pub const fn recorded(&self) -> AttemptOutcome {
        match self {
            Self::NotSent { .. } => AttemptOutcome::NotSent,
            Self::Unknown { .. } => AttemptOutcome::Unknown,
            Self::AccountRefused { .. } => AttemptOutcome::AccountRefused,
            Self::Throttled { .. } => AttemptOutcome::Throttled,
        }
    }
}

/// How often the provider has tried an order, where its answer tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counter {
    /// Attempts on the order so far, the provider's silent retries included
    /// (`txn_id` suffix, `retries_done_count`, `retryAttempts`); for Signzy charges the newest payment id.
    pub attempts: Option<i64>,
    /// Whether the provider says that no further retry is allowed.
    pub no_retry_allowed: bool,
}
