//! Takes back the jobs of lost workers.

use tracing::warn;

use super::Engine;
use crate::domain::machine::rescue::PROCESSED;
use crate::failpoint::around;
use crate::store::StoreError;
use crate::store::rescue::rescue_expired;

/// One turn; says how many jobs were rescued.
pub async fn tick(engine: &Engine) -> Result<usize, StoreError> {
    let database = &engine.database;
    around("rescue.clock", database.check_clock(&engine.clock)).await?;
    let rescued = rescue_expired(
        &database.pool,
        engine.clock.now(),
        PROCESSED,
        &engine.settings.worker_id,
    )
    .await?;
    for job in &rescued {
        warn!(
            execution.id = job.execution_id.0,
            next_step = job.step.as_str(),
            open_intent = job.has_intent,
            worker.id = engine.settings.worker_id.as_str(),
            "a lease ran out; {}",
            if job.has_intent {
                "the provider is asked what happened"
            } else {
                "no call that moves money was open"
            }
        );
    }
    Ok(rescued.len())
}
