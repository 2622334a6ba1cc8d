//! The documented bodies, field for field, each provoked by a request that deserves it.

use lab::sandbox::{Call, Reason, Registration, Then};
use mandated::domain::{Notify, ProviderKind};
use serde_json::Value;

use super::*;

/// The error table of "Mandate Execution API": HTTP status and body by description.
fn documented(description: &str) -> (u16, String) {
    include_str!("../data/sandbox/execution_errors.tsv")
        .lines()
        .map(|line| line.splitn(3, '\t').collect::<Vec<_>>())
        .find(|row| row[1] == description)
        .map_or_else(
            || panic!("{description}"),
            |row| (row[0].parse().unwrap(), row[2].to_owned()),
        )
}

async fn bench() -> Bench {
    let mut unlimited = juspay("unlimited", Rail::Card, Notify::None);
    unlimited.max_amount = None;
    let mut toll = juspay("toll", Rail::Card, Notify::None);
    toll.category = Some("fastag".to_owned());
    Bench::open(vec![unlimited, toll]).await
}

#[tokio::test]
async fn refusals_of_an_execution_are_the_documented_bytes() {
    let bench = bench().await;
    let refused = async |extra: &[(&str, &str)]| {
        bench
            .execute("05 08:30", "toll", "o1", extra)
            .await
            .unwrap()
    };
    assert_eq!(
        refused(&[("merchant_id", "")]).await,
        documented("Not passing merchant_id field")
    );
    assert_eq!(
        refused(&[("merchant_id", "other")]).await,
        documented("Invalid Merchant ID")
    );
    assert_eq!(
        refused(&[("order.amount", "")]).await,
        documented("Amount not found in request.")
    );
    for amount in ["free", "0", "-1", "499.001", "1e3"] {
        assert_eq!(
            refused(&[("order.amount", amount)]).await,
            documented("Invalid order amount")
        );
    }
    assert_eq!(
        refused(&[("mandate_id", "unlimited")]).await,
        documented("Mandate max amount not found")
    );
    assert_eq!(
        refused(&[("order.currency", "XAU")]).await,
        documented("Currency not valid for mandate transaction")
    );
    assert_eq!(
        refused(&[("order.currency", "USD")]).await,
        documented(
            "Perfroming a  transaction by providing a different currency than the create mandate"
        )
    );
    let sample = include_str!("../data/sandbox/execution_mandate_not_found.json").trim_end();
    assert_eq!(
        refused(&[("mandate_id", "nobody")]).await,
        (400, sample.to_owned())
    );
    assert_eq!(bench.ledger().debits, []);
    assert_eq!(bench.broken(), []);
}

#[tokio::test]
async fn a_second_order_with_the_same_id_is_the_documented_refusal() {
    let bench = bench().await;
    assert_eq!(
        bench
            .execute("05 08:30", "toll", "o1", &[])
            .await
            .unwrap()
            .0,
        200
    );
    let again = bench.execute("05 08:31", "toll", "o1", &[]).await.unwrap();
    assert_eq!(again, documented("Duplicate order id"));
    assert_eq!(bench.debits("31 00:00").len(), 1);
}

#[tokio::test]
async fn an_amount_above_the_maximum_names_it() {
    let bench = bench().await;
    let (status, body) = json(
        bench
            .execute("05 08:30", "toll", "o1", &[("order.amount", "1000.01")])
            .await,
    );
    let (wanted, mangled) = documented("Order amount greater than mandate max amount");
    assert_eq!(status, wanted);
    // The page prints its own markup inside of the parentheses.
    let message = body["error_message"].as_str().unwrap();
    assert_eq!(
        message,
        "Order amount greater than mandate max amount (1000.00)"
    );
    assert!(mangled.contains(message.split('(').next().unwrap()));
    assert_eq!(body["status"], "Bad Request");
    assert_eq!(body["error_code"], "Invalid");
    assert_eq!(bench.broken(), [Rule::OverMaximum]);
}

