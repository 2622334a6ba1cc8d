//! The database as the loops use it: every statement ends in time, and what is wrong with it is known.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use sqlx::PgPool;

use super::database_health::DatabaseHealth;
use crate::clock::Clock;
use crate::domain::Timestamp;
use crate::store::{self, StoreError};

/// How far this machine's clock may be from the database's. Between the 24 hours of the law and our 25 lies one.
const MAX_SKEW: TimeDelta = TimeDelta::minutes(5);

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    pub pool: PgPool,
    /// How long a statement may go without an answer.
    pub answer_timeout: Duration,
    pub health: Arc<DatabaseHealth>,
}

impl Database {
    pub fn new(pool: PgPool, answer_timeout: Duration, failure_log_interval: Duration) -> Self {
        Self {
            pool,
            answer_timeout,
            health: Arc::new(DatabaseHealth::new(failure_log_interval)),
        }
    }

    /// Waits no longer for a statement than it can take.
    pub(super) fn within<'a, T: 'a>(
        &self,
        what: &'static str,
        statement: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> impl Future<Output = Result<T, StoreError>> + Send + 'a {
        // On the heap: every job under way carries the statements that it may come to.
        let statement = Box::pin(statement);
        let limit = self.answer_timeout;
        async move { store::within(limit, what, statement).await }
    }

    /// A loop could not do its work: finds out why, and says it unless it is known.
    pub(super) async fn failed(&self, name: &str, problem: StoreError) {
        let problem = store::explain(&self.pool, problem).await;
        self.health.failed(name, &problem);
    }

    /// Refuses to go on with a clock that nobody shares: it would debit early, call cycles over that have not begun, and
    /// delete what is young. Simulated time is nobody else's.
    pub(super) async fn check_clock(&self, clock: &Clock) -> Result<(), StoreError> {
        if clock.is_simulated() {
            return Ok(());
        }
        let time = store::monitor::database_time(&self.pool);
        let theirs = self.within("ask the database for the time", time).await?;
        agree(clock.now(), theirs)
    }
}

fn agree(ours: Timestamp, theirs: Timestamp) -> Result<(), StoreError> {
    if ours.signed_duration_since(theirs).abs() > MAX_SKEW {
        return Err(StoreError::Clocks { ours, theirs });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clocks_may_differ_by_minutes_and_no_more() {
        let theirs: Timestamp = "2026-01-31T00:30:00Z".parse().unwrap();
        for (ours, good) in [
            ("2026-01-31T00:30:00Z", true),
            ("2026-01-31T00:35:00Z", true),
            ("2026-01-31T00:25:00Z", true),
            ("2026-01-31T00:35:01Z", false),
            ("2026-01-31T00:24:59Z", false),
            ("2027-01-31T00:30:00Z", false),
        ] {
            assert_eq!(agree(ours.parse().unwrap(), theirs).is_ok(), good, "{ours}");
        }
    }
}
