//! An answer that is read from a file comes to what the client makes of it.

use mandated::domain::outcome::CallFailure;
use mandated::domain::{Outcome, ProviderKind, Rail, Step};
use mandated::provider::{Answered, Read, Reading, Reply, read};
use wiremock::ResponseTemplate;

use super::BUILTIN;
use crate::juspay::support as juspay;
use crate::juspay::tables::error_rows;
use crate::signzy::support as signzy;

fn reading(account: &'static str, rail: Rail) -> Reading<'static> {
    Reading {
        classifier: &BUILTIN,
        account,
        rail,
    }
}

fn assert_same(read: Read, heard: &Reply<Outcome>, body: &str) {
    let Read::Debit(read) = read else {
        panic!("not about a debit: {body}");
    };
    assert_eq!(read.outcome, heard.outcome, "{body}");
    assert_eq!(read.counter, heard.counter, "{body}");
    assert_eq!(read.provider_ref, heard.provider_ref, "{body}");
}

#[tokio::test]
async fn juspays_error_tables() {
    let stub = juspay::StubbedJuspay::new().await;
    let mut rows: Vec<(u16, String)> = error_rows()
        .into_iter()
        .map(|(status, _, body)| (status, body))
        .collect();
    for status in [200, 400, 401, 403, 408, 429, 500, 502] {
        rows.push((status, String::new()));
        rows.push((status, "<html>error</html>".to_owned()));
        rows.push((status, juspay::documented!("order_charged.json").to_owned()));
        rows.push((status, juspay::documented!("retry_failure.json").to_owned()));
    }
    for (status, body) in &rows {
        stub.say(*status, body).await;
        let named = body.split_once("\"order_id\"").map(|(_, rest)| rest);
        let order = named
            .and_then(|rest| rest.split('"').nth(1))
            .unwrap_or("o1");
        let answered = Answered::noted(*status, [], body.clone(), juspay::at());
        let reading = reading("juspay_main", Rail::Upi);
        let read = |step| read(ProviderKind::Juspay, step, reading, &answered);
        let executed = juspay::execute(&stub.juspay, order).await;
        assert_same(read(Step::Execute), &executed, body);
        let looked_up = juspay::look_up(&stub.juspay, order).await;
        assert_same(read(Step::Lookup), &looked_up, body);
        let retried = juspay::retry(&stub.juspay, order).await;
        assert_same(read(Step::Retry), &retried, body);
    }
}

#[tokio::test]
async fn signzys_samples() {
    for status in [200, 400, 401, 403, 404, 422, 429, 500] {
        for body in [
            signzy::documented!("charge_pending.json"),
            signzy::documented!("retry_success.json"),
            signzy::documented!("error.json"),
            "<html>error</html>",
        ] {
            let stub = signzy::StubbedSignzy::new().await;
            stub.say("POST", "/charge", status, body).await;
            let heard = stub.charge("1.00").await;
            let answered = Answered::noted(status, [], body.to_owned(), signzy::at());
            let reading = reading("signzy_main", Rail::Enach);
            let provider = ProviderKind::Signzy;
            assert_same(
                read(provider, Step::Execute, reading, &answered),
                &heard,
                body,
            );
        }
    }
}

#[tokio::test]
async fn a_date_to_come_back_on_is_understood() {
    let stub = juspay::StubbedJuspay::new().await;
    let in_two_minutes = (juspay::at() + chrono::TimeDelta::minutes(2))
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string();
    for (value, seconds) in [("120", 120), (in_two_minutes.as_str(), 120)] {
        let limited = ResponseTemplate::new(429).insert_header("Retry-After", value);
        stub.answer(limited).await;
        let heard = juspay::execute(&stub.juspay, "o1").await;
        let wait = Some(std::time::Duration::from_secs(seconds));
        let throttled = Outcome::Call(CallFailure::Throttled { after: wait });
        assert_eq!(heard.outcome, throttled, "{value}");
        let headers = [("retry-AFTER", value)];
        let answered = Answered::noted(429, headers, String::new(), juspay::at());
        let reading = reading("juspay_main", Rail::Upi);
        let provider = ProviderKind::Juspay;
        assert_same(
            read(provider, Step::Execute, reading, &answered),
            &heard,
            value,
        );
    }
}
