//! What happens by itself as time passes, and that the same seed lives the same month.

use lab::sandbox::{Call, Reason, Then};
use mandated::domain::Notify;

use super::*;

#[tokio::test]
async fn the_provider_notifies_and_debits_at_the_execution_date_unasked() {
    let bench = Bench::open(vec![juspay("p1", Rail::Upi, Notify::Provider)]).await;
    let date = at("05 08:30").timestamp().to_string();
    let extra = [("mandate.execution_date", date.as_str())];
    let (_, body) = json(bench.execute("04 07:00", "p1", "o1", &extra).await);
    assert_eq!(body["status"], "PENDING_VBV");
    assert_eq!(bench.debits("05 08:29"), []);
    assert_eq!(bench.debits("05 09:30"), [("o1".to_owned(), day(5))]);
    assert_eq!(bench.ledger().debits[0].at, at("05 08:30"));
    assert_eq!(bench.broken(), []);
}

#[tokio::test]
async fn without_a_date_the_provider_debits_in_the_25th_hour_out_of_peak() {
    let bench = Bench::open(vec![juspay("p1", Rail::Upi, Notify::Provider)]).await;
    bench.execute("05 16:10", "p1", "o1", &[]).await.unwrap();
    assert_eq!(bench.debits("06 21:29"), []);
    assert_eq!(bench.debits("06 23:00").len(), 1);
    assert_eq!(bench.ledger().debits[0].at, at("06 21:30"));
    assert_eq!(bench.broken(), []);
}

#[tokio::test]
async fn a_failed_notification_by_the_provider_fails_the_order_and_a_retry_notifies_again() {
    let bench = Bench::open(vec![juspay("p1", Rail::Upi, Notify::Provider)]).await;
    bench.script(
        "p1",
        Call::Notify,
        [Then::Declines(Reason::Technical), Then::Pays],
    );
    let date = at("05 08:30").timestamp().to_string();
    bench
        .execute("04 07:00", "p1", "o1", &[("mandate.execution_date", &date)])
        .await
        .unwrap();
    let (_, order) = json(bench.order("04 07:30", "o1").await);
    assert_eq!(order["bank_error_code"], "NU");
    let (_, body) = json(bench.retry("04 08:00", "p1", "o1").await);
    assert_eq!(
        (body["status"].as_str(), body["txn_id"].as_str()),
        (Some("PENDING_VBV"), Some("shop-o1-2"))
    );
    assert_eq!(bench.debits("05 08:59"), []);
    assert_eq!(bench.debits("05 14:00").len(), 1);
    assert_eq!(bench.broken(), []);
}

#[tokio::test]
async fn a_scheduled_debit_can_be_cancelled_half_an_hour_ahead() {
    let bench = Bench::open(vec![juspay("p1", Rail::Card, Notify::Provider)]).await;
    let date = at("05 08:30").timestamp().to_string();
    bench
        .execute("04 07:00", "p1", "o1", &[("mandate.execution_date", &date)])
        .await
        .unwrap();
    let cancel = [
        ("command", "cancel_recurring_transaction"),
        ("order_id", "o1"),
    ];
    assert_eq!(bench.command("05 08:01", "p1", &cancel).await.0, 400);
    let (status, body) = bench.command("05 08:00", "p1", &cancel).await;
    assert_eq!(
        (status, body["txn_status"].as_str()),
        (200, Some("JUSPAY_DECLINED"))
    );
    let (_, order) = json(bench.order("05 09:00", "o1").await);
    assert_eq!(
        (order["status"].as_str(), order["bank_error_code"].as_str()),
        (Some("JUSPAY_DECLINED"), Some("JP_852"))
    );
    assert_eq!(bench.debits("31 00:00"), []);
}