#[tokio::test]
async fn a_paused_mandate_is_refused_and_resumes() {
    let bench = bench().await;
    let (status, body) = bench
        .command("05 08:00", "toll", &[("command", "pause")])
        .await;
    assert_eq!(
        (status, body["mandate_status"].as_str()),
        (200, Some("PAUSED"))
    );
    let refused = bench.execute("05 08:30", "toll", "o1", &[]).await.unwrap();
    assert_eq!(refused, documented("Mandate not in active state"));
    let (status, body) = bench
        .command("05 08:31", "toll", &[("command", "resume")])
        .await;
    assert_eq!(
        (status, body["response_message"].as_str()),
        (200, Some("Mandate is Resumed."))
    );
    assert_eq!(
        bench
            .execute("05 08:32", "toll", "o1", &[])
            .await
            .unwrap()
            .0,
        200
    );
    let until = at("06 00:00").timestamp().to_string();
    bench
        .command(
            "05 09:00",
            "toll",
            &[("command", "pause"), ("pause_end_date", &until)],
        )
        .await;
    let (_, body) = bench
        .command("05 23:59", "toll", &[("command", "check_status")])
        .await;
    assert_eq!(body["status"], "PAUSED");
    let (_, body) = bench
        .command("06 00:00", "toll", &[("command", "check_status")])
        .await;
    assert_eq!(body["status"], "ACTIVE");
    let (_, body) = bench
        .command("06 00:01", "toll", &[("command", "revoke")])
        .await;
    assert_eq!(body["mandate_status"], "REVOKED");
    let refused = bench.execute("06 08:30", "toll", "o2", &[]).await.unwrap();
    assert!(
        refused
            .1
            .contains("Mandate is in REVOKED state. Recurring cannot be executed")
    );
}

#[tokio::test]
async fn a_wrong_key_a_password_or_no_key_at_all_is_access_denied() {
    let bench = bench().await;
    let url = |path| bench.request("POST", path, "05 08:30");
    let denied = documented("Invalid Authentication");
    assert_eq!(sent(url("/txns")).await.unwrap(), denied);
    assert_eq!(
        sent(url("/txns").basic_auth("other", Some("")))
            .await
            .unwrap(),
        denied
    );
    assert_eq!(
        sent(url("/txns").basic_auth("key", Some("key")))
            .await
            .unwrap(),
        denied
    );
    assert_eq!(
        sent(url("/mandates/toll").bearer_auth("key"))
            .await
            .unwrap(),
        denied
    );
}

#[tokio::test]
async fn a_wrong_url_is_not_found() {
    let bench = bench().await;
    for path in ["/txn", "/txns/o1", "/mandates/toll/notify"] {
        let answer = sent(bench.as_juspay("POST", path, "05 08:30"))
            .await
            .unwrap();
        assert_eq!(answer.0, documented("Passing Invalid URL").0, "{path}");
    }
    // A trailing slash, as in "Merchant exercises the Mandate", is not wrong.
    assert_eq!(
        sent(bench.as_juspay("POST", "/txns/", "05 08:30"))
            .await
            .unwrap()
            .0,
        400
    );
}

#[tokio::test]
async fn a_wrong_customer_is_a_200_that_failed() {
    let bench = bench().await;
    let answer = bench
        .execute(
            "05 08:30",
            "toll",
            "o1",
            &[("order.customer_id", "somebody")],
        )
        .await;
    let (status, body) = json(answer);
    let (wanted, text) = documented("Passing invalid customer_id");
    let sample: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(status, wanted);
    assert_eq!(fields(&body), fields(&sample));
    for name in ["status", "resp_code", "resp_message"] {
        assert_eq!(body[name], sample[name], "{name}");
    }
    assert_eq!(body["order_id"], "o1");
    assert_eq!(body["txn_id"], "shop-o1-1");
    assert_eq!(
        bench.status("05 08:40", "o1").await,
        "AUTHENTICATION_FAILED"
    );
}

#[tokio::test]
async fn success_and_retry_have_the_fields_of_their_samples() {
    let bench = bench().await;
    bench.script(
        "toll",
        Call::Execute,
        [Then::Pays, Then::Declines(Reason::LowBalance), Then::Pays],
    );
    let sample: Value =
        serde_json::from_str(include_str!("../data/sandbox/execution_success.json")).unwrap();
    let (status, body) = json(bench.execute("05 08:30", "toll", "o1", &[]).await);
    assert_eq!((status, &body["status"]), (200, &sample["status"]));
    assert_eq!(fields(&body), fields(&sample));
    assert_eq!(body["txn_id"], "shop-o1-1");

    let (_, failed) = json(bench.execute("20 08:30", "toll", "o2", &[]).await);
    assert_eq!(failed["status"], "AUTHORIZATION_FAILED");
    assert_eq!(failed["resp_code"], "INSUFFICIENT_BALANCE");
    let sample: Value =
        serde_json::from_str(include_str!("../data/sandbox/retry_success.json")).unwrap();
    let (status, body) = json(bench.retry("20 14:00", "toll", "o2").await);
    assert_eq!((status, fields(&body)), (200, fields(&sample)));
    assert_eq!(body["txn_id"], "shop-o2-2");
}

