//! The pre-debit notification and its status.

use crate::support::provider::in_time;
use mandated::domain::outcome::{CallFailure, NotificationOutcome};
use mandated::provider::{NotifyRequest, Provider};
use serde_json::{Value, json};

use super::support::{StubbedJuspay, at, documented, mandate, rupees};

const REFERENCE: &str = "2QNPw8KSbpHL122bNPgAK07";

async fn notify(stub: &StubbedJuspay, status: u16, body: &str) -> String {
    stub.say(status, body).await;
    let mandate = mandate();
    let request = NotifyRequest {
        deadline: in_time(),
        at: at(),
        mandate: &mandate,
        reference: REFERENCE,
        amount: rupees("1.00"),
        debit_at: at(),
    };
    brief(&stub.juspay.notify(&request).await.outcome)
}

async fn status_of(stub: &StubbedJuspay, status: u16, body: &str) -> String {
    stub.say(status, body).await;
    brief(
        &stub
            .juspay
            .notification_status(&mandate(), REFERENCE, at())
            .await
            .outcome,
    )
}

fn brief(outcome: &NotificationOutcome) -> String {
    match outcome {
        NotificationOutcome::Delivered => "delivered".to_owned(),
        NotificationOutcome::Pending => "pending".to_owned(),
        NotificationOutcome::Failed(failure) => format!("failed {}", failure.class),
        NotificationOutcome::AlreadyExists => "already exists".to_owned(),
        NotificationOutcome::NotFound => "not found".to_owned(),
        NotificationOutcome::Call(CallFailure::AccountRefused { .. }) => {
            "account refused".to_owned()
        }
        NotificationOutcome::Call(CallFailure::Throttled { .. }) => "throttled".to_owned(),
        NotificationOutcome::Call(CallFailure::NotSent { .. }) => "not sent".to_owned(),
        NotificationOutcome::Call(CallFailure::Unknown { .. }) => "unknown".to_owned(),
    }
}

#[tokio::test]
async fn both_calls_know_the_four_states() {
    let stub = StubbedJuspay::new().await;
    let mut body: Value = serde_json::from_str(documented!("notification_success.json")).unwrap();
    for (status, expected) in [
        ("SUCCESS", "delivered"),
        ("CREATED", "pending"),
        ("PENDING", "pending"),
        ("SENT_TO_BANK", "pending"),
        ("FAILURE", "failed unmapped"),
    ] {
        body["status"] = json!(status);
        assert_eq!(
            notify(&stub, 200, &body.to_string()).await,
            expected,
            "{status}"
        );
        assert_eq!(
            status_of(&stub, 200, &body.to_string()).await,
            expected,
            "{status}"
        );
    }
    // The gateway's reason is read where a failed notification has it.
    body["provider_response"] =
        json!({"provider_response_code": "PRE_DEBIT_NOTIFICATION_NOT_SENT"});
    assert_eq!(
        status_of(&stub, 200, &body.to_string()).await,
        "failed notification"
    );
}

#[tokio::test]
async fn an_answer_about_another_notification_proves_nothing() {
    let stub = StubbedJuspay::new().await;
    let mut body: Value = serde_json::from_str(documented!("notification_success.json")).unwrap();
    body["object_reference_id"] = json!("another");
    assert_eq!(notify(&stub, 200, &body.to_string()).await, "unknown");
    assert_eq!(status_of(&stub, 200, &body.to_string()).await, "unknown");
}

#[tokio::test]
async fn refusals_of_the_notification() {
    let stub = StubbedJuspay::new().await;
    for (status, body, expected) in [
        (
            400,
            r#"{"error_code":"already_exists","error_message":"Notification already present"}"#,
            "already exists",
        ),
        (
            400,
            r#"{"status":"ERROR","error_message":"Notification already present"}"#,
            "already exists",
        ),
        (
            400,
            r#"{"error_info":{"code":"DUPLICATE_REQUEST"}}"#,
            "already exists",
        ),
        (
            400,
            r#"{"error_code":"ineligible_state","error_message":"Please pass active mandate"}"#,
            "failed mandate_paused",
        ),
        (
            400,
            r#"{"error_code":"Mandate not found","error_message":"Mandate not found"}"#,
            "failed mandate_dead",
        ),
        (
            400,
            r#"{"error_code":"Invalid txn_date"}"#,
            "failed our_request",
        ),
        (404, "", "unknown"),
        (
            401,
            r#"{"status":"error","error_code":"access_denied"}"#,
            "account refused",
        ),
        (429, "", "throttled"),
        (500, "", "unknown"),
        (200, "<html>", "unknown"),
        (200, "{}", "unknown"),
        (200, r#"{"status":"ERROR"}"#, "unknown"),
    ] {
        assert_eq!(
            notify(&stub, status, body).await,
            expected,
            "{status} {body}"
        );
    }
}

#[tokio::test]
async fn a_refused_question_says_nothing_about_the_notification_unless_it_is_unknown() {
    let stub = StubbedJuspay::new().await;
    for (status, body, expected) in [
        (404, "", "unknown"),
        (404, r#"{"error_code":"E09"}"#, "not found"),
        (400, r#"{"status":"NOT_FOUND"}"#, "not found"),
        (200, r#"{"status":"NOT_FOUND"}"#, "not found"),
        (
            400,
            r#"{"error_code":"Invalid_Request","error_message":"Notification not found"}"#,
            "not found",
        ),
        (
            400,
            r#"{"error_info":{"code":"RESOURCE_NOT_FOUND"}}"#,
            "not found",
        ),
        (404, "<html>no such page</html>", "unknown"),
        (
            400,
            r#"{"status":"ERROR","error_code":"Bad request."}"#,
            "unknown",
        ),
        (401, "", "account refused"),
        (500, "", "unknown"),
    ] {
        assert_eq!(
            status_of(&stub, status, body).await,
            expected,
            "{status} {body}"
        );
    }
}
