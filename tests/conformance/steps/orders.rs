//! Juspay's order status: every status and every documented failure, seen by a look-up.

use std::fmt::Write;

use mandated::domain::backoff::after;
use mandated::domain::machine::{Input, Job, Machine};
use mandated::domain::{Class, MandateStatus, State, Step};
use serde_json::{Value, json};

use super::support::{Followed, StepScenario, heading, settled};
use crate::juspay::support::{StubbedJuspay, brief, documented, look_up};
use crate::support::scenario::Flow;

/// The status table of "Juspay Order Status API".
const STATUSES: [&str; 24] = [
    "NEW",
    "CREATED",
    "STARTED",
    "CHARGED",
    "JUSPAY_DECLINED",
    "PENDING_VBV",
    "VBV_SUCCESSFUL",
    "AUTHORIZED",
    "AUTHENTICATION_FAILED",
    "AUTHORIZATION_FAILED",
    "AUTHORIZING",
    "COD_INITIATED",
    "VOIDED",
    "VOID_INITIATED",
    "CAPTURE_INITIATED",
    "CAPTURE_FAILED",
    "VOID_FAILED",
    "AUTO_REFUNDED",
    "PARTIAL_CHARGED",
    "TO_BE_CHARGED",
    "NOT_FOUND",
    "ERROR",
    "A_WORD_OF_TOMORROW",
    "charged",
];

/// The documented order with some of its fields changed.
fn order(changes: &Value) -> String {
    let mut order: Value = serde_json::from_str(documented!("order_charged.json")).unwrap();
    let fields = order.as_object_mut().unwrap();
    fields.extend(changes.as_object().unwrap().clone());
    order.to_string()
}

async fn looked_up(
    stub: &StubbedJuspay,
    scenario: &StepScenario,
    body: &str,
) -> (String, Followed) {
    stub.say(200, body).await;
    let reply = look_up(&stub.juspay, "12345").await;
    (brief(&reply.outcome), scenario.follow(&reply))
}

