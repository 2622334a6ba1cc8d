//! What an answer about an order comes to: samples, the status table, amounts, counters.

use mandated::domain::outcome::Counter;
use mandated::domain::{Amount, Currency, Outcome};
use serde_json::{Value, json};

use super::support::{
    StubbedJuspay, brief, documented, execute, look_up, look_up_due, retry, rupees, saying,
};

#[tokio::test]
async fn a_charged_execution() {
    let (_server, juspay) = saying(200, documented!("execution_charged.json")).await;
    let order_id = "26234761248249834753485721";
    let reply = execute(&juspay, order_id).await;
    let txn = format!("Merchant-{order_id}-1");
    assert_eq!(
        reply.outcome,
        Outcome::Charged {
            amount: None,
            txn: Some(txn.clone())
        }
    );
    assert_eq!(reply.provider_ref, Some(txn));
    assert_eq!(
        reply.counter,
        Counter {
            attempts: Some(1),
            no_retry_allowed: false
        }
    );

    let (_server, juspay) = saying(200, documented!("exercise_charged.json")).await;
    assert_eq!(
        brief(&execute(&juspay, ":prongs-order-23").await.outcome),
        "charged"
    );
}

#[tokio::test]
async fn a_retry_under_way_is_the_second_attempt_of_the_same_order() {
    let (_server, juspay) = saying(200, documented!("retry_success.json")).await;
    let reply = retry(&juspay, "D80019512505241877").await;
    assert_eq!(reply.outcome, Outcome::Pending);
    assert_eq!(reply.counter.attempts, Some(2));
    assert_eq!(
        reply.provider_ref.as_deref(),
        Some("icicipru-D80019512505241877-2")
    );
}

#[tokio::test]
async fn a_charged_order_has_the_providers_own_amount() {
    let stub = StubbedJuspay::new().await;
    stub.say(200, documented!("order_charged.json")).await;
    let reply = look_up(&stub.juspay, "12345").await;
    let txn = Some("juspay-12345-1".to_owned());
    assert_eq!(
        reply.outcome,
        Outcome::Charged {
            amount: Some(rupees("300.00")),
            txn
        }
    );
    assert_eq!(reply.counter.attempts, Some(1));
    assert!(reply.wire.body.unwrap().contains("CHARGED"));
}

/// The documented order with some of its fields changed.
fn order(changes: &Value) -> String {
    let mut order: Value = serde_json::from_str(documented!("order_charged.json")).unwrap();
    order
        .as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    order.to_string()
}

#[tokio::test]
async fn every_status_by_its_word() {
    let stub = StubbedJuspay::new().await;
    for (status, expected) in [
        ("NEW", "pending"),
        ("CREATED", "pending"),
        ("STARTED", "pending"),
        ("CHARGED", "charged"),
        ("JUSPAY_DECLINED", "failed"),
        ("PENDING_VBV", "pending"),
        ("VBV_SUCCESSFUL", "pending"),
        ("AUTHORIZED", "pending"),
        ("AUTHENTICATION_FAILED", "failed"),
        ("AUTHORIZATION_FAILED", "failed"),
        ("AUTHORISATION_FAILED", "failed"),
        ("AUTHORIZING", "pending"),
        ("COD_INITIATED", "pending"),
        ("VOIDED", "reversed"),
        ("VOID_INITIATED", "pending"),
        ("CAPTURE_INITIATED", "pending"),
        ("CAPTURE_FAILED", "unrecognized"),
        ("VOID_FAILED", "unrecognized"),
        ("AUTO_REFUNDED", "reversed"),
        ("PARTIAL_CHARGED", "unrecognized"),
        ("TO_BE_CHARGED", "pending"),
        ("NOT_FOUND", "not found"),
        ("ERROR", "unknown"),
        // Words that are documented nowhere, and near misses of those that are.
        ("SETTLED_LATER", "pending"),
        ("charged", "pending"),
        ("SUCCESS", "pending"),
        ("FAILURE", "pending"),
    ] {
        // The id 40 stands for two of them, so it must not count.
        for status_id in [json!(40), json!("26"), json!(21)] {
            let body = order(&json!({"status": status, "status_id": status_id}));
            stub.say(200, &body).await;
            let outcome = brief(&look_up(&stub.juspay, "12345").await.outcome);
            assert_eq!(
                outcome.split(' ').next(),
                expected.split(' ').next(),
                "{status}"
            );
        }
    }
}

#[tokio::test]
async fn failures_are_classified_by_their_most_telling_code() {
    let stub = StubbedJuspay::new().await;
    for (changes, expected) in [
        (
            json!({"resp_code": "INSUFFICIENT_BALANCE", "resp_category": "BUSINESS_ERROR", "bank_error_code": ""}),
            "failed funds",
        ),
        (
            json!({"resp_code": "TXN_FAILURE", "resp_category": null, "bank_error_code": "Z9"}),
            "failed funds",
        ),
        (
            json!({"resp_code": null, "bank_error_code": null, "payment_gateway_response": {"resp_code": "Z9"}}),
            "failed funds",
        ),
        (
            json!({"resp_code": "ACCOUNT_CLOSED", "resp_category": "BUSINESS_ERROR"}),
            "failed account_dead",
        ),
        (
            json!({"resp_code": "TXN_NOT_FOUND", "resp_category": "TECHNICAL_ERROR"}),
            "failed in_flight",
        ),
        (
            json!({"resp_code": null, "payment_gateway_response": null}),
            "failed unmapped",
        ),
    ] {
        let mut changes = changes;
        changes["status"] = json!("AUTHORIZATION_FAILED");
        stub.say(200, &order(&changes)).await;
        assert_eq!(
            brief(&look_up(&stub.juspay, "12345").await.outcome),
            expected,
            "{changes}"
        );
    }
}

