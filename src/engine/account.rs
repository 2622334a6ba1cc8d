//! An account: its client and its limits.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::TimeDelta;
use secrecy::SecretString;

use super::address_health::AddressHealth;
use crate::domain::AccountId;
use crate::domain::Timestamp;
use crate::domain::classify::Classifier;
use crate::provider::Client;

/// All accounts that are configured. Cheap to clone.
pub type Accounts = Arc<[Arc<Account>]>;

/// One account.
#[derive(Debug)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    client: RwLock<Arc<Client>>,
    pub timeout: Duration,
    /// Calls under way at once, by all daemons together.
    pub max_in_flight: usize,
    pub pause_after_refusal: Duration,
    /// What the provider said of another mandate when it last refused a call.
    pub(super) refusal: tokio::sync::Mutex<Option<Refusal>>,
    /// Whether something else answers at its address.
    pub(super) address: AddressHealth,
}

/// Whether a refused call was confirmed to be about the account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    pub(super) at: Timestamp,
    pub(super) confirmed: bool,
}

impl Refusal {
    /// Calls that were refused together are judged together.
    const HOLDS: TimeDelta = TimeDelta::seconds(10);

    /// What was found, if it still tells something.
    pub(super) fn still_holds(self, now: Timestamp) -> Option<bool> {
        let age = now.signed_duration_since(self.at).abs();
        (age < Self::HOLDS).then_some(self.confirmed)
    }
}

/// What an account allows, whoever calls it with which key.
#[derive(Debug, Clone, Copy)]
pub struct AccountLimits {
    pub timeout: Duration,
    pub max_in_flight: usize,
    pub pause_after_refusal: Duration,
}

impl Account {
    pub fn new(id: AccountId, name: String, client: Client, limits: AccountLimits) -> Self {
        Self {
            id,
            name,
            client: RwLock::new(Arc::new(client)),
            timeout: limits.timeout,
            max_in_flight: limits.max_in_flight,
            pause_after_refusal: limits.pause_after_refusal,
            refusal: tokio::sync::Mutex::default(),
            address: AddressHealth::default(),
        }
    }

    /// As it is now: whoever makes several calls that belong together keeps it.
    pub fn client(&self) -> Arc<Client> {
        // What is behind a poisoned lock is whole: it is only ever replaced.
        let client = self.client.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&client)
    }

    /// From now on calls are made with this key, and their failures classified by these rules.
    pub fn renew(&self, api_key: SecretString, classifier: Arc<Classifier>) {
        let mut client = self.client.write().unwrap_or_else(PoisonError::into_inner);
        *client = Arc::new(client.with(api_key, classifier));
        drop(client);
        // What was said to the old key is nothing to the new one. Who holds this is asking just now, and at most one more asks.
        if let Ok(mut refusal) = self.refusal.try_lock() {
            *refusal = None;
        }
    }
}
