//! Makes partitions ahead, and lets old history go.

use std::time::Duration;

use chrono::TimeDelta;
use tracing::info;

use super::Engine;
use crate::domain::Timestamp;
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

/// One turn.
pub async fn tick(engine: &Engine) -> Result<(), StoreError> {
    engine.database.check_clock(&engine.clock).await?;
    let (pool, now) = (&engine.database.pool, engine.clock.now());
    let settings = engine.settings.retention;
    let made = make_partitions(pool, now, settings.partitions_ahead).await?;
    let mut dropped = drop_partitions(pool, Parent::Attempts, ago(now, settings.attempts)).await?;
    dropped.extend(drop_partitions(pool, Parent::Events, ago(now, settings.events)).await?);
    let mut deleted = 0u64;
    loop {
        let batch = delete_executions(pool, ago(now, settings.executions), BATCH).await?;
        deleted = deleted.saturating_add(batch);
        if batch < BATCH.unsigned_abs() {
            break;
        }
    }
    delete_budgets(pool, now).await?;
    delete_faults(pool, ago(now, FAULTS)).await?;
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

fn ago(now: Timestamp, duration: Duration) -> Timestamp {
    TimeDelta::from_std(duration)
        .ok()
        .and_then(|delta| now.checked_sub_signed(delta))
        .unwrap_or(Timestamp::MIN_UTC)
}
