//! Refused, cut, dead, slow: the way to the database.

use std::time::Duration;

use super::DatabaseScenario;
use crate::support::due::scalar;
use crate::support::running::{Running, until};
use crate::support::scenario::{Flow, Scenario};
use crate::support::wire::{Cut, Mode};

#[tokio::test]
async fn a_database_that_refuses_is_logged_once_and_waited_for() {
    let scenario = DatabaseScenario::open(&Scenario::many(30, Flow::UpiExempt).slow(30)).await;
    let daemon = scenario.start().await;
    scenario.called(8).await;
    scenario.wire.set(Mode::Refused);
    scenario.logged("away").await;
    let called = scenario.world.ledger().calls["POST /txns"];
    until("every loop has found out", async || {
        scenario.log.text().matches("heartbeat").count() > 0
            && scenario.world.ledger().calls["POST /txns"] >= called
    })
    .await;
    scenario.wire.set(Mode::Forward);
    scenario.collected().await;
    until("it is over", async || !scenario.over().is_empty()).await;
    daemon.drain().await;
    scenario.logged_once("away");
    let line = &scenario.began()[0];
    assert!(
        line["message"]
            .as_str()
            .unwrap()
            .contains("is the server running"),
        "{line}"
    );
    scenario.agrees().await;
}

#[tokio::test]
async fn a_trouble_that_lasts_is_logged_now_and_then_and_becomes_an_error() {
    let scenario = DatabaseScenario::open(&Scenario::many(8, Flow::UpiExempt).slow(30)).await;
    let engine = scenario
        .engine(|settings| settings.database.failure_log_interval = Duration::from_millis(400))
        .await;
    let daemon = Running::start(engine);
    scenario.called(4).await;
    scenario.wire.set(Mode::Refused);
    until("it is an error", async || {
        scenario.began().iter().any(|line| line["level"] == "ERROR")
    })
    .await;
    scenario.wire.set(Mode::Forward);
    scenario.collected().await;
    until("it is over", async || !scenario.over().is_empty()).await;
    daemon.drain().await;
    let began = scenario.began();
    let lasted: Vec<i64> = began
        .iter()
        .map(|line| line["lasts_ms"].as_i64().unwrap())
        .collect();
    assert!(
        lasted.windows(2).all(|pair| pair[1] - pair[0] >= 390),
        "{lasted:?}"
    );
    for line in &began {
        let is_long = line["lasts_ms"].as_i64().unwrap() >= 2000;
        assert_eq!(line["level"] == "ERROR", is_long, "{line}");
    }
    scenario.agrees().await;
}

/// Neither the network nor the server says a word: no timeout of the database's own ends that.
#[tokio::test]
async fn a_server_that_the_network_has_lost_is_given_up_and_found_again() {
    let scenario = DatabaseScenario::open(&Scenario::many(20, Flow::UpiExempt).slow(30)).await;
    let daemon = scenario.start().await;
    scenario.called(6).await;
    scenario.wire.set(Mode::Dead);
    scenario.logged("no_answer").await;
    scenario.wire.set(Mode::Forward);
    scenario.collected().await;
    until("it is over", async || !scenario.over().is_empty()).await;
    daemon.drain().await;
    scenario.logged_once("no_answer");
    scenario.agrees().await;
}

/// A caller gives up a begin before its answer. The connection must not stay inside of a transaction: the next writes on it would be lost.
#[tokio::test]
async fn a_transaction_that_was_given_up_before_it_began_is_ended() {
    let scenario = DatabaseScenario::open(&Scenario::many(1, Flow::UpiExempt)).await;
    let engine = scenario.engine(|_| {}).await;
    let pool = &engine.database.pool;
    sqlx::query("select 1").execute(pool).await.unwrap();
    scenario.wire.set(Mode::Dead);
    let given_up = tokio::time::timeout(Duration::from_millis(200), pool.begin()).await;
    assert!(given_up.is_err(), "nobody answers");
    scenario.wire.set(Mode::Forward);
    until("its connection is back", async || {
        pool.size() > 0 && pool.num_idle() == usize::try_from(pool.size()).unwrap()
    })
    .await;
    sqlx::query("select 1").execute(pool).await.unwrap();
    let inside = "select count(*) from pg_stat_activity where application_name = 'the daemon' and state like 'idle in transaction%'";
    until("nobody is inside of a transaction", async || {
        scalar::<i64>(scenario.world.pool(), inside).await == 0
    })
    .await;
}

