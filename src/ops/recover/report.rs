//! What a recovery came to.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::Timestamp;
use crate::store::recovery::{Presented, RecoveryCounts, UnownedPayments};

/// Every account that was to be recovered.
#[derive(Debug, Default, Serialize)]
pub struct RecoveryReport {
    pub accounts: Vec<AccountReport>,
}

impl RecoveryReport {
    /// Whether all of them may move money again.
    pub fn is_over(&self) -> bool {
        self.accounts.iter().all(|account| account.is_over)
    }
}

/// A mandate whose payments the provider did not list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotListed {
    #[serde(rename = "ref")]
    pub reference: String,
    pub why: String,
}

const NOT_LISTED: &str = "the provider did not list the payments of a mandate";
/// How many of them are named.
const NAMED: usize = 20;

/// One account. What was found counts from the recovery's beginning, over all calls.
#[derive(Debug, Serialize)]
pub struct AccountReport {
    pub account: String,
    pub since: Timestamp,
    /// Whether the account may move money again.
    pub is_over: bool,
    #[serde(flatten)]
    pub counts: Option<RecoveryCounts>,
    /// Executions that must be asked about again, by the reason.
    pub without_answer: BTreeMap<&'static str, u64>,
    /// When the last of those may be asked about that were looked up as often as the rail allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub again_at: Option<Timestamp>,
    /// What only the merchant can tell again.
    pub presented: Option<Presented>,
    /// Payments that the provider has and no execution here: their mandates wait for a person.
    pub unowned: Vec<UnownedPayments>,
    /// The first mandates whose payments could not be compared.
    pub not_listed: Vec<NotListed>,
}

impl AccountReport {
    pub(super) fn new(account: &str, since: Timestamp) -> Self {
        Self {
            account: account.to_owned(),
            since,
            is_over: false,
            counts: None,
            without_answer: BTreeMap::new(),
            again_at: None,
            presented: None,
            unowned: Vec::new(),
            not_listed: Vec::new(),
        }
    }

    pub(super) fn not_done(&mut self, why: &'static str, again_at: Option<Timestamp>) {
        let times = self.without_answer.entry(why).or_default();
        *times = times.saturating_add(1);
        self.again_at = self.again_at.max(again_at);
    }

    pub(super) fn not_listed(&mut self, mandate: NotListed) {
        self.not_done(NOT_LISTED, None);
        if self.not_listed.len() < NAMED {
            self.not_listed.push(mandate);
        }
    }
}
