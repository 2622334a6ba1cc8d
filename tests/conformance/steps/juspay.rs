//! Juspay: the error tables, the samples and the transport failures of `/txns` and `/ecr/mandate/retry`.

use std::fmt::Write;
use std::time::Duration;

use mandated::domain::{Class, MandateStatus, State, Step};

use super::support::{Followed, StepScenario, heading};
use crate::juspay::support::{StubbedJuspay, brief, documented, execute, retry};
use crate::juspay::tables::error_rows;
use crate::support::scenario::Flow;

const PAGE: &str = "<html><body>502 Bad Gateway</body></html>";

/// One answer to `/txns`, its outcome and what follows.
async fn executed(stub: &StubbedJuspay, status: u16, body: &str) -> (String, Followed) {
    stub.say(status, body).await;
    let reply = execute(&stub.juspay, order_in(body)).await;
    let scenario = StepScenario::execute(Flow::UpiSeparate);
    (brief(&reply.outcome), scenario.follow(&reply))
}

/// The same of `/ecr/mandate/retry`, ten hours after a debit that failed for want of funds.
async fn retried(stub: &StubbedJuspay, status: u16, body: &str) -> (String, Followed) {
    stub.say(status, body).await;
    let reply = retry(&stub.juspay, order_in(body)).await;
    let later = Duration::from_hours(10);
    let scenario = StepScenario::retry(Flow::UpiSeparate, later);
    (brief(&reply.outcome), scenario.follow(&reply))
}

/// The order that a sample is about.
fn order_in(body: &str) -> &str {
    let named = body.split_once("\"order_id\"").map(|(_, rest)| rest);
    named
        .and_then(|rest| rest.split('"').nth(1))
        .unwrap_or("mab121o1")
}

/// The row of the error table with this description.
async fn row(stub: &StubbedJuspay, wanted: &str) -> (String, Followed) {
    let rows = error_rows();
    let found = rows
        .iter()
        .find(|(_, description, _)| description == wanted);
    let (status, _, body) = found.unwrap();
    executed(stub, *status, body).await
}

