//! Every rule is broken once, and written down; and a caller who breaks none has a clean ledger.

use lab::sandbox::{Call, Fault, Reason, Then};
use mandated::domain::Notify;

use super::*;

const NOTIFIED: [(&str, &str); 1] = [("mandate.notification_id", "n1")];

async fn upi() -> Bench {
    Bench::open(vec![juspay("m1", Rail::Upi, Notify::Separate)]).await
}

#[tokio::test]
async fn a_debit_by_the_book_breaks_nothing() {
    let bench = upi().await;
    bench.script("m1", Call::Notify, [Then::Pays]);
    let notified = bench.notify("04 07:00", "m1", "n1", "499.00").await;
    assert_eq!(notified["object_reference_id"], "n1");
    let path = "/notifications/n1";
    let (_, seen) = json(sent(bench.as_juspay("GET", path, "04 07:15")).await);
    assert_eq!(seen["status"], "SUCCESS");
    let (status, body) = json(bench.execute("05 08:30", "m1", "o1", &NOTIFIED).await);
    assert_eq!(
        (status, &body["status"]),
        (200, &Value::from("PENDING_VBV"))
    );
    assert_eq!(bench.debits("05 08:31"), []);
    assert_eq!(bench.status("05 09:15", "o1").await, "CHARGED");
    assert_eq!(bench.debits("31 00:00"), [("o1".to_owned(), day(5))]);
    assert_eq!(bench.broken(), []);
    let calls = bench.ledger().calls;
    assert_eq!(calls["POST /txns"], 1);
    assert_eq!(calls["POST /mandates/{mandate_id}"], 1);
}

#[tokio::test]
async fn a_debit_within_24_hours_of_the_delivery_is_early_and_declined() {
    let bench = upi().await;
    bench.notify("04 09:00", "m1", "n1", "499.00").await;
    bench
        .execute("05 08:59", "m1", "o1", &NOTIFIED)
        .await
        .unwrap();
    let (_, order) = json(bench.order("05 09:05", "o1").await);
    assert_eq!(order["bank_error_code"], "NU");
    assert_eq!(bench.broken(), [Rule::EarlyDebit]);
    assert_eq!(bench.debits("31 00:00"), []);
}

#[tokio::test]
async fn a_debit_without_a_notification_or_with_a_failed_one_is_declined() {
    let bench = upi().await;
    bench.execute("05 08:30", "m1", "o1", &[]).await.unwrap();
    bench.script("m1", Call::Notify, [Then::Declines(Reason::Technical)]);
    bench.notify("06 08:00", "m1", "n1", "499.00").await;
    let (_, seen) = json(sent(bench.as_juspay("GET", "/notifications/n1", "06 08:30")).await);
    assert_eq!(seen["status"], "FAILURE");
    bench
        .execute("07 09:00", "m1", "o2", &NOTIFIED)
        .await
        .unwrap();
    assert_eq!(bench.broken(), [Rule::NoNotification, Rule::NoNotification]);
    assert_eq!(bench.debits("31 00:00"), []);
}

#[tokio::test]
async fn a_notification_is_good_for_48_hours() {
    let bench = upi().await;
    bench.notify("04 07:00", "m1", "n1", "499.00").await;
    bench
        .execute("06 07:30", "m1", "o1", &NOTIFIED)
        .await
        .unwrap();
    assert_eq!(bench.broken(), [Rule::StaleNotification]);
    assert_eq!(bench.debits("31 00:00"), []);
}

#[tokio::test]
async fn another_amount_than_the_payer_was_told_is_declined() {
    let bench = upi().await;
    bench.notify("04 07:00", "m1", "n1", "498.00").await;
    bench
        .execute("05 08:30", "m1", "o1", &NOTIFIED)
        .await
        .unwrap();
    assert_eq!(bench.broken(), [Rule::WrongAmount]);
    assert_eq!(bench.debits("31 00:00"), []);
}