#[tokio::test]
async fn nothing_to_retry_is_the_documented_failure() {
    let bench = bench().await;
    let sample = include_str!("../data/sandbox/retry_failure.json").trim_end();
    assert_eq!(
        bench.retry("05 08:00", "toll", "o1").await.unwrap().1,
        sample
    );
    bench.execute("05 08:30", "toll", "o1", &[]).await.unwrap();
    assert_eq!(
        bench.retry("05 09:00", "toll", "o1").await.unwrap().1,
        sample
    );
    bench.script(
        "toll",
        Call::Execute,
        [Then::Declines(Reason::AccountClosed)],
    );
    bench.execute("20 08:30", "toll", "o2", &[]).await.unwrap();
    assert_eq!(
        bench.retry("20 09:00", "toll", "o2").await.unwrap().1,
        sample
    );
    let (status, body) = bench.retry("20 09:00", "nobody", "o2").await.unwrap();
    assert_eq!(status, 400);
    assert!(body.contains("Mandate not found"));
}

#[tokio::test]
async fn the_retry_api_answers_its_refusal_under_more_than_one_http_status() {
    let ids: Vec<String> = (0..20).map(|n| format!("m{n}")).collect();
    let mandates: Vec<Registration> = ids
        .iter()
        .map(|id| juspay(id, Rail::Upi, Notify::Separate))
        .collect();
    let bench = Bench::open(mandates).await;
    let mut statuses = Vec::new();
    for id in &ids {
        statuses.push(bench.retry("05 08:00", id, "o1").await.unwrap().0);
    }
    statuses.sort_unstable();
    statuses.dedup();
    assert_eq!(statuses, [200, 400, 500]);
}

#[tokio::test]
async fn a_signzy_retry_has_the_fields_of_its_sample() {
    let bench = Bench::open(vec![signzy("12345", Notify::Provider)]).await;
    bench.script(
        "12345",
        Call::Execute,
        [Then::Declines(Reason::LowBalance), Then::Pays],
    );
    let sample: Value =
        serde_json::from_str(include_str!("../data/sandbox/signzy_retry.json")).unwrap();
    let (status, body) = json(
        bench
            .emandate("POST", "06 15:00", "12345/retry-charge", "")
            .await,
    );
    assert_eq!((status, fields(&body)), (200, fields(&sample)));
    assert_eq!(body["status"], "OK");
    assert_eq!(body["subStatus"], "ON_HOLD");
    assert_eq!(body["payment"]["retryAttempts"], 1);
    assert_eq!(body["payment"]["amount"], 499);
    assert_eq!(body["payment"]["addedOn"], "2026-01-05 00:00:00");
}

#[tokio::test]
async fn signzy_refuses_with_the_http_codes_of_its_table() {
    let bench = Bench::open(vec![signzy("12345", Notify::None)]).await;
    let root = bench.sandbox.base_url(ProviderKind::Signzy);
    assert_eq!(root.path(), "/api/v3/eNach");
    let path = "/api/v3/eNach/eMandates/12345";
    let (status, body) = json(sent(bench.request("GET", path, "05 08:00")).await);
    assert_eq!((status, &body["error"]["status"]), (401, &Value::from(401)));
    let (status, body) = json(bench.emandate("GET", "05 08:00", "999", "").await);
    assert_eq!(
        (status, &body["error"]["name"]),
        (404, &Value::from("Error"))
    );
    let post = async |body: &str| {
        json(
            bench
                .emandate("POST", "05 08:00", "12345/charge", body)
                .await,
        )
        .0
    };
    assert_eq!(post("{").await, 422);
    assert_eq!(post("{}").await, 400);
    assert_eq!(post(r#"{"amount":"499"}"#).await, 400);
    assert_eq!(post(r#"{"amount":499}"#).await, 200);
    let (_, refused) = json(
        bench
            .emandate("POST", "05 08:00", "12345/retry-charge", "")
            .await,
    );
    assert_eq!(refused["status"], "ERROR");
}

#[tokio::test]
async fn commands_that_make_no_sense_are_refused() {
    let bench = bench().await;
    let message = async |fields: &[(&str, &str)]| {
        let (status, body) = bench.command("05 08:00", "toll", fields).await;
        assert_eq!(status, 400);
        body.to_string()
    };
    assert!(
        message(&[("command", "explode")])
            .await
            .contains("Invalid command")
    );
    let cancel = ("command", "cancel_recurring_transaction");
    assert!(message(&[cancel]).await.contains("Please send order_id"));
    let nothing = "No scheduled recurring transactions are found.";
    assert!(
        message(&[cancel, ("order_id", "o1")])
            .await
            .contains(nothing)
    );
    assert!(
        message(&[("command", "resume")])
            .await
            .contains("INVALID_ACTION")
    );
    let list = sent(bench.as_juspay("GET", "/customers/customer_1/mandates", "05 08:00")).await;
    assert_eq!(json(list).1["total"], 2);
    let unknown = bench.order("05 08:00", "o9").await.unwrap();
    assert!(unknown.1.contains("NOT_FOUND"), "{unknown:?}");
}
