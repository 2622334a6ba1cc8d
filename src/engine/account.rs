//! An account: its client and its limits.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use secrecy::SecretString;

use crate::domain::AccountId;
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
    }
}
