//! The wire that the chaos cuts: before a statement arrives, or after its commit.

use std::str::FromStr;

use mandated::sandbox::{Cut, Wire};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};

use crate::support::TestDatabase;
use crate::support::due::{execute, scalar};

async fn through(wire: &Wire, database: &TestDatabase) -> PgConnection {
    let options = PgConnectOptions::from_str(&database.url()).unwrap();
    let options = options
        .port(wire.port())
        .ssl_mode(sqlx::postgres::PgSslMode::Disable);
    PgConnection::connect_with(&options).await.unwrap()
}

async fn note(connection: &mut PgConnection, line: i32) -> sqlx::Result<()> {
    sqlx::query(AssertSqlSafe("insert into notes values ($1)".to_owned()))
        .bind(line)
        .execute(connection)
        .await
        .map(drop)
}

async fn noted(pool: &PgPool) -> i64 {
    scalar(pool, "select count(*) from notes").await
}

#[tokio::test]
async fn a_statement_is_carried_out_and_answered_or_lost_before_or_after_it() {
    let database = TestDatabase::empty().await;
    execute(
        &database.pool,
        "create table notes (line integer primary key)",
    )
    .await;
    let port = PgConnectOptions::from_str(&database.url())
        .unwrap()
        .get_port();
    let wire = Wire::lay(port).await.unwrap();

    let mut connection = through(&wire, &database).await;
    note(&mut connection, 1).await.unwrap();
    assert_eq!(noted(&database.pool).await, 1);

    wire.cut(Cut::Before);
    assert!(wire.is_armed());
    assert!(matches!(
        note(&mut connection, 2).await,
        Err(sqlx::Error::Io(_))
    ));
    assert!(!wire.is_armed());
    assert_eq!(noted(&database.pool).await, 1, "it never arrived");

    let mut connection = through(&wire, &database).await;
    note(&mut connection, 2).await.unwrap();
    wire.cut(Cut::After);
    assert!(matches!(
        note(&mut connection, 3).await,
        Err(sqlx::Error::Io(_))
    ));
    assert_eq!(noted(&database.pool).await, 3, "it was committed");
}

#[tokio::test]
async fn a_wire_that_is_gone_takes_its_connections_along() {
    let database = TestDatabase::empty().await;
    let port = PgConnectOptions::from_str(&database.url())
        .unwrap()
        .get_port();
    let wire = Wire::lay(port).await.unwrap();
    let mut connection = through(&wire, &database).await;
    connection.ping().await.unwrap();
    drop(wire);
    assert!(connection.ping().await.is_err());
}
