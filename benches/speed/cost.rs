//! What one execution costs, beside few rows and beside millions, and how much memory the daemon has.

use anyhow::Context;
use mandated::domain::Rail;
use mandated::store::pool::DatabasePool;

use crate::Bench;
use crate::cluster::Cluster;
use crate::figures::{Cost, Figure, Goal};
use crate::process::{Sandbox, cpu_us, memory_mb, postgres_cpu_us};
use crate::world::World;

/// DESIGN.md §13.
const MEMORY_MB: f64 = 64.0;

/// What was used up so far.
#[derive(Debug, Clone, Copy)]
struct Used {
    daemon_us: f64,
    postgres_us: f64,
    sandbox_us: f64,
    wal_bytes: f64,
}

pub(crate) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let mut world = bench.world("large", Rail::Card).await?;
    let most = bench.sizes.future;
    let stages = [10_000, 1_000_000].into_iter().filter(|rows| *rows < most);
    for rows in stages.chain([most]) {
        world.fill_to(rows).await?;
        let count = if rows == most {
            bench.sizes.watched
        } else {
            bench.sizes.calls
        };
        one(bench, &mut world, count).await?;
    }
    bench.large = Some(world);
    Ok(())
}

async fn one(bench: &mut Bench, world: &mut World, count: i64) -> anyhow::Result<()> {
    let sandbox = Sandbox::start()?;
    let cluster = Cluster::start(world, &sandbox, 1, bench.sizes.in_flight).await?;
    let id = cluster.daemons.first().context("a daemon")?.id();
    let due = bench.collectable(world, &sandbox, count).await?;
    let (idle, _) = memory_mb(id)?;
    let trips = round_trips(&world.pool).await?;
    let before = Used::read(world, id, &sandbox).await?;
    let began = world.release().await?;
    let (run, looks) = world.done_in_looks(due, began).await?;
    let after = Used::read(world, id, &sandbox).await?;
    let (_, most) = memory_mb(id)?;
    // Its connections say what they did when they end.
    cluster.stop()?;
    let trips = round_trips(&world.pool).await? - trips - looks as f64;
    let each = |before: f64, after: f64| (after - before) / count as f64;
    bench.figures.add_cost(Cost {
        rows: world.filled,
        rate: run.rate(),
        daemon_us: each(before.daemon_us, after.daemon_us),
        postgres_us: each(before.postgres_us, after.postgres_us),
        sandbox_us: each(before.sandbox_us, after.sandbox_us),
        wal_bytes: each(before.wal_bytes, after.wal_bytes),
        round_trips: trips / count as f64,
    })?;
    for (what, value) in [
        ("idle".to_owned(), idle),
        (format!("at most while it collects {count}"), most),
    ] {
        let what = format!(
            "the daemon's memory beside {} mandates, {what}",
            world.filled
        );
        let goal = Goal::AtMost(MEMORY_MB);
        bench
            .figures
            .add(Figure::new(what, value, "MB", None, goal))?;
    }
    Ok(())
}

impl Used {
    async fn read(world: &World, daemon: u32, sandbox: &Sandbox) -> anyhow::Result<Self> {
        let wal_bytes: f64 = sqlx::query_scalar(
            "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8",
        )
        .fetch_one(&world.pool)
        .await?;
        Ok(Self {
            daemon_us: cpu_us(daemon)?,
            postgres_us: postgres_cpu_us(&world.pool).await?,
            sandbox_us: cpu_us(sandbox.process.id())?,
            wal_bytes,
        })
    }
}

/// Transactions so far. Of ours each is one statement, and so one round trip.
async fn round_trips(pool: &DatabasePool) -> anyhow::Result<f64> {
    let count: i64 = sqlx::query_scalar(
        "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()",
    )
    .fetch_one(pool)
    .await?;
    Ok(count as f64)
}