#[tokio::test]
async fn every_status_of_an_order() {
    let stub = StubbedJuspay::new().await;
    let mut table = String::new();
    for state in [State::Pending, State::Unknown] {
        table += &heading(&format!("GET /orders/ID, 90 s after, {state}"));
        for status in STATUSES {
            let body = order(&json!({"status": status}));
            let scenario = StepScenario::look_up(Flow::UpiSeparate, state);
            let (outcome, followed) = looked_up(&stub, &scenario, &body).await;
            writeln!(table, "{status:<46} 200  {outcome:<24} {followed}").unwrap();
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

/// (status, `resp_code`, `resp_category`, `bank_error_code`) of the samples' failures, and codes of the rails.
const FAILURES: [(&str, &str, &str, &str); 15] = [
    (
        "AUTHORIZATION_FAILED",
        "INSUFFICIENT_BALANCE",
        "BUSINESS_ERROR",
        "0399",
    ),
    (
        "AUTHORIZATION_FAILED",
        "BANK_DECLINED",
        "BUSINESS_ERROR",
        "227",
    ),
    (
        "AUTHORIZATION_FAILED",
        "ACCOUNT_CLOSED",
        "BUSINESS_ERROR",
        "843",
    ),
    (
        "AUTHORIZATION_FAILED",
        "TXN_NOT_FOUND",
        "TECHNICAL_ERROR",
        "TRANSACTION NOT FOUND",
    ),
    (
        "AUTHORIZATION_FAILED",
        "TXN_EXPIRED",
        "USER_DROPPED",
        "failure",
    ),
    (
        "AUTHORIZATION_FAILED",
        "USER_DECLINED",
        "USER_DROPPED",
        "USER_DROPPED",
    ),
    ("AUTHORIZATION_FAILED", "TXN_FAILURE", "", "failed"),
    (
        "AUTHENTICATION_FAILED",
        "TECHNICAL_ERROR",
        "TECHNICAL_ERROR",
        "6",
    ),
    (
        "AUTHENTICATION_FAILED",
        "TXN_FAILURE",
        "GENERIC_ERROR",
        "U30",
    ),
    (
        "AUTHENTICATION_FAILED",
        "TXN_EXPIRED",
        "USER_DROPPED",
        "TXN_AUTO_FAILED",
    ),
    ("AUTHORIZATION_FAILED", "UNMAPPED_ERROR", "UNMAPPED", ""),
    ("JUSPAY_DECLINED", "", "", "JP_852"),
    ("AUTHENTICATION_FAILED", "", "", "JP_851"),
    ("AUTHORIZATION_FAILED", "", "", "JPEN"),
    ("AUTHORIZATION_FAILED", "", "", "JPEA"),
];

fn failed(status: &str, resp_code: &str, category: &str, bank: &str) -> String {
    let fields = json!({
        "status": status, "resp_code": resp_code, "resp_category": category,
        "resp_message": null, "bank_error_code": bank, "payment_gateway_response": null,
    });
    order(&fields)
}

#[tokio::test]
async fn every_documented_failure_of_an_order() {
    let stub = StubbedJuspay::new().await;
    let mut table = String::new();
    for flow in [Flow::UpiSeparate, Flow::CardSeparate] {
        let (_, rail, _) = flow.parts();
        table += &heading(&format!("GET /orders/ID, {rail}, pending"));
        for (status, resp_code, category, bank) in FAILURES {
            let body = failed(status, resp_code, category, bank);
            let scenario = StepScenario::look_up(flow, State::Pending);
            let (outcome, followed) = looked_up(&stub, &scenario, &body).await;
            let name = format!("{resp_code} {bank} {status}");
            let name: String = name.trim().chars().take(46).collect();
            writeln!(table, "{name:<46} 200  {outcome:<24} {followed}").unwrap();
        }
        table.push('\n');
    }
    insta::assert_snapshot!(table);
}

#[tokio::test]
async fn an_order_that_is_not_found_goes_out_again_only_after_the_processing_time() {
    let stub = StubbedJuspay::new().await;
    let body = documented!("order_not_found.json");
    stub.say(400, body).await;
    let reply = look_up(&stub.juspay, "173824171").await;
    let late = StepScenario::look_up(Flow::UpiSeparate, State::Unknown);
    let mut early = late.clone();
    early.now -= chrono::TimeDelta::seconds(1);
    let followed = early.follow(&reply);
    assert_eq!(followed.state, State::Unknown, "it proves nothing yet");
    assert!(followed.keeps_its_intent());
    let followed = late.follow(&reply);
    assert_eq!(followed.next().unwrap().0, Step::Execute);
    assert_eq!(followed.decision.progress.order_no, 1, "the same order");
    assert_eq!(followed.decision.progress.debit_attempts, 0);
}

#[tokio::test]
async fn an_order_that_was_accepted_and_is_no_longer_known_is_never_sent_again() {
    let stub = StubbedJuspay::new().await;
    stub.say(400, documented!("order_not_found.json")).await;
    let reply = look_up(&stub.juspay, "173824171").await;
    let followed = StepScenario::look_up(Flow::UpiSeparate, State::Pending).follow(&reply);
    assert_eq!(followed.state, State::Unknown);
    assert!(followed.keeps_its_intent());
    assert_eq!(followed.next().unwrap().0, Step::Lookup);
}

#[tokio::test]
async fn an_order_of_another_amount_proves_nothing_and_goes_to_a_person() {
    let stub = StubbedJuspay::new().await;
    for (amount, state) in [
        (json!(300), State::Charged),
        (json!("300.00"), State::Charged),
        (json!(30), State::Review),
        (json!("300.01"), State::Review),
    ] {
        let body = order(&json!({"amount": amount}));
        let scenario = StepScenario::look_up(Flow::UpiSeparate, State::Pending);
        let (_, followed) = looked_up(&stub, &scenario, &body).await;
        assert_eq!(followed.state, state, "{amount}");
        let is_collected = followed.change.collected.is_some();
        assert_eq!(is_collected, state == State::Charged, "{amount}");
        assert_eq!(
            followed.keeps_its_intent(),
            state == State::Review,
            "{amount}"
        );
    }
}

#[tokio::test]
async fn money_that_came_back_is_not_collected() {
    let stub = StubbedJuspay::new().await;
    for status in ["AUTO_REFUNDED", "VOIDED"] {
        let body = order(&json!({"status": status}));
        let scenario = StepScenario::look_up(Flow::UpiSeparate, State::Pending);
        let (_, followed) = looked_up(&stub, &scenario, &body).await;
        assert_eq!(followed.state, State::Failed, "{status}");
        assert_eq!(followed.change.collected, None);
    }
}

/// Ten hours after the debit: the provider no longer retries by itself.
fn dead_order(class: Class) -> StepScenario {
    let mut scenario = StepScenario::look_up(Flow::UpiSeparate, State::Retrying);
    let sent = scenario.execution.progress.sent_at;
    scenario.now = sent.unwrap() + chrono::TimeDelta::hours(10);
    scenario.execution.intent = None;
    scenario.execution.class = Some(class);
    scenario.execution.progress.failed_at = sent;
    scenario
}

#[tokio::test]
async fn the_cycle_of_a_paused_mandate_starts_again_and_waits_for_it_to_be_resumed() {
    let stub = StubbedJuspay::new().await;
    let body = failed("AUTHORIZATION_FAILED", "", "", "VT");
    let first = StepScenario::look_up(Flow::UpiSeparate, State::Pending);
    let (_, followed) = looked_up(&stub, &first, &body).await;
    assert_eq!(followed.decision.mandate, Some(MandateStatus::Paused));
    assert_eq!(followed.next().unwrap().0, Step::Lookup);
    let second = dead_order(Class::MandatePaused);
    let (_, followed) = looked_up(&stub, &second, &body).await;
    assert_eq!(followed.state, State::Planned);
    let next = followed.decision.next.unwrap();
    assert_eq!(next.step, Step::Notify);
    assert_eq!(followed.decision.progress.order_no, 2);
    // The payer is not notified at the next claim.
    let mut paused = second.execution.clone();
    paused.state = followed.state;
    paused.progress = followed.decision.progress;
    paused.mandate_status = MandateStatus::Paused;
    let at = next.span.opens;
    let job = Job {
        step: next.step,
        execution: paused,
        opened: false,
        ..second.job()
    };
    let mut machine = Machine::new(job, &second.policy, at);
    let waits = settled(machine.next(Input::Claimed, at)).decision;
    let next = waits.next.unwrap().span.opens;
    assert!(waits.parked && next >= after(at, second.policy.paused_check_every));
}

#[tokio::test]
async fn old_news_of_a_mandate_is_no_news() {
    let stub = StubbedJuspay::new().await;
    for (bank, class, status) in [
        ("VT", Class::MandatePaused, MandateStatus::Paused),
        ("VA", Class::MandateDead, MandateStatus::Revoked),
    ] {
        let body = failed("AUTHORIZATION_FAILED", "", "", bank);
        let (_, followed) = looked_up(&stub, &dead_order(class), &body).await;
        assert_eq!(followed.decision.mandate, None, "it may be resumed since");
        let other = dead_order(Class::Funds);
        let (_, followed) = looked_up(&stub, &other, &body).await;
        assert_eq!(followed.decision.mandate, Some(status), "a retry found out");
    }
}
