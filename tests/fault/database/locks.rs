//! A person's psql: locks that are held, and a snapshot that is never given back.

use sqlx::{Connection, PgConnection};

use super::{DatabaseScenario, payers, slow};
use crate::support::due::{claim, due, execute, scalar};
use crate::support::running::until;
use crate::support::world::Flow;

/// A transaction that somebody has left open.
async fn left_open(scenario: &DatabaseScenario, statements: &[&'static str]) -> PgConnection {
    let mut psql = PgConnection::connect(&scenario.url).await.unwrap();
    sqlx::query("begin").execute(&mut psql).await.unwrap();
    for statement in statements {
        sqlx::query(*statement).execute(&mut psql).await.unwrap();
    }
    psql
}

#[tokio::test]
async fn one_locked_row_keeps_nobody_else_waiting() {
    for lock in [
        "select from mandated.executions order by id limit 1 for update",
        "select from mandated.jobs order by execution_id limit 1 for update",
    ] {
        let scenario = DatabaseScenario::open(&payers(4, Flow::UpiExempt), slow(300)).await;
        let daemon = scenario.start().await;
        scenario.called(4).await;
        let psql = left_open(&scenario, &[lock]).await;
        scenario.logged("locked").await;
        until("the others are settled", async || {
            scenario.count("attempts").await == 3
        })
        .await;
        psql.close().await.unwrap();
        until("it is over", async || !scenario.over().is_empty()).await;
        scenario.collected().await;
        daemon.drain().await;
        scenario.logged_once("locked");
        assert_eq!(scenario.count("attempts where outcome = 'lost'").await, 0);
        scenario.agrees().await;
    }
}

/// Nobody looks whether an intent is free: the lock is found by waiting for it, by one of them alone.
#[tokio::test]
async fn a_lock_that_is_found_by_waiting_keeps_nobody_else_waiting_either() {
    let scenario = DatabaseScenario::open(&payers(4, Flow::UpiExempt), slow(10)).await;
    let daemon = scenario.start().await;
    until("all are under way", async || {
        scenario.count("executions where state = 'pending'").await == 4
    })
    .await;
    let lock = "select from mandated.intents order by execution_id limit 1 for update";
    let psql = left_open(&scenario, &[lock]).await;
    scenario.collected_but(1).await;
    scenario.logged("locked").await;
    psql.close().await.unwrap();
    scenario.collected().await;
    until("it is over", async || !scenario.over().is_empty()).await;
    daemon.drain().await;
    scenario.logged_once("locked");
    scenario.agrees().await;
}

#[tokio::test]
async fn a_locked_table_is_waited_for_and_no_answer_is_dropped() {
    let scenario = DatabaseScenario::open(&payers(8, Flow::UpiExempt), slow(300)).await;
    let daemon = scenario.start().await;
    scenario.called(4).await;
    let psql = left_open(&scenario, &["lock table mandated.jobs"]).await;
    until("the settler has found out", async || {
        scenario
            .began()
            .iter()
            .any(|line| line["operation"] == "settle")
    })
    .await;
    assert_eq!(scenario.world.ledger().calls["POST /txns"], 4);
    psql.close().await.unwrap();
    scenario.collected().await;
    daemon.drain().await;
    assert_eq!(scenario.count("attempts where outcome = 'lost'").await, 0);
    let mut logged: Vec<String> = scenario
        .began()
        .iter()
        .map(|line| format!("{} {}", line["failure"], line["operation"]))
        .collect();
    let all = logged.len();
    logged.sort();
    logged.dedup();
    assert_eq!(logged.len(), all, "each loop says it once: {logged:?}");
    scenario.agrees().await;
}

#[tokio::test]
async fn a_snapshot_that_is_held_stops_nothing() {
    let scenario = DatabaseScenario::open(&payers(20, Flow::UpiExempt), slow(10)).await;
    let snapshot = [
        "set transaction isolation level repeatable read",
        "select count(*) from mandated.jobs",
    ];
    let psql = left_open(&scenario, &snapshot).await;
    let daemon = scenario.start().await;
    scenario.collected().await;
    daemon.drain().await;
    assert!(scenario.began().is_empty(), "{:#?}", scenario.began());
    psql.close().await.unwrap();
    scenario.agrees().await;
}

#[tokio::test]
async fn a_locked_execution_does_not_keep_the_others_from_being_rescued() {
    let scenario = DatabaseScenario::open(&payers(3, Flow::UpiExempt), slow(10)).await;
    let engine = scenario.engine(|_| {}).await;
    execute(
        scenario.world.pool(),
        "update mandated.jobs set lease_token = 1, lease_until = now() - interval '1 second', worker_id = 'lost'",
    )
    .await;
    let lock = "select from mandated.executions order by id limit 1 for update";
    let psql = left_open(&scenario, &[lock]).await;
    assert_eq!(engine.rescuer().tick().await.unwrap(), 2);
    psql.close().await.unwrap();
    assert_eq!(engine.rescuer().tick().await.unwrap(), 1);
}

/// The executions of a batch that somebody has locked, by any of the rows that are looked at, are found without waiting.
#[tokio::test]
async fn what_is_locked_is_found_without_waiting() {
    let database = due(4).await;
    let claimed = claim(&database.pool, 4, "worker-1").await;
    let ids: Vec<_> = claimed.iter().map(|job| job.execution.id).collect();
    let mut psql = PgConnection::connect(&database.url()).await.unwrap();
    for lock in [
        "begin",
        "update mandated.executions set reason = reason where id = 1",
        "update mandated.mandates set ref = ref where id = 2",
        "update mandated.jobs set step = step where execution_id = 3",
    ] {
        sqlx::query(lock).execute(&mut psql).await.unwrap();
    }
    let free = mandated::store::settled::free(&database.pool, &ids)
        .await
        .unwrap();
    assert_eq!(free.iter().map(|id| id.0).collect::<Vec<_>>(), [4]);
    psql.close().await.unwrap();
    // A job that somebody has taken away is no lock.
    execute(
        &database.pool,
        "delete from mandated.jobs where execution_id = 1",
    )
    .await;
    let left: i64 = scalar(&database.pool, "select count(*) from mandated.jobs").await;
    assert_eq!(left, 3);
    let free = mandated::store::settled::free(&database.pool, &ids)
        .await
        .unwrap();
    assert_eq!(free.len(), 4);
}
