//! The planner: how many due mandates a second get the execution of their next cycle.

use std::time::Instant;

use anyhow::Context;
use chrono::DateTime;
use mandated::clock::Clock;
use mandated::compose;
use mandated::config::Config;
use mandated::domain::Rail;
use mandated::engine::Engine;
use mandated::engine::planner::Planner;

use crate::Bench;
use crate::figures::{Figure, Goal, Run};
use crate::world::World;

/// 06:10 in India, before a month's last days: one cron expression has a day that February has not.
const NOW: &str = "2027-01-29T00:40:00Z";
/// A million in so many seconds.
const SECONDS: f64 = 60.0;

/// Plans mandates as one daemon does: two side by side, one batch after the other.
pub(crate) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let clock = Clock::simulated(DateTime::parse_from_rfc3339(NOW)?.to_utc());
    let world = Box::pin(World::new(
        &bench.server.postgres,
        "planning",
        Rail::Upi,
        clock,
    ))
    .await?;
    let count = bench.sizes.mandates;
    add_mandates(&world, count).await?;
    let planner = engine(&world)?.planner();
    let started = Instant::now();
    tokio::try_join!(Box::pin(all(&planner)), Box::pin(all(&planner)))?;
    let took = started.elapsed();
    check(&world, count).await?;
    bench.figures.add(Figure::new(
        "mandates planned",
        Run { count, took }.rate(),
        "/s",
        None,
        Goal::AtLeast(1_000_000.0 / SECONDS),
    ))?;
    bench.figures.add(Figure::new(
        format!("{count} mandates planned in"),
        took.as_secs_f64(),
        "s",
        None,
        Goal::AtMost(SECONDS),
    ))?;
    bench.worlds.push(world);
    Ok(())
}

async fn all(planner: &Planner) -> anyhow::Result<()> {
    while Box::pin(planner.tick()).await? > 0 {}
    Ok(())
}

/// Monthly mandates, by UPI and card, one in ten by a cron expression, with a cycle to be planned now.
async fn add_mandates(world: &World, count: i64) -> anyhow::Result<()> {
    sqlx::query(
        "insert into mandated.mandates (id, ref, account_id, provider, provider_mandate_id, customer_id, rail, notify,
           amount_minor, max_amount_minor, currency, frequency, cron, time_zone, starts_on, debit_at, description, metadata,
           next_cycle_on, next_plan_at, created_at, updated_at) overriding system value
         select i, 'subscription-' || i, 1, 'juspay', md5(i::text), 'customer-' || i,
           case when i % 3 = 0 then 'card' else 'upi' end, 'separate', 49900, 500000, 'INR',
           case when i % 10 > 0 then 'monthly' end, case when i % 10 = 0 then '0 6 30 * *' end, 'Asia/Kolkata', '2026-12-30',
           '06:00', 'Gold plan, monthly', '{\"order.udf1\": \"web\"}', '2027-01-30',
           $2 - make_interval(secs => abs(hashint8(i)) % 600), $2 - interval '1 month', $2 - interval '1 month'
           from generate_series(1, $1) i",
    )
    .bind(count)
    .bind(world.clock.now())
    .execute(&world.pool)
    .await
    .context("add mandates")?;
    world.settle_down().await
}

/// Proves that every mandate got its execution and its job.
async fn check(world: &World, count: i64) -> anyhow::Result<()> {
    let planned: (i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from mandated.executions where state = 'planned'), (select count(*) from mandated.jobs),
                (select count(*) from mandated.mandates where next_cycle_on > '2027-01-30')",
    )
    .fetch_one(&world.pool)
    .await?;
    anyhow::ensure!(
        planned == (count, count, count),
        "executions, jobs and mandates of {count} planned: {planned:?}"
    );
    Ok(())
}

/// An engine with the default configuration, and no account to call.
fn engine(world: &World) -> anyhow::Result<Engine> {
    let variables = [("MANDATED__DATABASE__URL", "postgres://127.0.0.1/bench")];
    let config = Config::load_with(None, variables).context("read the default configuration")?;
    Ok(Engine::new(
        world.pool.clone(),
        world.clock.clone(),
        compose::engine::settings(&config),
        Vec::new(),
        "bnch".to_owned(),
    ))
}
