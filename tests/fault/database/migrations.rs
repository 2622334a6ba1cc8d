//! Migrations that fail in the middle, or are started twice.

use mandated::MIGRATOR;
use mandated::store::pool::DatabasePool;
use mandated::store::{ConnectSettings, StoreError, connect, migrate};
use std::time::Duration;

use crate::support::TestDatabase;
use crate::support::due::{column, execute};
use crate::support::process::Installation;
use crate::support::world::start;

async fn pool(database: &TestDatabase) -> DatabasePool {
    let settings = ConnectSettings {
        max_connections: 3,
        connect_timeout: Duration::from_secs(5),
        statement_timeout: Duration::from_secs(1),
        lock_timeout: Duration::from_millis(200),
        application_name: "migrate".to_owned(),
    };
    connect(vec![database.url().parse().unwrap()], &settings, None)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_migration_that_fails_leaves_what_was_before_it_and_can_be_tried_again() {
    let installation = Installation::at("http://127.0.0.1:1").await;
    let pool = &installation.database.pool;
    // The last migration finds that somebody has a table of this name, after it has made others.
    for statement in ["create schema mandated", "create table mandated.events ()"] {
        execute(pool, statement).await;
    }
    let failed = installation.output(&["migrate"]);
    assert_eq!(failed.status.code(), Some(1));
    let said = String::from_utf8(failed.stderr).unwrap();
    assert!(
        said.contains("apply migration 20261120090300 (create history)")
            && said.contains("relation \"events\" already exists"),
        "{said}"
    );
    let versions: Vec<i64> = column(
        pool,
        "select version from mandated._sqlx_migrations order by version",
    )
    .await;
    assert_eq!(
        versions,
        [20_261_120_090_000, 20_261_120_090_100, 20_261_120_090_200]
    );
    let half: Vec<bool> = column(pool, "select to_regclass('mandated.attempts') is not null").await;
    assert_eq!(half, [false], "nothing of it is left");
    let refused = installation.output(&["run"]);
    assert_eq!(refused.status.code(), Some(78));
    let said = String::from_utf8(refused.stderr).unwrap();
    let missing = MIGRATOR.iter().count() - 3;
    let words = format!("{missing} migration(s) are missing");
    assert!(said.contains(&words), "{said}");
    execute(pool, "drop table mandated.events").await;
    let words = format!("{missing} migrations applied\n");
    assert_eq!(installation.works(&["migrate"]), words);
    installation.works(&["audit"]);
}

/// Longer than both timeouts: a migration takes its time, and who comes second waits.
#[tokio::test]
async fn two_migrations_at_once_are_one() {
    let database = TestDatabase::empty().await;
    for statement in [
        "create schema mandated",
        "create function mandated.slow() returns event_trigger language plpgsql as $$ begin perform pg_sleep(0.02); end $$",
        "create event trigger slow on ddl_command_start execute function mandated.slow()",
    ] {
        execute(&database.pool, statement).await;
    }
    let (first, second) = (pool(&database).await, pool(&database).await);
    let (first, second) = tokio::join!(
        migrate::migrate(&first, start(), 1),
        migrate::migrate(&second, start(), 1)
    );
    let applied: Vec<Result<u64, StoreError>> = vec![first, second];
    let versions: Vec<i64> = column(
        &database.pool,
        "select version from mandated._sqlx_migrations",
    )
    .await;
    assert_eq!(versions.len(), MIGRATOR.iter().count());
    for applied in applied {
        applied.unwrap();
    }
}
