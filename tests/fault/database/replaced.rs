//! Another database is put in the place of the daemon's, beneath it: it has forgotten nothing that this daemon has settled, and yet it is
//! not the one that the accounts are bound to.

use std::time::Duration;

use chrono::TimeDelta;
use lab::postgres::Dump;

use super::DatabaseScenario;
use crate::support::dump::put_back_rows;
use crate::support::running::{Running, until};
use crate::support::scenario::{Flow, Scenario};

/// A daemon that has settled nothing, and the dump that has all that others have settled.
async fn idle() -> (DatabaseScenario, Running, Dump) {
    let scenario = DatabaseScenario::open(&Scenario::many(5, Flow::UpiSeparate)).await;
    let before = scenario.start().await;
    scenario.collected().await;
    before.drain().await;
    let often = Duration::from_millis(100);
    let engine = scenario.engine(|settings| settings.planner.interval = often);
    let daemon = Running::start(engine.await);
    until("it beats", async || scenario.count("daemons").await == 1).await;
    let dump = Dump::of(&scenario.url).await.unwrap();
    (scenario, daemon, dump)
}

/// The next cycles come, and nobody hears of them.
async fn calls_nothing(scenario: DatabaseScenario, daemon: Running) {
    let calls = scenario.world.sandbox.ledger().calls;
    let next = scenario.world.clock.now() + TimeDelta::days(31);
    scenario.world.clock.advance_to(next);
    let words = "this is not the database that the daemon began in";
    until("it says so", async || scenario.log.text().contains(words)).await;
    let beaten = || scenario.log.text().matches("\"heartbeat\"").count();
    let wanted = beaten() + 20;
    until("its loops have had their turns", async || {
        beaten() >= wanted
    })
    .await;
    assert_eq!(scenario.world.sandbox.ledger().calls, calls);
    assert_eq!(scenario.count("executions").await, 5, "nothing is planned");
    daemon.abort().await;
}

#[tokio::test]
async fn a_restored_database_of_the_same_name_stops_the_daemon() {
    let (scenario, daemon, dump) = idle().await;
    scenario.database.as_ref().unwrap().replace(&dump).await;
    calls_nothing(scenario, daemon).await;
}

#[tokio::test]
async fn rows_that_are_put_back_into_their_tables_stop_the_daemon() {
    let (scenario, daemon, dump) = idle().await;
    put_back_rows(scenario.database.as_ref().unwrap(), &dump).await;
    calls_nothing(scenario, daemon).await;
}
