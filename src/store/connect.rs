//! Opens the connections of this process, and says why there are none.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgConnection, Row};

use super::addresses::Addresses;
use super::database_error_kind::DatabaseErrorKind;
use super::error::StoreError;
use super::pool::DatabasePool;

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

/// A pooler in transaction mode, and what leads past it.
pub struct Pooler {
    /// The addresses of Postgres itself; none where nothing leads there.
    pub direct: Vec<PgConnectOptions>,
}

/// They carry a password.
impl fmt::Debug for Pooler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a pooler, past which lead {} addresses",
            self.direct.len()
        )
    }
}

/// How long a connection that was given back may take to prove that it is alive.
const STILL_ALIVE: Duration = Duration::from_secs(5);

/// Forgets the statements that whoever had this server connection before has prepared: sqlx gives the same names in each process. A
/// newer pooler gives them names of its own, which stay.
const FORGET: &str = r"do $$ declare known text; begin
  for known in select name from pg_catalog.pg_prepared_statements where name like 'sqlx\_s\_%' loop
    execute format('deallocate %I', known);
  end loop; end $$";

/// No scans of whole tables: a plan that was kept while a table was nearly empty would read all of it, for every row of a claim, when the
/// burst comes. Postgres takes such a scan for very dear where there is no other way, as for a table of three rows. So dear a statement
/// is compiled by LLVM at every run, unless that is off too: it would take longer than the statement by far.
const PLANNER: [(&str, &str); 2] = [("enable_seqscan", "off"), ("jit", "off")];

impl ConnectSettings {
    /// What every statement runs under.
    fn session(&self) -> Vec<(&'static str, String)> {
        let millis = |duration: Duration| duration.as_millis().to_string();
        let timeouts = [
            ("statement_timeout", self.statement_timeout),
            ("lock_timeout", self.lock_timeout),
            (
                "idle_in_transaction_session_timeout",
                self.statement_timeout,
            ),
        ];
        let timeouts = timeouts.map(|(name, value)| (name, millis(value)));
        let planner = PLANNER.map(|(name, value)| (name, value.to_owned()));
        timeouts.into_iter().chain(planner).collect()
    }

    /// Begins a transaction behind a pooler. One round trip.
    fn opening(&self) -> String {
        let session = self.session().into_iter();
        let set = session.map(|(name, value)| format!("; set local {name} = {value}"));
        format!("begin; {FORGET}{}", set.collect::<String>())
    }
}

/// Opens a pool at whichever address takes writes, and proves that the database answers.
pub async fn connect(
    addresses: Vec<PgConnectOptions>,
    settings: &ConnectSettings,
    pooler: Option<Pooler>,
) -> Result<DatabasePool, StoreError> {
    let is_behind_a_pooler = pooler.is_some();
    let addresses = addresses.into_iter();
    let addresses = addresses.map(|options| {
        // A statement that waits for a lock would be in the log with its whole text, at every try.
        let options = options
            .application_name(&settings.application_name)
            .disable_statement_logging();
        if is_behind_a_pooler {
            // PgBouncer refuses what it cannot keep for each client. All that we read is integers and text.
            options.extra_float_digits(None).statement_cache_capacity(0)
        } else {
            options
        }
    });
    let addresses = Arc::new(Addresses::new(addresses.collect()));
    let options = addresses.writable().await?;
    let session = if is_behind_a_pooler {
        // Whoever gets the server connection next would have them too.
        Vec::new()
    } else {
        settings.session()
    };
    let opened = pool_options(settings, session, Arc::clone(&addresses))
        .connect_with(options.clone())
        .await;
    let opened = match opened {
        // The pool keeps the cause to itself: ask for it.
        Err(sqlx::Error::PoolTimedOut) => Err(cause(&options, settings.connect_timeout).await),
        opened => opened,
    };
    let pool = opened.map_err(|source| StoreError::Database {
        what: tried(DatabaseErrorKind::of(&source)),
        source,
    })?;
    let pool = DatabasePool::new(pool, addresses);
    Ok(match pooler {
        None => pool,
        Some(Pooler { direct }) => {
            let direct = direct.into_iter();
            let named = direct.map(|options| options.application_name(&settings.application_name));
            pool.behind_a_pooler(settings.opening(), Addresses::new(named.collect()))
        }
    })
}

fn pool_options(
    settings: &ConnectSettings,
    session: Vec<(&'static str, String)>,
    addresses: Arc<Addresses>,
) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(settings.max_connections)
        .acquire_timeout(settings.connect_timeout)
        // Set after connecting, not as start-up parameters: a pooler in session mode refuses those.
        .after_connect(move |connection, _meta| {
            let session = session.clone();
            Box::pin(async move { set(connection, session).await })
        })
        .before_acquire(move |_connection, meta| {
            let is_left = addresses.is_left(meta.age);
            Box::pin(async move { Ok(!is_left) })
        })
        .after_release(|connection, _meta| {
            // One whose statement was given up may never answer again. The pool would wait for it without an end.
            Box::pin(async move {
                let alive = tokio::time::timeout(STILL_ALIVE, connection.ping()).await;
                Ok(matches!(alive, Ok(Ok(()))))
            })
        })
}

async fn set(
    connection: &mut PgConnection,
    session: Vec<(&'static str, String)>,
) -> sqlx::Result<()> {
    if session.is_empty() {
        return Ok(());
    }
    let (names, values): (Vec<&str>, Vec<String>) = session.into_iter().unzip();
    sqlx::query("select set_config(name, value, false) from unnest($1::text[], $2::text[]) as s (name, value)")
        .bind(names)
        .bind(values)
        .execute(connection)
        .await?;
    Ok(())
}

const fn tried(kind: DatabaseErrorKind) -> &'static str {
    match kind {
        DatabaseErrorKind::Tls => {
            "connect to the database by TLS: does sslmode in database.url fit the server and its certificate?"
        }
        DatabaseErrorKind::Pooler => {
            "connect to the database: a pooler is between, and database.pooler does not say so"
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
        | DatabaseErrorKind::Clock
        | DatabaseErrorKind::Other => {
            "connect to the database: is database.url right, and the server running?"
        }
    }
}

/// Why there is no connection. One that can be opened after all means that the pool's own are all in use.
async fn cause(options: &PgConnectOptions, timeout: Duration) -> sqlx::Error {
    match tokio::time::timeout(timeout, options.connect()).await {
        Ok(Err(cause)) => cause,
        Ok(Ok(_)) => sqlx::Error::PoolTimedOut,
        Err(_) => sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()),
    }
}

/// Asks, beside the pool, for what a failure does not say by itself: why there is no connection, whether a commit that does not end waits
/// for a replica, and whether another address takes writes now.
pub async fn explain(pool: &DatabasePool, problem: StoreError) -> StoreError {
    if problem.kind().is_everywhere() {
        pool.follow_the_primary().await;
    }
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

/// How many commits of this process wait for a replica. None when nobody answers that either. The statement has no name: a pooler may be
/// between.
async fn waiting_for_a_replica(options: &PgConnectOptions) -> i64 {
    let asked = async {
        let mut connection = options.connect().await?;
        let statement = sqlx::raw_sql(
            "select count(*) from pg_stat_activity
              where application_name = current_setting('application_name') and wait_event = 'SyncRep'",
        );
        let said = statement.fetch_one(&mut connection).await?;
        said.try_get::<i64, _>(0)
    };
    asked.await.unwrap_or(0)
}
