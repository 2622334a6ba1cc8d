//! The planner: how many due mandates a second get the execution of their next cycle.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use mandated::clock::Clock;
use mandated::config::Config;
use mandated::domain::{ProviderKind, Rail};
use mandated::engine::{Engine, Settings, heartbeat, planner, retention};
use mandated::store::settle::FaultRules;

use crate::figures::{Run, best};
use crate::world::World;

/// Plans `count` mandates, as one daemon does: one batch after the other.
pub(crate) async fn run(world: &mut World, count: i64) -> anyhow::Result<f64> {
    world.add_mandates(count).await?;
    let engine = engine(world)?;
    let started = Instant::now();
    while planner::tick(&engine).await? > 0 {}
    let took = started.elapsed();
    world.check_planned(count).await?;
    Ok(best(&[Run { count, took }]))
}

/// An engine with the default configuration, and no account to call.
fn engine(world: &World) -> anyhow::Result<Engine> {
    let variables = [("MANDATED__DATABASE__URL", "postgres://127.0.0.1/bench")];
    let config = Config::load_with(None, variables).context("read the default configuration")?;
    let mut policies = BTreeMap::new();
    for provider in ProviderKind::ALL {
        for rail in Rail::ALL {
            policies.insert((*provider, *rail), config.policy(*provider, *rail));
        }
    }
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let settings = Settings {
        worker_id: "bench".to_owned(),
        concurrency: size(config.worker.concurrency),
        batch: size(config.worker.batch),
        settle_batch: size(config.worker.settle_batch),
        lease: config.worker.lease,
        answer_timeout: Duration::from_mins(1),
        trouble_interval: Duration::from_mins(1),
        poll_interval: config.worker.poll_interval,
        settle_linger: config.worker.settle_linger,
        faults: FaultRules {
            limit: i64::from(config.worker.parked_limit),
            within: config.worker.parked_within,
            pause: config.worker.parked_pause,
        },
        planner_interval: config.planner.interval,
        planner_horizon: config.planner.horizon,
        planner_batch: size(config.planner.batch),
        rescue_interval: config.rescue.interval,
        heartbeat_interval: Duration::from_secs(10),
        overdue: heartbeat::Overdue {
            warn_after: Duration::from_hours(1),
            error_after: Duration::from_hours(72),
            every: Duration::from_hours(1),
        },
        retention: retention::Settings {
            interval: config.retention.interval,
            attempts: config.retention.attempts,
            events: config.retention.events,
            executions: config.retention.executions,
            partitions_ahead: 3,
        },
        policies,
    };
    let clock = Clock::simulated(world.now);
    Ok(Engine::new(
        world.pool.clone(),
        clock,
        settings,
        Vec::new(),
        "bnch".to_owned(),
    ))
}
