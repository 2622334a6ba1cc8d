//! A migrated database for each test, on one private Postgres for the whole test process.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use lab::postgres::{Dump, PrivatePostgres};
use mandated::store::pool::DatabasePool;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

/// The database that all others are copies of.
const TEMPLATE: &str = "template_migrated";
/// How many databases may be in use at once, one a test: the server takes 300 connections, and a test may have a second pool.
const AT_ONCE: usize = 40;
/// Connections of a test's own pool.
const CONNECTIONS: u32 = 5;

/// Never dropped: the server sees the end of this process and stops by itself.
static SERVER: OnceCell<Server> = OnceCell::const_new();

struct Server {
    postgres: PrivatePostgres,
    places: Arc<Semaphore>,
    made: AtomicU32,
    /// Databases whose test is over. The next test drops them: there is no `await` in `Drop`.
    left: Mutex<Vec<String>>,
}

/// A database of its own, with the schema and no rows.
pub(crate) struct TestDatabase {
    pub(crate) pool: DatabasePool,
    name: String,
    _place: OwnedSemaphorePermit,
}

impl TestDatabase {
    pub(crate) async fn new() -> Self {
        Self::copy_of(TEMPLATE).await
    }

    /// A database without even the schema.
    pub(crate) async fn empty() -> Self {
        Self::copy_of("template0").await
    }

    /// A new database with all that was dumped, and nothing else.
    pub(crate) async fn restored(dump: &Dump) -> Self {
        let database = Self::empty().await;
        dump.restore(&database.url()).await.unwrap();
        database
    }

    /// Puts another one with all that was dumped in its place, under the same name, beneath whoever is connected.
    pub(crate) async fn replace(&self, dump: &Dump) {
        let server = SERVER.get().expect("the server has made this database");
        let mut connection = PgConnection::connect(&server.postgres.url("postgres"))
            .await
            .unwrap();
        let name = &self.name;
        for statement in [
            format!("drop database {name} with (force)"),
            format!("create database {name} template template0"),
        ] {
            sqlx::query(AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .unwrap();
        }
        connection.close().await.unwrap();
        dump.restore(&self.url()).await.unwrap();
    }

    /// A copy of this one, which nobody may use any more: its accounts are bound to wherever they are used next.
    pub(crate) async fn copy(&self) -> Self {
        let copied = self.twin().await;
        forget_environments(&copied.pool).await;
        copied
    }

    /// A copy of this one, in which everything is as it was.
    pub(crate) async fn twin(&self) -> Self {
        self.pool.close().await;
        Self::copy_of(&self.name).await
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where a second pool, or a process, connects to.
    pub(crate) fn url(&self) -> String {
        SERVER
            .get()
            .expect("the server has made this database")
            .postgres
            .url(&self.name)
    }

    async fn copy_of(template: &str) -> Self {
        let server = SERVER.get_or_init(start).await;
        let place = Arc::clone(&server.places)
            .acquire_owned()
            .await
            .expect("never closed");
        let name = format!("test_{}", server.made.fetch_add(1, Ordering::Relaxed));
        let mut statements: Vec<String> = server.left.lock().unwrap().drain(..).collect();
        for left in &mut statements {
            *left = format!("drop database {left} with (force)");
        }
        statements.push(format!("create database {name} template {template}"));
        let mut connection = PgConnection::connect(&server.postgres.url("postgres"))
            .await
            .unwrap();
        for statement in statements {
            sqlx::query(AssertSqlSafe(statement))
                .execute(&mut connection)
                .await
                .unwrap();
        }
        connection.close().await.unwrap();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .connect(&server.postgres.url(&name))
            .await
            .unwrap()
            .into();
        Self {
            pool,
            name,
            _place: place,
        }
    }
}

/// The accounts are bound to wherever they are used next: a test's copy of a database, or another stub of the provider, is not one that
/// somebody else uses too.
pub(crate) async fn forget_environments(pool: &DatabasePool) {
    sqlx::query(
        "update mandated.accounts set merchant = null, is_simulated = null, database = null",
    )
    .execute(pool)
    .await
    .unwrap();
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(server) = SERVER.get() {
            server.left.lock().unwrap().push(self.name.clone());
        }
    }
}

async fn start() -> Server {
    let postgres = PrivatePostgres::start(false).unwrap_or_else(|error| panic!("{error}"));
    postgres.create_database(TEMPLATE).await.unwrap();
    let mut connection = PgConnection::connect(&postgres.url(TEMPLATE))
        .await
        .unwrap();
    mandated::MIGRATOR
        .run_direct(None, &mut connection, false)
        .await
        .unwrap();
    connection.close().await.unwrap();
    Server {
        postgres,
        places: Arc::new(Semaphore::new(AT_ONCE)),
        made: AtomicU32::new(0),
        left: Mutex::new(Vec::new()),
    }
}
