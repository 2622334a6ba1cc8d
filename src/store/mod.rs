//! Postgres: the SQL, each statement beside the one function that uses it. No function here chooses anything.
//!
//! Business times are parameters, from the injected clock. Leases use the database's clock, which all daemons share.

pub mod accounts;
pub mod audit;
pub mod claim;
pub mod error;
pub mod import;
pub mod listing;
pub mod mandates;
pub mod migrate;
pub mod monitor;
pub mod planning;
pub mod policies;
#[cfg(feature = "sandbox")]
pub mod report;
pub mod rescue;
pub mod resolve;
pub mod retention;
mod rows;
pub mod settle;
pub mod timeline;
pub mod unmapped;

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgPool};

pub use error::StoreError;
use error::Tried;

/// How to reach the database.
#[derive(Debug, Clone)]
pub struct ConnectSettings {
    pub max_connections: u32,
    pub connect_timeout: Duration,
    pub statement_timeout: Duration,
    pub lock_timeout: Duration,
    /// Shown in `pg_stat_activity`.
    pub application_name: String,
}

/// Opens a pool and proves that the database answers.
pub async fn connect(
    options: PgConnectOptions,
    settings: &ConnectSettings,
) -> Result<PgPool, StoreError> {
    let millis = |duration: Duration| duration.as_millis().to_string();
    let options = options.application_name(&settings.application_name);
    let (statement, lock) = (
        millis(settings.statement_timeout),
        millis(settings.lock_timeout),
    );
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(settings.connect_timeout)
        .after_connect(move |connection, _meta| {
            // Set after connecting, not as start-up parameters: PgBouncer refuses those.
            let (statement, lock) = (statement.clone(), lock.clone());
            Box::pin(async move {
                // No scans of whole tables: a plan that was kept while a table was nearly empty would read all of it, for
                // every row of a claim, when the burst comes.
                sqlx::query("select set_config('statement_timeout', $1, false), set_config('lock_timeout', $2, false), set_config('idle_in_transaction_session_timeout', $1, false), set_config('enable_seqscan', 'off', false)")
                    .bind(&statement)
                    .bind(&lock)
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .connect_with(options.clone())
        .await;
    match pool {
        // The pool keeps the cause to itself: ask for it.
        Err(sqlx::Error::PoolTimedOut) => Err(cause(&options, settings.connect_timeout).await),
        pool => pool,
    }
    .tried("connect to the database: is database.url right, and the server running?")
}

/// Why there is no connection.
async fn cause(options: &PgConnectOptions, timeout: Duration) -> sqlx::Error {
    match tokio::time::timeout(timeout, options.connect()).await {
        Ok(Err(cause)) => cause,
        Ok(Ok(_)) | Err(_) => sqlx::Error::PoolTimedOut,
    }
}
