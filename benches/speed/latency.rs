//! How long after its time a job is picked up, while a thousand become due each second and millions wait.

use anyhow::Context;
use chrono::TimeDelta;
use mandated::clock::Clock;

use crate::Bench;
use crate::calls;
use crate::cluster::Cluster;
use crate::figures::{Figure, Goal};
use crate::process::Sandbox;
use crate::world::When;

const EACH_SECOND: i64 = 1_000;
/// Until the first of them is due, everything is prepared.
const LEAD: TimeDelta = TimeDelta::seconds(45);

pub(crate) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let mut world = bench.large().await?;
    let sandbox = Sandbox::start()?;
    let cluster = Cluster::start(&world, &sandbox, 1, bench.sizes.in_flight).await?;
    let from = Clock::System.now().checked_add_signed(LEAD);
    let from = from.context("the first is due")?;
    let count = bench.sizes.seconds.saturating_mul(EACH_SECOND);
    let due = world.add_due(count, When::Arriving(from)).await?;
    calls::prepare(&sandbox, due).await?;
    let began = world.release().await?;
    anyhow::ensure!(began < from, "it took too long to prepare");
    world.done(due, began).await?;
    cluster.stop()?;
    // An attempt has the time of its call: what the claim took is in it.
    let waited: Vec<f64> = sqlx::query_scalar(
        "select unnest(percentile_disc(array[0.5, 0.99, 1.0]) within group (order by waited))
           from (select extract(epoch from a.at - e.debit_at)::float8 * 1000 as waited
                   from mandated.attempts a join mandated.executions e on e.id = a.execution_id
                  where a.execution_id >= $1) w",
    )
    .bind(due.first)
    .fetch_all(&world.pool)
    .await?;
    let goals = [Goal::Nothing, Goal::AtMost(100.0), Goal::Nothing];
    for ((name, value), goal) in ["p50", "p99", "longest"].into_iter().zip(waited).zip(goals) {
        let what = format!(
            "from run_at to the call, {EACH_SECOND} due a second, {} waiting: {name}",
            world.filled
        );
        bench
            .figures
            .add(Figure::new(what, value, "ms", None, goal))?;
    }
    bench.large = Some(world);
    Ok(())
}
