//! Takes back the jobs of lost workers.

use std::sync::Arc;

use tracing::warn;

use super::Database;
use crate::clock::Clock;
use crate::domain::machine::rescue::PROCESSED;
use crate::failpoint::around;
use crate::store::StoreError;
use crate::store::rescue::rescue_expired;

#[derive(Debug)]
pub struct Rescuer {
    pub(super) worker_id: Arc<str>,
    pub(super) database: Database,
    pub(super) clock: Clock,
}

impl Rescuer {
    /// One turn; says how many jobs were rescued.
    pub async fn tick(&self) -> Result<usize, StoreError> {
        around("rescue.clock", self.database.check(&self.clock)).await?;
        let (pool, now) = (&self.database.pool, self.clock.now());
        let rescued = rescue_expired(pool, now, PROCESSED, &self.worker_id).await?;
        for job in &rescued {
            warn!(
                execution.id = job.execution_id.0,
                next_step = job.step.as_str(),
                open_intent = job.has_intent,
                worker.id = &*self.worker_id,
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
}
