//! What we send, compared with the documentation's own samples.

use serde_json::{Value, json};
use wiremock::Request;

use super::support::{EMANDATE, ON_DEMAND, StubbedSignzy, date, documented};

/// A sample request, read out of its curl command.
struct Sample {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<String>,
}

impl Sample {
    fn read(curl: &str) -> Self {
        let after = |option: &str| -> Vec<String> {
            let rest = curl.split(option).skip(1);
            rest.map(|rest| rest.trim_start().trim_start_matches('\'').to_owned())
                .map(|rest| rest.split('\'').next().unwrap().to_owned())
                .collect()
        };
        let request = after("--request").remove(0);
        let url = curl
            .split('\'')
            .find(|word| word.starts_with("https://"))
            .unwrap();
        let url: url::Url = url.parse().unwrap();
        let headers = after("--header").into_iter().map(|header| {
            let (name, value) = header.split_once(": ").unwrap();
            (name.to_ascii_lowercase(), value.to_owned())
        });
        Self {
            method: request.split_whitespace().next().unwrap().to_owned(),
            path: url.path().replace(":subReferenceId", "65668"),
            headers: headers.collect(),
            body: after("--data-raw").pop(),
        }
    }

    fn assert_sent(&self, request: &Request) {
        assert_eq!(request.method.as_str(), self.method);
        assert_eq!(request.url.path(), self.path);
        for (name, value) in &self.headers {
            assert_eq!(request.headers.get(name).unwrap(), value, "{name}");
        }
        match &self.body {
            Some(body) => {
                let ours: Value = serde_json::from_slice(&request.body).unwrap();
                assert_eq!(ours, serde_json::from_str::<Value>(body).unwrap());
            }
            None => assert!(request.body.is_empty()),
        }
    }
}

#[tokio::test]
async fn a_retry_is_the_seeds_own_request() {
    let stub = StubbedSignzy::new().await;
    stub.retry(None).await;
    let requests = stub.requests().await;
    Sample::read(documented!("retry.curl")).assert_sent(&requests[0]);
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0].headers.get("content-type").is_none(),
        "there is no body"
    );
}

#[tokio::test]
async fn a_retry_of_a_periodic_emandate_can_say_when_the_next_cycle_is() {
    let stub = StubbedSignzy::new().await;
    stub.retry(Some(date("2022-05-05"))).await;
    let requests = stub.requests().await;
    let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(body, json!({"nextScheduledOn": "2022-05-05"}));
    assert_eq!(
        requests[0].headers.get("content-type").unwrap(),
        "application/json"
    );
    assert_eq!(requests[0].url.path(), format!("{EMANDATE}/retry-charge"));
}

#[tokio::test]
async fn a_charge_is_the_pages_own_request() {
    let stub = StubbedSignzy::new().await;
    stub.charge("100.00").await;
    Sample::read(documented!("charge.curl")).assert_sent(&stub.requests().await[0]);
}

#[tokio::test]
async fn an_amount_is_sent_with_its_own_digits() {
    for (amount, sent) in [
        ("100.00", r#"{"amount":100}"#),
        ("499.50", r#"{"amount":499.50}"#),
        ("0.07", r#"{"amount":0.07}"#),
        // As a float it would end in .00.
        ("89999999999999.99", r#"{"amount":89999999999999.99}"#),
    ] {
        let stub = StubbedSignzy::new().await;
        stub.charge(amount).await;
        assert_eq!(
            String::from_utf8_lossy(&stub.requests().await[0].body),
            sent
        );
    }
}

#[tokio::test]
async fn the_payments_are_asked_for_as_on_the_page_and_the_first_page_has_no_last_id() {
    let stub = StubbedSignzy::new().await;
    stub.say("GET", "/payments", 200, documented!("payments.json"))
        .await;
    stub.look_up(ON_DEMAND).await;
    let requests = stub.requests().await;
    Sample::read(documented!("payments.curl")).assert_sent(&requests[0]);
    assert_eq!(requests[0].url.query(), Some("count=20"));
}

#[tokio::test]
async fn an_odd_id_stays_one_part_of_the_path() {
    let stub = StubbedSignzy::new().await;
    let lookup = super::support::LookupFixture {
        payment: Some("../1?x"),
        ..ON_DEMAND
    };
    stub.look_up(lookup).await;
    let requests = stub.requests().await;
    assert_eq!(
        requests[0].url.path(),
        format!("{EMANDATE}/payments/..%2F1%3Fx")
    );
}
