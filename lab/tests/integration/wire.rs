//! The wire that the chaos cuts: before a statement arrives, or after its commit.

use std::str::FromStr;

use lab::postgres::{Cut, PrivatePostgres, Wire};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, query, query_scalar};

async fn through(wire: &Wire, postgres: &PrivatePostgres) -> PgConnection {
    let options = PgConnectOptions::from_str(&postgres.url("postgres")).unwrap();
    let options = options
        .port(wire.port())
        .ssl_mode(sqlx::postgres::PgSslMode::Disable);
    PgConnection::connect_with(&options).await.unwrap()
}

async fn note(connection: &mut PgConnection, line: i32) -> sqlx::Result<()> {
    query(AssertSqlSafe("insert into notes values ($1)".to_owned()))
        .bind(line)
        .execute(connection)
        .await
        .map(drop)
}

/// What is committed, as a connection sees it that nobody cuts.
async fn noted(postgres: &PrivatePostgres) -> i64 {
    let mut direct = PgConnection::connect(&postgres.url("postgres"))
        .await
        .unwrap();
    query_scalar("select count(*) from notes")
        .fetch_one(&mut direct)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_statement_is_carried_out_and_answered_or_lost_before_or_after_it() {
    let postgres = PrivatePostgres::start(false).unwrap();
    let mut direct = PgConnection::connect(&postgres.url("postgres"))
        .await
        .unwrap();
    query("create table notes (line integer primary key)")
        .execute(&mut direct)
        .await
        .unwrap();
    let wire = Wire::lay(postgres.port()).await.unwrap();

    let mut connection = through(&wire, &postgres).await;
    note(&mut connection, 1).await.unwrap();
    assert_eq!(noted(&postgres).await, 1);

    wire.cut(Cut::Before);
    assert!(wire.is_armed());
    assert!(matches!(
        note(&mut connection, 2).await,
        Err(sqlx::Error::Io(_))
    ));
    assert!(!wire.is_armed());
    assert_eq!(noted(&postgres).await, 1, "it never arrived");

    let mut connection = through(&wire, &postgres).await;
    note(&mut connection, 2).await.unwrap();
    wire.cut(Cut::After);
    assert!(matches!(
        note(&mut connection, 3).await,
        Err(sqlx::Error::Io(_))
    ));
    assert_eq!(noted(&postgres).await, 3, "it was committed");
}

#[tokio::test]
async fn a_wire_that_is_gone_takes_its_connections_along() {
    let postgres = PrivatePostgres::start(false).unwrap();
    let wire = Wire::lay(postgres.port()).await.unwrap();
    let mut connection = through(&wire, &postgres).await;
    connection.ping().await.unwrap();
    drop(wire);
    assert!(connection.ping().await.is_err());
}
