//! What an answer to a charge or a retry comes to.

use mandated::domain::AttemptOutcome;
use serde_json::{Value, json};

use super::support::{StubbedSignzy, brief, documented, rupees};

async fn retried(body: &Value) -> String {
    retried_due("1.00", body).await
}

async fn retried_due(amount: &str, body: &Value) -> String {
    let stub = StubbedSignzy::new().await;
    stub.say("POST", "/retry-charge", 200, &body.to_string())
        .await;
    brief(&stub.retry_due(rupees(amount), None, None).await.outcome)
}

fn retry_answer(status: &str, reason: &Value) -> Value {
    json!({"status": "OK", "subStatus": "ON_HOLD", "payment": {"paymentId": 3_293_789, "amount": 1,
        "status": status, "addedOn": "2021-12-17 08:41:30", "retryAttempts": 2, "failureReason": reason}})
}

#[tokio::test]
async fn the_seeds_retry_sample_is_a_collection() {
    let stub = StubbedSignzy::new().await;
    stub.say(
        "POST",
        "/retry-charge",
        200,
        documented!("retry_success.json"),
    )
    .await;
    let reply = stub.retry(None).await;
    assert_eq!(brief(&reply.outcome), "charged 1.00");
    assert_eq!(reply.provider_ref.as_deref(), Some("3293789"));
    assert_eq!(reply.counter.attempts, Some(2));
    assert_eq!(reply.wire.http_status, Some(200));
}

#[tokio::test]
async fn a_retry_of_another_payment_than_the_one_that_was_meant_is_a_person_s() {
    let stub = StubbedSignzy::new().await;
    let sample = documented!("retry_success.json");
    stub.say("POST", "/retry-charge", 200, sample).await;
    let meant = stub.retry_of(Some("3293789"), None).await;
    assert_eq!(brief(&meant.outcome), "charged 1.00");
    let other = stub.retry_of(Some("3293788"), None).await;
    assert_eq!(other.outcome.recorded(), AttemptOutcome::Contradicted);
    assert_eq!(
        other.provider_ref, None,
        "the one that was meant is still looked for"
    );
}

#[tokio::test]
async fn the_same_answer_in_its_wrapper_means_the_same() {
    let bare: Value = serde_json::from_str(documented!("retry_success.json")).unwrap();
    assert_eq!(
        retried(&bare).await,
        retried(&json!({ "result": bare })).await
    );
}

#[tokio::test]
async fn the_pages_charge_sample_is_pending() {
    let stub = StubbedSignzy::new().await;
    stub.say("POST", "/charge", 200, documented!("charge_pending.json"))
        .await;
    let reply = stub.charge("1.00").await;
    assert_eq!(brief(&reply.outcome), "pending");
    assert_eq!(reply.provider_ref.as_deref(), Some("12346"));
    assert_eq!(reply.counter.attempts, Some(0));
    // And bare.
    let wrapped: Value = serde_json::from_str(documented!("charge_pending.json")).unwrap();
    let stub = StubbedSignzy::new().await;
    stub.say("POST", "/charge", 200, &wrapped["result"].to_string())
        .await;
    assert_eq!(stub.charge("1.00").await.provider_ref, reply.provider_ref);
}

#[tokio::test]
async fn every_status_of_a_payment() {
    let null = Value::Null;
    let broke = json!("Balance Insufficient");
    for (status, reason, expected) in [
        ("SUCCESS", &null, "charged 1.00"),
        ("PENDING", &null, "pending"),
        ("INITIALIZED", &null, "pending"),
        ("SOMETHING_NEW", &null, "pending"),
        ("success", &null, "pending"),
        ("FAILED", &broke, "failed funds"),
        ("FAILED", &null, "failed unmapped"),
        ("CANCELLED", &null, "failed customer_stop"),
        ("CANCELLED", &broke, "failed customer_stop"),
    ] {
        assert_eq!(
            retried(&retry_answer(status, reason)).await,
            expected,
            "{status}"
        );
    }
}

#[tokio::test]
async fn amounts_are_read_by_their_digits() {
    for (amount, due, expected) in [
        (json!(1), "1.00", "charged 1.00"),
        (json!(1.0), "1.00", "charged 1.00"),
        (json!(499.5), "499.50", "charged 499.50"),
        (json!("499.50"), "499.50", "charged 499.50"),
        (Value::Null, "1.00", "charged ?"),
        (
            json!(499.5),
            "1.00",
            r#"contradicted: amount is "499.50 INR", ours "1.00 INR""#,
        ),
    ] {
        let mut body = retry_answer("SUCCESS", &Value::Null);
        body["payment"]["amount"] = amount;
        assert_eq!(retried_due(due, &body).await, expected);
    }
}

#[tokio::test]
async fn an_error_word_with_a_200_is_a_refusal() {
    for (message, expected) in [
        (
            "Subscription is not in ON_HOLD state",
            "refused nothing_to_retry",
        ),
        ("Payment is already retried for today", "refused limit"),
        ("Subscription does not exist", "refused mandate_dead"),
        ("Request is duplicate", "refused in_flight"),
        ("no words we know", "refused unmapped"),
    ] {
        let body = json!({"status": "ERROR", "message": message});
        assert_eq!(retried(&body).await, expected, "{message}");
        assert_eq!(
            retried(&json!({ "result": body })).await,
            expected,
            "{message}"
        );
    }
}

#[tokio::test]
async fn an_answer_without_a_payment_of_ours_proves_nothing() {
    let mut of_another = retry_answer("SUCCESS", &Value::Null);
    of_another["payment"]["subReferenceId"] = json!(4711);
    let mut without_id = retry_answer("SUCCESS", &Value::Null);
    without_id["payment"]["paymentId"] = Value::Null;
    for body in [
        json!({"status": "OK"}),
        json!({}),
        json!([]),
        json!(null),
        without_id,
    ] {
        assert_eq!(retried(&body).await, "unknown", "{body}");
    }
    let of_whom = r#"contradicted: subReferenceId is "4711", ours "65668""#;
    assert_eq!(retried(&of_another).await, of_whom);
}

#[tokio::test]
async fn nothing_personal_is_kept() {
    let reason = json!("Insufficient balance in 50100012345678 of asha@example.in");
    let stub = StubbedSignzy::new().await;
    let body = retry_answer("FAILED", &reason).to_string();
    stub.say("POST", "/retry-charge", 200, &body).await;
    let reply = format!("{:?}", stub.retry(None).await);
    assert!(reply.contains("Insufficient balance"), "{reply}");
    for secret in ["50100012345678", "asha", super::support::API_KEY] {
        assert!(!reply.contains(secret), "{reply}");
    }
}