#[tokio::test]
async fn an_enach_order_is_known_on_the_next_day() {
    let bench = Bench::open(vec![juspay("e1", Rail::Enach, Notify::None)]).await;
    bench.script("e1", Call::Execute, [Then::Declines(Reason::LowBalance)]);
    bench.execute("05 08:30", "e1", "o1", &[]).await.unwrap();
    assert_eq!(bench.status("06 09:00", "o1").await, "PENDING_VBV");
    let (_, order) = json(bench.order("06 13:00", "o1").await);
    assert_eq!(order["status"], "AUTHORIZATION_FAILED");
    assert_eq!(order["resp_category"], "BUSINESS_ERROR");
    // Balance insufficient, or not arranged for.
    let code = order["bank_error_code"].as_str().unwrap();
    assert!(["04", "05"].contains(&code), "{code}");
    assert_eq!(
        order["additional_info"]["mandate_retry_info"]["allowed_retry"],
        "true"
    );
}

#[tokio::test]
async fn a_revoked_mandate_shows_once_the_bank_has_said_so() {
    let bench = Bench::open(vec![juspay("e1", Rail::Enach, Notify::None)]).await;
    bench.script("e1", Call::Execute, [Then::Declines(Reason::Revoked)]);
    bench.execute("05 08:30", "e1", "o1", &[]).await.unwrap();
    let status = async |time: &str| {
        bench
            .command(time, "e1", &[("command", "check_status")])
            .await
            .1["status"]
            .clone()
    };
    assert_eq!(status("05 09:00").await, "ACTIVE");
    assert_eq!(status("06 13:00").await, "REVOKED");
}

#[tokio::test]
async fn an_order_with_nothing_in_store_says_that_no_retry_is_allowed() {
    let bench = Bench::open(vec![juspay("e1", Rail::Enach, Notify::None)]).await;
    bench.script("e1", Call::Execute, [Then::Declines(Reason::AccountClosed)]);
    bench.execute("05 08:30", "e1", "o1", &[]).await.unwrap();
    let allowed = async |time: &str| {
        let (_, order) = json(bench.order(time, "o1").await);
        order["additional_info"]["mandate_retry_info"]["allowed_retry"].clone()
    };
    assert_eq!(allowed("05 09:00").await, "true");
    assert_eq!(allowed("06 13:00").await, "false");
    // A closed account stays closed.
    bench.execute("20 08:30", "e1", "o2", &[]).await.unwrap();
    assert_eq!(bench.status("21 13:00", "o2").await, "AUTHORIZATION_FAILED");
}

#[tokio::test]
async fn signzy_debits_periodic_emandates_by_itself() {
    let bench = Bench::open(vec![signzy("12345", Notify::Provider)]).await;
    let debits = bench.debits("31 00:00");
    let cycles: Vec<_> = debits.iter().map(|(_, cycle)| *cycle).collect();
    assert_eq!(cycles, [day(5), day(20)]);
    let (_, list) = json(
        bench
            .emandate("GET", "31 00:00", "12345/payments?count=1", "")
            .await,
    );
    let newest = &list["result"]["payments"][0];
    assert_eq!(
        (newest["cycle"].as_u64(), newest["status"].as_str()),
        (Some(2), Some("SUCCESS"))
    );
    let older = format!("12345/payments?lastId={}", list["result"]["lastId"]);
    let (_, list) = json(bench.emandate("GET", "31 00:00", &older, "").await);
    assert_eq!(
        list["result"]["payments"][0]["scheduledOn"],
        "2026-01-05 07:00:00"
    );
    assert_eq!(bench.broken(), []);
}

