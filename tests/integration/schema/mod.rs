//! The database refuses what must not be. Every constraint that guards money has a test here that it loses.

mod constraints;
mod migrations;
mod open;
mod partitions;
mod roles;
mod upgrade;
mod words;

use mandated::store::pool::DatabasePool;
use sqlx::AssertSqlSafe;
use sqlx::error::ErrorKind;
use sqlx::postgres::PgQueryResult;

use crate::support::TestDatabase;
use crate::support::row::{self, Row};

/// A database with account 1, mandate 1, policy 1 and execution 1.
async fn with_execution() -> TestDatabase {
    let database = TestDatabase::new().await;
    for row in [
        row::account(),
        row::mandate(),
        row::policy(),
        row::execution(),
    ] {
        row.insert(&database.pool).await.unwrap();
    }
    database
}

/// Asserts that a row is refused, and by which constraint.
async fn refused(pool: &DatabasePool, row: Row, constraint: &str) {
    refused_with(row.insert(pool).await, constraint);
}

fn refused_with(result: sqlx::Result<PgQueryResult>, constraint: &str) {
    let error = result.expect_err(constraint);
    let error = error
        .as_database_error()
        .unwrap_or_else(|| panic!("{error}"));
    assert_ne!(error.kind(), ErrorKind::Other, "{error}");
    assert_eq!(error.constraint(), Some(constraint), "{error}");
}

async fn accepted(pool: &DatabasePool, row: Row) {
    row.insert(pool).await.unwrap();
}

async fn execute(pool: &DatabasePool, sql: &str) -> sqlx::Result<PgQueryResult> {
    sqlx::query(AssertSqlSafe(sql)).execute(pool).await
}
