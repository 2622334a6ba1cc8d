//! What the store must survive: stale workers, odd answers, operators at a bad moment.

use chrono::{DateTime, Utc};
use mandated::domain::execution::Progress;
use mandated::domain::{
    Amount, AttemptOutcome, Call, Currency, ExecutionId, LeaseToken, MandateStatus,
    NotificationState, State, Step,
};
use mandated::store::mandates::{Change, ChangeResult, set_status};
use mandated::store::pool::DatabasePool;
use mandated::store::settle::{Attempt, Debit, NotificationResult, Settlement, settle};
use sqlx::AssertSqlSafe;

use crate::support::TestDatabase;
use crate::support::due::{FAULTS, change_request, news, next};
use crate::support::row::{account, debit, execution, intent, job, mandate, notification, policy};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Execution 1, executing under an intent, its job leased with the given token.
async fn leased(token: i64) -> TestDatabase {
    let database = TestDatabase::new().await;
    let pool = &database.pool;
    let notified = execution()
        .with("state", "'notified'")
        .with("notification_no", 1)
        .with("notification_ref", "'reference-1'")
        .with("delivered_at", "'2026-01-29T23:30Z'");
    let delivered = notification()
        .with("state", "'delivered'")
        .with("delivered_at", "'2026-01-29T23:30Z'");
    let taken = job()
        .with("lease_until", "now() + interval '1 minute'")
        .with("lease_token", token)
        .with("worker_id", "'worker-1'");
    for row in [
        account(),
        mandate(),
        policy(),
        notified,
        delivered,
        intent(),
        taken,
    ] {
        row.insert(pool).await.unwrap();
    }
    database
}

/// A settlement of execution 1 that changes nothing but its state, and asks again in an hour.
fn settlement(token: i64, from_state: State, to_state: State) -> Settlement {
    Settlement {
        execution_id: ExecutionId(1),
        lease_token: LeaseToken(token),
        from_state,
        to_state,
        reason: to_state.to_string(),
        class: None,
        next: next(Step::Lookup, at("2026-01-31T01:30:00Z")),
        closes_intent: false,
        progress: Progress {
            order_no: 1,
            notification_no: 1,
            delivered_at: Some(at("2026-01-29T23:30:00Z")),
            undelivered_at: None,
            execute_at: None,
            debit_attempts: 0,
            earlier_attempts: 0,
            lookups: 0,
            step_attempts: 0,
            sent_at: Some(at("2026-01-31T00:30:00Z")),
            failed_at: None,
            not_before: None,
            lookup_times: [None; 3],
        },
        order_id: "order-1".to_owned(),
        notification_ref: Some("reference-1".to_owned()),
        provider_ref: None,
        mandate: None,
        declined_card_attempts: None,
        fault: None,
        debit: None,
        notification: None,
    }
}

/// The whole amount of execution 1, by one of its orders.
fn debit_by(order: &str) -> Option<Debit> {
    Some(Debit {
        stated: Amount::new(49_900, Currency::INR),
        order_id: order.to_owned(),
    })
}

/// What became of a second notification.
fn second_notification(state: NotificationState) -> Option<NotificationResult> {
    Some(NotificationResult {
        no: 2,
        reference: "reference-2".to_owned(),
        state,
        message: None,
    })
}

fn attempt(message: &str) -> Attempt {
    Attempt {
        execution_id: ExecutionId(1),
        at: crate::support::due::now(),
        call: Call::Execute,
        reference: "order-1".to_owned(),
        http_status: Some(200),
        latency_ms: 80,
        outcome: AttemptOutcome::Pending,
        class: None,
        code: None,
        message: Some(message.to_owned()),
        rule: None,
        body: None,
    }
}

