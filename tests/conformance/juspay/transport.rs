//! What a transport result proves, and what may be kept of it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use mandated::domain::Outcome;
use mandated::domain::outcome::{CallFailure, NotificationOutcome};
use mandated::provider::Provider;
use mandated::provider::juspay::check_metadata;
use wiremock::ResponseTemplate;

use super::support::{
    API_KEY, EMAIL, PHONE, StubbedJuspay, at, brief, client, execute, look_up, mandate, retry,
    saying, settings,
};

/// A server of one connection: it reads the whole request and then does what it is told.
fn reading_server(then: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let read = stream.read(&mut request).unwrap();
        assert!(read > 0);
        then(stream);
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_refused_connection_proves_that_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let reply = execute(&client(settings(&url)), "m1").await;
    assert_eq!(brief(&reply.outcome), "not sent");
    assert_eq!(reply.wire.http_status, None);
}

#[tokio::test]
async fn a_name_that_does_not_resolve_proves_that_nothing_was_sent() {
    let reply = execute(&client(settings("http://nowhere.invalid")), "m1").await;
    assert_eq!(brief(&reply.outcome), "not sent");
}

#[tokio::test]
async fn a_request_that_cannot_be_written_is_not_sent() {
    let stub = StubbedJuspay::new().await;
    stub.say(200, "{}").await;
    let mut mandate = mandate();
    mandate.customer_id = "two\nlines".to_owned();
    let reply = stub.juspay.notification_status(&mandate, "r1", at()).await;
    let NotificationOutcome::Call(CallFailure::NotSent { why }) = reply.outcome else {
        panic!("not sent")
    };
    assert!(why.contains("header"), "{why}");
    assert_eq!(stub.requests().await.len(), 0);
}

#[tokio::test]
async fn a_connection_that_closes_after_the_request_proves_nothing() {
    let url = reading_server(drop);
    assert_eq!(
        brief(&execute(&client(settings(&url)), "m1").await.outcome),
        "unknown"
    );
}

#[tokio::test]
async fn an_answer_that_breaks_off_proves_nothing() {
    let url = reading_server(|mut stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"status\":\"CHARGED\"")
            .unwrap();
    });
    assert_eq!(
        brief(&execute(&client(settings(&url)), "m1").await.outcome),
        "unknown"
    );
}

