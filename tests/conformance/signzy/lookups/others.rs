//! Payments beside the one that is looked up: of another cycle, of another installation, or of a life of the database that is forgotten.

use mandated::provider::OtherPayments;
use serde_json::{Value, json};

use super::{KNOWN, failed};
use crate::signzy::support::{LookupFixture, ON_DEMAND, StubbedSignzy, brief, payment};

/// Another installation looked at the same moment, and charged too.
#[tokio::test]
async fn a_second_payment_since_the_charge_is_for_a_person() {
    for (other, is_second) in [
        (payment(12346, "SUCCESS", "2022-03-29"), true),
        (payment(12346, "PENDING", "2022-03-29"), true),
        (payment(12346, "FAILED", "2022-03-29"), false),
        (payment(12344, "SUCCESS", "2022-03-29"), false),
    ] {
        let stub = StubbedSignzy::new().await;
        let ours = payment(12345, "SUCCESS", "2022-03-29");
        let body = json!({"result": {"status": "OK", "payment": ours}});
        stub.say("GET", "/payments/12345", 200, &body.to_string())
            .await;
        stub.has(&[other.clone(), ours]).await;
        let known = LookupFixture {
            payments: OtherPayments::Before(&[12344]),
            ..KNOWN
        };
        let said = brief(&stub.look_up(known).await.outcome);
        let expected = if is_second { "contradicted" } else { "charged" };
        assert!(said.starts_with(expected), "{said}: {other}");
    }
}

/// A charge is of the cycle in which it was made, whenever the provider presents it; one without any day may be of another cycle.
#[tokio::test]
async fn what_was_forgotten_is_of_the_cycle_in_which_it_was_made() {
    let dated = |added: Value, scheduled: Value| {
        let mut payment = payment(301, "SUCCESS", "2022-03-29");
        payment["addedOn"] = added;
        payment["scheduledOn"] = scheduled;
        payment
    };
    let (last, next) = (json!("2022-04-04 09:00:00"), json!("2022-04-05 09:00:00"));
    for (payment, expected) in [
        (dated(last.clone(), Value::Null), "charged"),
        (dated(last, next.clone()), "charged"),
        (dated(next, Value::Null), "not found"),
        (dated(Value::Null, Value::Null), "contradicted"),
    ] {
        let stub = StubbedSignzy::new().await;
        stub.has(std::slice::from_ref(&payment)).await;
        let forgotten = LookupFixture {
            payments: OtherPayments::Forgotten(&[]),
            cycle: ("2022-03-05", "2022-04-05"),
            ..ON_DEMAND
        };
        let said = brief(&stub.look_up(forgotten).await.outcome);
        assert!(said.starts_with(expected), "{said}: {payment}");
    }
}

/// A retry debits the eMandate's last failed payment, and its request names none.
#[tokio::test]
async fn a_failure_that_another_payment_has_followed_is_not_retried() {
    for (other, no_retry_allowed) in [
        (payment(12346, "FAILED", "2022-03-29"), true),
        (payment(12346, "SUCCESS", "2022-03-29"), true),
        (payment(12000, "FAILED", "2022-04-05"), true),
        (payment(12344, "FAILED", "2022-03-05"), false),
    ] {
        let ours = failed("Balance Insufficient");
        let stub = StubbedSignzy::new().await;
        let body = json!({"result": {"status": "OK", "payment": ours}});
        stub.say("GET", "/payments/12345", 200, &body.to_string())
            .await;
        stub.has(&[other.clone(), ours]).await;
        stub.stands("ON_HOLD").await;
        let reply = stub.look_up(KNOWN).await;
        assert_eq!(brief(&reply.outcome), "failed funds");
        assert_eq!(reply.provider_ref.as_deref(), Some("12345"));
        assert_eq!(reply.counter.no_retry_allowed, no_retry_allowed, "{other}");
    }
}
