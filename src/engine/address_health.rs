//! Whether the provider answers at an account's address, or something else does. Each change is one line.

use std::sync::{Mutex, PoisonError};

use chrono::SecondsFormat;
use tracing::{error, info};

use crate::domain::Timestamp;

/// Degraded while something else answers.
#[derive(Debug, Default)]
pub(super) struct AddressHealth(Mutex<Option<Degraded>>);

/// Since when, and how many look-ups were answered by it.
#[derive(Debug, Clone, Copy)]
struct Degraded {
    since: Timestamp,
    lookups: u64,
}

impl AddressHealth {
    /// A look-up was answered by something else.
    pub(super) fn answered_from_elsewhere(&self, account: &str, why: Option<&str>, now: Timestamp) {
        let mut degraded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = degraded.as_mut() {
            known.lookups = known.lookups.saturating_add(1);
            return;
        }
        *degraded = Some(Degraded {
            since: now,
            lookups: 1,
        });
        error!(
            account,
            error = why,
            "something that is not the provider's API answers look-ups, so no outcome of the account can be proven: correct \
             accounts.{account}.base_url, and start the daemon again"
        );
    }

    /// The provider answered.
    pub(super) fn answered(&self, account: &str) {
        let mut degraded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(was) = degraded.take() {
            info!(
                account,
                since = was.since.to_rfc3339_opts(SecondsFormat::Millis, true),
                lookups = was.lookups,
                "the provider answers at the account's address again"
            );
        }
    }
}
