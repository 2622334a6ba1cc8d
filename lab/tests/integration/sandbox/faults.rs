//! Each fault, with what it leaves behind: whether the order exists, and whether money moved.

use lab::sandbox::{Call, Fault, Reason, Then};
use mandated::domain::Notify;

use super::*;

/// A card that needs no notification answers at once, so an effect shows at once.
async fn toll() -> Bench {
    let mut toll = juspay("t1", Rail::Card, Notify::None);
    toll.category = Some("fastag".to_owned());
    Bench::open(vec![toll]).await
}

async fn executed(fault: Fault) -> (Bench, Answered) {
    let bench = toll().await;
    bench.script("t1", Call::Execute, [Then::Fault(fault)]);
    let answered = bench.execute("05 08:30", "t1", "o1", &[]).await;
    (bench, answered)
}

#[tokio::test]
async fn a_lost_answer_leaves_a_debit() {
    let (bench, answered) = executed(Fault::AnswerLost).await;
    assert_eq!(answered, None);
    assert_eq!(bench.debits("05 08:30").len(), 1);
    assert_eq!(bench.status("05 08:40", "o1").await, "CHARGED");
    assert!(
        bench
            .execute("05 08:41", "t1", "o1", &[])
            .await
            .unwrap()
            .1
            .contains("DUPLICATE_ORDER_ID")
    );
}

#[tokio::test]
async fn a_500_after_the_debit_leaves_a_debit() {
    let (bench, answered) = executed(Fault::ErrorAfter).await;
    assert_eq!(answered.unwrap().0, 500);
    assert_eq!(bench.debits("05 08:30").len(), 1);
}

#[tokio::test]
async fn a_reset_before_the_effect_leaves_nothing() {
    let (bench, answered) = executed(Fault::ResetBefore).await;
    assert_eq!(answered, None);
    assert_eq!(bench.order("05 08:40", "o1").await.unwrap().0, 404);
    assert_eq!(
        bench.execute("05 08:41", "t1", "o1", &[]).await.unwrap().0,
        200
    );
    assert_eq!(bench.debits("05 09:00").len(), 1);
}

#[tokio::test]
async fn a_slow_answer_comes() {
    let (bench, answered) = executed(Fault::Slow).await;
    assert_eq!(json(answered).1["status"], "CHARGED");
    assert_eq!(bench.debits("05 08:30").len(), 1);
}

#[tokio::test]
async fn a_duplicate_of_itself_is_refused_and_done() {
    let (bench, answered) = executed(Fault::Duplicate).await;
    let (status, body) = json(answered);
    assert_eq!(
        (status, &body["status"]),
        (400, &Value::from("DUPLICATE_ORDER_ID"))
    );
    assert_eq!(bench.debits("05 08:30").len(), 1);
}

