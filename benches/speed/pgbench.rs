//! A second floor for the store: a job table as the fastest general job engines have it, with neither intents nor a ledger.
//!
//! pgbench drives it: 500 jobs are claimed by one statement with SKIP LOCKED, and deleted by another. So a reader sees what the
//! guarantees cost, on the same machine and in the same run.

use std::process::Command;

use anyhow::Context;
use sqlx::{Connection, PgConnection};

use crate::Bench;
use crate::figures::{Figure, Floor, Goal};

const TABLE: [&str; 4] = [
    "create table job (id bigint primary key, run_at timestamptz not null, kind smallint not null, payload bigint not null,
       locked_at timestamptz, locked_by smallint)
       with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000)",
    "create index job_due_idx on job (run_at, id) where locked_at is null",
    "vacuum analyze job",
    "checkpoint",
];
const FILL: &str = "insert into job (id, run_at, kind, payload)
 select i, now() - make_interval(secs => abs(hashint8(i)) % 3600), 1, i from generate_series(1, $1) i";
const SCRIPT: &str = "with due as materialized (select id from job where locked_at is null and run_at <= now() order by run_at, id \
 limit 500 for no key update skip locked), \
 claimed as (update job set locked_at = now(), locked_by = :client_id where id = any (array(select id from due)) returning id) \
 select coalesce(array_agg(id), '{}')::text as ids from claimed \\gset\n\
 delete from job where id = any (:ids::bigint[]);\n";
const BATCH: i64 = 500;

pub(crate) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let mut connection = bench.server.connect().await?;
    // It is installed beside the server, if at all.
    let folder: String = sqlx::query_scalar("select setting from pg_config where name = 'BINDIR'")
        .fetch_one(&mut connection)
        .await?;
    let program = std::path::Path::new(&folder).join("pgbench");
    if !program.exists() {
        return crate::say("pgbench is not beside the server: left out").map_err(Into::into);
    }
    bench.server.postgres.create_database("pgbench").await?;
    let url = bench.server.postgres.url("pgbench");
    let mut most: f64 = 0.0;
    for _ in 0..bench.sizes.rounds {
        most = most.max(drain(&program, &url, bench.sizes.rows, bench.sizes.workers).await?);
    }
    let floor = Floor {
        what: "claim 500 and delete 500 of a narrow job table, by pgbench",
        value: most,
    };
    let ours = bench.store_rate.unwrap_or(0.0);
    bench.figures.add(Figure::new(
        "our batches of 500 against a job table without intents or a ledger",
        ours,
        "/s",
        Some(floor),
        Goal::Nothing,
    ))?;
    Ok(())
}

/// Fills the table, and has pgbench drain it: jobs a second.
async fn drain(
    program: &std::path::Path,
    url: &str,
    rows: i64,
    workers: usize,
) -> anyhow::Result<f64> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query("drop table if exists job")
        .execute(&mut connection)
        .await?;
    for (nth, statement) in TABLE.into_iter().enumerate() {
        sqlx::query(statement).execute(&mut connection).await?;
        if nth == 1 {
            sqlx::query(FILL)
                .bind(rows)
                .execute(&mut connection)
                .await?;
        }
    }
    let script = tempfile::NamedTempFile::new()?;
    std::fs::write(script.path(), SCRIPT)?;
    let clients = i64::try_from(workers)?;
    let each = rows
        .checked_div(BATCH.saturating_mul(clients))
        .context("no clients")?
        .max(1);
    let said = Command::new(program)
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .arg(format!("--client={clients}"))
        .arg(format!("--transactions={each}"))
        .arg("--file")
        .arg(script.path())
        .arg(url)
        .output()
        .context("run pgbench")?;
    let text = String::from_utf8_lossy(&said.stdout);
    let rate = text
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let rate: f64 = rate.with_context(|| {
        let words = String::from_utf8_lossy(&said.stderr).into_owned();
        format!("pgbench did not do it: {words}")
    })?;
    let left: i64 = sqlx::query_scalar("select count(*) from job")
        .fetch_one(&mut connection)
        .await?;
    let most = BATCH.saturating_mul(clients);
    anyhow::ensure!(left < most, "pgbench left {left} jobs");
    Ok(rate * BATCH as f64)
}
