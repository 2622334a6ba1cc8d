//! Jobs and their leases, and the budgets that the claim asks.

use crate::schema::{accepted, refused};
use crate::support::TestDatabase;
use crate::support::row::{self, Row};

#[tokio::test]
async fn an_execution_has_one_job() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    accepted(pool, row::job()).await;
    refused(pool, row::job().with("step", "'lookup'"), "jobs_pkey").await;
}

#[tokio::test]
async fn a_lease_has_an_end_a_token_and_a_holder() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    let until = |row: Row| row.with("lease_until", "now()");
    let token = |row: Row| row.with("lease_token", 1);
    let worker = |row: Row| row.with("worker_id", "'worker-1'");
    refused(pool, until(row::job()), "jobs_lease_check").await;
    refused(pool, token(worker(row::job())), "jobs_lease_check").await;
    refused(pool, worker(row::job()), "jobs_worker_check").await;
    refused(pool, until(token(row::job())), "jobs_worker_check").await;
    accepted(pool, until(token(worker(row::job())))).await;
}

#[tokio::test]
async fn its_window_ends_after_it_starts() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    refused(
        pool,
        row::job().with("run_before", "'2026-01-31T00:30Z'"),
        "jobs_window_check",
    )
    .await;
    accepted(
        pool,
        row::job().with("run_before", "'2026-01-31T00:30:01Z'"),
    )
    .await;
}

#[tokio::test]
async fn a_day_of_a_budget_is_one_row_with_attempts() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    refused(
        pool,
        row::budget().with("declined_attempts", 0),
        "budgets_declined_attempts_check",
    )
    .await;
    accepted(pool, row::budget()).await;
    refused(
        pool,
        row::budget().with("declined_attempts", 2),
        "budgets_pkey",
    )
    .await;
    accepted(pool, row::budget().with("day", "'2026-02-01'")).await;
    accepted(pool, row::budget().with("mandate_id", 2)).await;
}
