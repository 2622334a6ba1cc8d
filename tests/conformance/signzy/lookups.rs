//! Which payment is ours, and what became of it.

mod others;
mod watched;

use std::time::Duration;

use mandated::domain::outcome::Counter;
use mandated::provider::{OtherPayments, Provider};
use serde_json::{Value, json};
use wiremock::matchers::{method, path, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use super::support::{
    EMANDATE, LookupFixture, ON_DEMAND, StubbedSignzy, brief, documented, payment,
};

const KNOWN: LookupFixture<'_> = LookupFixture {
    payment: Some("12345"),
    ..ON_DEMAND
};

async fn with_payment(payment: &Value) -> StubbedSignzy {
    let stub = StubbedSignzy::new().await;
    let body =
        json!({"result": {"status": "OK", "message": "Subscription Payment", "payment": payment}});
    stub.say("GET", "/payments/12345", 200, &body.to_string())
        .await;
    stub.has(std::slice::from_ref(payment)).await;
    stub
}

fn failed(reason: &str) -> Value {
    let mut payment = payment(12345, "FAILED", "2022-03-29");
    payment["failureReason"] = json!(reason);
    payment["retryAttempts"] = json!(2);
    payment
}

#[tokio::test]
async fn a_charge_needs_a_counter() {
    assert!(StubbedSignzy::new().await.signzy.execute_needs_counter());
}

#[tokio::test]
async fn a_known_payment_is_read_by_its_id() {
    for (status, expected) in [
        ("SUCCESS", "charged 5.00"),
        ("PENDING", "pending"),
        ("INITIALIZED", "pending"),
        ("ODD", "pending"),
    ] {
        let stub = with_payment(&payment(12345, status, "2022-03-29")).await;
        let reply = stub.look_up(KNOWN).await;
        assert_eq!(brief(&reply.outcome), expected);
        assert_eq!(reply.provider_ref.as_deref(), Some("12345"));
        assert_eq!(
            reply.counter,
            Counter {
                attempts: Some(0),
                no_retry_allowed: false
            }
        );
        assert_eq!(stub.requests().await.len(), 1);
    }
}

#[tokio::test]
async fn an_answer_about_another_payment_proves_nothing() {
    let stub = with_payment(&payment(999, "SUCCESS", "2022-03-29")).await;
    assert_eq!(brief(&stub.look_up(KNOWN).await.outcome), "unknown");
}

#[tokio::test]
async fn after_a_failure_the_emandate_says_whether_it_may_be_retried() {
    for (word, expected, no_retry_allowed) in [
        ("ON_HOLD", "failed funds", false),
        ("ACTIVE", "failed funds", true),
        ("A_NEW_WORD", "failed funds", true),
        ("CANCELLED", "failed mandate_dead", true),
        ("CUSTOMER_CANCELLED", "failed mandate_dead", true),
        ("EXPIRED", "failed mandate_dead", true),
        ("COMPLETED", "failed mandate_dead", true),
        ("CUSTOMER_PAUSED", "failed mandate_paused", true),
        ("PAUSED", "failed mandate_paused", true),
    ] {
        let stub = with_payment(&failed("Balance Insufficient")).await;
        stub.stands(word).await;
        let reply = stub.look_up(KNOWN).await;
        assert_eq!(brief(&reply.outcome), expected, "{word}");
        assert_eq!(
            reply.counter,
            Counter {
                attempts: Some(2),
                no_retry_allowed
            },
            "{word}"
        );
        assert_eq!(reply.wire.message.as_deref(), Some("Balance Insufficient"));
        assert!(reply.wire.rule.is_some());
    }
}

#[tokio::test]
async fn a_failure_of_another_amount_is_not_retried() {
    let mut payment = failed("Balance Insufficient");
    payment["amount"] = json!(6);
    let stub = with_payment(&payment).await;
    stub.stands("ON_HOLD").await;
    assert!(
        stub.look_up(KNOWN).await.counter.no_retry_allowed,
        "the retry would debit 6 rupees"
    );
}

#[tokio::test]
async fn a_failure_whose_emandate_cannot_be_read_is_looked_up_again() {
    for (status, expected) in [(500, "unknown"), (404, "unknown"), (401, "account refused")] {
        let stub = with_payment(&failed("Balance Insufficient")).await;
        stub.say("GET", "", status, documented!("error.json")).await;
        assert_eq!(brief(&stub.look_up(KNOWN).await.outcome), expected);
    }
}

