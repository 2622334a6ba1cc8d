//! Juspay's notification and the question about one.

use crate::support::provider::in_time;
use std::fmt::Write;
use std::time::Duration;

use mandated::domain::outcome::{CallFailure, NotificationOutcome};
use mandated::domain::{MandateStatus, State, Step};
use mandated::provider::{NotifyRequest, Provider, Reply};
use serde_json::{Value, json};

use super::support::{Followed, StepScenario, heading};
use crate::juspay::support::{StubbedJuspay, at, documented, mandate, rupees};
use crate::juspay::tables::error_rows;

const REFERENCE: &str = "2QNPw8KSbpHL122bNPgAK07";

/// Rows of the error table that another call of Juspay's can answer with.
const NOT_OF_ORDERS: [&str; 6] = [
    "Invalid Authentication",
    "Mandate not found",
    "Mandate not in active state",
    "Passing Invalid URL",
    "Not passing merchant_id field",
    "Invalid Merchant ID",
];

/// The documented notification with another status, and a code of the gateway's.
fn sample(status: &str, code: &str) -> String {
    let mut body: Value = serde_json::from_str(documented!("notification_success.json")).unwrap();
    body["status"] = json!(status);
    body["response_code"] = json!(code);
    body.to_string()
}

async fn notified(stub: &StubbedJuspay, step: Step, status: u16, body: &str) -> (String, Followed) {
    stub.say(status, body).await;
    let mandate = mandate();
    let reply = if step == Step::Notify {
        let request = NotifyRequest {
            deadline: in_time(),
            at: at(),
            mandate: &mandate,
            reference: REFERENCE,
            amount: rupees("300.00"),
            debit_at: at(),
        };
        stub.juspay.notify(&request).await
    } else {
        let juspay = &stub.juspay;
        juspay.notification_status(&mandate, REFERENCE, at()).await
    };
    let followed = StepScenario::notify(step).follow_notification(&reply);
    (brief(&reply), followed)
}

fn brief(reply: &Reply<NotificationOutcome>) -> String {
    match &reply.outcome {
        NotificationOutcome::Delivered => "delivered".to_owned(),
        NotificationOutcome::Pending => "pending".to_owned(),
        NotificationOutcome::Failed(failure) => format!("failed {}", failure.class),
        NotificationOutcome::AlreadyExists => "already exists".to_owned(),
        NotificationOutcome::NotFound => "not found".to_owned(),
        NotificationOutcome::Call(CallFailure::NotSent { .. }) => "not sent".to_owned(),
        NotificationOutcome::Call(CallFailure::Unknown { .. }) => "unknown".to_owned(),
        NotificationOutcome::Call(CallFailure::AccountRefused { .. }) => {
            "account refused".to_owned()
        }
        NotificationOutcome::Call(CallFailure::Throttled { .. }) => "throttled".to_owned(),
    }
}

#[tokio::test]
async fn every_answer_about_a_notification() {
    let stub = StubbedJuspay::new().await;
    let mut table = String::new();
    for (step, call) in [
        (Step::Notify, "POST /mandates/ID pre_debit_notify"),
        (Step::NotifyStatus, "GET /notifications/REFERENCE"),
    ] {
        table += &heading(call);
        for (name, status, body) in [
            ("sample, success", 200, sample("SUCCESS", "")),
            ("sample, created", 200, sample("CREATED", "")),
            ("sample, pending", 200, sample("PENDING", "")),
            ("sample, failure", 200, sample("FAILURE", "")),
            (
                "sample, failure, gateway not supported",
                200,
                sample("FAILURE", "JP_852"),
            ),
            ("sample, failure, paused", 200, sample("FAILURE", "VT")),
            ("sample, failure, revoked", 200, sample("FAILURE", "VA")),
            ("a status nobody documents", 200, sample("SENT_TO_BANK", "")),
            (
                "already present",
                400,
                r#"{"status":"already_exists","error_message":"Notification already present"}"#
                    .to_owned(),
            ),
            (
                "not found",
                400,
                r#"{"error_code":"Invalid_Request","error_message":"Notification not found"}"#
                    .to_owned(),
            ),
            (
                "not active",
                400,
                r#"{"error_code":"ineligible_state","error_message":"Please pass active mandate"}"#
                    .to_owned(),
            ),
            ("too many requests", 429, String::new()),
            ("an error of the server", 500, String::new()),
            ("a web page", 200, "<html>".to_owned()),
        ] {
            let (outcome, followed) = notified(&stub, step, status, &body).await;
            writeln!(table, "{name:<46} {status}  {outcome:<24} {followed}").unwrap();
        }
        for (status, description, body) in error_rows() {
            // The rows that are not about an order.
            if NOT_OF_ORDERS.contains(&description.as_str()) {
                let (outcome, followed) = notified(&stub, step, status, &body).await;
                writeln!(
                    table,
                    "{description:<46} {status}  {outcome:<24} {followed}"
                )
                .unwrap();
            }
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn only_a_delivery_lets_a_debit_follow_and_25_hours_later() {
    let stub = StubbedJuspay::new().await;
    for status in ["SUCCESS", "CREATED", "PENDING", "FAILURE", "SENT_TO_BANK"] {
        for step in [Step::Notify, Step::NotifyStatus] {
            let (_, followed) = notified(&stub, step, 200, &sample(status, "")).await;
            let delivered = followed.decision.progress.delivered_at.is_some();
            assert_eq!(delivered, status == "SUCCESS", "{status}");
            assert_eq!(followed.state == State::Notified, delivered, "{status}");
            let (next, wait) = followed.next().unwrap();
            assert_eq!(next == Step::Execute, delivered, "{status}");
            if delivered {
                assert!(wait >= Duration::from_hours(25), "{wait:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_lost_answer_is_asked_about_and_no_second_notification_goes_out() {
    let stub = StubbedJuspay::new().await;
    for (status, body) in [(500, ""), (200, "<html>"), (504, "")] {
        let (_, followed) = notified(&stub, Step::Notify, status, body).await;
        assert_eq!(followed.state, State::Notifying);
        assert_eq!(followed.next().unwrap().0, Step::NotifyStatus);
        assert_eq!(followed.decision.progress.notification_no, 1);
    }
}

#[tokio::test]
async fn a_notification_that_failed_gets_a_new_reference() {
    let (_, followed) = notified(
        &StubbedJuspay::new().await,
        Step::NotifyStatus,
        200,
        &sample("FAILURE", "NU"),
    )
    .await;
    assert_eq!(followed.state, State::Planned);
    // Not at once: the payer's bank needs time to come back.
    let half_an_hour = Duration::from_mins(30);
    assert_eq!(followed.next(), Some((Step::Notify, half_an_hour)));
    assert_eq!(followed.decision.progress.notification_no, 2);
}

#[tokio::test]
async fn a_mandate_that_is_over_or_paused_is_marked_so() {
    let stub = StubbedJuspay::new().await;
    for (code, mandate) in [
        ("VA", MandateStatus::Revoked),
        ("VT", MandateStatus::Paused),
    ] {
        let body = sample("FAILURE", code);
        let (_, followed) = notified(&stub, Step::NotifyStatus, 200, &body).await;
        assert_eq!(followed.decision.mandate, Some(mandate), "{code}");
    }
}
