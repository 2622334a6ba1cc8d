//! The way of one cycle through each of the flows when nothing goes wrong.

use crate::support::world::{Flow, Payer, World};

#[tokio::test]
async fn every_flow_collects_its_cycle_once() {
    let payers: Vec<_> = Flow::ALL
        .iter()
        .zip(900..)
        .map(|(flow, id)| Payer::new(id.to_string(), *flow))
        .collect();
    let world = World::open(&payers).await;
    world.run("08 00:00").await;
    let mut report = Vec::new();
    for payer in &payers {
        report.push(format!("{:?}", payer.flow));
        report.push(format!("  {}", world.way(&payer.reference).await));
        report.push(format!(
            "  {}",
            world.calls(&payer.reference).await.join(", ")
        ));
    }
    insta::assert_snapshot!(report.join("\n"));
    world.agrees().await;
    assert_eq!(world.ledger().debits.len(), payers.len());
}
