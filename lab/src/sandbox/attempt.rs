//! One presentation of a debit: what the bank answered, when that is known, and what turns out later.

use chrono::NaiveDate;
use judge::Timestamp;

use super::decline::Decline;
use super::payer::Reason;

/// One presentation to the payer's bank, decided when it is made and known when it resolves.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) at: Timestamp,
    pub(super) resolves_at: Timestamp,
    pub(super) answer: Result<(), Decline>,
    pub(super) resolved: bool,
    /// What turns out later, after a failure was shown.
    pub(super) later: Option<Later>,
    /// Whether the provider keeps retrying it.
    pub(super) silent: bool,
    /// What the failure does to the mandate.
    pub(super) reason: Option<Reason>,
}

impl Attempt {
    pub(super) fn paid(at: Timestamp, resolves_at: Timestamp) -> Self {
        Self {
            at,
            resolves_at,
            answer: Ok(()),
            resolved: false,
            later: None,
            silent: false,
            reason: None,
        }
    }

    /// What was lost turns up: from now on it shows.
    pub(super) fn turn_out(&mut self) {
        let Some(later) = self.later.take() else {
            return;
        };
        (self.reason, self.answer) = match later.failure {
            Some((reason, decline)) => (Some(reason), Err(decline)),
            None => (None, Ok(())),
        };
    }

    /// A presentation that never reached the bank; it is known at `resolves_at`.
    pub(super) fn refused(at: Timestamp, resolves_at: Timestamp, decline: Decline) -> Self {
        Self {
            answer: Err(decline),
            ..Self::paid(at, resolves_at)
        }
    }
}

/// What became of an attempt whose failure proved nothing.
#[derive(Debug, Clone)]
pub(super) struct Later {
    pub(super) at: Timestamp,
    /// Nothing if it was collected.
    pub(super) failure: Option<(Reason, Decline)>,
}

impl Later {
    pub(super) const fn is_success(&self) -> bool {
        self.failure.is_none()
    }
}

/// A presentation that is over and done with for the payer's bank.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past {
    pub(super) cycle: NaiveDate,
    /// It was called declined, and was collected.
    pub(super) late_success: bool,
    pub(super) silent_retry: bool,
}
