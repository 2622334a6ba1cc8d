//! The hot tables do not grow: their sizes while they are filled and drained again and again, with autovacuum on.

use mandated::domain::Rail;
use sqlx::AssertSqlSafe;

use crate::Bench;
use crate::drain::Side;
use crate::figures::{Figure, Floor, Goal};
use crate::floor::Prepared;
use crate::world::{When, World};

const ROUNDS: u32 = 20;
/// At these the sizes are read.
const READ: [u32; 3] = [5, 10, 20];
/// A twentieth of the rows of a run.
const PART: i64 = 20;

pub(crate) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let mut world = bench.world("bloat", Rail::Upi).await?;
    // An hour's work is done in a minute: so autovacuum looks sixty times as often, once a second.
    set(bench, "alter system set autovacuum_naptime = '1s'").await?;
    let count = bench.sizes.rows.checked_div(PART).unwrap_or(1).max(1);
    let mut first: [Option<f64>; 2] = [None, None];
    for round in 1..=ROUNDS {
        world.add_due(count, When::Backlog).await?;
        let drain = bench.drain(500);
        drain
            .only(&world, count, Side::Ours, Prepared::new())
            .await?;
        if !READ.contains(&round) {
            continue;
        }
        for (table, first) in ["jobs", "intents"].into_iter().zip(&mut first) {
            let (size, dead) = size(&world, table).await?;
            let floor = first.map(|value| Floor {
                what: "after round 5",
                value,
            });
            let goal = floor.as_ref().map_or(Goal::Nothing, |floor| {
                Goal::AtMost((floor.value * 2.0).max(1.0))
            });
            let what = format!(
                "{table} with its indexes after {round} rounds of {count}, {dead} dead rows"
            );
            bench
                .figures
                .add(Figure::new(what, size, "MB", floor, goal))?;
            first.get_or_insert(size);
        }
    }
    set(bench, "alter system reset autovacuum_naptime").await?;
    bench.worlds.push(world);
    Ok(())
}

async fn set(bench: &Bench, statement: &'static str) -> anyhow::Result<()> {
    let mut connection = bench.server.connect().await?;
    sqlx::query(statement).execute(&mut connection).await?;
    sqlx::query("select pg_reload_conf()")
        .execute(&mut connection)
        .await?;
    Ok(())
}

/// Megabytes, and rows that are not cleaned up yet.
async fn size(world: &World, table: &str) -> anyhow::Result<(f64, i64)> {
    let statement = format!(
        "select pg_total_relation_size('mandated.{table}') / 1048576.0::float8, pg_stat_get_dead_tuples('mandated.{table}'::regclass)"
    );
    Ok(sqlx::query_as(AssertSqlSafe(statement))
        .fetch_one(&world.pool)
        .await?)
}