const fn after(before: &[i64]) -> LookupFixture<'_> {
    LookupFixture {
        payments: OtherPayments::Before(before),
        ..ON_DEMAND
    }
}

#[tokio::test]
async fn before_a_charge_all_payments_are_told() {
    let stub = StubbedSignzy::new().await;
    stub.has(&[
        payment(7, "SUCCESS", "2022-02-01"),
        payment(9, "FAILED", "2022-03-01"),
    ])
    .await;
    let reply = stub.look_up(ON_DEMAND).await;
    assert_eq!(brief(&reply.outcome), "not found");
    assert_eq!((reply.payments, reply.provider_ref), (vec![7, 9], None));
    assert_eq!(reply.counter.attempts, Some(2));
    // And an eMandate without payments.
    let stub = StubbedSignzy::new().await;
    stub.has(&[]).await;
    assert_eq!(stub.look_up(ON_DEMAND).await.counter.attempts, Some(0));
}

#[tokio::test]
async fn a_payment_in_the_cycle_that_nobody_here_knows_stops_the_charge() {
    let mut of_another_amount = payment(4, "SUCCESS", "2022-03-05");
    of_another_amount["amount"] = json!(6);
    let (two, four) = (
        payment(2, "SUCCESS", "2022-03-05"),
        payment(4, "PENDING", "2022-03-05"),
    );
    for (payments, known, expected) in [
        // Ours, made by a database that has forgotten it: found.
        (vec![two.clone()], &[][..], "charged 5.00"),
        (vec![four.clone()], &[], "pending"),
        // One that is known, one that failed, and one of another cycle.
        (vec![two.clone()], &["2"], "not found"),
        (vec![payment(2, "FAILED", "2022-03-05")], &[], "not found"),
        (vec![payment(2, "SUCCESS", "2022-02-05")], &[], "not found"),
        (
            vec![two.clone(), four],
            &[],
            "contradicted: payments is \"2, 4\", ours \"one of this cycle at most\"",
        ),
        (
            vec![of_another_amount],
            &[],
            "contradicted: payments is \"4\", ours \"one of this cycle at most\"",
        ),
    ] {
        let stub = StubbedSignzy::new().await;
        stub.has(&payments).await;
        let known: Vec<String> = known.iter().map(ToString::to_string).collect();
        let lookup = LookupFixture {
            payments: OtherPayments::Known(&known),
            cycle: ("2022-03-01", "2022-04-01"),
            ..ON_DEMAND
        };
        assert_eq!(brief(&stub.look_up(lookup).await.outcome), expected);
    }
}

/// The mandate began on another day when it was paid, and this database has forgotten that. Whose payment it is, a person must say.
#[tokio::test]
async fn a_payment_in_the_period_before_the_cycle_stops_the_charge() {
    let stops = "contradicted: payments is \"2\", ours \"one of this cycle at most\"";
    for (period_from, expected) in [("2022-03-01", stops), ("2022-03-16", "not found")] {
        let stub = StubbedSignzy::new().await;
        stub.has(&[payment(2, "SUCCESS", "2022-03-02")]).await;
        let lookup = LookupFixture {
            cycle: ("2022-03-16", "2022-04-16"),
            period_from,
            ..ON_DEMAND
        };
        let outcome = stub.look_up(lookup).await.outcome;
        assert_eq!(brief(&outcome), expected, "{period_from}");
    }
}

#[tokio::test]
async fn a_charge_whose_answer_was_lost_is_the_payment_that_was_not_there() {
    let stub = StubbedSignzy::new().await;
    stub.has(&[payment(9, "SUCCESS", "2022-02-01")]).await;
    let before = stub.look_up(ON_DEMAND).await.payments;
    assert_eq!(before, [9]);
    let late = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    stub.on("POST", "/charge", late).await;
    assert_eq!(brief(&stub.charge("5.00").await.outcome), "unknown");

    // It got through, under an id that is less than the one before.
    let mut other = payment(10, "SUCCESS", "2022-03-05");
    other["amount"] = json!(6);
    stub.server.reset().await;
    stub.has(&[
        payment(9, "SUCCESS", "2022-02-01"),
        payment(3, "SUCCESS", "2022-03-05"),
        other.clone(),
    ])
    .await;
    let reply = stub.look_up(after(&before)).await;
    assert_eq!(
        (
            brief(&reply.outcome).as_str(),
            reply.provider_ref.as_deref()
        ),
        ("charged 5.00", Some("3"))
    );

    // It did not, and somebody else's payment of another amount is not ours.
    stub.server.reset().await;
    stub.has(&[other, payment(9, "SUCCESS", "2022-02-01")])
        .await;
    let reply = stub.look_up(after(&before)).await;
    assert_eq!(
        (brief(&reply.outcome).as_str(), reply.provider_ref),
        ("not found", None)
    );
}

