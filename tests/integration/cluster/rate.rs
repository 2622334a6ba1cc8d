//! How often an account is called, and how many jobs wait for their turn.

use std::time::Duration;

use mandated::engine::Engine;
use sqlx::postgres::PgPoolOptions;

use super::provider::Held;
use super::{beats, count, leased, limits};
use crate::support::due::scalar;
use crate::support::log::Log;
use crate::support::running::{Running, all_due, until};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::World;

/// A daemon of the account, with connections of its own.
async fn engine(world: &World, worker: &str, provider: &Held, tps: u32) -> Engine {
    let configured = |config: &mut _| {
        limits(config, 64, tps);
        provider.is_juspay_of(config);
    };
    let mut engine = world.engine_with(worker, configured, |_| {}).await;
    let options = world.pool().connect_options().as_ref().clone();
    let pool = PgPoolOptions::new().connect_with(options).await.unwrap();
    engine.database.pool = pool.into();
    engine
}

/// The opening of a window: all of it is due at the same moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_due_at_once_does_not_go_out_at_once() {
    const DEBITS: usize = 300;
    const TPS: usize = 100;
    let world = Scenario::many(DEBITS, Flow::Enach).open().await;
    let provider = Held::start().await;
    provider.answer(DEBITS);
    let mut daemons = Vec::new();
    for worker in ["worker-1", "worker-2"] {
        let tps = u32::try_from(TPS).unwrap();
        daemons.push(Running::start(engine(&world, worker, &provider, tps).await));
    }
    until("both are in", async || {
        let sql =
            "select count(*) from mandated.daemons where cardinality(acknowledged_members) = 2";
        scalar::<i64>(world.pool(), sql).await == 2
    })
    .await;
    all_due(&world).await;
    let due = std::time::Instant::now();
    until("every debit was called", async || {
        provider.arrived() == DEBITS
    })
    .await;
    // Two are rounding. What the machine holds up arrives closer together than it was sent: a tenth of a second.
    let busiest = provider.busiest_second();
    assert!(busiest <= TPS + 2 + TPS / 10, "{busiest} in a second");
    assert!(due.elapsed() >= Duration::from_millis(2_900));
    for daemon in daemons {
        daemon.drain().await;
    }
}

#[tokio::test]
async fn no_more_is_claimed_than_comes_to_its_turn_well_within_the_lease() {
    let log = Log::capture();
    let world = Scenario::many(40, Flow::Enach).due().open().await;
    let provider = Held::start().await;
    let daemon = Running::start(engine(&world, "worker-1", &provider, 1).await);
    // One call a second, and a lease of 150 of them.
    until("jobs are claimed", async || leased(&world).await == 15).await;
    beats(&log, 10).await;
    assert_eq!(leased(&world).await, 15);
    assert!(provider.arrived() < 15);
    assert_eq!(count(&world, "attempts").await, 0);
    daemon.abort().await;
}
