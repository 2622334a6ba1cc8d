//! Postgres: the SQL, each statement beside the one function that uses it. No function here chooses anything.
//!
//! Business times are parameters, from the injected clock. Leases use the database's clock, which all daemons share.

pub mod accounts;
mod addresses;
pub mod audit;
pub mod bloat;
pub mod claim;
pub mod cluster;
mod columns;
mod connect;
pub mod database_error_kind;
pub mod doctor;
pub mod environment;
pub mod error;
pub mod import;
pub mod listing;
pub mod mandates;
pub mod migrate;
pub mod monitor;
pub mod open_cycles;
pub mod operator_requests;
pub mod pauses;
pub mod planning;
pub mod policies;
pub mod pool;
pub mod recovery;
pub mod rescue;
pub mod resolve;
pub mod retention;
mod rows;
pub mod settle;
pub mod settled;
pub mod timeline;
pub mod unconfigured;
pub mod unmapped;

use std::time::Duration;

pub use connect::{ConnectSettings, Pooler, connect, explain};
pub use error::StoreError;

/// Waits no longer than this for a statement. The database's own timeouts end neither a commit that waits for a replica nor the
/// wait for a server that the network has lost.
pub async fn within<T>(
    limit: Duration,
    what: &'static str,
    statement: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let answer = tokio::time::timeout(limit, statement).await;
    answer.unwrap_or(Err(StoreError::NoAnswer {
        what,
        after: limit,
        waiting_for_a_replica: 0,
    }))
}