#[tokio::test]
async fn of_two_new_payments_a_person_must_say_which_is_ours() {
    let stub = StubbedSignzy::new().await;
    stub.has(&[
        payment(12, "SUCCESS", "2022-03-06"),
        payment(11, "PENDING", "2022-03-05"),
    ])
    .await;
    let reply = stub.look_up(after(&[9])).await;
    assert_eq!(
        brief(&reply.outcome),
        "contradicted: payments is \"12, 11\", ours \"one of this cycle at most\""
    );
}

#[tokio::test]
async fn a_newer_payment_that_cannot_be_read_proves_nothing() {
    let mut without_amount = payment(11, "SUCCESS", "2022-03-05");
    without_amount["amount"] = Value::Null;
    let mut without_status = payment(11, "SUCCESS", "2022-03-05");
    without_status["status"] = Value::Null;
    let mut of_another = payment(11, "SUCCESS", "2022-03-05");
    of_another["subReferenceId"] = json!(4711);
    let of_whom = r#"contradicted: subReferenceId is "4711", ours "65668""#;
    for (newer, expected) in [
        (without_amount, "unknown"),
        (without_status, "unknown"),
        (of_another, of_whom),
    ] {
        let stub = StubbedSignzy::new().await;
        stub.has(&[newer, payment(9, "SUCCESS", "2022-03-01")])
            .await;
        let reply = stub.look_up(after(&[9])).await;
        assert_eq!(brief(&reply.outcome), expected);
    }
}

/// Two pages of 20 payments each, the rest after them, with ids in the order of the iterator.
async fn paged(stub: &StubbedSignzy, ids: &[i64]) {
    let pages: Vec<&[i64]> = ids.chunks(20).collect();
    for (no, page) in pages.iter().enumerate() {
        let payments: Vec<Value> = page
            .iter()
            .map(|id| payment(*id, "SUCCESS", "2022-03-05"))
            .collect();
        let body = json!({"status": "OK", "payments": payments, "lastId": page.last()});
        let mock = Mock::given(method("GET")).and(path(format!("{EMANDATE}/payments")));
        let mock = match no.checked_sub(1) {
            None => mock.and(query_param_is_missing("lastId")),
            Some(before) => mock.and(query_param(
                "lastId",
                pages[before].last().unwrap().to_string(),
            )),
        };
        mock.respond_with(ResponseTemplate::new(200).set_body_json(body))
            .mount(&stub.server)
            .await;
    }
}

#[tokio::test]
async fn all_pages_are_read_in_whichever_order_they_come() {
    let down: Vec<i64> = (1..=50).rev().collect();
    let up: Vec<i64> = (1..=50).collect();
    for ids in [down, up] {
        let stub = StubbedSignzy::new().await;
        paged(&stub, &ids).await;
        let before: Vec<i64> = ids.iter().copied().filter(|id| *id != 25).collect();
        let reply = stub.look_up(after(&before)).await;
        assert_eq!(reply.provider_ref.as_deref(), Some("25"));
        assert_eq!(stub.requests().await.len(), 3);
        let known: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let lookup = LookupFixture {
            payments: OtherPayments::Known(&known),
            ..ON_DEMAND
        };
        assert_eq!(stub.look_up(lookup).await.payments, ids);
    }
}

#[tokio::test]
async fn a_list_that_does_not_end_proves_nothing() {
    let stub = StubbedSignzy::new().await;
    let page: Vec<Value> = (101..=120)
        .rev()
        .map(|id| payment(id, "SUCCESS", "2022-03-05"))
        .collect();
    stub.has(&page).await;
    let reply = stub.look_up(after(&[1])).await;
    assert_eq!(brief(&reply.outcome), "unknown");
    assert_eq!(
        stub.requests().await.len(),
        2,
        "the second page is the first again"
    );
}