#[tokio::test]
async fn throttling_leaves_nothing() {
    let (bench, answered) = executed(Fault::Throttled).await;
    assert_eq!(answered.unwrap().0, 429);
    assert_eq!(bench.debits("05 08:30"), []);
    let bench = Bench::open(vec![signzy("12345", Notify::None)]).await;
    bench.script("12345", Call::Execute, [Then::Fault(Fault::Throttled)]);
    let answered = bench
        .emandate("POST", "05 08:30", "12345/charge", r#"{"amount":499}"#)
        .await;
    assert_eq!(answered.unwrap().0, 403);
    assert_eq!(bench.debits("31 00:00"), []);
}

#[tokio::test]
async fn wrong_shapes_are_no_json() {
    let (bench, answered) = executed(Fault::Html).await;
    let (status, body) = answered.unwrap();
    assert_eq!((status, body.starts_with("<!DOCTYPE html>")), (200, true));
    assert_eq!(bench.debits("05 08:30"), []);
    let (bench, answered) = executed(Fault::Truncated).await;
    let (status, body) = answered.unwrap();
    assert_eq!(status, 200);
    assert!(
        body.starts_with('{') && serde_json::from_str::<Value>(&body).is_err(),
        "{body}"
    );
    assert_eq!(bench.debits("05 08:30").len(), 1);
}

#[tokio::test]
async fn other_types_are_json_that_says_nothing() {
    let (bench, answered) = executed(Fault::WrongTypes).await;
    let (status, body) = json(answered);
    assert_eq!(status, 200);
    // CHARGED has seven letters.
    assert_eq!(body["status"], 7);
    assert_eq!(bench.debits("05 08:30").len(), 1);
    assert_eq!(bench.status("05 08:40", "o1").await, "CHARGED");
}

#[tokio::test]
async fn what_befell_is_counted_and_ends_with_the_calm() {
    let (bench, _) = executed(Fault::Html).await;
    bench.script("t1", Call::Execute, [Then::Fault(Fault::LateSuccess)]);
    bench.execute("05 08:41", "t1", "o2", &[]).await;
    let counted: Vec<_> = bench.sandbox.faults().into_iter().collect();
    assert_eq!(
        counted,
        [
            (Fault::Html, 1),
            (Fault::LateSuccess, 1),
            (Fault::SilentRetry, 0)
        ]
    );
}

#[tokio::test]
async fn a_late_success_is_failed_first_and_charged_hours_later() {
    let (bench, answered) = executed(Fault::LateSuccess).await;
    assert_eq!(json(answered).1["status"], "AUTHORIZATION_FAILED");
    assert_eq!(bench.debits("05 08:45"), []);
    assert_eq!(bench.status("05 17:00", "o1").await, "CHARGED");
    let debits = bench.debits("05 17:00");
    assert_eq!(debits, [("o1".to_owned(), day(5))]);
    let late = bench.ledger().debits[0].at;
    assert!(late >= at("05 09:00") && late <= at("05 16:30"), "{late}");
}

#[tokio::test]
async fn a_silent_retry_is_juspays_own_and_collects() {
    let bench = toll().await;
    bench.script(
        "t1",
        Call::Execute,
        [
            Then::Fault(Fault::SilentRetry),
            Then::Declines(Reason::LowBalance),
            Then::Pays,
        ],
    );
    bench.execute("05 08:30", "t1", "o1", &[]).await.unwrap();
    let (_, order) = json(bench.order("05 09:29", "o1").await);
    assert_eq!(
        (order["status"].as_str(), order["txn_id"].as_str()),
        (Some("AUTHORIZATION_FAILED"), Some("shop-o1-1"))
    );
    let (_, order) = json(bench.order("05 09:30", "o1").await);
    assert_eq!(
        (order["status"].as_str(), order["txn_id"].as_str()),
        (Some("AUTHORIZATION_FAILED"), Some("shop-o1-2"))
    );
    let (_, order) = json(bench.order("05 12:30", "o1").await);
    assert_eq!(
        (order["status"].as_str(), order["txn_id"].as_str()),
        (Some("CHARGED"), Some("shop-o1-3"))
    );
    assert_eq!(bench.debits("31 00:00").len(), 1);
    assert_eq!(bench.broken(), []);
}

#[tokio::test]
async fn a_script_meets_the_calls_in_order_and_leaves_the_rest_alone() {
    let bench = toll().await;
    bench.script(
        "t1",
        Call::OrderStatus,
        [Then::Normal, Then::Fault(Fault::ErrorAfter)],
    );
    bench.execute("05 08:30", "t1", "o1", &[]).await.unwrap();
    let statuses = [
        bench.order("05 08:40", "o1").await.unwrap().0,
        bench.order("05 08:41", "o1").await.unwrap().0,
        bench.order("05 08:42", "o1").await.unwrap().0,
    ];
    assert_eq!(statuses, [200, 500, 200]);
    assert!(
        bench
            .sandbox
            .script("nobody", Call::Execute, Then::Pays)
            .is_err()
    );
}

#[tokio::test]
async fn a_lost_retry_and_a_lost_signzy_charge_leave_their_mark_on_the_counter() {
    let bench = toll().await;
    bench.script(
        "t1",
        Call::Execute,
        [
            Then::Declines(Reason::Technical),
            Then::Declines(Reason::LowBalance),
        ],
    );
    bench.script("t1", Call::Retry, [Then::Fault(Fault::AnswerLost)]);
    bench.execute("05 08:30", "t1", "o1", &[]).await.unwrap();
    assert_eq!(bench.retry("05 09:00", "t1", "o1").await, None);
    assert_eq!(
        json(bench.order("05 09:10", "o1").await).1["txn_id"],
        "shop-o1-2"
    );

    let bench = Bench::open(vec![signzy("12345", Notify::None)]).await;
    bench.script("12345", Call::Execute, [Then::Fault(Fault::AnswerLost)]);
    assert_eq!(
        bench
            .emandate("POST", "05 08:30", "12345/charge", r#"{"amount":499}"#)
            .await,
        None
    );
    let (_, list) = json(
        bench
            .emandate("GET", "05 08:40", "12345/payments", "")
            .await,
    );
    assert_eq!(list["result"]["payments"].as_array().unwrap().len(), 1);
    assert_eq!(bench.debits("06 13:00").len(), 1);
}
