//! What the heartbeat says of dead rows, and of who keeps them.

use std::time::Duration;

use mandated::engine::bloat::Rules;
use mandated::store::bloat::oldest_snapshot;
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgConnection};

use crate::support::TestDatabase;
use crate::support::due::{due, execute};
use crate::support::log::Log;
use crate::support::running::until;
use crate::support::scenario::{Flow, Scenario};

async fn open(url: &str, application: &str) -> PgConnection {
    let options: PgConnectOptions = url.parse().unwrap();
    let options = options.application_name(application);
    options.connect().await.unwrap()
}

/// A report that somebody has begun, and not ended.
async fn report(url: &str) -> PgConnection {
    let mut connection = open(url, "report").await;
    for statement in ["begin isolation level repeatable read", "select 1"] {
        connection.execute(statement).await.unwrap();
    }
    connection
}

/// The warnings about the report. Postgres itself may hold a snapshot for a moment.
fn warnings(log: &Log) -> Vec<Value> {
    let mut lines = log.of("WARN");
    lines.retain(|line| line["holder_name"] == "report");
    lines
}

#[tokio::test]
async fn a_snapshot_that_is_held_open_is_one_warning_a_period() {
    let world = Scenario::of("one", Flow::Enach).open().await;
    let hour = Duration::from_hours(1);
    let engine = async |warn_after, every| {
        let rules = Rules { warn_after, every };
        world
            .engine("worker-1", |settings| settings.heartbeat.snapshots = rules)
            .await
    };
    let mut held = report(&world.url()).await;
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut held)
        .await
        .unwrap();
    for (warn_after, every, said) in [
        (Duration::ZERO, hour, 1),
        (Duration::ZERO, Duration::ZERO, 3),
        (hour, Duration::ZERO, 0),
    ] {
        let mut heartbeat = engine(warn_after, every).await.heartbeat();
        let log = Log::capture();
        for _ in 0..3 {
            heartbeat.tick(0).await.unwrap();
        }
        let warnings = warnings(&log);
        assert_eq!(
            warnings.len(),
            said,
            "{warn_after:?} {every:?}: {warnings:#?}"
        );
        for line in warnings {
            assert_eq!(line["holder"], "session");
            assert_eq!(line["holder_pid"], pid);
            let message = line["message"].as_str().unwrap();
            assert!(message.contains("pg_terminate_backend"), "{message}");
        }
    }
    held.execute("rollback").await.unwrap();
    let log = Log::capture();
    let mut heartbeat = engine(Duration::ZERO, hour).await.heartbeat();
    heartbeat.tick(0).await.unwrap();
    assert_eq!(warnings(&log).len(), 0, "it is over");
}

#[tokio::test]
async fn a_writer_is_the_holder_and_not_whoever_began_while_it_was_open() {
    let database = TestDatabase::new().await;
    until(
        "no older transaction is open in another database",
        async || {
            let mut report = open(&database.url(), "report").await;
            let mut writer = open(&database.url(), "writer").await;
            report
                .execute("begin isolation level repeatable read")
                .await
                .unwrap();
            writer.execute("begin").await.unwrap();
            let written: String = sqlx::query_scalar("select pg_current_xact_id()::text")
                .fetch_one(&mut writer)
                .await
                .unwrap();
            // It goes back as far, and only because the writer is open.
            report.execute("select 1").await.unwrap();
            let oldest = oldest_snapshot(&database.pool).await.unwrap().unwrap();
            for connection in [report, writer] {
                connection.close().await.unwrap();
            }
            if oldest.xmin != written {
                return false;
            }
            assert_eq!(oldest.name.as_deref(), Some("writer"), "{oldest:?}");
            true
        },
    )
    .await;
}

/// The daemon's role need not be a member of anything: it sees that a snapshot is held, by whom, and when it first saw it.
#[tokio::test]
async fn a_role_without_rights_sees_who_holds_a_snapshot_and_not_since_when() {
    let database = TestDatabase::new().await;
    execute(&database.pool, "create role watcher login").await;
    let url = database.url().replace("postgres@", "watcher@");
    let pool = PgPoolOptions::new().connect(&url).await.unwrap().into();
    let _held = report(&database.url()).await;
    for (grant, knows) in [
        ("revoke pg_read_all_stats from watcher", false),
        ("grant pg_read_all_stats to watcher", true),
    ] {
        execute(&database.pool, grant).await;
        let oldest = oldest_snapshot(&pool).await.unwrap().unwrap();
        assert_eq!(oldest.name.as_deref(), Some("report"), "{oldest:?}");
        assert_eq!(oldest.age_s.is_some(), knows, "{grant}: {oldest:?}");
    }
}

#[tokio::test]
async fn the_heartbeat_counts_the_rows_that_are_dead() {
    let world = Scenario::of("one", Flow::Enach).open().await;
    let mut connection = world.pool().acquire().await.unwrap();
    for statement in [
        "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at)
         select -n, 1, -n, 'execute', '2030-01-01Z' from generate_series(1, 50) n",
        "delete from mandated.jobs where execution_id < 0",
        "select pg_stat_force_next_flush()",
        "select 1",
    ] {
        connection.execute(statement).await.unwrap();
    }
    drop(connection);
    let mut heartbeat = world.engine.heartbeat();
    let heartbeat = heartbeat.tick(0).await.unwrap();
    assert_eq!(heartbeat.work_counts.dead_rows, 50);
    let empty = due(0).await;
    let heartbeat = mandated::store::monitor::work_counts(&empty.pool, crate::support::due::now())
        .await
        .unwrap();
    assert_eq!(heartbeat.dead_rows, 0);
}
