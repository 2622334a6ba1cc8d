//! Every fault of a call, on every call of every flow: the cycle is collected once, and nothing is tried before its outcome is proven.

use lab::sandbox::{Call, Fault, Reason, Then};
use mandated::domain::Timestamp;

use crate::support::world::{Flow, Payer, World, after_payday, at};

/// What can go wrong with a call without stopping the whole account.
const FAULTS: [Fault; 6] = [
    Fault::AnswerLost,
    Fault::ErrorAfter,
    Fault::ResetBefore,
    Fault::Duplicate,
    Fault::Html,
    Fault::Truncated,
];

/// The flows in which we make the first debit.
const DEBITED_BY_US: [Flow; 7] = [
    Flow::UpiSeparate,
    Flow::UpiProvider,
    Flow::UpiExempt,
    Flow::CardSeparate,
    Flow::CardProvider,
    Flow::Enach,
    Flow::SignzyOnDemand,
];

/// One payer for every flow and every fault that the call can have.
fn payers(flows: &[Flow], call: Call) -> Vec<(Payer, Fault)> {
    let mut payers = Vec::new();
    for flow in flows {
        for fault in FAULTS {
            let makes = matches!(call, Call::Execute | Call::Retry | Call::Notify);
            if makes || fault != Fault::Duplicate {
                let reference = format!("{}", 900 + payers.len());
                payers.push((Payer::new(reference, *flow), fault));
            }
        }
    }
    payers
}

/// Lives through the cycle of each payer and says how; asserts that each is collected once.
async fn live(
    payers: &[(Payer, Fault)],
    script: &[(Call, Option<Then>)],
    until: Timestamp,
) -> String {
    let all: Vec<_> = payers.iter().map(|(payer, _)| payer.clone()).collect();
    let world = World::open(&all).await;
    for (payer, fault) in payers {
        for (call, then) in script {
            let then = then.clone().unwrap_or(Then::Fault(*fault));
            world.script(&payer.reference, *call, [then]);
        }
    }
    world.run_until(until).await;
    let mut report = Vec::new();
    for (payer, fault) in payers {
        let (flow, reference) = (payer.flow, &payer.reference);
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
        payers.len(),
        "debits of {} cycles\n{report}",
        payers.len()
    );
    world.agrees().await;
    report
}

#[tokio::test]
async fn on_the_debit() {
    let payers = payers(&DEBITED_BY_US, Call::Execute);
    insta::assert_snapshot!(live(&payers, &[(Call::Execute, None)], at("12 00:00")).await);
}

#[tokio::test]
async fn on_the_retry() {
    let payers = payers(&Flow::ALL, Call::Retry);
    let script = [
        (Call::Execute, Some(Then::Declines(Reason::LowBalance))),
        (Call::Retry, None),
    ];
    insta::assert_snapshot!(live(&payers, &script, after_payday()).await);
}

#[tokio::test]
async fn on_the_notification() {
    let payers = payers(&[Flow::UpiSeparate, Flow::CardSeparate], Call::Notify);
    insta::assert_snapshot!(live(&payers, &[(Call::Notify, None)], at("12 00:00")).await);
}

#[tokio::test]
async fn on_the_question_about_the_notification() {
    let call = Call::NotificationStatus;
    let payers = payers(&[Flow::UpiSeparate, Flow::CardSeparate], call);
    let script = [
        (Call::Notify, Some(Then::Fault(Fault::AnswerLost))),
        (call, None),
    ];
    insta::assert_snapshot!(live(&payers, &script, at("12 00:00")).await);
}

#[tokio::test]
async fn on_the_look_up() {
    let payers = payers(&Flow::ALL, Call::OrderStatus);
    insta::assert_snapshot!(live(&payers, &[(Call::OrderStatus, None)], at("12 00:00")).await);
}
