//! Postgres: the SQL, each statement beside the one function that uses it. No function here chooses anything.
//!
//! Business times are parameters, from the injected clock. Leases use the database's clock, which all daemons share.

pub mod accounts;
pub mod audit;
pub mod bloat;
pub mod claim;
pub mod cluster;
mod columns;
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

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgPool};

use database_error_kind::DatabaseErrorKind;
pub use error::StoreError;

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

/// How long a connection that was given back may take to prove that it is alive.
const STILL_ALIVE: Duration = Duration::from_secs(5);

/// Opens a pool and proves that the database answers.
pub async fn connect(
    options: PgConnectOptions,
    settings: &ConnectSettings,
) -> Result<PgPool, StoreError> {
    let millis = |duration: Duration| duration.as_millis().to_string();
    // A statement that waits for a lock would be in the log with its whole text, at every try.
    let options = options
        .application_name(&settings.application_name)
        .disable_statement_logging();
    let (statement, lock) = (
        millis(settings.statement_timeout),
        millis(settings.lock_timeout),
    );
    let pool = PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(settings.connect_timeout)
        .after_connect(move |connection, _meta| {
            // Set after connecting, not as start-up parameters: PgBouncer refuses those. In its transaction mode what is set
            // here reaches whichever server connection was free: there they must be set on the role.
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
        .after_release(|connection, _meta| {
            // One whose statement was given up may never answer again. The pool would wait for it without an end.
            Box::pin(async move {
                let alive = tokio::time::timeout(STILL_ALIVE, connection.ping()).await;
                Ok(matches!(alive, Ok(Ok(()))))
            })
        })
        .connect_with(options.clone())
        .await;
    let pool = match pool {
        // The pool keeps the cause to itself: ask for it.
        Err(sqlx::Error::PoolTimedOut) => Err(cause(&options, settings.connect_timeout).await),
        pool => pool,
    };
    pool.map_err(|source| StoreError::Database {
        what: match DatabaseErrorKind::of(&source) {
            DatabaseErrorKind::Tls => {
                "connect to the database by TLS: does sslmode in database.url fit the server and its certificate?"
            }
            DatabaseErrorKind::Away
            | DatabaseErrorKind::NoAnswer
            | DatabaseErrorKind::Replica
            | DatabaseErrorKind::Connections
            | DatabaseErrorKind::DiskFull
            | DatabaseErrorKind::ReadOnly
            | DatabaseErrorKind::Refused
            | DatabaseErrorKind::Locked
            | DatabaseErrorKind::Slow
            | DatabaseErrorKind::Schema
            | DatabaseErrorKind::Other => {
                "connect to the database: is database.url right, and the server running?"
            }
        },
        source,
    })
}

/// Why there is no connection. One that can be opened after all means that the pool's own are all in use.
async fn cause(options: &PgConnectOptions, timeout: Duration) -> sqlx::Error {
    match tokio::time::timeout(timeout, options.connect()).await {
        Ok(Err(cause)) => cause,
        Ok(Ok(_)) => sqlx::Error::PoolTimedOut,
        Err(_) => sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()),
    }
}

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

/// Asks, beside the pool, for what a failure does not say by itself: why there is no connection, and whether a commit that does
/// not end waits for a replica.
pub async fn explain(pool: &PgPool, problem: StoreError) -> StoreError {
    let options = pool.connect_options();
    if let StoreError::NoAnswer { what, after, .. } = problem {
        let waiting = tokio::time::timeout(STILL_ALIVE, waiting_for_a_replica(&options)).await;
        return StoreError::NoAnswer {
            what,
            after,
            waiting_for_a_replica: waiting.unwrap_or(0),
        };
    }
    if let StoreError::Database {
        what,
        source: sqlx::Error::PoolTimedOut,
    } = problem
    {
        let source = cause(&options, STILL_ALIVE).await;
        return StoreError::Database { what, source };
    }
    problem
}

/// How many commits of this process wait for a replica. None when nobody answers that either.
async fn waiting_for_a_replica(options: &PgConnectOptions) -> i64 {
    let Ok(mut connection) = options.connect().await else {
        return 0;
    };
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from pg_stat_activity
            where application_name = current_setting('application_name') and wait_event = 'SyncRep'"#
    )
    .fetch_one(&mut connection)
    .await
    .unwrap_or(0)
}
