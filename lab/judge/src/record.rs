//! All that the judge has been told about one mandate so far.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::facts::{Notification, Presenter, Timestamp};
use crate::rules::second_in_period::Debited;

/// Everything that a later fact is held against.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    /// By reference.
    pub(crate) notifications: BTreeMap<String, Notification>,
    pub(crate) orders: BTreeMap<String, OrderRecord>,
    /// Presentations that the bank answered, oldest first.
    pub(crate) answers: Vec<Answered>,
    /// UPI attempts by the reference of their notification or, where there is none, by order.
    pub(crate) upi_attempts: BTreeMap<String, u32>,
    /// Debits by cycle.
    pub(crate) collected: BTreeMap<NaiveDate, u32>,
    /// Each of them.
    pub(crate) debits: Vec<Debited>,
    /// Signzy: the days in India on which a payment was retried.
    pub(crate) payment_retries: BTreeMap<String, Vec<NaiveDate>>,
}

/// All that the judge knows of an order.
#[derive(Debug, Clone, Default)]
pub(crate) struct OrderRecord {
    /// That of the day on which it was first presented.
    pub(crate) cycle: Option<NaiveDate>,
    /// The day on which it was last presented, and by whom.
    pub(crate) presented: Option<(NaiveDate, Presenter)>,
    /// When it was last presented, for the merchant.
    pub(crate) initiated_at: Option<Timestamp>,
    /// The look-ups of the last hours.
    pub(crate) look_ups: Vec<Timestamp>,
}

/// A presentation with the bank's answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    /// That of its order.
    pub(crate) cycle: Option<NaiveDate>,
    pub(crate) presented_at: Timestamp,
    pub(crate) known_at: Timestamp,
    pub(crate) declined: bool,
}

impl Record {
    pub(crate) fn order(&mut self, order_id: &str) -> &mut OrderRecord {
        self.orders.entry(order_id.to_owned()).or_default()
    }
}
