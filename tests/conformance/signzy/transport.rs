//! Every HTTP status of the page's table, and what is no answer at all.

use std::time::Duration;

use mandated::provider::OtherPayments;
use tokio::net::TcpListener;
use wiremock::ResponseTemplate;

use super::support::{
    LookupFixture, ON_DEMAND, PERIODIC, StubbedSignzy, brief, client, documented,
};

const LIMIT: &str = r#"{"error":{"name":"Error","status":403,"message":"Request limit reached"}}"#;
const FORBIDDEN: &str = r#"{"error":{"name":"Error","status":403,"message":"Forbidden"}}"#;
const PARAM: &str = r#"{"error":{"name":"Error","status":422,"message":"amount is required",
    "reason":"INVALID_PARAM","type":"Unprocessable","statusCode":422}}"#;
const UNKNOWN: &str =
    r#"{"error":{"name":"Error","status":404,"message":"subscription not found"}}"#;
const PAGE: &str = "<html><body>502 Bad Gateway</body></html>";

#[tokio::test]
async fn every_http_status_of_a_debit() {
    for (status, body, expected) in [
        (400, documented!("error.json"), "refused our_request"),
        (401, FORBIDDEN, "account refused"),
        (403, FORBIDDEN, "account refused"),
        (403, "", "unknown"),
        (403, PAGE, "unknown"),
        (403, r#"{"message":"Forbidden"}"#, "unknown"),
        (403, LIMIT, "throttled None"),
        (403, "Too many requests", "unknown"),
        (404, UNKNOWN, "refused mandate_dead"),
        (404, "", "unknown"),
        (
            404,
            r#"{"status":404,"error":"Not Found","path":"/x"}"#,
            "unknown",
        ),
        (422, PARAM, "refused our_request"),
        (429, "", "throttled None"),
        (408, "", "unknown"),
        (500, documented!("error.json"), "unknown"),
        (502, PAGE, "unknown"),
        (503, "", "unknown"),
        (504, PAGE, "unknown"),
        (200, PAGE, "unknown"),
        (200, "", "unknown"),
        (200, r#"{"result":{"status":"OK","pay"#, "unknown"),
        (204, "", "unknown"),
        (302, "", "unknown"),
    ] {
        let stub = StubbedSignzy::new().await;
        stub.say("POST", "/retry-charge", status, body).await;
        stub.say("POST", "/charge", status, body).await;
        for reply in [stub.retry(None).await, stub.charge("5.00").await] {
            assert_eq!(brief(&reply.outcome), expected, "{status} {body}");
            assert_eq!(reply.wire.http_status, Some(status));
            assert_eq!(reply.provider_ref, None);
        }
    }
}

#[tokio::test]
async fn every_http_status_of_a_look_up() {
    for (status, body, list, single) in [
        (400, documented!("error.json"), "unknown", "unknown"),
        (401, FORBIDDEN, "account refused", "account refused"),
        (403, FORBIDDEN, "account refused", "account refused"),
        (403, LIMIT, "throttled None", "throttled None"),
        // A payment that was there and cannot be found is no payment that never was: it would be charged again.
        (404, UNKNOWN, "unknown", "unknown"),
        (404, "", "unknown", "unknown"),
        (422, PARAM, "unknown", "unknown"),
        (429, "", "throttled None", "throttled None"),
        (500, documented!("error.json"), "unknown", "unknown"),
        (502, PAGE, "unknown", "unknown"),
        (504, PAGE, "unknown", "unknown"),
        (200, PAGE, "unknown", "unknown"),
        (
            200,
            r#"{"status":"ERROR","message":"try again"}"#,
            "unknown",
            "unknown",
        ),
        (200, r#"{"result":{"status":"OK"}}"#, "unknown", "unknown"),
    ] {
        let stub = StubbedSignzy::new().await;
        stub.say("GET", "/payments", status, body).await;
        stub.say("GET", "/payments/12345", status, body).await;
        for lookup in [
            ON_DEMAND,
            LookupFixture {
                payments: OtherPayments::Before(&[1]),
                ..ON_DEMAND
            },
            PERIODIC,
        ] {
            let reply = stub.look_up(lookup).await;
            assert_eq!(brief(&reply.outcome), list, "{status} {body}");
            assert_eq!(
                reply.counter.attempts, None,
                "a list that was not read counts nothing"
            );
        }
        let reply = stub
            .look_up(LookupFixture {
                payment: Some("12345"),
                ..ON_DEMAND
            })
            .await;
        assert_eq!(brief(&reply.outcome), single, "{status} {body}");
    }
}

#[tokio::test]
async fn a_limit_says_when_to_come_back() {
    let stub = StubbedSignzy::new().await;
    let limit = ResponseTemplate::new(403)
        .set_body_string(LIMIT)
        .insert_header("retry-after", "30");
    stub.on("POST", "/retry-charge", limit).await;
    assert_eq!(brief(&stub.retry(None).await.outcome), "throttled Some(30)");
}

#[tokio::test]
async fn an_answer_that_comes_too_late_proves_nothing() {
    let stub = StubbedSignzy::new().await;
    let late = ResponseTemplate::new(200)
        .set_body_raw(documented!("retry_success.json"), "application/json")
        .set_delay(Duration::from_secs(30));
    stub.on("POST", "/retry-charge", late).await;
    let reply = stub.retry(None).await;
    assert_eq!(brief(&reply.outcome), "unknown");
    assert_eq!(reply.wire.http_status, None);
    assert_eq!(
        stub.requests().await.len(),
        1,
        "and is not asked for a second time"
    );
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_proves_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut stub = StubbedSignzy::new().await;
    stub.signzy = client(&format!("http://{}", listener.local_addr().unwrap()));
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        stream.readable().await.unwrap();
    };
    let (reply, ()) = tokio::join!(stub.charge("5.00"), server);
    assert_eq!(brief(&reply.outcome), "unknown");
}

#[tokio::test]
async fn nobody_at_home_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut stub = StubbedSignzy::new().await;
    stub.signzy = client(&nowhere);
    assert_eq!(brief(&stub.charge("5.00").await.outcome), "not sent");
}