#[tokio::test]
async fn peak_hours_are_judged_for_upi_and_for_nothing_else() {
    let bench = Bench::open(vec![
        juspay("m1", Rail::Upi, Notify::Separate),
        juspay("c1", Rail::Card, Notify::Separate),
    ])
    .await;
    bench.notify("04 10:00", "m1", "n1", "499.00").await;
    bench.notify("04 10:00", "c1", "n2", "499.00").await;
    bench
        .execute("05 12:59", "m1", "o1", &NOTIFIED)
        .await
        .unwrap();
    bench
        .execute("05 12:59", "c1", "o2", &[("mandate.notification_id", "n2")])
        .await
        .unwrap();
    assert_eq!(bench.broken(), [Rule::PeakNotification, Rule::PeakDebit]);
    // The payer's bank would not have noticed.
    assert_eq!(bench.debits("31 00:00").len(), 2);
}

#[tokio::test]
async fn a_second_debit_of_a_cycle_goes_through_and_is_found() {
    let bench = upi().await;
    bench.notify("04 07:00", "m1", "n1", "499.00").await;
    bench
        .execute("05 08:30", "m1", "o1", &NOTIFIED)
        .await
        .unwrap();
    bench
        .execute("05 08:30", "m1", "o2", &NOTIFIED)
        .await
        .unwrap();
    assert_eq!(bench.debits("31 00:00").len(), 2);
    assert_eq!(bench.broken(), [Rule::SecondDebit]);
}

#[tokio::test]
async fn each_cycle_has_its_own_debit_and_none_comes_before_the_first() {
    let mut toll = juspay("t1", Rail::Card, Notify::None);
    toll.category = Some("ncmc".to_owned());
    let bench = Bench::open(vec![toll]).await;
    bench.execute("04 23:59", "t1", "o1", &[]).await.unwrap();
    bench.execute("19 23:59", "t1", "o2", &[]).await.unwrap();
    bench.execute("20 00:00", "t1", "o3", &[]).await.unwrap();
    assert_eq!(bench.broken(), [Rule::NoCycle]);
    let cycles: Vec<_> = bench
        .debits("31 00:00")
        .into_iter()
        .map(|(_, cycle)| cycle)
        .collect();
    assert_eq!(cycles, [day(4), day(5), day(20)]);
}

#[tokio::test]
async fn a_fifth_upi_attempt_is_over_the_budget_silent_ones_counted() {
    let bench = upi().await;
    let low = || Then::Declines(Reason::LowBalance);
    bench.script(
        "m1",
        Call::Execute,
        [Then::Fault(Fault::SilentRetry), low(), low(), low(), low()],
    );
    bench.notify("04 01:00", "m1", "n1", "499.00").await;
    bench
        .execute("05 01:30", "m1", "o1", &NOTIFIED)
        .await
        .unwrap();
    // Juspay's own: an hour after the failure, then every three, out of peak hours.
    let (_, order) = json(bench.order("06 00:00", "o1").await);
    assert_eq!(order["txn_id"], "shop-o1-4");
    let info = &order["additional_info"]["mandate_retry_info"];
    assert_eq!(info["retries_done_count"], "3");
    assert_eq!(bench.broken(), []);
    bench.retry("06 00:30", "m1", "o1").await.unwrap();
    // Of the notification, and of the cycle.
    assert_eq!(bench.broken(), [Rule::OverBudget, Rule::OverBudget]);
}

#[tokio::test]
async fn retrying_what_is_under_way_is_refused() {
    let bench = upi().await;
    bench.notify("04 07:00", "m1", "n1", "499.00").await;
    bench
        .execute("05 08:30", "m1", "o1", &NOTIFIED)
        .await
        .unwrap();
    let (_, body) = bench.retry("05 08:31", "m1", "o1").await.unwrap();
    assert!(body.contains("No scheduled transactions found."));
    assert_eq!(bench.broken(), [Rule::RetryWhilePending]);
    assert_eq!(bench.debits("31 00:00").len(), 1);
}