#[tokio::test]
async fn a_slow_database_is_no_trouble() {
    let scenario = DatabaseScenario::open(&Scenario::many(12, Flow::UpiExempt).slow(10)).await;
    let daemon = scenario.start().await;
    scenario.called(2).await;
    scenario.wire.delay(Duration::from_millis(40));
    scenario.collected().await;
    daemon.drain().await;
    assert!(scenario.began().is_empty(), "{:#?}", scenario.began());
    scenario.agrees().await;
}

/// Which of the jobs they are, nobody knows: no call was made under their leases.
#[tokio::test]
async fn jobs_that_were_claimed_and_never_heard_of_go_to_rescue() {
    let scenario = DatabaseScenario::open(&Scenario::many(4, Flow::UpiExempt).slow(10)).await;
    // One for each account: whichever claims first.
    for _ in 0..2 {
        scenario.wire.cut("), claimed as (", Cut::After);
    }
    let daemon = scenario.start().await;
    until("the claims are cut off", async || {
        scenario.wire.cuts_made() == 2
    })
    .await;
    until("the leases are there", async || {
        scenario.count("jobs where lease_token is not null").await == 4
    })
    .await;
    scenario.collected().await;
    daemon.drain().await;
    assert_eq!(
        scenario.count("attempts where outcome = 'lost'").await,
        4,
        "what was claimed without a word is looked up"
    );
    scenario.agrees().await;
}

/// Before a claim, and in the middle of a job: no call is made.
#[tokio::test]
async fn a_clock_and_a_policy_that_cannot_be_read_stop_the_call() {
    let scenario = DatabaseScenario::open(&Scenario::many(1, Flow::UpiExempt).slow(10)).await;
    scenario
        .wire
        .cut("select body from mandated.policies", Cut::Before);
    let daemon = scenario.start().await;
    until("the job is left", async || {
        !scenario.lines("left to rescue").is_empty()
    })
    .await;
    assert_eq!(scenario.world.ledger().calls.get("POST /txns"), None);
    assert_eq!(scenario.count("intents").await, 1);
    scenario.collected().await;
    daemon.drain().await;
    assert_eq!(scenario.count("attempts where outcome = 'lost'").await, 1);
    scenario.agrees().await;
}

#[tokio::test]
async fn a_counter_that_cannot_be_recorded_stops_the_call() {
    for cut in [Cut::Before, Cut::After] {
        let scenario =
            DatabaseScenario::open(&Scenario::many(1, Flow::SignzyOnDemand).slow(10)).await;
        scenario.wire.cut("set counter_before", cut);
        let daemon = scenario.start().await;
        until("the job is left", async || {
            !scenario.lines("left to rescue").is_empty()
        })
        .await;
        assert_eq!(scenario.world.ledger().debits.len(), 0, "{cut:?}");
        let recorded = scenario
            .count("intents where counter_before is not null")
            .await;
        assert_eq!(recorded, i64::from(cut == Cut::After), "{cut:?}");
        scenario.collected().await;
        daemon.drain().await;
        scenario.agrees().await;
    }
}

/// They are given up, one after the other, and leave their places in the pool to others.
#[tokio::test]
async fn connections_that_never_answer_again_do_not_use_up_the_pool() {
    let scenario = DatabaseScenario::open(&Scenario::many(60, Flow::UpiExempt).slow(30)).await;
    let engine = scenario.engine(|_| {}).await;
    let pool = engine.database.pool.clone();
    let daemon = Running::start(engine);
    scenario.called(6).await;
    scenario.wire.strand();
    scenario.collected().await;
    daemon.drain().await;
    // We ask a connection that is given back whether it lives, with a timeout; then sqlx asks again, without one. Those few that are lost
    // between the two questions stay until TCP gives them up.
    until("hardly one is stuck", async || {
        usize::try_from(pool.size()).unwrap() <= pool.num_idle() + 3
    })
    .await;
    scenario.agrees().await;
}
