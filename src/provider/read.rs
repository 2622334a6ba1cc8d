//! Reading an answer: what the clients do with one that came over the wire, and `mandated classify` with one from a file.

use std::fmt;
use std::time::Duration;

use super::retry_after::retry_after;
use super::{Reply, juspay, signzy};
use crate::domain::classify::Classifier;
use crate::domain::outcome::NotificationOutcome;
use crate::domain::{Outcome, ProviderKind, Rail, Step, Timestamp};

/// An answer that came back whole, whatever its HTTP status.
#[derive(Clone, PartialEq, Eq)]
pub struct Answered {
    pub status: u16,
    pub body: String,
    /// From the header `Retry-After`.
    pub retry_after: Option<Duration>,
    /// From the header `Date`: the provider's clock.
    pub date: Option<Timestamp>,
}

/// Without the body: it is not redacted yet.
impl fmt::Debug for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answered")
            .field("status", &self.status)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

impl Answered {
    /// An answer that was written down, heard at some time. The names of headers are compared without case.
    pub fn noted<'h>(
        status: u16,
        headers: impl IntoIterator<Item = (&'h str, &'h str)>,
        body: String,
        at: Timestamp,
    ) -> Self {
        let retry_after = headers
            .into_iter()
            .filter(|(name, _)| name.trim().eq_ignore_ascii_case("retry-after"))
            .find_map(|(_, value)| retry_after(value, at));
        Self {
            status,
            body,
            retry_after,
            date: None,
        }
    }
}

/// The rules that an answer is read by, and the account and rail that they may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    pub classifier: &'a Classifier,
    /// The account's name in the configuration.
    pub account: &'a str,
    pub rail: Rail,
}

/// What an answer came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Read {
    Notification(Reply<NotificationOutcome>),
    Debit(Reply<Outcome>),
}

/// What the client of a provider makes of an answer to a step, whatever order or payment the answer is about.
pub fn read(provider: ProviderKind, step: Step, reading: Reading<'_>, answered: &Answered) -> Read {
    read_about(provider, step, reading, None, answered)
}

/// The same of an answer to a call about one order, notification or eMandate: by Juspay's `order_id`, `object_reference_id`, or
/// Signzy's `subReferenceId`.
pub fn read_about(
    provider: ProviderKind,
    step: Step,
    reading: Reading<'_>,
    about: Option<&str>,
    answered: &Answered,
) -> Read {
    match provider {
        ProviderKind::Juspay => juspay::read(step, reading, about, answered),
        ProviderKind::Signzy => signzy::read(step, reading, about, answered),
    }
}