#[tokio::test]
async fn an_answer_that_comes_too_late_proves_nothing() {
    let slow = ResponseTemplate::new(200)
        .set_body_string(r#"{"status":"CHARGED"}"#)
        .set_delay(Duration::from_secs(30));
    let stub = StubbedJuspay::new().await;
    stub.answer(slow).await;
    let hasty = client(mandated::provider::AccountSettings {
        timeout: Duration::from_millis(200),
        ..settings(&stub.server.uri())
    });
    let reply = execute(&hasty, "m1").await;
    assert_eq!(brief(&reply.outcome), "unknown");
    assert_eq!(stub.requests().await.len(), 1, "sent once only");
}

/// What each answer to an execution comes to.
async fn come_to(answers: impl IntoIterator<Item = (ResponseTemplate, &str)>) {
    let stub = StubbedJuspay::new().await;
    for (template, expected) in answers {
        stub.answer(template.clone()).await;
        assert_eq!(
            brief(&execute(&stub.juspay, "m1").await.outcome),
            expected,
            "{template:?}"
        );
        assert_eq!(
            stub.requests().await.len(),
            1,
            "sent once only: {template:?}"
        );
    }
}

fn with(status: u16, body: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_string(body)
}

#[tokio::test]
async fn by_http_status() {
    let empty = ResponseTemplate::new;
    let long = format!(r#"{{"status":"CHARGED","x":"{}"}}"#, "x".repeat(1 << 20));
    let to = |status| empty(status).insert_header("Location", "/elsewhere");
    come_to([
        (empty(200), "unknown"),
        (with(200, "not json"), "unknown"),
        (with(200, r#"{"status":"CHARGED""#), "unknown"),
        (with(200, r#"["CHARGED"]"#), "unknown"),
        (with(200, "{}"), "unknown"),
        (with(200, &long), "unknown"),
        (empty(204), "unknown"),
        (to(302), "unknown"),
        (to(307), "unknown"),
        (empty(400), "unknown"),
        (with(400, r#"{"status":"ERROR"}"#), "refused unmapped"),
        (empty(401), "account refused"),
        (empty(408), "unknown"),
        (empty(429), "throttled None"),
        (
            empty(429).insert_header("Retry-After", "120"),
            "throttled Some(120)",
        ),
        (empty(500), "unknown"),
        (with(500, r#"{"status":"CHARGED"}"#), "unknown"),
        (with(502, "<html>Bad Gateway</html>"), "unknown"),
        (empty(504), "unknown"),
    ])
    .await;
}

#[tokio::test]
async fn what_stands_before_juspay_says_nothing_about_the_key_or_the_order() {
    let denied = "<html><h1>Access denied: too many requests</h1></html>";
    let own = r#"{"status":"error","error_code":"access_denied"}"#;
    let limit = r#"{"error_message":"Rate limit reached"}"#;
    come_to([
        (ResponseTemplate::new(403), "unknown"),
        (with(403, denied), "unknown"),
        (with(403, r#"{"message":"Forbidden"}"#), "unknown"),
        (with(403, own), "account refused"),
        (with(403, limit), "throttled None"),
        (with(402, "<html>Payment Required</html>"), "unknown"),
        (with(404, "<html>nginx</html>"), "unknown"),
    ])
    .await;
}

#[tokio::test]
async fn a_simulated_clock_is_sent_on_and_a_real_one_is_not() {
    let (server, juspay) = saying(200, "{}").await;
    look_up(&juspay, "m1").await;
    let settings = settings(&server.uri());
    let http = mandated::provider::Http::new(&settings, true).unwrap();
    let classifier = mandated::domain::classify::Classifier::builtin().unwrap();
    look_up(
        &mandated::provider::Juspay::new(settings, http, classifier.into()),
        "m1",
    )
    .await;
    let requests = server.received_requests().await.unwrap();
    assert!(requests[0].headers.get("x-simulated-time").is_none());
    assert_eq!(
        requests[1].headers["x-simulated-time"],
        "2024-11-11T10:46:49.000Z"
    );
}

#[tokio::test]
async fn neither_keys_nor_people_are_kept() {
    check_metadata(&mandate().metadata).unwrap();
    let echo = format!(
        r#"{{"status":"AUTHORIZATION_FAILED","customer_email":"{EMAIL}","customer_phone":"{PHONE}","resp_message":"no reply from {PHONE} or {EMAIL}","udf1":"{EMAIL}","mandate":{{"mandate_token":"{API_KEY}"}}}}"#
    );
    let refusal = format!(
        r#"{{"status":"ERROR","error_message":"bad phone:{PHONE}","error_code":"{EMAIL}"}}"#
    );
    let malformed = format!(r#"{{"error_message":"{EMAIL} {PHONE}, "error_code":{PHONE}"#);
    let stub = StubbedJuspay::new().await;
    for (status, body) in [
        (200, &echo),
        (400, &refusal),
        (401, &refusal),
        (500, &refusal),
        (400, &malformed),
        (502, &malformed),
    ] {
        stub.say(status, body).await;
        let juspay = &stub.juspay;
        let seen = format!(
            "{:?} {:?} {:?} {juspay:?}",
            execute(juspay, "m1").await,
            look_up(juspay, "m1").await,
            retry(juspay, "m1").await
        );
        assert_clean(&seen);
    }
    // Nor in what a failed connection says.
    let url = reading_server(drop);
    let Outcome::Call(CallFailure::Unknown { why }) =
        execute(&client(settings(&url)), "m1").await.outcome
    else {
        panic!("unknown")
    };
    assert_clean(&why);
}

fn assert_clean(text: &str) {
    let basic = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("{API_KEY}:"),
    );
    for secret in [API_KEY, EMAIL, PHONE, basic.as_str()] {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}
