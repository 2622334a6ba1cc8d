//! Nobody runs for hours, days, a whole cycle: what can still be collected is, lawfully, and the rest says why not.

use crate::support::due::{column, scalar};
use crate::support::world::{Flow, Payer, World};

fn every_flow() -> Vec<Payer> {
    Flow::ALL
        .iter()
        .zip(900..)
        .map(|(flow, id)| Payer::new(id.to_string(), *flow))
        .collect()
}

/// The way of every payer, a line each.
async fn ways(world: &World, payers: &[Payer]) -> String {
    let mut ways = Vec::new();
    for payer in payers {
        ways.push(format!(
            "{:?}: {}",
            payer.flow,
            world.way(&payer.reference).await
        ));
    }
    ways.join("\n")
}

#[tokio::test]
async fn after_hours_everything_goes_on_where_it_stood() {
    let payers = every_flow();
    let world = World::open(&payers).await;
    world.run("05 06:00").await;
    world.outage("05 09:00");
    world.run("08 00:00").await;
    insta::assert_snapshot!(ways(&world, &payers).await);
    assert_eq!(world.ledger().debits.len(), payers.len());
    world.agrees().await;
}

#[tokio::test]
async fn after_days_the_payer_is_notified_again_first() {
    let payers = every_flow();
    let world = World::open(&payers).await;
    world.run("04 12:00").await;
    world.outage("09 11:00");
    world.run("13 00:00").await;
    insta::assert_snapshot!(ways(&world, &payers).await);
    let again: Vec<String> = column(
        world.pool(),
        "select format('%s: %s', m.ref, string_agg('n' || n.notification_no, ' ' order by n.notification_no))
           from mandated.notifications n join mandated.mandates m on m.id = n.mandate_id group by m.ref order by m.ref",
    )
    .await;
    assert_eq!(again, ["900: n1 n2", "903: n1 n2"]);
    assert_eq!(world.ledger().debits.len(), payers.len());
    world.agrees().await;
}

#[tokio::test]
async fn an_outage_before_anything_was_planned_is_made_up_for() {
    let payers = every_flow();
    let world = World::open(&payers).await;
    world.outage("09 12:00");
    world.run("13 00:00").await;
    insta::assert_snapshot!(ways(&world, &payers).await);
    assert_eq!(world.ledger().debits.len(), payers.len());
    world.agrees().await;
}

#[tokio::test]
async fn cycles_that_closed_meanwhile_expire_with_the_reason_and_none_is_forgotten() {
    let daily = |reference: &str, flow| Payer {
        frequency: "daily",
        starts_on: "2027-02-03",
        ends_on: "2027-02-12",
        ..Payer::new(reference, flow)
    };
    let payers = [daily("a", Flow::UpiExempt), daily("b", Flow::CardSeparate)];
    let world = World::open(&payers).await;
    world.run("05 00:00").await;
    world.outage("09 03:00");
    world.run("14 00:00").await;
    let executions: Vec<String> = column(
        world.pool(),
        "select format('%s %s %s: %s', mandate_ref, cycle_on, state, reason) from mandated.execution_status
          order by mandate_ref, cycle_on",
    )
    .await;
    insta::assert_snapshot!(executions.join("\n"));
    let days: Vec<i64> = column(
        world.pool(),
        "select count(*) from mandated.executions group by mandate_id",
    )
    .await;
    assert_eq!(days, [10, 10], "every day has its execution");
    world.agrees().await;
}

/// A debit is not proven when the daemon stops, and still not when it comes back days later.
#[tokio::test]
async fn an_open_debit_is_looked_up_after_the_outage_and_never_made_again() {
    let payers: Vec<_> = every_flow()
        .into_iter()
        .filter(|payer| payer.flow != Flow::SignzyWatched)
        .collect();
    let world = World::open(&payers).await;
    world.run("05 08:00").await;
    let open: i64 = scalar(world.pool(), "select count(*) from mandated.intents").await;
    let charged: i64 = scalar(world.pool(), "select count(*) from mandated.debits").await;
    assert!(open > 2, "{open} debits are open");
    world.outage("08 03:00");
    let debits = world.ledger().debits.len();
    assert_eq!(i64::try_from(debits).unwrap(), open + charged);
    world.run("10 00:00").await;
    assert_eq!(world.ledger().debits.len(), debits);
    assert_eq!(debits, payers.len());
    world.agrees().await;
}
