//! What a job must survive between its claim and its settlement: slow lines, unanswered reads, rows that are refused.

mod worker;

use std::time::Duration;

use mandated::domain::{State, Step};
use mandated::engine::job::{FinishedJob, JobError, run};
use mandated::engine::simulation;
use mandated::provider::Provider;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use self::worker::{
    FIRST_ORDER, NOW, SECOND_ORDER, TIMEOUT, WorkerFixture, at, declined, notified, order_path, sql,
};
use crate::support::row::{debit, execution, job, mandate};

#[tokio::test]
async fn a_debit_that_waits_for_its_turn_beyond_its_lease_never_leaves() {
    let [execution, notification] = notified();
    let fixture = WorkerFixture::with(1, &[execution, notification, job()]).await;
    fixture
        .says("POST", "/txns", 200, json!({"status": "CHARGED"}))
        .await;
    // Somebody else has used up this second's only call.
    let spent = fixture.claim().await;
    fixture.engine.accounts[0]
        .client()
        .mandate_status(&spent.mandate, at(NOW))
        .await;
    let deadline = tokio::time::Instant::now() + TIMEOUT + Duration::from_millis(100);
    let account = &fixture.engine.accounts[0];
    let ended = run(&fixture.engine.worker(account), spent, deadline).await;
    assert!(
        matches!(ended, Err(JobError::LeaseOver { execution: 1 })),
        "{ended:?}"
    );
    assert_eq!(fixture.calls("/txns").await, 0);
}

#[tokio::test]
async fn a_debit_whose_turn_comes_when_its_window_is_over_waits_for_the_next_one() {
    let [execution, notification] = notified();
    let fixture = WorkerFixture::with(100, &[execution, notification, job()]).await;
    fixture
        .says("POST", "/txns", 200, json!({"status": "CHARGED"}))
        .await;
    let mut claimed = fixture.claim().await;
    // The last moment of the peak-free hours was spent waiting.
    claimed.run_before = Some(at(NOW));
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    let done = run(
        &fixture.engine.worker(&fixture.engine.accounts[0]),
        claimed,
        deadline,
    )
    .await
    .unwrap();
    assert_eq!(fixture.calls("/txns").await, 0);
    assert_eq!(done.to_state, State::Retrying, "{:?}", done.decision);
    assert!(done.settlement.closes_intent);
}

#[tokio::test]
async fn no_call_begins_that_the_lease_may_not_outlive() {
    for step in ["'execute'", "'retry'"] {
        let [execution, notification] = notified();
        let tried = execution.with("debit_attempts", 1);
        let due = job().with("step", step);
        let fixture = WorkerFixture::with(100, &[tried, notification, due]).await;
        fixture
            .says("GET", &order_path(FIRST_ORDER), 200, declined(FIRST_ORDER))
            .await;
        let claimed = fixture.claim().await;
        let deadline = tokio::time::Instant::now() + TIMEOUT;
        let account = &fixture.engine.accounts[0];
        let ended = run(&fixture.engine.worker(account), claimed, deadline).await;
        let refused = matches!(ended, Err(JobError::LeaseNearlyOver { execution: 1 }));
        assert!(refused, "{step}: {ended:?}");
        for place in ["/txns", "/ecr/mandate/retry"] {
            assert_eq!(fixture.calls(place).await, 0, "{step} {place}");
        }
    }
}

#[tokio::test]
async fn a_retry_whose_lease_was_lost_during_the_read_before_it_is_not_made() {
    let [execution, notification] = notified();
    let tried = execution.with("debit_attempts", 1);
    let due = job().with("step", "'retry'");
    let fixture = WorkerFixture::with(100, &[tried, notification, due]).await;
    fixture
        .says("GET", &order_path(FIRST_ORDER), 200, declined(FIRST_ORDER))
        .await;
    let claimed = fixture.claim().await;
    sqlx::query("update mandated.jobs set lease_token = lease_token + 1")
        .execute(&fixture.database.pool)
        .await
        .unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
    let account = &fixture.engine.accounts[0];
    let ended = run(&fixture.engine.worker(account), claimed, deadline).await;
    let lost = matches!(ended, Err(JobError::LeaseLost { execution: 1 }));
    assert!(lost, "{ended:?}");
    assert_eq!(fixture.calls(&order_path(FIRST_ORDER)).await, 1);
    assert_eq!(fixture.calls("/ecr/mandate/retry").await, 0);
}

#[tokio::test]
async fn a_retry_whose_first_read_is_not_answered_stays_due() {
    let tried = execution()
        .with("state", "'retrying'")
        .with("order_id", sql(FIRST_ORDER))
        .with("notification_no", 1)
        .with("notification_ref", "'reference-1'")
        .with("delivered_at", "'2026-01-29T23:30Z'")
        .with("sent_at", "'2026-01-30T22:00Z'")
        .with("failed_at", "'2026-01-30T22:00Z'")
        .with("debit_attempts", 1);
    let [_, notification] = notified();
    for (status, body) in [
        (500, json!({})),
        (429, json!({})),
        (200, json!("not an object")),
    ] {
        let due = job().with("step", "'retry'");
        let fixture = WorkerFixture::with(100, &[tried.clone(), notification.clone(), due]).await;
        fixture
            .says("GET", &order_path(FIRST_ORDER), status, body)
            .await;
        let done = fixture.run(Duration::from_mins(1)).await.unwrap();
        let next = done.decision.next.unwrap();
        assert_eq!(
            (next.step, done.to_state, done.settlement.closes_intent),
            (Step::Retry, State::Retrying, true),
            "HTTP {status}: {}",
            done.settlement.reason
        );
        assert_eq!(fixture.calls("/ecr/mandate/retry").await, 0);
    }
}

