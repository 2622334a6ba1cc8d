//! The way of a cycle through each of the flows when nothing goes wrong, and of cycles that wait for each other.

use crate::support::due::column;
use crate::support::scenario::{Flow, Scenario};

#[tokio::test]
async fn every_flow_collects_its_cycle_once() {
    let world = Scenario::flows(Flow::ALL).open().await;
    world.run("08 00:00").await;
    let mut report = Vec::new();
    for payer in &world.payers {
        report.push(format!("{:?}", payer.flow));
        report.push(format!("  {}", world.way(&payer.reference).await));
        report.push(format!(
            "  {}",
            world.calls(&payer.reference).await.join(", ")
        ));
    }
    insta::assert_snapshot!(report.join("\n"));
    world.agrees().await;
    assert_eq!(world.ledger().debits.len(), world.payers.len());
}

/// A bank answers an eNACH debit a day or two later, and meanwhile a mandate's next debit waits: of daily cycles, each of
/// which closes at midnight, only every other one can be collected.
#[tokio::test]
async fn daily_cycles_of_enach_wait_for_each_other() {
    let world = Scenario::of("a", Flow::Enach)
        .every("daily")
        .until("2027-02-14")
        .open()
        .await;
    world.run("20 00:00").await;
    let cycles: Vec<String> = column(
        world.pool(),
        "select format('%s %s: %s', cycle_on, state, reason) from mandated.executions order by cycle_on",
    )
    .await;
    insta::assert_snapshot!(cycles.join("\n"));
    world.agrees().await;
}