#[tokio::test]
async fn amounts_are_read_from_their_digits_whatever_their_type() {
    let usd = Amount::parse("0.30", Currency::parse("USD").unwrap()).unwrap();
    let yen = Amount::parse("300", Currency::parse("JPY").unwrap()).unwrap();
    let stub = StubbedJuspay::new().await;
    for (changes, due) in [
        (json!({"amount": 300}), Some(rupees("300.00"))),
        (json!({"amount": 300.0}), Some(rupees("300.00"))),
        (json!({"amount": 1_234_567.89}), Some(rupees("1234567.89"))),
        (json!({"amount": 0.29}), Some(rupees("0.29"))),
        (json!({"amount": "300.00"}), Some(rupees("300.00"))),
        (json!({"amount": "0.30", "currency": "USD"}), Some(usd)),
        (json!({"amount": 300.0, "currency": "JPY"}), Some(yen)),
        (
            json!({"amount": "300", "currency": null}),
            Some(rupees("300.00")),
        ),
        (json!({"amount": null}), None),
    ] {
        stub.say(200, &order(&changes)).await;
        let asked = due.unwrap_or_else(|| rupees("300.00"));
        let looked_up = look_up_due(&stub.juspay, "12345", asked).await.outcome;
        let Outcome::Charged { amount, .. } = looked_up else {
            panic!("{changes}: {looked_up:?}")
        };
        assert_eq!(amount, due, "{changes}");
        let more = Amount::new(asked.minor() + 1, asked.currency()).unwrap();
        let looked_up = look_up_due(&stub.juspay, "12345", more).await.outcome;
        let is_other =
            matches!(&looked_up, Outcome::Contradicted(other) if other.field == "amount");
        assert_eq!(is_other, due.is_some(), "{changes}: {looked_up:?}");
    }
    // An amount that is there and is none is not the one that was due.
    for changes in [
        json!({"amount": "three"}),
        json!({"amount": 300.005}),
        json!({"amount": "300", "currency": "rupee"}),
    ] {
        stub.say(200, &order(&changes)).await;
        let outcome = look_up(&stub.juspay, "12345").await.outcome;
        assert_eq!(brief(&outcome), "unknown", "{changes}");
    }
}

#[tokio::test]
async fn attempts_count_the_providers_silent_retries() {
    let retried = |count: &str, allowed: Value| json!({"mandate_retry_info": {"is_retried_order": "true", "retries_done_count": count, "allowed_retry": allowed}});
    let counter = |attempts: Option<i64>, no_retry_allowed: bool| Counter {
        attempts,
        no_retry_allowed,
    };
    let stub = StubbedJuspay::new().await;
    for (changes, expected) in [
        (json!({"txn_id": "juspay-12345-3"}), counter(Some(3), false)),
        (
            json!({"txn_id": "my-shop-12345-12"}),
            counter(Some(12), false),
        ),
        (
            json!({"txn_id": "juspay-12345-1", "additional_info": retried("2", json!("true"))}),
            counter(Some(3), false),
        ),
        (
            json!({"txn_id": "juspay-12345-4", "additional_info": retried("2", json!("false"))}),
            counter(Some(4), true),
        ),
        (
            json!({"additional_info": retried("", json!(false))}),
            counter(Some(1), true),
        ),
        (json!({"txn_id": null}), counter(Some(1), false)),
        // Of another order, or of no order at all.
        (json!({"txn_id": "juspay-912345-7"}), counter(None, false)),
        (json!({"txn_id": "juspay-12345-x"}), counter(None, false)),
        (
            json!({"txn_id": "12345-7", "status": "NEW"}),
            counter(None, false),
        ),
    ] {
        stub.say(200, &order(&changes)).await;
        assert_eq!(
            look_up(&stub.juspay, "12345").await.counter,
            expected,
            "{changes}"
        );
    }
}

#[tokio::test]
async fn a_known_status_is_stronger_than_any_word_around_it() {
    let stub = StubbedJuspay::new().await;
    let around = json!({"code": "RESOURCE_NOT_FOUND", "developer_message": "Mandate not found"});
    let body = order(&json!({"error_info": around, "error_code": "DUPLICATE_REQUEST"}));
    stub.say(200, &body).await;
    assert_eq!(
        brief(&look_up(&stub.juspay, "12345").await.outcome),
        "charged"
    );
    assert_eq!(
        brief(&execute(&stub.juspay, "12345").await.outcome),
        "charged"
    );
}

#[tokio::test]
async fn an_answer_about_another_order_proves_nothing() {
    let (_server, juspay) = saying(200, documented!("order_charged.json")).await;
    assert_eq!(brief(&look_up(&juspay, "m1").await.outcome), "unknown");
    assert_eq!(brief(&execute(&juspay, "m1").await.outcome), "unknown");
    assert_eq!(brief(&retry(&juspay, "m1").await.outcome), "unknown");
}
