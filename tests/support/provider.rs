//! A Juspay that answers by the clock: for what the sandbox does not do, because the documentation says it cannot happen.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use mandated::domain::Timestamp;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

/// The end of a lease that lasts.
pub(crate) fn in_time() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_mins(1)
}

/// The first order of the mandate `a` for February 2027: 20 letters of the SHA-256 of "order\njuspay\n2027-02\n1\na", computed with
/// Python's hashlib.
pub(crate) const FIRST_ORDER: &str = "sfwdnxcwedgdtzkecwzg";

/// A debit, or the question what became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Debit,
    LookUp,
}

/// Serves what `answer` makes of a call, an order and the time that the caller says it is. An order that was never sent is not found.
pub(crate) async fn juspay(
    answer: impl Fn(Asked, &str, Timestamp) -> Value + Send + Sync + 'static,
) -> MockServer {
    let sent = Mutex::new(HashSet::new());
    juspay_of_others(move |asked, id, time| {
        let mut sent = sent.lock().unwrap();
        match asked {
            Asked::Debit => sent.insert(id.to_owned()),
            Asked::LookUp if sent.contains(id) => false,
            Asked::LookUp => return not_found(id),
        };
        answer(asked, id, time)
    })
    .await
}

/// The same with orders that nobody has sent here.
pub(crate) async fn juspay_of_others(
    answer: impl Fn(Asked, &str, Timestamp) -> Value + Send + Sync + 'static,
) -> MockServer {
    let server = MockServer::start().await;
    let respond = move |request: &Request| {
        let time = request.headers["x-simulated-time"].to_str().unwrap();
        let time = time.parse().unwrap();
        let body = match request.url.path().strip_prefix("/orders/") {
            Some(id) => answer(Asked::LookUp, id, time),
            None if request.url.path().ends_with("/retry") => {
                let body: Value = request.body_json().unwrap();
                answer(Asked::Debit, body["order_id"].as_str().unwrap(), time)
            }
            None => answer(Asked::Debit, &ordered(&request.body), time),
        };
        ResponseTemplate::new(200).set_body_json(body)
    };
    Mock::given(any())
        .respond_with(respond)
        .mount(&server)
        .await;
    server
}

/// There is no such order.
pub(crate) fn not_found(id: &str) -> Value {
    json!({ "status": "NOT_FOUND", "status_id": 40, "order_id": id })
}

/// The order that a form of `/txns` is about.
pub(crate) fn ordered(form: &[u8]) -> String {
    url::form_urlencoded::parse(form)
        .find(|(name, _)| name == "order.order_id")
        .map(|(_, id)| id.into_owned())
        .unwrap()
}

/// An order of 499.00 rupees with a status.
pub(crate) fn order(id: &str, status: &str) -> Value {
    json!({
        "order_id": id,
        "status": status,
        "amount": 499,
        "currency": "INR",
        "txn_id": format!("shop-{id}-1"),
    })
}

/// An order that the payer's bank declined.
pub(crate) fn declined(id: &str, bank_error_code: &str, allowed_retry: bool) -> Value {
    let mut order = order(id, "AUTHORIZATION_FAILED");
    order["bank_error_code"] = json!(bank_error_code);
    order["additional_info"] =
        json!({ "mandate_retry_info": { "allowed_retry": allowed_retry.to_string() } });
    order
}
