//! Mandates that are paused, resumed and revoked between the notification and the debit, and cycles that close meanwhile.

use lab::sandbox::{Call, Reason, Then};
use mandated::store::mandates::Change;

use crate::support::due::{column, scalar};
use crate::support::world::{Flow, Payer, World, after_payday, at};

#[tokio::test]
async fn a_mandate_resumed_while_its_notification_is_valid_is_debited_under_it() {
    let world = World::open(&[Payer::new("a", Flow::UpiSeparate)]).await;
    world.run("04 06:00").await;
    assert_eq!(world.stands("a").await.0, "notified");
    world.change("a", Change::Pause).await;
    world.run("05 08:30").await;
    assert_eq!(
        world.stands("a").await,
        (
            "notified".to_owned(),
            "the mandate is paused; waits for it to be resumed".to_owned()
        )
    );
    world.change("a", Change::Resume).await;
    world.run("06 00:00").await;
    assert_eq!(
        world.way("a").await,
        "planned notified executing pending charged"
    );
    assert_eq!(
        world.calls("a").await[..2],
        ["notify delivered", "execute pending"]
    );
    world.agrees().await;
}

#[tokio::test]
async fn a_mandate_resumed_later_is_notified_again_first() {
    let world = World::open(&[Payer::new("a", Flow::UpiSeparate)]).await;
    world.run("04 06:00").await;
    world.change("a", Change::Pause).await;
    world.run("10 12:00").await;
    assert_eq!(world.stands("a").await.0, "notified");
    world.change("a", Change::Resume).await;
    world.run("14 00:00").await;
    assert_eq!(
        world.way("a").await,
        "planned notified executing planned notifying notified executing pending charged"
    );
    let notifications: Vec<String> = column(
        world.pool(),
        "select format('%s %s', 'n' || notification_no, state) from mandated.notifications order by notification_no",
    )
    .await;
    assert_eq!(notifications, ["n1 delivered", "n2 delivered"]);
    world.agrees().await;
}

#[tokio::test]
async fn every_flow_waits_for_a_paused_mandate_and_collects_when_it_is_resumed() {
    // A watched payment is the provider's to stop.
    let flows = Flow::ALL
        .into_iter()
        .filter(|flow| *flow != Flow::SignzyWatched);
    let payers: Vec<_> = flows
        .zip(900..)
        .map(|(flow, id)| Payer::new(id.to_string(), flow))
        .collect();
    let world = World::open(&payers).await;
    world.run("02 00:00").await;
    for payer in &payers {
        world.change(&payer.reference, Change::Pause).await;
    }
    world.run("12 00:00").await;
    assert_eq!(world.ledger().calls.len(), 0, "{:?}", world.ledger().calls);
    for payer in &payers {
        world.change(&payer.reference, Change::Resume).await;
    }
    world.run("20 00:00").await;
    assert_eq!(world.ledger().debits.len(), payers.len());
    world.agrees().await;
}

#[tokio::test]
async fn a_cycle_that_closes_while_its_mandate_is_paused_expires_and_the_next_does_not() {
    let weekly = |reference: &str, flow| Payer {
        frequency: "weekly",
        ends_on: "2027-02-18",
        ..Payer::new(reference, flow)
    };
    let payers = [
        weekly("a", Flow::UpiSeparate),
        weekly("b", Flow::CardSeparate),
        weekly("c", Flow::Enach),
    ];
    let world = World::open(&payers).await;
    // Two are planned, and the third is paused before that.
    world.change("c", Change::Pause).await;
    world.run("05 06:00").await;
    for payer in &payers[..2] {
        world.change(&payer.reference, Change::Pause).await;
    }
    world.run("12 00:01").await;
    for payer in &payers {
        world.change(&payer.reference, Change::Resume).await;
    }
    world.run("19 12:00").await;
    let executions: Vec<String> = column(
        world.pool(),
        "select format('%s %s %s: %s', mandate_ref, cycle_on, state, reason) from mandated.execution_status
          order by cycle_on, mandate_ref",
    )
    .await;
    insta::assert_snapshot!(executions.join("\n"));
    let debits: Vec<_> = world
        .ledger()
        .debits
        .iter()
        .map(|debit| debit.cycle.to_string())
        .collect();
    assert_eq!(debits, ["2027-02-12"; 3]);
    world.agrees().await;
}

