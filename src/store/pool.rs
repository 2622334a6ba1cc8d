//! The connections of this process, whatever is between it and Postgres.
//!
//! A pooler in transaction mode gives a server connection to a client for one transaction. Nothing that a session keeps lasts longer
//! there: no prepared statement, no setting. sqlx prepares a statement in one round trip and executes it in the next, so even a single
//! statement needs a transaction around both. [`DatabasePool`] is an executor that makes it.

use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, TryStreamExt};
use futures::{FutureExt, StreamExt, TryFutureExt};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo};
use sqlx::{
    AssertSqlSafe, Describe, Either, Execute, Executor, PgConnection, PgPool, Postgres, SqlStr,
    Transaction,
};

use super::addresses::Addresses;
use super::error::{StoreContext, StoreError};

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct DatabasePool {
    pool: PgPool,
    /// Begins each transaction behind a pooler: what a session would have been told, for this transaction alone.
    opening: Option<Arc<str>>,
    addresses: Arc<Addresses>,
    /// Lead past the pooler, if anything does.
    direct: Arc<Addresses>,
}

/// A connection for several statements. One server carries out all of them, where two connections may lead to two around a fail-over.
#[derive(Debug)]
pub enum OneServer {
    /// Each statement is durable when it has ended.
    Session(PoolConnection<Postgres>),
    /// Behind a pooler in transaction mode. Nothing is durable before [`OneServer::end`].
    Transaction(Transaction<'static, Postgres>),
}

impl OneServer {
    pub fn connection(&mut self) -> &mut PgConnection {
        match self {
            Self::Session(session) => session,
            Self::Transaction(transaction) => transaction,
        }
    }

    /// Gives it back, with all that was done on it.
    pub async fn end(self) -> Result<(), StoreError> {
        match self {
            Self::Session(_) => Ok(()),
            Self::Transaction(transaction) => {
                transaction.commit().await.context("commit a transaction")
            }
        }
    }
}

/// Connections that somebody else has set up, to one server and without a pooler.
impl From<PgPool> for DatabasePool {
    fn from(pool: PgPool) -> Self {
        Self {
            pool,
            opening: None,
            addresses: Arc::default(),
            direct: Arc::default(),
        }
    }
}

impl DatabasePool {
    pub(super) fn new(pool: PgPool, addresses: Arc<Addresses>) -> Self {
        Self {
            pool,
            opening: None,
            addresses,
            direct: Arc::default(),
        }
    }

    /// Behind a pooler in transaction mode. `opening` begins every transaction.
    pub(super) fn behind_a_pooler(self, opening: String, direct: Addresses) -> Self {
        Self {
            opening: Some(opening.into()),
            direct: Arc::new(direct),
            ..self
        }
    }

    /// Begins a transaction, on a task of its own: where a caller gives up while the server is about to answer, sqlx 0.9 forgets that it has
    /// begun (`PgTransactionManager::begin` rolls back only what it has counted), and hands the next caller a connection inside of a
    /// transaction that nobody ends. This task waits for the answer, and then the transaction is rolled back.
    #[expect(
        clippy::disallowed_methods,
        reason = "the task ends with the server's answer, and holds nothing but the connection"
    )]
    pub async fn begin(&self) -> sqlx::Result<Transaction<'static, Postgres>> {
        let (pool, opening) = (self.pool.clone(), self.opening.clone());
        let begun = tokio::spawn(async move {
            match opening {
                None => pool.begin().await,
                Some(opening) => pool.begin_with(AssertSqlSafe(opening)).await,
            }
        });
        begun.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }

    /// A session of its own. A pooler in transaction mode has none to give.
    pub async fn acquire(&self) -> sqlx::Result<PoolConnection<Postgres>> {
        if self.opening.is_some() {
            let why = "a session of its own is wanted, and database.pooler gives none: set database.direct_url";
            return Err(sqlx::Error::Configuration(why.into()));
        }
        self.pool.acquire().await
    }

    /// A connection for several statements on one server: a session, or a transaction where no session is to be had.
    pub async fn one_server(&self) -> Result<OneServer, StoreError> {
        let opened = match self.opening {
            None => self.pool.acquire().await.map(OneServer::Session),
            Some(_) => self.begin().await.map(OneServer::Transaction),
        };
        opened.context("get a database connection from the pool")
    }

    /// Connections that are open.
    pub fn size(&self) -> u32 {
        self.pool.size()
    }

    /// Those of them that nobody uses.
    pub fn num_idle(&self) -> usize {
        self.pool.num_idle()
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Where new connections are opened.
    pub fn connect_options(&self) -> Arc<PgConnectOptions> {
        self.pool.connect_options()
    }

    /// Where a connection can listen; nothing behind a pooler that nothing leads past.
    pub async fn listen_options(&self) -> Result<Option<PgConnectOptions>, StoreError> {
        if self.opening.is_none() {
            return Ok(Some(self.pool.connect_options().as_ref().clone()));
        }
        if self.direct.is_empty() {
            return Ok(None);
        }
        self.direct.writable().await.map(Some)
    }

    /// Opens its connections at whichever of the addresses takes writes now. Those to another one are closed when they are next
    /// used: a primary that was replaced may still live.
    pub(super) async fn follow_the_primary(&self) {
        self.addresses.follow(&self.pool).await;
    }
}

impl<'p> Executor<'p> for &DatabasePool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        E: 'q + Execute<'q, Postgres>,
    {
        if self.opening.is_none() {
            return self.pool.fetch_many(query);
        }
        let pool = self.clone();
        let rows = async move {
            let mut transaction = pool.begin().await?;
            let rows: Vec<_> = transaction.fetch_many(query).try_collect().await?;
            // Nobody sees a row before it is durable: of a claim, before its intent is.
            transaction.commit().await?;
            Ok::<_, sqlx::Error>(stream::iter(rows.into_iter().map(Ok)))
        };
        rows.try_flatten_stream().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        E: 'q + Execute<'q, Postgres>,
    {
        if self.opening.is_none() {
            return self.pool.fetch_optional(query);
        }
        let pool = self.clone();
        let row = async move {
            let mut transaction = pool.begin().await?;
            let row = transaction.fetch_optional(query).await?;
            transaction.commit().await?;
            Ok::<_, sqlx::Error>(row)
        };
        row.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        let prepared = async move { pool.acquire().await?.prepare_with(sql, parameters).await };
        prepared.boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>> {
        let pool = self.clone();
        async move { pool.acquire().await?.describe(sql).await }.boxed()
    }
}
