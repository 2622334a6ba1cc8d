//! Debits, attempts and resolutions.

use crate::schema::{accepted, refused};
use crate::support::TestDatabase;
use crate::support::row;

#[tokio::test]
async fn a_cycle_is_collected_once() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    // Enough mandates to fill every hash partition.
    for mandate in 1..=20 {
        let debit = row::debit()
            .with("mandate_id", mandate)
            .with("provider_txn", "'txn-1'");
        accepted(pool, debit.clone()).await;
        let again = debit
            .clone()
            .with("execution_id", 2)
            .with("order_id", "'order-2'");
        let error = again.insert(pool).await.expect_err("a second debit");
        let constraint = error.as_database_error().unwrap().constraint().unwrap();
        // Each partition has its own part of "debits_pkey".
        assert!(
            constraint.starts_with("debits_") && constraint.ends_with("_pkey"),
            "{error}"
        );
        let next = debit.with("cycle_on", "'2026-02-28'");
        // One payment is the debit of one cycle: a part of "debits_payment_key".
        let error = next.clone().insert(pool).await.expect_err("one payment");
        let constraint = error.as_database_error().unwrap().constraint().unwrap();
        assert!(
            constraint.starts_with("debits_")
                && constraint.ends_with("_provider_txn_mandate_id_key"),
            "{error}"
        );
        accepted(pool, next.with("provider_txn", "'txn-2'")).await;
    }
    refused(
        pool,
        row::debit().with("amount_minor", 0),
        "debits_amount_minor_check",
    )
    .await;
    for half in ["amount_minor", "currency"] {
        refused(
            pool,
            row::debit().with(half, "null"),
            "debits_currency_check",
        )
        .await;
    }
}

#[tokio::test]
async fn an_attempt_is_a_call_that_took_time() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    refused(
        pool,
        row::attempt().with("latency_ms", -1),
        "attempts_latency_ms_check",
    )
    .await;
    refused(
        pool,
        row::attempt().with("call", "'guess'"),
        "attempts_call_check",
    )
    .await;
    accepted(pool, row::attempt()).await;
}

#[tokio::test]
async fn a_resolution_says_who_why_and_by_what_evidence() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    for (column, constraint) in [
        ("who", "resolutions_who_check"),
        ("reason", "resolutions_reason_check"),
        ("evidence", "resolutions_evidence_check"),
    ] {
        refused(pool, row::resolution().with(column, "' '"), constraint).await;
        let long = row::resolution().with(column, "repeat('x', 5000)");
        refused(pool, long, constraint).await;
    }
    refused(
        pool,
        row::resolution().with("resolved_as", "'guessed'"),
        "resolutions_resolved_as_check",
    )
    .await;
    accepted(pool, row::resolution()).await;
}

#[tokio::test]
async fn an_operator_request_says_who_why_and_on_what() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    refused(
        pool,
        row::operator_request(),
        "operator_requests_account_id_fkey",
    )
    .await;
    row::account().insert(pool).await.unwrap();
    for (column, constraint) in [
        ("who", "operator_requests_who_check"),
        ("reason", "operator_requests_reason_check"),
    ] {
        refused(
            pool,
            row::operator_request().with(column, "' '"),
            constraint,
        )
        .await;
        let long = row::operator_request().with(column, "repeat('x', 5000)");
        refused(pool, long, constraint).await;
    }
    let resume = row::operator_request().with("what", "'resume'");
    refused(pool, resume.clone(), "operator_requests_until_check").await;
    let resume = resume.with("until", "null");
    for what in ["'stop'", "'revoke'", "'reinstate'", "'skip'"] {
        refused(
            pool,
            resume.clone().with("what", what),
            "operator_requests_what_check",
        )
        .await;
    }
    let two = resume.clone().with("rail", "'upi'");
    refused(pool, two.clone(), "operator_requests_subject_check").await;
    let none = resume.clone().with("account_id", "null");
    refused(pool, none.clone(), "operator_requests_subject_check").await;
    let cash = none.clone().with("rail", "'cash'");
    refused(pool, cash, "operator_requests_rail_fkey").await;
    let skip = none.with("what", "'skip'").with("execution_id", "1");
    refused(pool, skip.clone(), "operator_requests_subject_check").await;
    for row in [
        row::operator_request(),
        resume,
        two.with("account_id", "null"),
        skip.with("mandate_id", "1"),
    ] {
        accepted(pool, row).await;
    }
}

#[tokio::test]
async fn a_recovery_is_one_an_account_and_asks_about_an_execution_once() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    refused(pool, row::recovery(), "recoveries_account_id_fkey").await;
    row::account().insert(pool).await.unwrap();
    for (column, constraint) in [
        ("who", "recoveries_who_check"),
        ("reason", "recoveries_reason_check"),
    ] {
        refused(pool, row::recovery().with(column, "' '"), constraint).await;
        let long = row::recovery().with(column, "repeat('x', 5000)");
        refused(pool, long, constraint).await;
    }
    let before = row::recovery().with("finished_at", "'2026-02-03T07:59Z'");
    refused(pool, before, "recoveries_finished_check").await;
    refused(
        pool,
        row::recovered_execution(),
        "recovered_executions_recovery_id_fkey",
    )
    .await;
    // Those that were refused have used up numbers.
    accepted(pool, row::recovery()).await;
    refused(pool, row::recovery(), "recoveries_open_idx").await;
    accepted(
        pool,
        row::recovery().with("finished_at", "'2026-02-03T08:00Z'"),
    )
    .await;
    let id: i64 = sqlx::query_scalar("select min(id) from mandated.recoveries")
        .fetch_one(pool)
        .await
        .unwrap();
    let one = row::recovered_execution().with("recovery_id", id);
    refused(
        pool,
        one.clone().with("result", "'guessed'"),
        "recovered_executions_result_check",
    )
    .await;
    accepted(pool, one.clone()).await;
    refused(pool, one, "recovered_executions_pkey").await;
    let compared = row::compared_mandate().with("recovery_id", id);
    for (row, constraint) in [
        (
            compared.clone().with("recovery_id", "-1"),
            "compared_mandates_recovery_id_fkey",
        ),
        (
            compared.clone().with("unowned", "'{}'"),
            "compared_mandates_unowned_check",
        ),
    ] {
        refused(pool, row, constraint).await;
    }
    accepted(pool, compared.clone()).await;
    refused(pool, compared, "compared_mandates_pkey").await;
}