#[tokio::test]
async fn every_row_of_the_error_tables() {
    let stub = StubbedJuspay::new().await;
    let mut table = heading("POST /txns");
    for (status, description, body) in error_rows() {
        let (outcome, followed) = executed(&stub, status, &body).await;
        let description: String = description.chars().take(46).collect();
        writeln!(
            table,
            "{description:<46} {status}  {outcome:<24} {followed}"
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
}

/// Samples of the pages, rows that only other pages of Juspay's print, and what is no answer of Juspay's.
const EXECUTED: &[(&str, u16, &str)] = &[
    (
        "sample, success",
        200,
        documented!("execution_charged.json"),
    ),
    (
        "sample, exercise",
        200,
        documented!("exercise_charged.json"),
    ),
    (
        "sample, mandate not found",
        400,
        documented!("execution_mandate_not_found.json"),
    ),
    ("sample, UPI", 200, documented!("retry_success.json")),
    (
        "a status nobody documents",
        200,
        r#"{"status":"QUEUED_AT_BANK","txn_id":"m-mab121o1-1"}"#,
    ),
    (
        "amount not equal to the mandate's",
        400,
        r#"{"status":"Invalid Request","error_message":"Order amount not equal to mandate max amount.","error_code":"Invalid"}"#,
    ),
    (
        "notification id not passed",
        400,
        r#"{"status":"Invalid Request","error_message":"mandate.notification_id is mandatory.","error_code":"Invalid"}"#,
    ),
    (
        "notification not known",
        400,
        r#"{"status":"Invalid Request","error_message":"Notification record not found for mab121n1","error_code":"Invalid"}"#,
    ),
    (
        "another request in process",
        400,
        r#"{"error_info":{"code":"DUPLICATE_REQUEST","category":"USER_ERROR"}}"#,
    ),
    ("no words at all", 400, ""),
    ("forbidden", 403, ""),
    ("too many requests", 429, ""),
    ("a request that timed out", 408, ""),
    ("an error of the server", 500, ""),
    ("a bad gateway", 502, PAGE),
    ("out of service", 503, ""),
    ("a gateway that waited too long", 504, PAGE),
    ("a web page", 200, PAGE),
    ("nothing", 200, ""),
    ("half an answer", 200, r#"{"status":"CHARGED","txn"#),
    ("a redirect", 302, ""),
];

#[tokio::test]
async fn every_other_answer_to_an_execution() {
    let stub = StubbedJuspay::new().await;
    let mut table = heading("POST /txns");
    for (name, status, body) in EXECUTED {
        let (outcome, followed) = executed(&stub, *status, body).await;
        writeln!(table, "{name:<46} {status}  {outcome:<24} {followed}").unwrap();
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn every_answer_to_a_retry() {
    let stub = StubbedJuspay::new().await;
    let mut table = heading("POST /ecr/mandate/retry");
    let refused = documented!("retry_failure.json");
    for (name, status, body) in [
        ("sample, success", 200, documented!("retry_success.json")),
        ("sample, failure", 200, refused),
        ("sample, failure", 400, refused),
        ("sample, failure", 500, refused),
        ("an error of the server", 500, ""),
        ("a web page", 200, PAGE),
        ("too many requests", 429, ""),
    ] {
        let (outcome, followed) = retried(&stub, status, body).await;
        writeln!(table, "{name:<46} {status}  {outcome:<24} {followed}").unwrap();
    }
    for (status, description, body) in error_rows() {
        let (outcome, followed) = retried(&stub, status, &body).await;
        let description: String = description.chars().take(46).collect();
        writeln!(
            table,
            "{description:<46} {status}  {outcome:<24} {followed}"
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn a_duplicate_order_is_our_own_and_is_looked_up() {
    let (_, followed) = row(&StubbedJuspay::new().await, "Duplicate order id").await;
    assert_eq!(followed.state, State::Unknown);
    assert!(followed.keeps_its_intent(), "nothing else may be debited");
    let look = (Step::Lookup, Duration::from_secs(90));
    assert_eq!(followed.next(), Some(look));
    assert_eq!(followed.decision.progress.order_no, 1, "the same order");
    assert_eq!(followed.change.collected, None);
}

#[tokio::test]
async fn refused_credentials_pause_the_account_and_spend_nothing() {
    use mandated::domain::machine::decide::AccountPause;
    let (_, followed) = row(&StubbedJuspay::new().await, "Invalid Authentication").await;
    assert_eq!(followed.decision.account, Some(AccountPause::Refused));
    assert_eq!(followed.next().unwrap().0, Step::Execute, "the same step");
    assert_eq!(followed.decision.progress.debit_attempts, 0);
    assert_eq!(followed.decision.progress.order_no, 1);
    assert!(!followed.keeps_its_intent());
    assert_eq!(followed.decision.mandate, None);
}

#[tokio::test]
async fn a_paused_mandate_is_asked_about_a_day_later() {
    let (_, followed) = row(&StubbedJuspay::new().await, "Mandate not in active state").await;
    assert_eq!(followed.decision.mandate, Some(MandateStatus::Paused));
    let next = followed.decision.next.unwrap();
    let day = super::support::ist("2026-12-03T06:00:00");
    assert_eq!(next.step, Step::Execute);
    assert!(
        followed.decision.parked && next.span.opens >= day,
        "{next:?}"
    );
    assert!(!followed.keeps_its_intent(), "it was not processed");
    assert_eq!(followed.decision.progress.debit_attempts, 0);
}

#[tokio::test]
async fn a_mandate_that_is_not_found_is_the_end_of_it() {
    let stub = StubbedJuspay::new().await;
    let sample = documented!("execution_mandate_not_found.json");
    for (_, followed) in [
        row(&stub, "Mandate not found").await,
        executed(&stub, 400, sample).await,
    ] {
        assert_eq!(followed.state, State::Failed);
        assert_eq!(followed.decision.mandate, Some(MandateStatus::Revoked));
        assert_eq!(followed.next(), None);
    }
}

#[tokio::test]
async fn nothing_to_retry_is_the_end_of_the_order_whatever_its_http_status() {
    let stub = StubbedJuspay::new().await;
    for status in [200, 400, 404, 422, 500, 503] {
        let (_, followed) = retried(&stub, status, documented!("retry_failure.json")).await;
        assert_eq!(followed.state, State::Planned, "a new order follows");
        let progress = followed.decision.progress;
        assert_eq!((progress.order_no, progress.notification_no), (2, 2));
        assert_eq!(progress.delivered_at, None);
        assert_eq!(followed.next().unwrap().0, Step::Notify);
        let class = followed.decision.class.unwrap();
        assert_eq!(class.as_str(), "funds", "why the order failed is kept");
    }
}

#[tokio::test]
async fn a_failure_with_http_200_is_not_a_success() {
    let (outcome, followed) = row(&StubbedJuspay::new().await, "Passing invalid customer_id").await;
    assert!(outcome.starts_with("failed"), "{outcome}");
    assert_eq!(followed.change.collected, None);
    assert_ne!(followed.state, State::Charged);
    assert!(!followed.keeps_its_intent());
}

#[tokio::test]
async fn what_nobody_understands_is_neither_success_nor_failure() {
    let stub = StubbedJuspay::new().await;
    let unheard = r#"{"status":"QUEUED_AT_BANK","txn_id":"m-mab121o1-1"}"#;
    let (_, pending) = executed(&stub, 200, unheard).await;
    assert_eq!(pending.state, State::Pending);
    let (_, page) = executed(&stub, 200, PAGE).await;
    assert_eq!(page.state, State::Unknown);
    for followed in [pending, page] {
        assert!(followed.keeps_its_intent());
        assert_eq!(followed.next().unwrap().0, Step::Lookup);
        assert_eq!(followed.change.collected, None);
    }
}

#[tokio::test]
async fn only_a_charge_collects() {
    let stub = StubbedJuspay::new().await;
    for (name, status, body) in EXECUTED {
        let (outcome, followed) = executed(&stub, *status, body).await;
        let collected = followed.change.collected.is_some();
        assert_eq!(collected, outcome == "charged", "{name}");
        assert_eq!(collected, followed.state == State::Charged, "{name}");
    }
}

#[tokio::test]
async fn a_refusal_that_nobody_has_classified_gets_one_probe_then_a_person() {
    let stub = StubbedJuspay::new().await;
    stub.say(400, r#"{"status":"ERROR"}"#).await;
    let reply = execute(&stub.juspay, "mab121o1").await;
    let mut scenario = StepScenario::execute(Flow::UpiSeparate);
    let first = scenario.follow(&reply);
    assert_eq!(first.state, State::Retrying, "nothing was processed");
    let (step, wait) = first.next().unwrap();
    assert!(step == Step::Execute && wait >= Duration::from_hours(6));
    (
        scenario.execution.class,
        scenario.execution.progress.step_attempts,
    ) = (Some(Class::Unmapped), 1);
    let second = scenario.follow(&reply);
    assert_eq!(second.state, State::Review);
    for followed in [first, second] {
        assert!(!followed.keeps_its_intent());
    }
}

#[tokio::test]
async fn a_refused_retry_leaves_an_order_that_is_rechecked() {
    let stub = StubbedJuspay::new().await;
    let (_, row, body) = error_rows().swap_remove(2);
    let (outcome, followed) = retried(&stub, 400, &body).await;
    assert_eq!(outcome, "refused our_request", "{row}");
    assert_eq!(followed.state, State::Review);
    assert_eq!(followed.next().unwrap().0, Step::Recheck);
}

#[tokio::test]
async fn a_decline_at_once_waits_out_the_gap_between_two_attempts() {
    let body = r#"{"status":"AUTHORIZATION_FAILED","txn_id":"m-mab121o1-1","resp_code":"INSUFFICIENT_BALANCE"}"#;
    let stub = StubbedJuspay::new().await;
    stub.say(200, body).await;
    let reply = execute(&stub.juspay, "mab121o1").await;
    assert_eq!(brief(&reply.outcome), "failed funds");
    for (flow, gap) in [
        (Flow::UpiSeparate, Duration::from_hours(1)),
        (Flow::CardSeparate, Duration::from_hours(4)),
    ] {
        let scenario = StepScenario::execute(flow);
        let (step, wait) = scenario.follow(&reply).next().unwrap();
        assert_eq!(step, Step::Retry);
        assert!(wait >= gap, "{flow:?}: {wait:?}");
    }
}
