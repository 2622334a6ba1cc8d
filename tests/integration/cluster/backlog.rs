//! More to do than can be done: an account whose provider does not answer, a database that settles slowly.

use sqlx::{Connection, PgConnection};

use super::provider::Held;
use super::{beats, count, leased, payers};
use crate::support::due::execute;
use crate::support::log::Log;
use crate::support::running::{Running, all_due, until};
use crate::support::world::{Flow, Payer, World};

#[tokio::test]
async fn an_account_whose_provider_does_not_answer_holds_up_nobody_elses_debits() {
    let mut payers = payers(40, Flow::SignzyOnDemand);
    payers.extend((0..40).map(|n| Payer::new(format!("slow{n}"), Flow::Enach)));
    let world = World::open(&payers).await;
    let provider = Held::start().await;
    let engine = world
        .engine_with(
            "worker-1",
            |config| provider.is_juspay_of(config),
            |settings| settings.concurrency = 8,
        )
        .await;
    all_due(&world).await;
    let daemon = Running::start(engine);
    until("the slow account has all that it can get", async || {
        provider.arrived() >= 6
    })
    .await;
    until("the other account goes on", async || {
        count(&world, "attempts where call = 'execute'").await == 40
    })
    .await;
    assert_eq!(provider.arrived(), 6, "half of a half is the other's own");
    daemon.abort().await;
}

#[tokio::test]
async fn no_more_is_claimed_than_fits_while_settling_lags() {
    const CONCURRENCY: usize = 8;
    const SETTLE_BATCH: usize = 5;
    let log = Log::capture();
    let world = World::open(&payers(80, Flow::Enach)).await;
    all_due(&world).await;
    // A settlement that takes as long as somebody keeps the gate.
    execute(world.pool(), "create table gate (closed int)").await;
    execute(
        world.pool(),
        "create function wait() returns trigger language plpgsql as 'begin lock table gate; return new; end'",
    )
    .await;
    execute(
        world.pool(),
        "create trigger wait before insert on mandated.attempts for each row execute function wait()",
    )
    .await;
    let mut gate = PgConnection::connect(&world.url()).await.unwrap();
    for statement in ["begin", "lock table gate"] {
        sqlx::query(statement).execute(&mut gate).await.unwrap();
    }
    let engine = world
        .engine("worker-1", |settings| {
            settings.concurrency = CONCURRENCY;
            settings.settler.batch = SETTLE_BATCH;
        })
        .await;
    let daemon = Running::start(engine);
    // Places for jobs (two are the other account's own), answers that wait for the settler, and those in its hands.
    let waiting = CONCURRENCY - 2 + CONCURRENCY;
    until("all places are taken", async || {
        leased(&world).await > waiting
    })
    .await;
    beats(&log, 20).await;
    let claimed = leased(&world).await;
    assert!(claimed <= waiting + SETTLE_BATCH, "{claimed}");
    assert_eq!(count(&world, "attempts").await, 0);
    gate.close().await.unwrap();
    until("it goes on by itself", async || {
        count(&world, "attempts").await == 80
    })
    .await;
    daemon.drain().await;
    assert_eq!(leased(&world).await, 0);
}
