//! The private Postgres, and the machine that all of it runs on.

use std::fmt;
use std::process::Command;
use std::str::FromStr;

use anyhow::Context;
use lab::postgres::PrivatePostgres;
use mandated::clock::Clock;
use serde::Serialize;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions, PgConnection};

/// A server with what every operator sets.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) postgres: PrivatePostgres,
}

/// Figures mean something beside this.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    cpu: String,
    cores: usize,
    memory_gb: u64,
    kernel: String,
    postgres: Vec<String>,
    commit: String,
    date: String,
}

impl Server {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let mut postgres = PrivatePostgres::start(true)?;
        let mut connection = connect(&postgres.url("postgres")).await?;
        for setting in [
            "alter system set shared_buffers = '1GB'",
            "alter system set max_wal_size = '8GB'",
            "alter system set checkpoint_timeout = '15min'",
            // For the indexes of ten million rows.
            "alter system set maintenance_work_mem = '512MB'",
        ] {
            sqlx::query(setting).execute(&mut connection).await?;
        }
        drop(connection);
        postgres.restart()?;
        Ok(Self { postgres })
    }

    pub(crate) async fn connect(&self) -> anyhow::Result<PgConnection> {
        connect(&self.postgres.url("postgres")).await
    }

    pub(crate) async fn describe(&self) -> anyhow::Result<Machine> {
        let postgres = sqlx::query_scalar(
            "select name || ' ' || current_setting(name) from pg_settings
              where name in ('server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'shared_buffers', 'max_wal_size',
                             'checkpoint_timeout', 'maintenance_work_mem', 'autovacuum', 'wal_level')
              order by name = 'server_version' desc, name",
        )
        .fetch_all(&mut self.connect().await?)
        .await?;
        let system = rustix::system::uname();
        let memory_kb: u64 = line_of("/proc/meminfo", "MemTotal:")?
            .split_whitespace()
            .next()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        Ok(Machine {
            cpu: line_of("/proc/cpuinfo", "model name")?
                .trim_start_matches([' ', '\t', ':'])
                .to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            memory_gb: memory_kb.checked_div(1024 * 1024).unwrap_or(0),
            kernel: system.release().to_string_lossy().into_owned(),
            postgres,
            commit: commit(),
            date: Clock::System.now().format("%Y-%m-%d %H:%M UTC").to_string(),
        })
    }
}

async fn connect(url: &str) -> anyhow::Result<PgConnection> {
    let options = PgConnectOptions::from_str(url)?;
    options.connect().await.context("connect to Postgres")
}

/// What follows a word at the beginning of a line.
pub(crate) fn line_of(file: &str, word: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {file}"))?;
    let rest = text.lines().find_map(|line| line.strip_prefix(word));
    Ok(rest.unwrap_or_default().trim().to_owned())
}

/// What is measured; it is not always built from a clone.
fn commit() -> String {
    let asked = Command::new("git")
        .args(["describe", "--always", "--dirty"])
        .output();
    asked.map_or_else(
        |_no_git| String::new(),
        |said| String::from_utf8_lossy(&said.stdout).trim().to_owned(),
    )
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {} cores, {} GB, Linux {}; commit {}, {}",
            self.cpu, self.cores, self.memory_gb, self.kernel, self.commit, self.date
        )?;
        writeln!(f, "Postgres: {}", self.postgres.join(", "))
    }
}
