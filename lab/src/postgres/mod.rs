//! A private Postgres for the demo, the tests and the benches: on loopback, in a folder of its own, gone with its parent.
//!
//! `postgres.sh` does the work: it finds Postgres, drops to the `postgres` user when we are root, and supervises the
//! server. We hold the other end of its standard input. When that closes (on drop, on exit, and on `kill -9` of this
//! process too), it stops the server and removes its files.

mod dump;
mod replica;
mod wire;

use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

pub use dump::Dump;
pub use wire::{Cut, Wire};

const SCRIPT: &str = include_str!("postgres.sh");
/// The exit code of the script when it finds no Postgres.
const NOT_INSTALLED: i32 = 3;

/// Why there is no private Postgres.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// `initdb` is nowhere.
    #[error(
        "start a private Postgres: `initdb` is neither on PATH nor in the usual places; install Postgres \
         (apt-get install postgresql, dnf install postgresql-server, apk add postgresql, pacman -S postgresql, \
         brew install postgresql)"
    )]
    NotInstalled,
    /// It is installed, and did not start or went away.
    #[error("run a private Postgres: it stopped, and its last words were\n{0}")]
    Stopped(String),
    /// The supervising shell cannot be started or talked to.
    #[error("run a private Postgres: talk to the shell that supervises it")]
    Supervisor(#[source] io::Error),
    /// The server runs, and refused to make a database.
    #[error("create the database {name} in the private Postgres")]
    CreateDatabase {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A replica runs, and does not do what it is told.
    #[error("{what} of a private Postgres")]
    Replica {
        /// What it was told.
        what: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

/// A running server. Stops, and leaves nothing behind, when it is dropped.
#[derive(Debug)]
pub struct PrivatePostgres {
    supervisor: Child,
    /// Nothing once it is told to stop.
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    port: u16,
}

impl PrivatePostgres {
    /// Makes and starts a server; blocks for about a second. Up to 300 connections.
    ///
    /// With `fsync` it writes like a production server. Without, a power loss would cost its data, but a crash of the
    /// server would not: what is committed survives [`stop_hard`](Self::stop_hard) either way.
    pub fn start(fsync: bool) -> Result<Self, PostgresError> {
        Self::start_with(&[("PRIVATE_POSTGRES_FSYNC", if fsync { "on" } else { "off" })])
    }

    /// A server with the settings that it has when it is installed: up to 100 connections, JIT if the server has it, a small cache.
    pub fn start_stock() -> Result<Self, PostgresError> {
        Self::start_with(&[("PRIVATE_POSTGRES_SETTINGS", "stock")])
    }

    /// A streaming replica of another one, with its settings.
    pub fn start_replica(primary: &Self) -> Result<Self, PostgresError> {
        Self::start_with(&[("PRIVATE_POSTGRES_PRIMARY", &primary.port.to_string())])
    }

    fn start_with(environment: &[(&str, &str)]) -> Result<Self, PostgresError> {
        let mut supervisor = Command::new("sh")
            .args([
                "-c",
                r#"eval "$PRIVATE_POSTGRES_SCRIPT""#,
                "postgres",
                "serve",
            ])
            .env("PRIVATE_POSTGRES_SCRIPT", SCRIPT)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for us. We still need the database while we stop.
            .process_group(0)
            .spawn()
            .map_err(PostgresError::Supervisor)?;
        let orders = supervisor.stdin.take();
        let answers = supervisor.stdout.take().ok_or(io::ErrorKind::BrokenPipe);
        let answers = answers.map_err(|kind| PostgresError::Supervisor(kind.into()))?;
        let mut postgres = Self {
            supervisor,
            orders,
            answers: BufReader::new(answers),
            port: 0,
        };
        let port = postgres.wait_for("ready")?;
        let not_a_port = || PostgresError::Stopped(format!("its port is {port:?}"));
        postgres.port = port.parse().ok().ok_or_else(not_a_port)?;
        Ok(postgres)
    }

    /// Where to connect to one of its databases (`postgres` is always there), as superuser.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Where it listens on loopback.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Makes an empty database. The name is trusted.
    pub async fn create_database(&self, name: &str) -> Result<(), PostgresError> {
        let create = async {
            let mut connection = PgConnection::connect(&self.url("postgres")).await?;
            let statement = format!("create database \"{name}\"");
            sqlx::query(AssertSqlSafe(statement))
                .execute(&mut connection)
                .await?;
            connection.close().await
        };
        create
            .await
            .map_err(|source| PostgresError::CreateDatabase {
                name: name.to_owned(),
                source,
            })
    }

    /// Kills the server with no chance to tidy up (`kill -9`). It stays down until [`restart`](Self::restart).
    pub fn stop_hard(&mut self) -> Result<(), PostgresError> {
        self.order("kill")?;
        self.wait_for("killed").map(drop)
    }

    /// Starts the server again on the same port and the same data, after an orderly stop if it runs.
    pub fn restart(&mut self) -> Result<(), PostgresError> {
        self.order("restart")?;
        self.wait_for("ready").map(drop)
    }

    fn order(&mut self, order: &str) -> Result<(), PostgresError> {
        let orders = self.orders.as_mut().ok_or(io::ErrorKind::BrokenPipe.into());
        orders
            .and_then(|orders| writeln!(orders, "{order}"))
            .map_err(PostgresError::Supervisor)
    }

    /// Reads answers up to the one that starts with `word`, and returns the rest of it. Whatever comes before is
    /// what went wrong, if the supervisor ends instead.
    fn wait_for(&mut self, word: &str) -> Result<String, PostgresError> {
        let mut last_words = String::new();
        loop {
            let mut line = String::new();
            if self
                .answers
                .read_line(&mut line)
                .map_err(PostgresError::Supervisor)?
                == 0
            {
                break;
            }
            if let Some(rest) = line.strip_prefix(word) {
                return Ok(rest.trim().to_owned());
            }
            last_words.push_str(&line);
        }
        let status = self.supervisor.wait().map_err(PostgresError::Supervisor)?;
        if status.code() == Some(NOT_INSTALLED) {
            return Err(PostgresError::NotInstalled);
        }
        Err(PostgresError::Stopped(last_words))
    }
}

impl Drop for PrivatePostgres {
    fn drop(&mut self) {
        self.orders = None;
        if let Err(error) = self.supervisor.wait() {
            tracing::warn!(%error, "the private Postgres may still be running");
        }
    }
}
