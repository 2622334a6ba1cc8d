//! Every fault of a call, on every call of every flow: the cycle is collected once, and nothing is tried before its outcome is proven.

use lab::sandbox::{Call, Fault, Reason, Then};
use mandated::domain::Timestamp;

use crate::support::scenario::{DEBITED_BY_US, Flow, Scenario};
use crate::support::world::{after_payday, at};

/// What can go wrong with a call without stopping the whole account.
const FAULTS: [Fault; 6] = [
    Fault::AnswerLost,
    Fault::ErrorAfter,
    Fault::ResetBefore,
    Fault::Duplicate,
    Fault::Html,
    Fault::Truncated,
];

/// Every flow with every fault that the call can have.
fn cases(flows: &[Flow], call: Call) -> Vec<(Flow, Fault)> {
    let mut cases = Vec::new();
    for flow in flows {
        for fault in FAULTS {
            let makes = matches!(call, Call::Execute | Call::Retry | Call::Notify);
            if makes || fault != Fault::Duplicate {
                cases.push((*flow, fault));
            }
        }
    }
    cases
}

/// Lives through the cycle of each payer and says how; asserts that each is collected once.
async fn live(
    cases: &[(Flow, Fault)],
    script: &[(Call, Option<Then>)],
    until: Timestamp,
) -> String {
    let flows = cases.iter().map(|(flow, _)| *flow);
    let world = Scenario::flows(flows).open().await;
    for (payer, (_, fault)) in world.payers.iter().zip(cases) {
        for (call, then) in script {
            let then = then.clone().unwrap_or(Then::Fault(*fault));
            world.script(&payer.reference, *call, [then]);
        }
    }
    world.run_until(until).await;
    let mut report = Vec::new();
    for (payer, (flow, fault)) in world.payers.iter().zip(cases) {
        let reference = &payer.reference;
        report.push(format!(
            "{flow:?} {fault:?}: {}",
            world.way(reference).await
        ));
        report.push(format!("  {}", world.calls(reference).await.join(", ")));
    }
    let report = report.join("\n");
    let debits = world.ledger().debits.len();
    assert_eq!(
        debits,
        cases.len(),
        "debits of {} cycles\n{report}",
        cases.len()
    );
    world.agrees().await;
    report
}

#[tokio::test]
async fn on_the_debit() {
    let cases = cases(&DEBITED_BY_US, Call::Execute);
    insta::assert_snapshot!(live(&cases, &[(Call::Execute, None)], at("12 00:00")).await);
}

#[tokio::test]
async fn on_the_retry() {
    let cases = cases(&Flow::ALL, Call::Retry);
    let script = [
        (Call::Execute, Some(Then::Declines(Reason::LowBalance))),
        (Call::Retry, None),
    ];
    insta::assert_snapshot!(live(&cases, &script, after_payday()).await);
}

#[tokio::test]
async fn on_the_notification() {
    let cases = cases(&[Flow::UpiSeparate, Flow::CardSeparate], Call::Notify);
    insta::assert_snapshot!(live(&cases, &[(Call::Notify, None)], at("12 00:00")).await);
}

#[tokio::test]
async fn on_the_question_about_the_notification() {
    let call = Call::NotificationStatus;
    let cases = cases(&[Flow::UpiSeparate, Flow::CardSeparate], call);
    let script = [
        (Call::Notify, Some(Then::Fault(Fault::AnswerLost))),
        (call, None),
    ];
    insta::assert_snapshot!(live(&cases, &script, at("12 00:00")).await);
}

#[tokio::test]
async fn on_the_look_up() {
    let cases = cases(&Flow::ALL, Call::OrderStatus);
    insta::assert_snapshot!(live(&cases, &[(Call::OrderStatus, None)], at("12 00:00")).await);
}
