//! A daemon that finds the database behind what it has itself committed moves no more money.

use std::time::Duration;

use mandated::domain::ProviderKind;
use mandated::engine::simulation::{Limits, run};
use tokio_util::sync::CancellationToken;

use crate::support::due::{execute, scalar};
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
    // As after a fail-over that lost the last commits: the executions are as they were planned.
    for statement in [
        "delete from mandated.attempts",
        "delete from mandated.debits",
        "delete from mandated.intents",
        "delete from mandated.jobs",
        "update mandated.executions set state = 'planned', finished_at = null, sent_at = null, debit_attempts = 0, lookups = 0",
        "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at)
         select id, account_id, mandate_id, 'execute', debit_at from mandated.executions",
    ] {
        execute(world.pool(), statement).await;
    }
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
