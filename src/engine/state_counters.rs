//! How often executions came to where they are, since this daemon started: for the heartbeat, and for the metrics that repeat it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::State;

/// Changes of state, by the state they led to.
#[derive(Debug, Default)]
pub struct StateCounters {
    charged: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
    expired: AtomicU64,
    review: AtomicU64,
    unknown: AtomicU64,
    retrying: AtomicU64,
}

impl StateCounters {
    pub fn count(&self, to: State) {
        if let Some(counter) = self.of(to) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub fn get(&self, state: State) -> u64 {
        self.of(state)
            .map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    /// What is only on its way is not counted.
    const fn of(&self, state: State) -> Option<&AtomicU64> {
        match state {
            State::Charged => Some(&self.charged),
            State::Failed => Some(&self.failed),
            State::Skipped => Some(&self.skipped),
            State::Expired => Some(&self.expired),
            State::Review => Some(&self.review),
            State::Unknown => Some(&self.unknown),
            State::Retrying => Some(&self.retrying),
            State::Planned
            | State::Notifying
            | State::Notified
            | State::Executing
            | State::Pending => None,
        }
    }
}