/// One value of one row, as text.
async fn read(pool: &DatabasePool, query: &str) -> Option<String> {
    sqlx::query_scalar(AssertSqlSafe(query.to_owned()))
        .fetch_one(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_stale_settlement_is_not_let_in_by_a_held_one_of_the_same_batch() {
    let database = leased(7).await;
    let now = at("2026-01-31T00:31:00Z");
    let stale = Settlement {
        closes_intent: true,
        ..settlement(6, State::Executing, State::Retrying)
    };
    let held = settlement(7, State::Executing, State::Pending);
    for batch in [[stale.clone(), held.clone()], [held, stale]] {
        sqlx::query(
            "update mandated.jobs set lease_until = now(), lease_token = 7, worker_id = 'worker-1'",
        )
        .execute(&database.pool)
        .await
        .unwrap();
        settle(&database.pool, &batch, &[], now, "worker-1", FAULTS)
            .await
            .unwrap();
        let state = read(&database.pool, "select state from mandated.executions").await;
        assert_eq!(state.as_deref(), Some("pending"));
        let intents = read(
            &database.pool,
            "select count(*)::text from mandated.intents",
        )
        .await;
        assert_eq!(
            intents.as_deref(),
            Some("1"),
            "a worker without the lease closed the intent"
        );
    }
}

#[tokio::test]
async fn a_debit_that_is_seen_again_is_no_second_one() {
    let database = leased(7).await;
    debit().insert(&database.pool).await.unwrap();
    let seen = |token, order: &str| Settlement {
        next: None,
        closes_intent: true,
        debit: debit_by(order),
        ..settlement(token, State::Review, State::Charged)
    };
    let now = at("2026-01-31T00:31:00Z");
    let settled = settle(
        &database.pool,
        &[seen(7, "order-1")],
        &[],
        now,
        "worker-1",
        FAULTS,
    )
    .await
    .unwrap();
    assert_eq!(settled.executions[&ExecutionId(1)].state, State::Charged);

    let again = job()
        .with("lease_until", "now() + interval '1 minute'")
        .with("lease_token", 8)
        .with("worker_id", "'worker-1'");
    again.insert(&database.pool).await.unwrap();
    let settled = settle(
        &database.pool,
        &[seen(8, "order-2")],
        &[],
        now,
        "worker-1",
        FAULTS,
    )
    .await
    .unwrap();
    assert_eq!(settled.executions[&ExecutionId(1)].state, State::Review);
}

#[tokio::test]
async fn the_times_of_a_delivery_agree_so_that_its_debit_can_begin_when_it_is_due() {
    let database = leased(7).await;
    let asked = at("2026-01-29T23:40:00Z");
    let notification = Settlement {
        progress: Progress {
            delivered_at: Some(asked),
            notification_no: 2,
            ..settlement(7, State::Notifying, State::Notified).progress
        },
        notification: second_notification(NotificationState::Delivered),
        ..settlement(7, State::Notifying, State::Notified)
    };
    // The answer took its time, and so did the batch.
    let now = at("2026-01-29T23:41:00Z");
    settle(
        &database.pool,
        &[notification],
        &[],
        now,
        "worker-1",
        FAULTS,
    )
    .await
    .unwrap();
    let agree = read(
        &database.pool,
        "select (n.delivered_at = e.delivered_at)::text from mandated.executions e
           join mandated.notifications n on n.execution_id = e.id and n.notification_no = e.notification_no",
    )
    .await;
    assert_eq!(agree.as_deref(), Some("true"));
}

#[tokio::test]
async fn what_postgres_cannot_store_does_not_keep_a_batch_from_being_settled() {
    let database = leased(7).await;
    let now = at("2026-01-31T00:31:00Z");
    let odd = Settlement {
        reason: "declined: \0".to_owned(),
        provider_ref: Some("txn\0-1".to_owned()),
        ..settlement(7, State::Executing, State::Pending)
    };
    settle(
        &database.pool,
        &[odd],
        &[attempt("no\0")],
        now,
        "worker-1",
        FAULTS,
    )
    .await
    .unwrap();
    let state = read(&database.pool, "select state from mandated.executions").await;
    assert_eq!(state.as_deref(), Some("pending"));
    let attempts = read(
        &database.pool,
        "select count(*)::text from mandated.attempts",
    )
    .await;
    assert_eq!(attempts.as_deref(), Some("1"));
}

#[tokio::test]
async fn resuming_wakes_what_waits_for_it_and_no_retry_that_waits_for_its_own_time() {
    let database = TestDatabase::new().await;
    let retrying = execution().with("state", "'retrying'");
    // Three days after the last presentation, as the rail wants it.
    let waiting = job()
        .with("step", "'retry'")
        .with("run_at", "'2026-02-03T00:30Z'");
    let parked = execution()
        .with("id", 2)
        .with("cycle_on", "'2026-02-28'")
        .with("period", "'2026-02'")
        .with("closes_at", "'2026-03-30T18:30Z'")
        .with("order_id", "'order-2'");
    let waiting_for_it = job()
        .with("execution_id", 2)
        .with("step", "'notify'")
        .with("run_at", "'2026-02-01T00:30Z'")
        .with("parked", true);
    let paused = mandate().with("status", "'paused'");
    for row in [
        account(),
        paused,
        policy(),
        retrying,
        waiting,
        parked,
        waiting_for_it,
    ] {
        row.insert(&database.pool).await.unwrap();
    }
    let mut connection = database.pool.acquire().await.unwrap();
    let now = at("2026-01-31T08:00:00Z");
    let changed = set_status(
        &mut connection,
        change_request("sub-1", Change::Resume),
        now,
    )
    .await
    .unwrap();
    assert_eq!(changed, ChangeResult::Applied);
    let times: Vec<(i64, DateTime<Utc>)> =
        sqlx::query_as("select execution_id, run_at from mandated.jobs order by execution_id")
            .fetch_all(&database.pool)
            .await
            .unwrap();
    assert_eq!(times, [(1, at("2026-02-03T00:30:00Z")), (2, now)]);
}

#[tokio::test]
async fn a_settlement_without_the_lease_writes_nothing() {
    let database = leased(7).await;
    let charged = Settlement {
        next: None,
        closes_intent: true,
        debit: debit_by("order-1"),
        mandate: news(MandateStatus::Revoked),
        notification: second_notification(NotificationState::Failed),
        ..settlement(6, State::Executing, State::Charged)
    };
    let now = at("2026-01-31T00:31:00Z");
    let settled = settle(
        &database.pool,
        &[charged],
        &[attempt("late")],
        now,
        "worker-1",
        FAULTS,
    )
    .await
    .unwrap();
    assert!(settled.executions.is_empty());
    let stands = read(
        &database.pool,
        "select concat_ws(' ', e.state, m.status, (select count(*) from mandated.jobs), (select count(*) from mandated.intents),
                          (select count(*) from mandated.debits), (select count(*) from mandated.attempts),
                          (select count(*) from mandated.notifications), (select count(*) from mandated.events))
           from mandated.executions e, mandated.mandates m",
    )
    .await;
    assert_eq!(stands.as_deref(), Some("notified active 1 1 0 0 1 0"));
}

#[tokio::test]
async fn declined_attempts_are_added_up_by_mandate_and_day() {
    let database = leased(7).await;
    let pool = &database.pool;
    let lease =
        "update mandated.jobs set lease_until = now(), lease_token = 7, worker_id = 'worker-1'";
    for (now, attempts) in [
        ("2026-01-31T00:31:00Z", Some(1)),
        ("2026-01-31T23:59:59Z", Some(3)),
        ("2026-02-01T00:00:00Z", Some(2)),
        ("2026-02-01T05:00:00Z", None),
    ] {
        sqlx::query(lease).execute(pool).await.unwrap();
        let declined = Settlement {
            declined_card_attempts: attempts,
            ..settlement(7, State::Executing, State::Retrying)
        };
        let written = settle(pool, &[declined], &[], at(now), "worker-1", FAULTS).await;
        assert_eq!(written.unwrap().executions.len(), 1);
    }
    // Without the lease nothing is counted.
    let stale = Settlement {
        declined_card_attempts: Some(9),
        ..settlement(6, State::Executing, State::Retrying)
    };
    settle(
        pool,
        &[stale],
        &[],
        at("2026-02-01T06:00:00Z"),
        "worker-1",
        FAULTS,
    )
    .await
    .unwrap();
    let budgets = "select string_agg(concat_ws(' ', mandate_id, day, declined_attempts), ', ' order by day) from mandated.budgets";
    assert_eq!(
        read(pool, budgets).await.as_deref(),
        Some("1 2026-01-31 4, 1 2026-02-01 2")
    );
    let kept = |now| mandated::store::retention::delete_budgets(pool, at(now));
    assert_eq!(kept("2026-03-02T23:59:00Z").await.unwrap(), 0, "30 days");
    assert_eq!(kept("2026-03-03T00:00:00Z").await.unwrap(), 1);
}
