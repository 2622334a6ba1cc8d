//! What a server can come to: read-only, full, out of connections, without its replica.

use lab::postgres::PrivatePostgres;
use mandated::store::{ConnectSettings, connect, migrate};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::DatabaseScenario;
use crate::support::due::{execute, scalar};
use crate::support::running::until;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::start;

/// A server of its own, and twenty debits on it. The settings are in force from its start.
async fn server(settings: &[&str]) -> (PrivatePostgres, DatabaseScenario) {
    let mut postgres = PrivatePostgres::start(false).unwrap();
    postgres.create_database("shop").await.unwrap();
    for setting in settings {
        change(&postgres, setting).await;
    }
    if !settings.is_empty() {
        postgres.restart().unwrap();
    }
    let url = postgres.url("shop");
    let options = ConnectSettings {
        max_connections: 5,
        connect_timeout: std::time::Duration::from_secs(5),
        statement_timeout: std::time::Duration::from_secs(5),
        lock_timeout: std::time::Duration::from_secs(5),
        application_name: "the test".to_owned(),
    };
    let pool = connect(vec![url.parse().unwrap()], &options, None)
        .await
        .unwrap();
    migrate::migrate(&pool, start(), 1).await.unwrap();
    let scenario = DatabaseScenario::on(pool, url, &twenty()).await;
    (postgres, scenario)
}

fn twenty() -> Scenario {
    Scenario::many(20, Flow::UpiExempt).slow(50)
}

/// `alter system`, in force at once where that is possible.
async fn change(postgres: &PrivatePostgres, setting: &str) {
    let mut psql = PgConnection::connect(&postgres.url("postgres"))
        .await
        .unwrap();
    for statement in [
        "set default_transaction_read_only = off",
        "set synchronous_commit = local",
        &format!("alter system {setting}"),
        "select pg_reload_conf()",
    ] {
        sqlx::query(AssertSqlSafe(statement.to_owned()))
            .execute(&mut psql)
            .await
            .unwrap();
    }
    psql.close().await.unwrap();
}

#[tokio::test]
async fn a_primary_that_becomes_read_only_is_waited_for() {
    let (postgres, scenario) = server(&[]).await;
    let daemon = scenario.start().await;
    scenario.called(6).await;
    change(&postgres, "set default_transaction_read_only = on").await;
    scenario.logged("read_only").await;
    change(&postgres, "reset default_transaction_read_only").await;
    scenario.collected().await;
    until("it is over", async || !scenario.over().is_empty()).await;
    daemon.drain().await;
    scenario.logged_once("read_only");
    assert_eq!(scenario.count("attempts where outcome = 'lost'").await, 0);
    scenario.agrees().await;
}

#[tokio::test]
async fn a_server_without_free_connections_is_waited_for() {
    let settings = ["set max_connections = 25"];
    let (postgres, scenario) = server(&settings).await;
    let daemon = scenario.start().await;
    scenario.called(6).await;
    let mut taken = Vec::new();
    // As somebody else's pool would: whatever is free, and whatever the daemon loses.
    until("the server has none left", async || {
        scenario.wire.cut_all();
        while let Ok(connection) = PgConnection::connect(&postgres.url("postgres")).await {
            taken.push(connection);
        }
        scenario
            .began()
            .iter()
            .any(|line| line["failure"] == "connections")
    })
    .await;
    let mut lines = scenario.began();
    lines.retain(|line| line["failure"] == "connections");
    assert_eq!(lines[0]["code"], "53300", "{lines:#?}");
    drop(taken);
    scenario.collected().await;
    until("it is over", async || !scenario.over().is_empty()).await;
    daemon.drain().await;
    scenario.agrees().await;
}

/// The disk is not really full: the code is the one that a full disk has, at the first thing that a claim and a settlement write.
#[tokio::test]
async fn a_full_disk_is_waited_for() {
    let scenario = DatabaseScenario::open(&twenty()).await;
    let daemon = scenario.start().await;
    scenario.called(6).await;
    for statement in [
        "create function full_disk() returns trigger language plpgsql as $$ begin
           raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$",
        "create trigger full_disk before insert on mandated.events for each statement execute function full_disk()",
        "create trigger full_disk before update on mandated.jobs for each statement execute function full_disk()",
    ] {
        execute(scenario.world.pool(), statement).await;
    }
    scenario.logged("disk_full").await;
    execute(scenario.world.pool(), "drop function full_disk cascade").await;
    scenario.collected().await;
    until("it is over", async || !scenario.over().is_empty()).await;
    daemon.drain().await;
    scenario.logged_once("disk_full");
    scenario.agrees().await;
}

/// A commit waits for the replica without an end, and is there for everybody else only when the replica is.
#[tokio::test]
async fn a_lost_replica_is_named_and_nothing_is_doubled() {
    let (postgres, scenario) = server(&[]).await;
    let daemon = scenario.start().await;
    scenario.called(6).await;
    change(&postgres, "set synchronous_standby_names = 'nobody'").await;
    scenario.logged("replica").await;
    let waiting: i64 = scalar(
        scenario.world.pool(),
        "select count(*) from pg_stat_activity where wait_event = 'SyncRep'",
    )
    .await;
    assert!(waiting > 0);
    change(&postgres, "reset synchronous_standby_names").await;
    scenario.collected().await;
    until("it is over", async || !scenario.over().is_empty()).await;
    daemon.drain().await;
    let line = scenario
        .began()
        .into_iter()
        .find(|line| line["failure"] == "replica")
        .unwrap();
    assert!(
        line["message"]
            .as_str()
            .unwrap()
            .contains("synchronous_standby_names"),
        "{line}"
    );
    let replica: Vec<Value> = scenario
        .began()
        .into_iter()
        .filter(|line| line["failure"] == "replica")
        .collect();
    assert_eq!(replica.len(), 1, "{replica:#?}");
    scenario.agrees().await;
}
