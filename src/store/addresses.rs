//! The servers of one database, of which one takes writes: which one, and after each fail-over which one now.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, Connection, PgPool, Row};
use tracing::info;

use super::error::StoreError;

/// How long one address may take to say whether its server takes writes.
const LIMIT: Duration = Duration::from_secs(3);

/// The addresses of `database.url`, in its order.
#[derive(Default)]
pub(super) struct Addresses {
    all: Vec<PgConnectOptions>,
    /// When connections began to be opened at another address than before.
    moved_at: Mutex<Option<Instant>>,
    /// One looks at a time.
    looking: tokio::sync::Mutex<()>,
}

/// They carry a password.
impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} addresses", self.all.len())
    }
}

impl Addresses {
    pub(super) fn new(all: Vec<PgConnectOptions>) -> Self {
        Self {
            all,
            ..Self::default()
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The one that takes writes. Where there is only one, nothing is asked.
    pub(super) async fn writable(&self) -> Result<PgConnectOptions, StoreError> {
        if let [only] = self.all.as_slice() {
            return Ok(only.clone());
        }
        let (mut is_replica, mut source) = (false, None);
        let asked = self.all.iter();
        let asked = asked.map(|options| async move { (options, takes_writes(options).await) });
        let mut asked: FuturesUnordered<_> = asked.collect();
        while let Some((options, answer)) = asked.next().await {
            match answer {
                Ok(true) => return Ok(options.clone()),
                Ok(false) => is_replica = true,
                Err(problem) => source = Some(problem),
            }
        }
        Err(StoreError::NoPrimary {
            addresses: self.all.len(),
            is_replica,
            source,
        })
    }

    /// Lets a pool open its connections where writes are taken now. One that still takes them is kept, whatever the others say.
    pub(super) async fn follow(&self, pool: &PgPool) {
        if self.all.len() < 2 {
            return;
        }
        let Ok(_looking) = self.looking.try_lock() else {
            return;
        };
        let now = pool.connect_options();
        if matches!(takes_writes(&now).await, Ok(true)) {
            return;
        }
        // Where there is none the next failure looks again.
        let Ok(found) = self.writable().await else {
            return;
        };
        if (found.get_host(), found.get_port()) == (now.get_host(), now.get_port()) {
            return;
        }
        let (host, port) = (found.get_host().to_owned(), found.get_port());
        pool.set_connect_options(found);
        let mut moved_at = self.moved_at.lock().unwrap_or_else(PoisonError::into_inner);
        *moved_at = Some(Instant::now());
        drop(moved_at);
        info!(
            host,
            port, "the database's primary is at another address now"
        );
    }

    /// Whether a connection of this age leads to where writes were taken before, and perhaps are no more.
    pub(super) fn is_left(&self, age: Duration) -> bool {
        let moved_at = self.moved_at.lock().unwrap_or_else(PoisonError::into_inner);
        moved_at.is_some_and(|at| age >= at.elapsed())
    }
}

/// Asks a server whether it takes writes, without a name for the statement: a pooler may be between.
async fn takes_writes(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let asked = async {
        let mut connection = options.connect().await?;
        let statement = sqlx::raw_sql("select current_setting('transaction_read_only') = 'off'");
        let said = statement.fetch_one(&mut connection).await?;
        let takes_writes = said.try_get(0)?;
        // What it says to a goodbye changes nothing.
        drop(connection.close().await);
        Ok(takes_writes)
    };
    let answer = tokio::time::timeout(LIMIT, asked).await;
    answer.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
}
