//! A daemon that finds the database behind what it has itself committed moves no more money.

use std::time::Duration;

use mandated::domain::ProviderKind;
use mandated::engine::lane;
use mandated::engine::simulation::{Limits, run};
use mandated::store::StoreError;
use mandated::store::pool::DatabasePool;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio_util::sync::CancellationToken;

use crate::support::TestDatabase;
use crate::support::due::{execute, scalar};
use crate::support::running::until;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, at, live};

/// Lives until a time or until the database is refused; the error.
async fn refused(world: &World, until: &str) -> String {
    let limits = Limits {
        until: Some(at(until)),
        step: Duration::from_mins(1),
    };
    let going_on = CancellationToken::new();
    let life = run(&world.engine, limits, &going_on, |_| {});
    match tokio::time::timeout(Duration::from_secs(20), life).await {
        Ok(Ok(())) => "it went on".to_owned(),
        Ok(Err(error)) => error.to_string(),
        // A daemon waits for its database.
        Err(_) => "it waits".to_owned(),
    }
}

/// As after a fail-over that lost the last commits: the executions are as they were planned.
async fn lose_the_last_commits(pool: &DatabasePool) {
    for statement in [
        "delete from mandated.attempts",
        "delete from mandated.debits",
        "delete from mandated.intents",
        "delete from mandated.jobs",
        "update mandated.executions set state = 'planned', finished_at = null, sent_at = null, debit_attempts = 0, lookups = 0",
        "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at)
         select id, account_id, mandate_id, 'execute', debit_at from mandated.executions",
    ] {
        execute(pool, statement).await;
    }
}

fn debit_calls(world: &World) -> u64 {
    let calls = world.ledger().calls;
    calls.get("POST /txns").copied().unwrap_or_default()
}

#[tokio::test]
async fn a_database_that_has_lost_the_last_settlement_is_refused() {
    let world = Scenario::many(2, Flow::UpiExempt).open().await;
    world.run("05 07:20").await;
    let before = debit_calls(&world);
    assert!(before > 0);
    lose_the_last_commits(world.pool()).await;
    let error = refused(&world, "05 08:00").await;
    assert_ne!(error, "it went on");
    assert_eq!(debit_calls(&world), before, "no call goes out: {error}");
    let debits: i64 = scalar(world.pool(), "select count(*) from mandated.debits").await;
    assert_eq!(debits, 0);
    // Another process, which has committed nothing: it finds the accounts marked.
    let url = world.sandbox.base_url(ProviderKind::Juspay).to_string();
    let next = world.engine_at(&url, |_| {}).await;
    live(&next, at("05 09:00")).await;
    assert_eq!(debit_calls(&world), before, "only a recovery frees them");
}

/// Two connections, to be used in turn: the first to one database, the second to another, as around a fail-over.
async fn two_servers(first: &TestDatabase, second: &TestDatabase) -> PgPool {
    let options = PgPoolOptions::new().max_connections(2);
    let pool = options.connect(&first.url()).await.unwrap();
    let one = pool.acquire().await.unwrap();
    pool.set_connect_options(second.url().parse().unwrap());
    let other = pool.acquire().await.unwrap();
    for (connection, idle) in [(one, 1), (other, 2)] {
        drop(connection);
        until("the connection is back", async || pool.num_idle() == idle).await;
    }
    pool
}

#[tokio::test]
async fn a_claim_is_made_by_the_server_that_was_asked_what_it_remembers() {
    let primary = TestDatabase::new().await;
    let scenario = Scenario::many(2, Flow::UpiExempt);
    let mut world = scenario.open_on(primary.pool.clone()).await;
    world.run("05 07:20").await;
    // Another one takes its place that has lost commits, and the connections before live on.
    let behind = primary.twin().await;
    lose_the_last_commits(&behind.pool).await;
    world.engine.database.pool = two_servers(&primary, &behind).await.into();
    let worker = world.engine.worker(&world.engine.accounts[0]);
    let mut refused = 0;
    for _ in 0..4 {
        let claimed = lane::claim(&worker, 10, None).await;
        refused += u32::from(matches!(claimed, Err(StoreError::Replaced { .. })));
    }
    assert!(refused > 0, "the one that has forgotten was asked");
    let leased: i64 = scalar(
        &behind.pool,
        "select count(*) from mandated.jobs where lease_token is not null",
    )
    .await;
    assert_eq!(leased, 0, "what it would send again was sent");
}
