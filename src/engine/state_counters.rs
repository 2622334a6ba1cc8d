//! How often executions came to where they are, since this daemon started: for the heartbeat, and for the metrics that repeat it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::State;

/// What is only on its way is not counted.
pub const COUNTED: [State; 7] = [
    State::Charged,
    State::Failed,
    State::Skipped,
    State::Expired,
    State::Review,
    State::Unknown,
    State::Retrying,
];

/// Changes of state, by the state they led to.
#[derive(Debug, Default)]
pub struct StateCounters([AtomicU64; COUNTED.len()]);

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

    fn of(&self, state: State) -> Option<&AtomicU64> {
        let mut counters = COUNTED.iter().zip(&self.0);
        let (_, counter) = counters.find(|(counted, _)| **counted == state)?;
        Some(counter)
    }
}