#[tokio::test]
async fn a_revoked_mandate_is_given_up_and_not_planned_again() {
    let world = World::open(&[Payer {
        ends_on: "",
        ..Payer::new("a", Flow::UpiSeparate)
    }])
    .await;
    world.run("04 06:00").await;
    world.change("a", Change::Revoke).await;
    world.run("20 00:00").await;
    assert_eq!(
        world.stands("a").await,
        ("failed".to_owned(), "the mandate is revoked".to_owned())
    );
    world
        .run_until(at("28 00:00") + chrono::TimeDelta::days(40))
        .await;
    assert_eq!(
        world.way("a").await,
        "planned notified failed",
        "one execution and no more"
    );
    assert_eq!(world.ledger().calls.get("POST /txns"), None);
    world.agrees().await;
}

#[tokio::test]
async fn what_the_bank_says_about_the_mandate_stops_it_here_too() {
    for (flow, reason, status) in [
        (Flow::UpiSeparate, Reason::Revoked, "revoked"),
        (Flow::CardSeparate, Reason::AccountClosed, "failed"),
        (Flow::Enach, Reason::Revoked, "revoked"),
    ] {
        let world = World::open(&[Payer {
            ends_on: "",
            ..Payer::new("a", flow)
        }])
        .await;
        world.script("a", Call::Execute, [Then::Declines(reason)]);
        world
            .run_until(at("28 00:00") + chrono::TimeDelta::days(40))
            .await;
        let way = world.way("a").await;
        assert!(way.ends_with("failed"), "{flow:?}: {way}");
        let mandate: String = scalar(world.pool(), "select status from mandated.mandates").await;
        assert_eq!(mandate, status, "{flow:?}");
        let events: Vec<String> = column(
            world.pool(),
            "select format('%s %s to %s', kind, from_state, to_state) from mandated.events
              where kind like 'mandate.%' and kind <> 'mandate.imported'",
        )
        .await;
        assert_eq!(events, [format!("mandate.{status} active to {status}")]);
        let executions: i64 =
            scalar(world.pool(), "select count(*) from mandated.executions").await;
        assert_eq!(executions, 1, "{flow:?}: planned again");
        world.agrees().await;
    }
}

#[tokio::test]
async fn a_cycle_of_a_mandate_that_the_bank_says_is_paused_waits_for_it() {
    let world = World::open(&[Payer {
        ends_on: "2027-04-04",
        ..Payer::new("a", Flow::UpiSeparate)
    }])
    .await;
    world.script("a", Call::Execute, [Then::Declines(Reason::Paused)]);
    world.run("10 00:00").await;
    let (state, why) = world.stands("a").await;
    assert_eq!(state, "planned", "{why}");
    let status: String = scalar(world.pool(), "select status from mandated.mandates").await;
    assert_eq!(status, "paused");
    // For a week, as the bank says; the next cycle is collected as if nothing had been.
    world
        .run_until(at("05 00:00") + chrono::TimeDelta::days(31))
        .await;
    let debits: Vec<_> = world
        .ledger()
        .debits
        .iter()
        .map(|debit| debit.cycle.to_string())
        .collect();
    assert_eq!(debits, ["2027-02-05", "2027-03-05"]);
    world.agrees().await;
}

/// What waits for its own time is not hurried by a pause in between.
#[tokio::test]
async fn a_retry_that_waits_for_its_day_still_does_after_a_pause() {
    let world = World::open(&[
        Payer::new("a", Flow::Enach),
        Payer::new("900", Flow::SignzyOnDemand),
    ])
    .await;
    for reference in ["a", "900"] {
        world.script(
            reference,
            Call::Execute,
            [Then::Declines(Reason::LowBalance)],
        );
    }
    world.run("07 12:00").await;
    let waiting = async || {
        column::<String>(
            world.pool(),
            "select format('%s %s %s', mandate_id, step, run_at) from mandated.jobs order by mandate_id",
        )
        .await
    };
    let before = waiting().await;
    assert!(
        before.iter().all(|job| job.contains(" retry ")),
        "{before:?}"
    );
    for reference in ["a", "900"] {
        world.change(reference, Change::Pause).await;
        world.change(reference, Change::Resume).await;
    }
    assert_eq!(waiting().await, before);
    world.run_until(after_payday()).await;
    assert_eq!(world.ledger().debits.len(), 2);
    world.agrees().await;
}
