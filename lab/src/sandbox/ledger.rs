//! What the sandbox knows by itself: which debits happened, which rules were broken, how often it was called.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use judge::{Rail, Rule, Timestamp, Violation};
use mandated::domain::ProviderKind;
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
    pub at: Timestamp,
    /// The latest cycle day that is not after the day on which its order was first presented.
    pub cycle: NaiveDate,
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
    /// Writes down what the judge found.
    pub(super) fn record(&mut self, violations: Vec<Violation>) {
        self.violations.extend(violations);
    }

    /// Writes down a breach that only the provider sees.
    pub(super) fn violation(
        &mut self,
        at: Timestamp,
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
