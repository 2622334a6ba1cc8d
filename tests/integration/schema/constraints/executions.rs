//! Executions, their policies and their notifications.

use mandated::domain::State;

use crate::schema::{accepted, execute, refused, refused_with, with_execution};
use crate::support::TestDatabase;
use crate::support::row;

#[tokio::test]
async fn a_cycle_has_one_execution_and_an_order_one_owner() {
    let TestDatabase { pool, .. } = &with_execution().await;
    let other = row::execution().with("id", 2).with("order_id", "'order-2'");
    refused(pool, other.clone(), "executions_mandate_id_period_key").await;
    let other = other
        .with("cycle_on", "'2026-02-28'")
        .with("period", "'2026-02'");
    refused(
        pool,
        other.clone().with("order_id", "'order-1'"),
        "executions_order_id_account_id_key",
    )
    .await;
    refused(
        pool,
        other.clone().with("mandate_id", 2),
        "executions_mandate_id_fkey",
    )
    .await;
    refused(
        pool,
        other.clone().with("account_id", 2),
        "executions_account_id_fkey",
    )
    .await;
    refused(
        pool,
        other.clone().with("policy_id", 2),
        "executions_policy_id_fkey",
    )
    .await;
    let referenced = other.with("notification_ref", "'reference-1'");
    accepted(pool, referenced.clone()).await;
    let third = referenced
        .with("id", 3)
        .with("order_id", "'order-3'")
        .with("cycle_on", "'2026-03-31'")
        .with("period", "'2026-03'");
    refused(pool, third, "executions_notification_ref_account_id_key").await;
}

#[tokio::test]
async fn a_day_is_in_one_period_and_a_period_has_a_name() {
    let TestDatabase { pool, .. } = &with_execution().await;
    let other = row::execution().with("id", 2).with("order_id", "'order-2'");
    let same_day = other.clone().with("period", "'2026'");
    refused(pool, same_day, "executions_mandate_id_cycle_on_key").await;
    let other = other.with("cycle_on", "'2026-02-28'");
    for name in ["", "twice", "2026-02-28T00:00", "26"] {
        let named = other.clone().with("period", format!("'{name}'"));
        refused(pool, named, "executions_period_check").await;
    }
    accepted(pool, other.with("period", "'2026-02'")).await;
}

#[tokio::test]
async fn its_amount_is_positive_and_within_the_maximum() {
    let TestDatabase { pool, .. } = &with_execution().await;
    let next = row::execution()
        .with("id", 2)
        .with("order_id", "'order-2'")
        .with("cycle_on", "'2026-02-28'")
        .with("period", "'2026-02'");
    refused(
        pool,
        next.clone().with("amount_minor", 0),
        "executions_amount_minor_check",
    )
    .await;
    refused(
        pool,
        next.clone().with("amount_minor", 500_001),
        "executions_max_amount_check",
    )
    .await;
    refused(
        pool,
        next.clone().with("currency", "'rupees'"),
        "executions_currency_check",
    )
    .await;
    accepted(pool, next.with("amount_minor", 500_000)).await;
}

#[tokio::test]
async fn it_is_finished_exactly_in_a_final_state() {
    let TestDatabase { pool, .. } = &with_execution().await;
    for state in State::ALL
        .iter()
        .filter(|state| **state != State::Executing)
    {
        let (right, wrong) = if state.is_final() {
            ("now()", "null")
        } else {
            ("null", "now()")
        };
        let set =
            |at| format!("update mandated.executions set state = '{state}', finished_at = {at}");
        refused_with(
            execute(pool, &set(wrong)).await,
            "executions_finished_check",
        );
        execute(pool, &set(right)).await.unwrap();
    }
    let executing = execute(
        pool,
        "update mandated.executions set state = 'executing', finished_at = null",
    )
    .await;
    refused_with(executing, "executions_state_check");
}

#[tokio::test]
async fn its_times_and_counters_make_sense() {
    let TestDatabase { pool, .. } = &with_execution().await;
    for (change, constraint) in [
        ("closes_at = debit_at", "executions_dates_check"),
        ("delivered_at = now()", "executions_delivered_check"),
        ("order_no = 0", "executions_order_no_check"),
        ("order_no = 4", "executions_order_no_check"),
        ("notification_no = -1", "executions_notification_no_check"),
        ("debit_attempts = -1", "executions_debit_attempts_check"),
        ("earlier_attempts = -1", "executions_earlier_attempts_check"),
        ("lookups = -1", "executions_lookups_check"),
        ("step_attempts = -1", "executions_step_attempts_check"),
        ("max_attempts = 0", "executions_max_attempts_check"),
        (
            "max_attempts_in_period = 0",
            "executions_max_attempts_in_period_check",
        ),
        (
            "max_attempts_in_30_days = 0",
            "executions_max_attempts_in_30_days_check",
        ),
        (
            "lookup_times = array_fill(now(), array[4])",
            "executions_lookup_times_check",
        ),
    ] {
        refused_with(
            execute(pool, &format!("update mandated.executions set {change}")).await,
            constraint,
        );
    }
    let delivered =
        "update mandated.executions set delivered_at = now(), notification_ref = 'reference-1'";
    execute(pool, delivered).await.unwrap();
    let handed_over = "update mandated.executions set execute_at = now(), notification_ref = null";
    execute(pool, handed_over).await.unwrap();
}

#[tokio::test]
async fn a_policy_is_stored_once() {
    let TestDatabase { pool, .. } = &with_execution().await;
    refused(pool, row::policy(), "policies_digest_key").await;
}

#[tokio::test]
async fn a_notification_is_delivered_exactly_when_it_says_when() {
    let TestDatabase { pool, .. } = &with_execution().await;
    let notification = row::notification;
    refused(
        pool,
        notification().with("state", "'delivered'"),
        "notifications_delivered_check",
    )
    .await;
    refused(
        pool,
        notification().with("delivered_at", "now()"),
        "notifications_delivered_check",
    )
    .await;
    refused(
        pool,
        notification().with("amount_minor", 0),
        "notifications_amount_minor_check",
    )
    .await;
    refused(
        pool,
        notification().with("notification_no", 0),
        "notifications_notification_no_check",
    )
    .await;
    refused(
        pool,
        notification().with("execution_id", 2),
        "notifications_execution_id_fkey",
    )
    .await;
    accepted(
        pool,
        notification()
            .with("state", "'delivered'")
            .with("delivered_at", "now()"),
    )
    .await;
    let second = notification().with("reference", "'reference-2'");
    refused(pool, second, "notifications_pkey").await;
    let second = notification().with("notification_no", 2);
    refused(pool, second, "notifications_reference_mandate_id_key").await;
}

#[tokio::test]
async fn what_is_open_is_an_execution_once() {
    let TestDatabase { pool, .. } = &with_execution().await;
    let insert = |id, state: &str| {
        format!(
            "insert into mandated.unresolved_executions (execution_id, state, since) values ({id}, '{state}', now())"
        )
    };
    execute(pool, &insert(1, "unknown")).await.unwrap();
    for (id, state, constraint) in [
        (1, "review", "unresolved_executions_pkey"),
        (2, "review", "unresolved_executions_execution_id_fkey"),
    ] {
        refused_with(execute(pool, &insert(id, state)).await, constraint);
    }
    refused_with(
        execute(
            pool,
            "update mandated.unresolved_executions set state = 'pending'",
        )
        .await,
        "unresolved_executions_state_check",
    );
}
