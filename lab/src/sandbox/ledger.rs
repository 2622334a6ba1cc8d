//! What the sandbox knows by itself: which debits happened, which rules were broken, how often it was called.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use mandated::domain::{Instant, ProviderKind, Rail};
use serde::{Deserialize, Serialize};

/// Money that moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Debit {
    pub provider: ProviderKind,
    pub mandate_id: String,
    /// Juspay's order id, Signzy's payment id.
    pub order_id: String,
    pub rail: Rail,
    pub amount_minor: i64,
    pub currency: String,
    /// When it was presented to the payer's bank; a late success: when it was found out.
    pub at: Instant,
    /// The latest cycle day that is not after the day on which its order was first presented.
    pub cycle: NaiveDate,
}

/// A rule that the caller broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Less than 24 h after the notification was delivered.
    EarlyDebit,
    /// The rail wants a notification and none was delivered.
    NoNotification,
    /// More than 48 h after the notification was delivered.
    StaleNotification,
    /// Not the amount that the payer was told.
    WrongAmount,
    /// More than the mandate allows.
    OverMaximum,
    /// A UPI debit in peak hours.
    PeakDebit,
    /// A UPI notification in peak hours.
    PeakNotification,
    /// A second debit for one cycle of a mandate.
    SecondDebit,
    /// A debit before the mandate's first cycle.
    NoCycle,
    /// A fifth UPI attempt for one order or notification.
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
    /// A header or field that the provider asks for is missing or wrong.
    BadRequest,
}

/// One breach, with what is needed to find it in the other side's records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    pub at: Instant,
    pub mandate_id: String,
    pub order_id: Option<String>,
    pub rule: Rule,
    pub detail: String,
}

/// Everything that happened so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// In the order of time, mandate, order.
    pub debits: Vec<Debit>,
    pub violations: Vec<Violation>,
    /// By method and path.
    pub calls: BTreeMap<String, u64>,
}

impl Ledger {
    pub(super) fn violation(
        &mut self,
        at: Instant,
        (mandate, order): (&str, Option<&str>),
        rule: Rule,
        detail: String,
    ) {
        self.violations.push(Violation {
            at,
            mandate_id: mandate.to_owned(),
            order_id: order.map(str::to_owned),
            rule,
            detail,
        });
    }

    pub(super) fn count(&mut self, endpoint: &str) {
        if let Some(calls) = self.calls.get_mut(endpoint) {
            *calls = calls.saturating_add(1);
        } else {
            self.calls.insert(endpoint.to_owned(), 1);
        }
    }

    /// The same in an order that does not depend on who asked first.
    pub(super) fn sorted(&self) -> Self {
        let mut copy = self.clone();
        copy.debits.sort_by(|a, b| {
            (a.at, &a.mandate_id, &a.order_id).cmp(&(b.at, &b.mandate_id, &b.order_id))
        });
        copy.violations.sort_by(|a, b| {
            (a.at, &a.mandate_id, &a.order_id, a.rule).cmp(&(
                b.at,
                &b.mandate_id,
                &b.order_id,
                b.rule,
            ))
        });
        copy
    }
}
