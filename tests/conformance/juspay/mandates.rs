//! Mandate status, pause, resume, revoke.

use chrono::DateTime;
use mandated::domain::MandateStatus;
use mandated::provider::{MandateAnswer, MandateCommand, Provider};

use super::support::{StubbedJuspay, at, mandate};

fn stands(status: MandateStatus, word: &str) -> MandateAnswer {
    MandateAnswer::Status {
        status,
        word: word.to_owned(),
    }
}

#[tokio::test]
async fn every_state_under_both_of_its_names() {
    let stub = StubbedJuspay::new().await;
    for (word, status) in [
        ("ACTIVE", MandateStatus::Active),
        ("PAUSED", MandateStatus::Paused),
        ("REVOKED", MandateStatus::Revoked),
        ("EXPIRED", MandateStatus::Expired),
        ("FAILURE", MandateStatus::Failed),
    ] {
        for field in ["status", "mandate_status"] {
            stub.say(200, &format!(r#"{{"{field}":"{word}","mandate_id":"x"}}"#))
                .await;
            assert_eq!(
                stub.juspay.mandate_status(&mandate(), at()).await,
                stands(status, word),
                "{field}"
            );
            assert_eq!(
                stub.juspay
                    .command(&mandate(), MandateCommand::Resume, at())
                    .await,
                stands(status, word),
                "{field}"
            );
        }
    }
}

#[tokio::test]
async fn what_is_no_state_is_said_and_not_guessed() {
    let stub = StubbedJuspay::new().await;
    for (status, body, part) in [
        (200, r#"{"status":"CREATED"}"#, "not yet active"),
        (200, r#"{"status":"DREAMING"}"#, "DREAMING"),
        (200, "<html>", "no answer of Juspay's API"),
        (
            400,
            r#"{"error_code":"Mandate not found","error_message":"Mandate not found"}"#,
            "Mandate not found",
        ),
        (
            400,
            r#"{"user_message":"Resume action not allowed.","code":"INVALID_REQUEST","message":"Mandate is in REVOKED state."}"#,
            "REVOKED state",
        ),
        (
            401,
            r#"{"status":"error","error_code":"access_denied"}"#,
            "access_denied",
        ),
        (404, "", "the address is wrong"),
        (429, "", "the provider throttles us"),
        (500, r#"{"status":"ACTIVE"}"#, "HTTP 500"),
    ] {
        stub.say(status, body).await;
        let MandateAnswer::Failed { why } = stub.juspay.mandate_status(&mandate(), at()).await
        else {
            panic!("{body}")
        };
        assert!(why.contains(part), "{why}");
    }
}

#[tokio::test]
async fn commands_are_form_posts_to_the_mandate() {
    let stub = StubbedJuspay::new().await;
    stub.say(200, r#"{"mandate_status":"PAUSED"}"#).await;
    let until = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    stub.juspay.mandate_status(&mandate(), at()).await;
    stub.juspay
        .command(
            &mandate(),
            MandateCommand::Pause { until: Some(until) },
            at(),
        )
        .await;
    stub.juspay
        .command(&mandate(), MandateCommand::Pause { until: None }, at())
        .await;
    stub.juspay
        .command(&mandate(), MandateCommand::Resume, at())
        .await;
    stub.juspay
        .command(&mandate(), MandateCommand::Revoke, at())
        .await;
    let requests = stub.requests().await;
    let bodies: Vec<String> = requests
        .iter()
        .map(|request| String::from_utf8(request.body.clone()).unwrap())
        .collect();
    assert_eq!(
        bodies,
        [
            "command=check_status",
            "command=pause&pause_end_date=1800000000",
            "command=pause",
            "command=resume",
            "command=revoke"
        ]
    );
    for request in &requests {
        assert_eq!(request.method.as_str(), "POST");
        assert_eq!(request.url.path(), "/mandates/6R7GmdPfhecWj24DarETJJ");
        for (name, value) in [
            ("x-merchantid", "merchantid"),
            ("x-routing-id", "test123"),
            ("content-type", "application/x-www-form-urlencoded"),
        ] {
            assert_eq!(request.headers[name], value);
        }
    }
}
