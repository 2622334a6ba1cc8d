//! The eMandate's status, the commands on it, and what Signzy does not offer.

use crate::support::provider::in_time;
use mandated::domain::outcome::NotificationOutcome;
use mandated::domain::{Class, MandateStatus, Notify};
use mandated::provider::{MandateAnswer, MandateCommand, NotifyRequest, Provider};

use super::support::{EMANDATE, StubbedSignzy, at, documented, mandate, rupees};

fn status(status: MandateStatus, word: &str) -> MandateAnswer {
    MandateAnswer::Status {
        status,
        word: word.to_owned(),
    }
}

#[tokio::test]
async fn every_word_for_where_an_emandate_stands() {
    for (word, expected) in [
        ("ACTIVE", MandateStatus::Active),
        ("ON_HOLD", MandateStatus::Active),
        ("INITIALIZED", MandateStatus::Paused),
        ("BANK_APPROVAL_PENDING", MandateStatus::Paused),
        ("PAUSED", MandateStatus::Paused),
        ("CUSTOMER_PAUSED", MandateStatus::Paused),
        ("CANCELLED", MandateStatus::Revoked),
        ("CUSTOMER_CANCELLED", MandateStatus::Revoked),
        ("EXPIRED", MandateStatus::Expired),
        ("LINK_EXPIRED", MandateStatus::Expired),
        ("COMPLETED", MandateStatus::Completed),
        ("CARD_EXPIRED", MandateStatus::Failed),
    ] {
        let stub = StubbedSignzy::new().await;
        stub.stands(word).await;
        let answer = stub
            .signzy
            .mandate_status(&mandate(Notify::None), at())
            .await;
        assert_eq!(answer, status(expected, word));
    }
    let stub = StubbedSignzy::new().await;
    stub.stands("NEW_WORD").await;
    let answer = stub
        .signzy
        .mandate_status(&mandate(Notify::None), at())
        .await;
    assert!(matches!(answer, MandateAnswer::Failed { why } if why.contains("NEW_WORD")));
}

#[tokio::test]
async fn commands() {
    let stub = StubbedSignzy::new().await;
    stub.say("POST", "/activate", 200, documented!("activate.json"))
        .await;
    stub.say("POST", "/cancel", 200, documented!("cancel.json"))
        .await;
    let mandate = mandate(Notify::Provider);
    let resumed = stub
        .signzy
        .command(&mandate, MandateCommand::Resume, at())
        .await;
    assert_eq!(resumed, status(MandateStatus::Active, "ACTIVE"));
    let revoked = stub
        .signzy
        .command(&mandate, MandateCommand::Revoke, at())
        .await;
    assert_eq!(revoked, status(MandateStatus::Revoked, "CANCELLED"));
    let paused = stub
        .signzy
        .command(&mandate, MandateCommand::Pause { until: None }, at())
        .await;
    assert_eq!(paused, MandateAnswer::NotOffered);
    let requests = stub.requests().await;
    let paths: Vec<&str> = requests.iter().map(|request| request.url.path()).collect();
    assert_eq!(
        paths,
        [format!("{EMANDATE}/activate"), format!("{EMANDATE}/cancel")]
    );
}

#[tokio::test]
async fn a_command_that_is_refused_says_why() {
    for (code, body, words) in [
        (
            400,
            documented!("error.json"),
            "HTTP 400: wrong element in type",
        ),
        (
            404,
            "",
            "HTTP 404 without the provider's JSON: the address is wrong, see base_url of the account",
        ),
        (
            200,
            r#"{"status":"ERROR","message":"not on hold"}"#,
            "HTTP 200: not on hold",
        ),
        (
            401,
            "",
            "the account's credentials are refused, check its api_key: HTTP 401 without JSON",
        ),
        (
            429,
            "",
            "the provider throttles us: too many calls, try again later",
        ),
        (500, "", "HTTP 500 without JSON"),
    ] {
        let stub = StubbedSignzy::new().await;
        stub.say("POST", "/activate", code, body).await;
        let answer = stub
            .signzy
            .command(&mandate(Notify::Provider), MandateCommand::Resume, at())
            .await;
        assert_eq!(
            answer,
            MandateAnswer::Failed {
                why: words.to_owned()
            }
        );
    }
}

#[tokio::test]
async fn there_is_no_notification_api() {
    let stub = StubbedSignzy::new().await;
    let mandate = mandate(Notify::Separate);
    let request = NotifyRequest {
        deadline: in_time(),
        at: at(),
        mandate: &mandate,
        reference: "mab121n1",
        amount: rupees("5.00"),
        debit_at: at(),
    };
    for reply in [
        stub.signzy.notify(&request).await,
        stub.signzy
            .notification_status(&mandate, "mab121n1", at())
            .await,
    ] {
        let NotificationOutcome::Failed(failure) = reply.outcome else {
            panic!("{:?}", reply.outcome)
        };
        assert_eq!(failure.class, Class::OurRequest);
        assert!(failure.message.unwrap().contains("no notification API"));
    }
    assert!(stub.requests().await.is_empty());
}