#[tokio::test]
async fn a_failed_periodic_debit_holds_the_emandate_until_a_retry_succeeds() {
    let bench = Bench::open(vec![signzy("12345", Notify::Provider)]).await;
    bench.script("12345", Call::Execute, [Then::Declines(Reason::LowBalance)]);
    let status = async |time: &str| {
        json(bench.emandate("GET", time, "12345", "").await).1["result"]["subscription"]["status"]
            .clone()
    };
    assert_eq!(status("05 08:00").await, "ACTIVE");
    assert_eq!(status("06 13:00").await, "ON_HOLD");
    let (_, list) = json(
        bench
            .emandate("GET", "06 13:00", "12345/payments", "")
            .await,
    );
    let failed = &list["result"]["payments"][0];
    assert_eq!(
        (failed["status"].as_str(), failed["failureReason"].as_str()),
        (Some("FAILED"), Some("Balance Insufficient"))
    );
    let moved = r#"{"nextScheduledOn":"2026-01-22"}"#;
    bench
        .emandate("POST", "06 15:00", "12345/retry-charge", moved)
        .await
        .unwrap();
    assert_eq!(status("07 13:00").await, "ACTIVE");
    let path = format!("12345/payments/{}", failed["paymentId"]);
    let (_, payment) = json(bench.emandate("GET", "07 13:00", &path, "").await);
    assert_eq!(payment["result"]["payment"]["status"], "SUCCESS");
    assert_eq!(bench.debits("22 06:00").len(), 1);
    let debits = bench.debits("31 00:00");
    assert_eq!(debits.len(), 2);
    assert_eq!(debits[1].1, day(20));
    assert_eq!(bench.ledger().debits[1].at, at("22 07:00"));
}

#[tokio::test]
async fn an_emandate_on_hold_is_activated_without_a_debit_or_cancelled() {
    let bench = Bench::open(vec![signzy("12345", Notify::Provider)]).await;
    bench.script("12345", Call::Execute, [Then::Declines(Reason::LowBalance)]);
    let post = async |time: &str, path: &str| json(bench.emandate("POST", time, path, "").await).1;
    assert_eq!(post("05 08:00", "12345/activate").await["status"], "ERROR");
    assert_eq!(
        post("06 13:00", "12345/activate").await["subStatus"],
        "ACTIVE"
    );
    assert_eq!(bench.debits("19 00:00"), []);
    let (_, list) = json(
        bench
            .emandate("GET", "20 03:00", "12345/payments", "")
            .await,
    );
    let waiting = &list["result"]["payments"][0];
    assert_eq!(waiting["status"], "INITIALIZED");
    let path = format!("12345/charge/{}/cancel", waiting["paymentId"]);
    assert_eq!(
        post("20 03:01", &path).await["payment"]["status"],
        "CANCELLED"
    );
    assert_eq!(
        post("20 03:02", "12345/cancel").await["result"]["message"],
        "Subscription Cancelled"
    );
    assert_eq!(bench.debits("31 00:00"), []);
}

/// Asks for a month of everything; `backwards` turns the order of the callers and names other orders.
async fn month(seed: u64, backwards: bool) -> Vec<(String, NaiveDate, DateTime<Utc>)> {
    let mut mandates = Vec::new();
    for n in 0..40 {
        mandates.push(juspay(&format!("e{n}"), Rail::Enach, Notify::None));
        mandates.push(signzy(&format!("{n}"), Notify::Provider));
    }
    let bench = Bench::with(Profile::DEMO, Faults::DEMO, seed, mandates).await;
    let mut callers: Vec<usize> = (0..40).collect();
    if backwards {
        callers.reverse();
    }
    for n in callers {
        let order = if backwards {
            format!("other{n}")
        } else {
            format!("o{n}")
        };
        bench
            .execute("05 08:30", &format!("e{n}"), &order, &[])
            .await;
        bench.order("06 13:00", &order).await;
        bench.retry("07 08:30", &format!("e{n}"), &order).await;
    }
    bench.sandbox.settle(at("31 00:00"));
    bench
        .ledger()
        .debits
        .into_iter()
        .map(|debit| (debit.mandate_id, debit.cycle, debit.at))
        .collect()
}

#[tokio::test]
async fn the_same_seed_collects_the_same_whoever_asks_first() {
    let mut first = month(7, false).await;
    let mut again = month(7, true).await;
    first.sort();
    again.sort();
    assert!(first.len() > 60 && first.len() < 120, "{}", first.len());
    assert_eq!(first, again);
    assert_ne!(first, month(8, false).await);
}
