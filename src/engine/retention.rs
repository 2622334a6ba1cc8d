//! Makes partitions ahead, and lets old history go.

use std::time::Duration;

use tracing::info;

use super::Database;
use crate::clock::Clock;
use crate::domain::backoff::before;
use crate::store::StoreError;
use crate::store::retention::{
    Parent, delete_budgets, delete_executions, delete_faults, drop_partitions, make_partitions,
};

/// How long what is kept.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub interval: Duration,
    pub attempts: Duration,
    pub events: Duration,
    pub executions: Duration,
    pub partitions_ahead: i32,
}

/// Executions deleted by one statement.
const BATCH: i64 = 5_000;

/// How long it is remembered what was wrong with an account: longer than it can matter.
const FAULTS: Duration = Duration::from_hours(7 * 24);

#[derive(Debug)]
pub struct Retention {
    pub(super) database: Database,
    pub(super) clock: Clock,
    pub(super) settings: Settings,
}

impl Retention {
    /// One turn.
    pub async fn tick(&self) -> Result<(), StoreError> {
        self.database.check(&self.clock).await?;
        let (pool, now) = (&self.database.pool, self.clock.now());
        let settings = self.settings;
        let made = make_partitions(pool, now, settings.partitions_ahead).await?;
        let mut dropped =
            drop_partitions(pool, Parent::Attempts, before(now, settings.attempts)).await?;
        dropped.extend(drop_partitions(pool, Parent::Events, before(now, settings.events)).await?);
        let mut deleted = 0u64;
        loop {
            let batch = delete_executions(pool, before(now, settings.executions), BATCH).await?;
            deleted = deleted.saturating_add(batch);
            if batch < BATCH.unsigned_abs() {
                break;
            }
        }
        delete_budgets(pool, now).await?;
        delete_faults(pool, before(now, FAULTS)).await?;
        if made > 0 || !dropped.is_empty() || deleted > 0 {
            info!(
                partitions_made = made,
                partitions_dropped = dropped.len(),
                executions_deleted = deleted,
                "retention"
            );
        }
        Ok(())
    }
}
