//! Payments that Signzy makes by itself: which cycle each belongs to.

use mandated::domain::outcome::Counter;
use serde_json::{Value, json};

use super::failed;
use crate::signzy::support::{LookupFixture, PERIODIC, StubbedSignzy, brief, payment};

#[tokio::test]
async fn a_watched_payment_is_found_by_the_day_of_its_cycle() {
    let scheduled = |id, added: &str, scheduled: &str| {
        let mut payment = payment(id, "SUCCESS", added);
        payment["scheduledOn"] = json!(scheduled);
        payment
    };
    let cases: [(&str, Value, Option<&str>); 8] = [
        (
            "the first day",
            payment(1, "SUCCESS", "2022-03-05"),
            Some("1"),
        ),
        (
            "a day early",
            payment(2, "SUCCESS", "2022-03-04"),
            Some("2"),
        ),
        ("two days early", payment(3, "SUCCESS", "2022-03-03"), None),
        (
            "the last day but one",
            payment(4, "SUCCESS", "2022-04-03"),
            Some("4"),
        ),
        ("the next cycle", payment(5, "SUCCESS", "2022-04-05"), None),
        (
            "made early for a day in it",
            scheduled(6, "2022-03-01", "2022-03-05 07:00:00"),
            Some("6"),
        ),
        (
            "made in it for the next",
            scheduled(7, "2022-04-02", "2022-04-05"),
            None,
        ),
        (
            "the registration",
            {
                let mut payment = payment(8, "SUCCESS", "2022-03-05");
                payment["remarks"] = json!("auth payment");
                payment
            },
            None,
        ),
    ];
    for (what, payment, expected) in cases {
        let stub = StubbedSignzy::new().await;
        stub.has(&[payment]).await;
        let reply = stub.look_up(PERIODIC).await;
        assert_eq!(reply.provider_ref.as_deref(), expected, "{what}");
        assert_eq!(
            brief(&reply.outcome) == "not found",
            expected.is_none(),
            "{what}"
        );
    }
}

/// It may be the next cycle's, a day early.
#[tokio::test]
async fn a_payment_on_the_last_day_is_for_a_person_to_tell_apart() {
    let last = |status| payment(4, status, "2022-04-04");
    let own = payment(3, "SUCCESS", "2022-03-05");
    for (payments, expected, found) in [
        (vec![last("SUCCESS")], "contradicted", None),
        (vec![last("PENDING")], "contradicted", None),
        (vec![last("FAILED")], "not found", None),
        (vec![last("SUCCESS"), own], "charged 5.00", Some("3")),
    ] {
        let stub = StubbedSignzy::new().await;
        stub.has(&payments).await;
        let reply = stub.look_up(PERIODIC).await;
        let said = brief(&reply.outcome);
        assert!(said.starts_with(expected), "{said}: {payments:?}");
        assert_eq!(reply.provider_ref.as_deref(), found, "{payments:?}");
    }
}

#[tokio::test]
async fn of_daily_cycles_each_has_its_own_day() {
    let stub = StubbedSignzy::new().await;
    stub.has(&[payment(4, "SUCCESS", "2022-03-04")]).await;
    let daily = LookupFixture {
        cycle: ("2022-03-05", "2022-03-06"),
        ..PERIODIC
    };
    assert_eq!(
        brief(&stub.look_up(daily).await.outcome),
        "not found",
        "it is yesterday's"
    );
}

#[tokio::test]
async fn a_watched_payment_that_collected_comes_before_one_that_failed() {
    let stub = StubbedSignzy::new().await;
    stub.stands("ON_HOLD").await;
    stub.has(&[
        payment(12, "FAILED", "2022-03-07"),
        payment(11, "SUCCESS", "2022-03-05"),
    ])
    .await;
    let reply = stub.look_up(PERIODIC).await;
    assert_eq!(
        (
            brief(&reply.outcome).as_str(),
            reply.provider_ref.as_deref()
        ),
        ("charged 5.00", Some("11"))
    );
}

#[tokio::test]
async fn a_watched_payment_of_another_amount_is_shown_and_not_hidden() {
    let stub = StubbedSignzy::new().await;
    let mut payment = payment(11, "SUCCESS", "2022-03-05");
    payment["amount"] = json!(7);
    stub.has(&[payment]).await;
    let outcome = brief(&stub.look_up(PERIODIC).await.outcome);
    let both = r#"contradicted: amount is "7.00 INR", ours "5.00 INR""#;
    assert_eq!(outcome, both);
}

#[tokio::test]
async fn a_watched_payment_that_failed_can_be_retried_on_hold() {
    let stub = StubbedSignzy::new().await;
    stub.stands("ON_HOLD").await;
    let mut payment = failed("Account reached max debit limit");
    payment["addedOn"] = json!("2022-03-05 08:00:00");
    stub.has(&[payment]).await;
    let reply = stub.look_up(PERIODIC).await;
    assert_eq!(brief(&reply.outcome), "failed limit");
    assert_eq!(
        reply.counter,
        Counter {
            attempts: Some(2),
            no_retry_allowed: false
        }
    );
}
