//! The job table: what is due, leased and late.

use serde::Serialize;
use sqlx::PgConnection;

use super::OpsError;
use super::error::step;
use crate::domain::Timestamp;
use crate::store;
use crate::store::listing::{JobCount, LateJob};

/// How many late jobs are shown.
const SHOWN: i64 = 20;

/// Counts by account and step, and the jobs that have been due the longest.
#[derive(Debug, Serialize)]
pub struct Jobs {
    pub counts: Vec<JobCount>,
    pub late: Vec<LateJob>,
    /// As of when.
    #[serde(skip)]
    pub now: Timestamp,
}

pub async fn jobs(conn: &mut PgConnection, now: Timestamp) -> Result<Jobs, OpsError> {
    let counts = store::listing::job_counts(conn, now)
        .await
        .map_err(step("count the jobs"))?;
    let late = store::listing::late_jobs(conn, now, SHOWN)
        .await
        .map_err(step("list the late jobs"))?;
    Ok(Jobs { counts, late, now })
}
