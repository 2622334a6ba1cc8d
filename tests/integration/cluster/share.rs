//! Daemons that come, go and fall silent: together they never have more calls under way than the account allows.

use mandated::engine::Engine;
use serde_json::Value;

use super::provider::Held;
use super::{beats, count, limits};
use crate::support::due::{execute, scalar};
use crate::support::log::Log;
use crate::support::running::{Running, all_due, until};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::World;

const MEMBERS: &str = "select count(*) from mandated.daemons";

/// A daemon, and a provider that allows so many calls at once.
async fn engine(world: &World, worker: &str, provider: &Held, max_in_flight: u32) -> Engine {
    let configured = |config: &mut _| {
        limits(config, max_in_flight, 100_000);
        provider.is_juspay_of(config);
    };
    world.engine_with(worker, configured, |_| {}).await
}

/// Waits until every daemon has beaten three times more: it knows what there is to know.
async fn all_have_beaten(world: &World) {
    for _ in 0..3 {
        let last: String = scalar(
            world.pool(),
            "select max(heartbeat_at)::text from mandated.daemons",
        )
        .await;
        let beaten = format!("select min(heartbeat_at) > '{last}' from mandated.daemons");
        until("all have beaten", async || {
            scalar(world.pool(), &beaten).await
        })
        .await;
    }
}

/// The lines about the cluster, with the number of daemons and what each may do.
fn logged(log: &Log) -> Vec<(i64, String)> {
    let mut lines = log.lines();
    lines.retain(|line| line["message"] == "cluster");
    let field = |line: &Value| {
        let shares = line["shares"].as_str().unwrap().to_owned();
        (line["members"].as_i64().unwrap(), shares)
    };
    lines.iter().map(field).collect()
}

/// One that lives and does not answer, and knows these accounts.
async fn other_daemon(world: &World, accounts: &str) {
    execute(
        world.pool(),
        &format!(
            "insert into mandated.daemons (worker_id, accounts, joined_at, heartbeat_at)
             values ('other', '{accounts}', now(), now() + interval '1 hour')"
        ),
    )
    .await;
}

#[tokio::test]
async fn a_daemon_calls_nothing_before_the_others_have_made_room_for_it() {
    let log = Log::capture();
    let world = Scenario::many(20, Flow::Enach).due().open().await;
    other_daemon(&world, "{1,2}").await;
    let provider = Held::start().await;
    let daemon = Running::start(engine(&world, "worker-2", &provider, 5).await);
    until("it has joined and waits", async || logged(&log).len() == 1).await;
    beats(&log, 10).await;
    assert_eq!(count(&world, "jobs where lease_token is not null").await, 0);
    execute(
        world.pool(),
        "update mandated.daemons s set acknowledged_members = array[d.id] from mandated.daemons d
          where s.worker_id = 'other' and d.worker_id = 'worker-2'",
    )
    .await;
    until("it has its share", async || provider.arrived() == 2).await;
    beats(&log, 10).await;
    assert_eq!(provider.arrived(), 2, "the first of two has three of five");
    execute(
        world.pool(),
        "delete from mandated.daemons where worker_id = 'other'",
    )
    .await;
    until("it has the whole", async || provider.arrived() == 5).await;
    beats(&log, 10).await;
    assert_eq!(provider.most_open(), 5);
    daemon.abort().await;
    let said = logged(&log);
    assert_eq!(
        said[0],
        (2, "none until the others have made room".to_owned())
    );
    assert!(
        said[1]
            .1
            .starts_with("juspay_main 2 at once, 3000000 a minute; signzy_main "),
        "{said:?}"
    );
    assert!(
        said[2]
            .1
            .starts_with("juspay_main 5 at once, 6000000 a minute; signzy_main "),
        "{said:?}"
    );
    assert_eq!(
        said.iter().map(|line| line.0).collect::<Vec<_>>(),
        [2, 2, 1]
    );
}

#[tokio::test]
async fn an_account_that_another_daemon_does_not_know_is_not_shared_with_it() {
    let log = Log::capture();
    let world = Scenario::many(20, Flow::Enach).due().open().await;
    other_daemon(&world, "{}").await;
    let provider = Held::start().await;
    let daemon = Running::start(engine(&world, "worker-2", &provider, 1).await);
    until("it has joined and waits", async || logged(&log).len() == 1).await;
    execute(
        world.pool(),
        "update mandated.daemons s set acknowledged_members = array[d.id] from mandated.daemons d
          where s.worker_id = 'other' and d.worker_id = 'worker-2'",
    )
    .await;
    until("the only place is its own", async || {
        provider.arrived() == 1
    })
    .await;
    daemon.abort().await;
}

#[tokio::test]
async fn two_daemons_never_have_more_calls_under_way_than_the_account_allows() {
    let log = Log::capture();
    let world = Scenario::many(40, Flow::Enach).due().open().await;
    let provider = Held::start().await;
    let one = Running::start(engine(&world, "worker-1", &provider, 4).await);
    until("the first has all", async || provider.arrived() == 4).await;
    let two = Running::start(engine(&world, "worker-2", &provider, 4).await);
    until("the first has seen the second", async || {
        logged(&log).len() == 3
    })
    .await;
    all_have_beaten(&world).await;
    beats(&log, 10).await;
    assert_eq!(provider.arrived(), 4, "there is no room for the second yet");
    provider.answer(2);
    until("the second has its half", async || provider.arrived() == 6).await;
    provider.answer(100);
    until("all is called", async || {
        count(&world, "attempts").await == 40
    })
    .await;
    assert_eq!(provider.most_open(), 4);
    let workers: i64 = scalar(
        world.pool(),
        "select count(distinct worker_id) from mandated.attempts",
    )
    .await;
    assert_eq!(workers, 2);
    // Who drains leaves, and the other one has the whole.
    one.drain().await;
    assert_eq!(scalar::<i64>(world.pool(), MEMBERS).await, 1);
    until("the second knows", async || {
        logged(&log).last().is_some_and(|line| line.0 == 1)
    })
    .await;
    two.drain().await;
    assert_eq!(scalar::<i64>(world.pool(), MEMBERS).await, 0);
}

#[tokio::test]
async fn a_daemon_that_the_others_may_have_given_up_joins_anew() {
    let log = Log::capture();
    let world = Scenario::many(3, Flow::Enach).open().await;
    let provider = Held::start().await;
    provider.answer(10);
    let daemon = Running::start(engine(&world, "worker-1", &provider, 4).await);
    until("it is in", async || logged(&log).len() == 1).await;
    let id = "select max(id) from mandated.daemons";
    let first: i64 = scalar(world.pool(), id).await;
    execute(
        world.pool(),
        "insert into mandated.daemons (worker_id, accounts, joined_at, heartbeat_at)
         values ('other', '{1,2}', now(), now() + interval '1 hour');",
    )
    .await;
    execute(
        world.pool(),
        "update mandated.daemons set heartbeat_at = now() - interval '13 seconds' where worker_id = 'worker-1'",
    )
    .await;
    until("it has another number", async || {
        scalar::<i64>(world.pool(), id).await > first + 1
    })
    .await;
    all_due(&world).await;
    beats(&log, 10).await;
    assert_eq!(provider.arrived(), 0, "the other may have all of it by now");
    execute(
        world.pool(),
        "delete from mandated.daemons where worker_id = 'other'",
    )
    .await;
    until("it goes on", async || provider.arrived() == 3).await;
    daemon.drain().await;
}
