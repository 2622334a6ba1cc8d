//! What a daemon remembers of its last settlement, to find out that a database has forgotten it.

use std::collections::HashMap;

use super::job::FinishedJob;
use crate::domain::ExecutionId;
use crate::store::monitor::LastCommit;
use crate::store::settle::Settled;

/// The last attempt of a batch that is on record now.
pub(super) fn last_commit(
    batch: &[FinishedJob],
    settled: &HashMap<ExecutionId, Settled>,
) -> Option<LastCommit> {
    batch.iter().rev().find_map(|done| {
        let execution = done.claimed.execution.id;
        let attempt = done
            .attempts
            .last()
            .filter(|_| settled.contains_key(&execution))?;
        Some(LastCommit {
            execution,
            token: done.claimed.token,
            at: attempt.at,
        })
    })
}
