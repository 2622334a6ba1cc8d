//! Signzy: every HTTP code of "Retry Payment" and 5xx, for a retry of a periodic eMandate and a charge of an on-demand one.

use std::fmt::Write;
use std::time::Duration;

use mandated::domain::machine::decide::AccountPause;
use mandated::domain::{MandateStatus, State, Step};

use super::support::{Followed, StepScenario, heading};
use crate::signzy::support::{StubbedSignzy, brief, documented};
use crate::support::scenario::Flow;

const PAGE: &str = "<html><body>502 Bad Gateway</body></html>";
const LIMIT: &str = r#"{"error":{"name":"Error","status":403,"message":"Request limit reached"}}"#;
const FORBIDDEN: &str = r#"{"error":{"name":"Error","status":403,"message":"Forbidden"}}"#;
const UNKNOWN: &str =
    r#"{"error":{"name":"Error","status":404,"message":"subscription not found"}}"#;
const PARAM: &str = r#"{"error":{"name":"Error","status":422,"message":"amount is required","reason":"INVALID_PARAM"}}"#;
const DAY: Duration = Duration::from_hours(24);

/// The retry sample with another status of the payment.
fn payment(status: &str, reason: &str) -> String {
    let sample = documented!("retry_success.json").replace("SUCCESS", status);
    let fields = format!(r#""failureReason": "{reason}", "retryAttempts""#);
    sample.replace(r#""retryAttempts""#, &fields)
}

/// (what, HTTP status, body).
fn answers() -> Vec<(&'static str, u16, String)> {
    let said = |name, status, body: &str| (name, status, body.to_owned());
    vec![
        said("sample", 200, documented!("retry_success.json")),
        said("payment pending", 200, &payment("PENDING", "")),
        said(
            "payment failed, no balance",
            200,
            &payment("FAILED", "Balance Insufficient"),
        ),
        said(
            "payment failed, account closed",
            200,
            &payment("FAILED", "Account Closed"),
        ),
        said("payment cancelled", 200, &payment("CANCELLED", "")),
        said("a status nobody documents", 200, &payment("ON_ITS_WAY", "")),
        said("bad request", 400, documented!("error.json")),
        said("unauthorized", 401, FORBIDDEN),
        said("forbidden", 403, FORBIDDEN),
        said("forbidden, a limit", 403, LIMIT),
        said("not found", 404, UNKNOWN),
        said("not found, no words", 404, ""),
        said("unprocessable", 422, PARAM),
        said("an error of the server", 500, documented!("error.json")),
        said("a bad gateway", 502, PAGE),
        said("out of service", 503, ""),
        said("a gateway that waited too long", 504, PAGE),
        said("a web page", 200, PAGE),
        said("nothing", 200, ""),
        said(
            "refused, not on hold",
            200,
            r#"{"status":"ERROR","message":"Subscription is not in ON_HOLD state"}"#,
        ),
        said(
            "refused, once a day",
            200,
            r#"{"status":"ERROR","message":"Payment is already retried for today"}"#,
        ),
    ]
}

/// A day after the provider's own debit failed.
async fn retried(status: u16, body: &str) -> (String, Followed) {
    let stub = StubbedSignzy::new().await;
    stub.say("POST", "/retry-charge", status, body).await;
    let reply = stub.retry(None).await;
    let scenario = StepScenario::retry(Flow::SignzyWatched, DAY);
    (brief(&reply.outcome), scenario.due("1.00").follow(&reply))
}

async fn charged(status: u16, body: &str) -> (String, Followed) {
    let stub = StubbedSignzy::new().await;
    stub.say("POST", "/charge", status, body).await;
    let reply = stub.charge("1.00").await;
    let scenario = StepScenario::execute(Flow::SignzyOnDemand);
    (brief(&reply.outcome), scenario.due("1.00").follow(&reply))
}

#[tokio::test]
async fn every_http_code_of_a_retry() {
    let mut table = heading("POST /eMandates/ID/retry-charge, periodic");
    for (name, status, body) in answers() {
        let (outcome, followed) = retried(status, &body).await;
        writeln!(table, "{name:<46} {status}  {outcome:<24} {followed}").unwrap();
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn every_http_code_of_a_charge() {
    let mut table = heading("POST /eMandates/ID/charge, on demand");
    let sample = documented!("charge_pending.json").to_owned();
    for (name, status, body) in [("sample, pending", 200, sample)]
        .into_iter()
        .chain(answers())
    {
        let (outcome, followed) = charged(status, &body).await;
        writeln!(table, "{name:<46} {status}  {outcome:<24} {followed}").unwrap();
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn the_seeds_success_is_collected() {
    let (_, followed) = retried(200, documented!("retry_success.json")).await;
    assert_eq!(followed.state, State::Charged);
    assert_eq!(
        followed.change.collected.unwrap().stated.unwrap().decimal(),
        "1.00"
    );
    assert!(!followed.keeps_its_intent());
}

#[tokio::test]
async fn refused_credentials_pause_the_account_and_spend_nothing() {
    for status in [401, 403] {
        for (_, followed) in [
            retried(status, FORBIDDEN).await,
            charged(status, FORBIDDEN).await,
        ] {
            assert_eq!(followed.decision.account, Some(AccountPause::Refused));
            let step = followed.next().unwrap().0;
            assert!(matches!(step, Step::Execute | Step::Retry), "{step}");
            assert!(!followed.keeps_its_intent());
        }
    }
}

#[tokio::test]
async fn what_proves_nothing_is_looked_up_and_never_sent_again() {
    for (status, body) in [
        (500, documented!("error.json")),
        (502, PAGE),
        (503, ""),
        (504, PAGE),
        (200, PAGE),
        (200, ""),
    ] {
        for (_, followed) in [retried(status, body).await, charged(status, body).await] {
            assert_eq!(followed.state, State::Unknown, "{status}");
            assert!(followed.keeps_its_intent(), "{status}");
            assert_eq!(followed.next().unwrap().0, Step::Lookup, "{status}");
        }
    }
}

#[tokio::test]
async fn an_emandate_that_is_not_known_is_the_end_of_it() {
    for (_, followed) in [retried(404, UNKNOWN).await, charged(404, UNKNOWN).await] {
        assert_eq!(followed.decision.mandate, Some(MandateStatus::Revoked));
        assert_eq!(followed.state, State::Failed);
    }
}

#[tokio::test]
async fn a_second_retry_waits_for_another_day() {
    let body = payment("FAILED", "Balance Insufficient");
    let (_, followed) = retried(200, &body).await;
    let (step, wait) = followed.next().unwrap();
    assert_eq!(step, Step::Retry);
    assert!(wait >= DAY, "one a day: {wait:?}");
}
