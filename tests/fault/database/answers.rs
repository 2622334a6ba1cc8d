//! Answers that came while they could not be written, and those of which it is not known whether they were.

use sqlx::{Connection, PgConnection};

use super::DatabaseScenario;
use crate::support::due::{column, execute};
use crate::support::running::{Running, until};
use crate::support::scenario::{Flow, Scenario};
use crate::support::wire::{Cut, Mode};

#[tokio::test]
async fn what_came_while_the_database_was_away_is_kept_and_written_once() {
    let scenario = DatabaseScenario::open(&Scenario::many(12, Flow::UpiExempt).slow(300)).await;
    let engine = scenario.engine(|_| {}).await;
    let health = engine.database.health.clone();
    let daemon = Running::start(engine);
    scenario.called(4).await;
    scenario.wire.set(Mode::Refused);
    until("all four answers are kept", async || health.kept() == 4).await;
    assert_eq!(scenario.count("attempts").await, 0);
    assert_eq!(
        scenario.world.ledger().calls["POST /txns"],
        4,
        "nothing new is begun while answers wait"
    );
    scenario.wire.set(Mode::Forward);
    until("they are written", async || {
        scenario.count("attempts").await >= 4
    })
    .await;
    // The daemon hears of its commit a moment after everybody else sees it.
    until("nothing is kept any more", async || health.kept() == 0).await;
    scenario.collected().await;
    daemon.drain().await;
    assert_eq!(scenario.count("attempts where outcome = 'lost'").await, 0);
    scenario.logged_once("away");
    scenario.agrees().await;
}

#[tokio::test]
async fn a_daemon_that_drains_writes_what_it_holds_when_the_database_is_back() {
    let scenario = DatabaseScenario::open(&Scenario::many(4, Flow::UpiExempt).slow(300)).await;
    let engine = scenario.engine(|_| {}).await;
    let health = engine.database.health.clone();
    let daemon = Running::start(engine);
    scenario.called(4).await;
    scenario.wire.set(Mode::Refused);
    until("the answers are kept", async || health.kept() == 4).await;
    daemon.begin_to_drain().await;
    assert_eq!(scenario.count("attempts").await, 0);
    scenario.wire.set(Mode::Forward);
    daemon.drain().await;
    assert_eq!(scenario.count("attempts").await, 4);
    assert_eq!(
        scenario.count("jobs where lease_token is not null").await,
        0
    );
}

#[tokio::test]
async fn a_daemon_that_must_stop_says_which_answers_it_leaves_to_be_reconciled() {
    let scenario = DatabaseScenario::open(&Scenario::many(4, Flow::UpiExempt).slow(300)).await;
    let engine = scenario.engine(|_| {}).await;
    let health = engine.database.health.clone();
    let daemon = Running::start(engine);
    scenario.called(4).await;
    scenario.wire.set(Mode::Refused);
    until("the answers are kept", async || health.kept() == 4).await;
    daemon.abort().await;
    let mut left: Vec<i64> = scenario
        .lines("stopped before this answer")
        .iter()
        .map(|line| line["execution.id"].as_i64().unwrap())
        .collect();
    left.sort_unstable();
    let held: Vec<i64> = column(
        scenario.world.pool(),
        "select execution_id from mandated.jobs where lease_token is not null order by 1",
    )
    .await;
    assert_eq!(left, held);
    assert_eq!(left.len(), 4);
    scenario.wire.set(Mode::Forward);
    let next = scenario.start().await;
    scenario.collected().await;
    next.drain().await;
    assert_eq!(scenario.count("attempts where outcome = 'lost'").await, 4);
    scenario.agrees().await;
}

#[tokio::test]
async fn what_was_written_by_a_try_without_an_answer_is_not_called_lost() {
    let scenario = DatabaseScenario::open(&Scenario::many(6, Flow::UpiExempt).slow(100)).await;
    scenario
        .wire
        .cut("), waited_for as materialized (", Cut::After);
    let daemon = scenario.start().await;
    until("the settlement is cut off", async || {
        scenario.wire.cuts_made() == 1
    })
    .await;
    scenario.collected().await;
    daemon.drain().await;
    assert!(scenario.lines("lease lost").is_empty());
    assert_eq!(scenario.count("attempts where outcome = 'lost'").await, 0);
    let mut pending: Vec<_> = scenario.log.lines();
    pending.retain(|line| line["from"] == "executing" && line["state"] == "pending");
    assert_eq!(pending.len(), 6, "each is told once");
    scenario.agrees().await;
}

#[tokio::test]
async fn what_is_written_twice_counts_once() {
    let scenario = DatabaseScenario::open(&Scenario::many(4, Flow::UpiExempt).slow(100)).await;
    let wrong = scenario.world.engine_with_a_wrong_merchant().await;
    let mut engine = scenario.engine(|_| {}).await;
    engine.accounts = wrong.accounts;
    scenario
        .wire
        .cut("), waited_for as materialized (", Cut::After);
    let daemon = Running::start(engine);
    until("all are parked", async || {
        scenario.wire.cuts_made() == 1
            && scenario.count("executions where state = 'review'").await == 4
    })
    .await;
    daemon.drain().await;
    let parked: Vec<i32> = column(
        scenario.world.pool(),
        "select parked from mandated.account_faults",
    )
    .await;
    assert_eq!(parked, [4]);
}

/// Somebody else has the job by then: nothing is written, and it is said.
#[tokio::test]
async fn an_answer_that_was_kept_for_too_long_is_not_written() {
    let scenario = DatabaseScenario::open(&Scenario::many(4, Flow::UpiExempt).slow(200)).await;
    let engine = scenario.engine(|_| {}).await;
    let health = engine.database.health.clone();
    let daemon = Running::start(engine);
    scenario.called(4).await;
    scenario.wire.set(Mode::Refused);
    until("the answers are kept", async || health.kept() == 4).await;
    execute(
        scenario.world.pool(),
        "update mandated.jobs set lease_until = now() - interval '1 second'",
    )
    .await;
    scenario.world.engine.rescuer().tick().await.unwrap();
    scenario.wire.set(Mode::Forward);
    until("it is said", async || {
        scenario.lines("lease lost").len() == 4
    })
    .await;
    assert_eq!(scenario.count("attempts where outcome <> 'lost'").await, 0);
    scenario.collected().await;
    daemon.drain().await;
    scenario.agrees().await;
}

/// Claims could go on: only what they come to cannot be written. They do not, or answers would pile up without an end.
#[tokio::test]
async fn nothing_new_is_begun_while_answers_cannot_be_written() {
    let scenario = DatabaseScenario::open(&Scenario::many(40, Flow::UpiExempt).slow(50)).await;
    let daemon = scenario.start().await;
    scenario.called(4).await;
    let mut psql = PgConnection::connect(&scenario.url).await.unwrap();
    for statement in ["begin", "lock table mandated.attempts in share mode"] {
        sqlx::query(statement).execute(&mut psql).await.unwrap();
    }
    scenario.logged("locked").await;
    let begun = || scenario.world.ledger().calls["POST /txns"];
    let mut seen = (0, 0);
    until("no more is begun", async || {
        let beats = scenario.lines("heartbeat").len();
        if begun() > seen.0 {
            seen = (begun(), beats);
        }
        beats > seen.1 + 40
    })
    .await;
    assert!(begun() < 40, "everything was begun");
    psql.close().await.unwrap();
    scenario.collected().await;
    daemon.drain().await;
    scenario.agrees().await;
}