#[tokio::test]
async fn look_ups_of_upi_orders_come_after_90_seconds_and_three_in_two_hours() {
    let bench = upi().await;
    bench.notify("04 07:00", "m1", "n1", "499.00").await;
    bench
        .execute("05 08:30", "m1", "o1", &NOTIFIED)
        .await
        .unwrap();
    bench.order("05 08:31", "o1").await.unwrap();
    assert_eq!(bench.broken(), [Rule::LookUpTooSoon]);
    bench.order("05 08:32", "o1").await.unwrap();
    bench.order("05 09:30", "o1").await.unwrap();
    assert_eq!(bench.broken(), [Rule::LookUpTooSoon]);
    bench.order("05 10:30", "o1").await.unwrap();
    assert_eq!(bench.broken(), [Rule::LookUpTooSoon, Rule::LookUpTooOften]);
    bench.order("05 13:00", "o1").await.unwrap();
    assert_eq!(bench.broken().len(), 2);
}

#[tokio::test]
async fn an_execution_date_leaves_the_payer_a_day() {
    let bench = Bench::open(vec![juspay("p1", Rail::Card, Notify::Provider)]).await;
    let date = at("05 08:30").timestamp().to_string();
    let extra = [("mandate.execution_date", date.as_str())];
    bench.execute("04 09:00", "p1", "o1", &extra).await.unwrap();
    assert_eq!(bench.broken(), [Rule::EarlyDebit]);
    // Juspay waits out the day all the same.
    assert_eq!(bench.debits("05 08:59"), []);
    assert_eq!(bench.debits("05 09:30").len(), 1);
}

#[tokio::test]
async fn signzy_retries_once_a_day_and_three_times() {
    let bench = Bench::open(vec![signzy("12345", Notify::Provider)]).await;
    let low = || Then::Declines(Reason::LowBalance);
    bench.script("12345", Call::Execute, [low(), low(), low(), low()]);
    let retry = async |time: &str| {
        json(bench.emandate("POST", time, "12345/retry-charge", "").await).1["status"].clone()
    };
    assert_eq!(retry("06 15:00").await, "OK");
    assert_eq!(retry("06 15:01").await, "ERROR");
    assert_eq!(retry("07 15:00").await, "OK");
    assert_eq!(bench.broken(), [Rule::RetriedToday]);
    assert_eq!(retry("08 15:00").await, "OK");
    assert_eq!(retry("09 15:00").await, "ERROR");
    assert_eq!(bench.broken(), [Rule::RetriedToday, Rule::RetriesSpent]);
    assert_eq!(bench.debits("15 00:00"), []);
}

#[tokio::test]
async fn signzy_does_not_take_more_than_the_maximum() {
    let bench = Bench::open(vec![signzy("12345", Notify::None)]).await;
    let (_, body) = json(
        bench
            .emandate("POST", "05 08:00", "12345/charge", r#"{"amount":1000.01}"#)
            .await,
    );
    assert_eq!(body["status"], "ERROR");
    assert_eq!(bench.broken(), [Rule::OverMaximum]);
    assert_eq!(bench.debits("31 00:00"), []);
}

#[tokio::test]
async fn missing_and_wrong_headers_are_written_down() {
    let bench = upi().await;
    let order = |request: reqwest::RequestBuilder| sent(request);
    bench
        .execute("05 08:30", "m1", "o1", &[("format", "xml")])
        .await
        .unwrap();
    let detail = |bench: &Bench| bench.ledger().violations.last().unwrap().detail.clone();
    let wrong = |bench: &Bench| {
        let details = bench
            .ledger()
            .violations
            .into_iter()
            .filter(|v| v.rule == Rule::BadRequest);
        details
            .map(|violation| violation.detail)
            .collect::<Vec<_>>()
    };
    assert_eq!(wrong(&bench), ["the field format is not json"]);
    let bare = bench
        .request("GET", "/orders/o1", "05 08:40")
        .basic_auth("key", Some(""));
    order(bare).await.unwrap();
    assert_eq!(
        wrong(&bench)[1..],
        [
            "x-merchantid is missing",
            "x-routing-id is missing",
            "the header version is missing"
        ]
    );
    let other = bench
        .request("POST", "/mandates/m1", "05 08:50")
        .basic_auth("key", Some(""))
        .header("x-merchantid", "shop")
        .header("x-routing-id", "somebody")
        .header("content-type", "application/json")
        .body("command=check_status");
    order(other).await.unwrap();
    assert_eq!(
        detail(&bench),
        "the content type is not application/x-www-form-urlencoded"
    );
    assert_eq!(wrong(&bench).len(), 6);
}
