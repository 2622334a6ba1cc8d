//! A payment of a Signzy eMandate.

use chrono::NaiveDate;
use judge::Timestamp;
use mandated::domain::Amount;

use super::attempt::Attempt;

/// A payment of an eMandate: the provider's own debit of a cycle, or one that was asked for.
#[derive(Debug)]
pub(super) struct Payment {
    /// In no order.
    pub(super) id: u64,
    pub(super) amount: Amount,
    pub(super) cycle: NaiveDate,
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) added_at: Timestamp,
    /// When a periodic payment is to be presented.
    pub(super) scheduled_at: Option<Timestamp>,
    pub(super) attempts: Vec<Attempt>,
    /// The days on which it was retried.
    pub(super) retried: Vec<NaiveDate>,
    pub(super) cancelled: bool,
}

impl Payment {
    /// `INITIALIZED`, `PENDING`, `SUCCESS`, `FAILED` or `CANCELLED`.
    pub(super) fn status(&self) -> &'static str {
        match self.attempts.last() {
            _ if self.cancelled => "CANCELLED",
            None => "INITIALIZED",
            Some(attempt) if !attempt.resolved => "PENDING",
            Some(attempt) if attempt.answer.is_ok() => "SUCCESS",
            Some(_) => "FAILED",
        }
    }
}