#[tokio::test]
async fn an_earlier_order_whose_look_up_failed_is_not_forgotten() {
    let given_up = execution()
        .with("state", "'failed'")
        .with("finished_at", "'2026-01-30Z'")
        .with("order_no", 2)
        .with("order_id", sql(SECOND_ORDER));
    let fixture = WorkerFixture::with(100, &[given_up, job().with("step", "'recheck'")]).await;
    fixture
        .says("GET", &order_path(FIRST_ORDER), 502, json!({}))
        .await;
    fixture
        .says(
            "GET",
            &order_path(SECOND_ORDER),
            200,
            declined(SECOND_ORDER),
        )
        .await;
    let done = fixture.run(Duration::from_mins(1)).await.unwrap();
    assert_eq!(
        done.decision.next.map(|next| next.step),
        Some(Step::Recheck)
    );
}

/// An execution in review: its second order is open, and its first one has turned out to be collected.
async fn twice(second: serde_json::Value) -> (WorkerFixture, FinishedJob) {
    let review = execution()
        .with("state", "'review'")
        .with("finished_at", "'2026-01-30Z'")
        .with("order_no", 2)
        .with("order_id", sql(SECOND_ORDER));
    let open = crate::support::row::intent().with("order_id", sql(SECOND_ORDER));
    let fixture = WorkerFixture::with(100, &[review, open, job().with("step", "'recheck'")]).await;
    let first = json!({"order_id": FIRST_ORDER, "status": "CHARGED", "amount": 499.0});
    fixture
        .says("GET", &order_path(FIRST_ORDER), 200, first)
        .await;
    fixture
        .says("GET", &order_path(SECOND_ORDER), 200, second)
        .await;
    let done = fixture.run(Duration::from_mins(1)).await.unwrap();
    (fixture, done)
}

#[tokio::test]
async fn the_open_order_is_looked_up_before_those_that_it_followed() {
    let charged = json!({"order_id": SECOND_ORDER, "status": "CHARGED", "amount": 499.0});
    let (_fixture, done) = twice(charged).await;
    assert_eq!(done.settlement.debit.unwrap().order_id, SECOND_ORDER);
    assert!(done.settlement.closes_intent);
    // And the first one when this is on record: the second debit of the cycle is a refund due.
    assert_eq!(
        done.decision.next.map(|next| next.step),
        Some(Step::Recheck)
    );
    let (_fixture, done) = twice(declined(SECOND_ORDER)).await;
    assert!(done.settlement.closes_intent, "it is proven dead");
    assert_eq!(
        done.decision.next.map(|next| next.step),
        Some(Step::Recheck)
    );
}

#[tokio::test]
async fn an_order_that_is_collected_late_leaves_those_after_it_to_be_looked_up() {
    let charged = execution()
        .with("state", "'charged'")
        .with("finished_at", "'2026-01-30Z'")
        .with("order_no", 2)
        .with("order_id", sql(SECOND_ORDER));
    let fixture = WorkerFixture::with(100, &[charged, job().with("step", "'recheck'")]).await;
    let first = debit().with("order_id", sql(FIRST_ORDER));
    first.insert(&fixture.database.pool).await.unwrap();
    let second = json!({"order_id": SECOND_ORDER, "status": "CHARGED", "amount": 499.0});
    fixture
        .says("GET", &order_path(SECOND_ORDER), 200, second)
        .await;
    let done = fixture.run(Duration::from_mins(1)).await.unwrap();
    assert_eq!(
        fixture.calls(&order_path(FIRST_ORDER)).await,
        0,
        "its debit is on record"
    );
    assert!(
        done.settlement.reason.contains("refund due"),
        "{:?}",
        done.decision
    );
}

#[tokio::test]
async fn what_the_database_refuses_does_not_keep_the_others_from_being_settled() {
    let [first, notification] = notified();
    let second = first
        .clone()
        .with("id", 2)
        .with("mandate_id", 2)
        .with("order_id", "'another'")
        .with("notification_ref", "'reference-2'");
    let second_notification = notification
        .clone()
        .with("execution_id", 2)
        .with("mandate_id", 2)
        .with("reference", "'reference-2'");
    let other = mandate()
        .with("ref", "'sub-2'")
        .with("provider_mandate_id", "'provider-2'");
    let job_too = job().with("execution_id", 2).with("mandate_id", 2);
    let rows = [
        other,
        first,
        notification,
        job(),
        second,
        second_notification,
        job_too,
    ];
    let fixture = WorkerFixture::with(100, &rows).await;
    let charged = json!({"status": "CHARGED"});
    fixture.says("POST", "/txns", 200, charged).await;
    let refuse = "alter table mandated.executions add check (id <> 1 or state <> 'charged')";
    sqlx::query(refuse)
        .execute(&fixture.database.pool)
        .await
        .unwrap();
    let limits = simulation::Limits {
        until: Some(at(NOW)),
        step: Duration::from_mins(1),
    };
    let draining = CancellationToken::new();
    // The refused one stays leased, and its simulation waits for that.
    let living = simulation::run(&fixture.engine, limits, &draining, |_| draining.cancel());
    living.await.unwrap();
    let states: Vec<String> =
        sqlx::query_scalar("select state from mandated.executions order by id")
            .fetch_all(&fixture.database.pool)
            .await
            .unwrap();
    assert_eq!(states, ["notified", "charged"]);
    let left: Vec<i64> = sqlx::query_scalar("select execution_id from mandated.jobs")
        .fetch_all(&fixture.database.pool)
        .await
        .unwrap();
    assert_eq!(left, [1], "its lease runs out, and the provider is asked");
}
