//! The loops of real daemons, several on one database, woken, drained, aborted, and with the database gone under them.

use std::sync::Arc;
use std::time::Duration;

use lab::postgres::PrivatePostgres;
use mandated::store::{ConnectSettings, connect, migrate};
use sqlx::postgres::PgPoolOptions;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::due::{column, execute, leases_end, scalar};
use crate::support::running::{Running, all_due, collected_but, until};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, start};

async fn count(world: &World, what: &str) -> i64 {
    scalar(
        world.pool(),
        &format!("select count(*) from mandated.{what}"),
    )
    .await
}

/// Daemons that hear of new jobs.
async fn listeners(world: &World) -> i64 {
    let sql = "select count(*) from pg_stat_activity where query = 'LISTEN \"mandated_jobs\"' and datname = current_database()";
    scalar(world.pool(), sql).await
}

/// A provider that takes its time for every answer.
async fn slow_provider(delay: Duration) -> MockServer {
    let server = MockServer::start().await;
    let pending = serde_json::json!({ "order_id": "whatever", "status": "PENDING_VBV" });
    let answer = ResponseTemplate::new(200)
        .set_body_json(pending)
        .set_delay(delay);
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

async fn received(provider: &MockServer) -> usize {
    provider.received_requests().await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_daemons_share_the_work_and_nothing_is_done_twice() {
    const PAYERS: usize = 300;
    let scenario = Scenario::many(PAYERS, Flow::Enach).slow(20);
    let world = scenario.open().await;
    let (mut daemons, mut accounts) = (Vec::new(), Vec::new());
    for worker in ["worker-1", "worker-2"] {
        let mut engine = world
            .engine(worker, |settings| settings.concurrency = 8)
            .await;
        let options = world.pool().connect_options().as_ref().clone();
        let pool = PgPoolOptions::new().connect_with(options).await.unwrap();
        engine.database.pool = pool.into();
        accounts.push(Arc::clone(&engine.accounts));
        daemons.push(Running::start(engine));
    }
    until("both daemons listen", async || listeners(&world).await == 2).await;
    until("each has half of what the accounts allow", async || {
        accounts
            .iter()
            .flat_map(|accounts| accounts.iter())
            .all(|account| account.client().limiter().in_flight.max() == account.max_in_flight / 2)
    })
    .await;
    all_due(&world).await;
    let all = i64::try_from(PAYERS).unwrap();
    until("every debit was made", async || {
        count(&world, "attempts where call = 'execute'").await == all
    })
    .await;
    for daemon in daemons {
        daemon.drain().await;
    }
    assert_eq!(
        world.ledger().calls["POST /txns"],
        u64::try_from(PAYERS).unwrap()
    );
    assert_eq!(
        count(&world, "executions where state = 'pending'").await,
        all
    );
    assert_eq!(count(&world, "jobs where lease_token is not null").await, 0);
    let shares: Vec<i64> = column(
        world.pool(),
        "select count(*) from mandated.attempts group by worker_id order by worker_id",
    )
    .await;
    assert!(
        shares.len() == 2 && shares.iter().all(|share| *share > all / 10),
        "one daemon starves: {shares:?}"
    );
    world.run("08 00:00").await;
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notify_wakes_a_daemon_that_sleeps() {
    const HOUR: Duration = Duration::from_hours(1);
    let world = Scenario::many(1, Flow::Enach).open().await;
    let sleepy = world
        .engine("sleepy", |settings| {
            settings.lane.poll_interval = HOUR;
            settings.planner.interval = HOUR;
            settings.rescue_interval = HOUR;
        })
        .await;
    all_due(&world).await;
    execute(
        world.pool(),
        "create table kept as select * from mandated.jobs",
    )
    .await;
    execute(world.pool(), "delete from mandated.jobs").await;
    let daemon = Running::start(sleepy);
    until("the daemon listens", async || listeners(&world).await == 1).await;
    execute(world.pool(), "insert into mandated.jobs select * from kept").await;
    until("the sleeping daemon made the debit", async || {
        count(&world, "attempts").await == 1
    })
    .await;
    daemon.drain().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drained_daemon_ends_what_is_under_way_and_begins_nothing() {
    let world = Scenario::many(40, Flow::Enach).due().open().await;
    let provider = slow_provider(Duration::from_millis(400)).await;
    let engine = world
        .engine_at(&provider.uri(), |settings| settings.concurrency = 8)
        .await;
    let daemon = Running::start(engine);
    until("calls are under way", async || {
        received(&provider).await >= 12
    })
    .await;
    daemon.drain().await;
    let made = i64::try_from(received(&provider).await).unwrap();
    assert!(made < 40, "everything was done before the signal");
    assert_eq!(
        count(&world, "attempts").await,
        made,
        "every answer is settled"
    );
    assert_eq!(
        count(&world, "jobs where lease_token is not null").await,
        0,
        "no lease is left"
    );
    assert_eq!(
        count(&world, "executions where state = 'planned'").await,
        40 - made
    );
    assert_eq!(
        count(&world, "intents").await,
        made,
        "nothing was begun and left"
    );
}

/// The place is shared: whichever account gets it, the other one waits for it when the signal comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_waits_for_a_place_begins_nothing_after_the_signal() {
    let scenario = Scenario::flows([Flow::Enach, Flow::SignzyOnDemand]);
    let world = scenario.due().open().await;
    let provider = slow_provider(Duration::from_millis(400)).await;
    let engine = world
        .engine_at(&provider.uri(), |settings| settings.concurrency = 1)
        .await;
    let daemon = Running::start(engine);
    until("a call is under way", async || {
        received(&provider).await == 1
    })
    .await;
    daemon.drain().await;
    assert_eq!(count(&world, "jobs where lease_token is not null").await, 0);
    let called: i64 = scalar(
        world.pool(),
        "select count(distinct mandate_id) from mandated.attempts",
    )
    .await;
    assert_eq!(called, 1, "a job was begun after the signal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aborted_daemon_leaves_its_leases_and_the_next_one_reconciles() {
    let world = Scenario::many(10, Flow::Enach).due().open().await;
    let provider = slow_provider(Duration::from_mins(1)).await;
    let engine = world
        .engine_at(&provider.uri(), |settings| settings.concurrency = 5)
        .await;
    // One place is the other account's own.
    let daemon = Running::start(engine);
    until("four calls are under way", async || {
        received(&provider).await == 4
    })
    .await;
    daemon.abort().await;
    // Had it waited for the calls, each would have been settled as unknown.
    assert_eq!(count(&world, "jobs where lease_token is not null").await, 4);
    assert_eq!(count(&world, "intents").await, 4);
    assert_eq!(count(&world, "attempts").await, 0);
    // The leases run out. The sandbox never had those calls: it is asked first.
    leases_end(world.pool()).await;
    world.run("08 00:00").await;
    assert_eq!(count(&world, "attempts where outcome = 'lost'").await, 4);
    assert_eq!(world.ledger().debits.len(), 10);
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_database_dies_under_a_daemon_and_comes_back() {
    const PAYERS: usize = 80;
    let mut postgres = PrivatePostgres::start(false).unwrap();
    postgres.create_database("shop").await.unwrap();
    let settings = ConnectSettings {
        max_connections: 10,
        connect_timeout: Duration::from_secs(1),
        statement_timeout: Duration::from_secs(5),
        lock_timeout: Duration::from_secs(5),
        application_name: "test".to_owned(),
    };
    let pool = connect(vec![postgres.url("shop").parse().unwrap()], &settings, None)
        .await
        .unwrap();
    migrate::migrate(&pool, start(), 1).await.unwrap();
    let scenario = Scenario::many(PAYERS, Flow::UpiExempt).slow(50);
    let world = scenario.due().open_on(pool).await;
    let engine = world
        .engine("worker-1", |settings| {
            settings.concurrency = 8;
            // Longer than the timeout of a call, and no longer than the test has patience.
            settings.lane.lease = Duration::from_secs(6);
        })
        .await;
    let daemon = Running::start(engine);
    let called = || {
        world
            .sandbox
            .ledger()
            .calls
            .get("POST /txns")
            .copied()
            .unwrap_or(0)
    };
    for at_calls in [10, 30] {
        until("calls are under way", async || called() >= at_calls).await;
        tokio::task::block_in_place(|| {
            postgres.stop_hard().unwrap();
            postgres.restart().unwrap();
        });
    }
    collected_but(&world, 0).await;
    daemon.drain().await;
    assert_eq!(world.ledger().debits.len(), PAYERS);
    world.agrees().await;
}
