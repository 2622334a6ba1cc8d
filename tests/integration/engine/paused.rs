//! Mandates that their payers pause: the provider is asked once a day, and what was paused goes on by itself.

use lab::sandbox::{Call, Fault, Reason, Then};
use mandated::provider::MandateCommand;
use mandated::store::mandates::Change;

use crate::support::due::{column, scalar};
use crate::support::scenario::{DEBITED_BY_US, Flow, Payer, Scenario};
use crate::support::world::{World, at, live};

const PAUSE: MandateCommand = MandateCommand::Pause { until: None };

async fn status(world: &World) -> String {
    scalar(world.pool(), "select status from mandated.mandates").await
}

/// The events of mandates, with the day.
async fn told(world: &World) -> Vec<String> {
    column(
        world.pool(),
        "select format('%s %s', to_char(at at time zone 'Asia/Kolkata', 'DD'), kind) from mandated.events
          where kind like 'mandate.%' and kind <> 'mandate.imported' order by id",
    )
    .await
}

/// The questions about a mandate, with the day and the answer.
async fn asked(world: &World) -> Vec<String> {
    column(
        world.pool(),
        "select format('%s %s', to_char(at at time zone 'Asia/Kolkata', 'DD'), outcome) from mandated.attempts
          where call = 'mandate_status' order by id",
    )
    .await
}

#[tokio::test]
async fn a_mandate_that_the_payer_resumes_is_collected_in_the_same_cycle_by_itself() {
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    world.run("04 06:00").await;
    world.at_the_provider("a", PAUSE).await;
    world.run("08 12:00").await;
    assert_eq!(status(&world).await, "paused");
    world.at_the_provider("a", MandateCommand::Resume).await;
    world.run("14 00:00").await;
    assert_eq!(
        asked(&world).await,
        ["06 paused", "07 paused", "08 paused", "09 active"]
    );
    assert_eq!(
        told(&world).await,
        ["05 mandate.paused", "09 mandate.active"]
    );
    assert_eq!(world.stands("a").await.0, "charged");
    world.agrees().await;
}

#[tokio::test]
async fn every_flow_goes_on_by_itself_when_its_mandate_is_active_again() {
    // A watched payment is the provider's to stop.
    let world = Scenario::flows(DEBITED_BY_US).open().await;
    let (signzy, juspay): (Vec<&Payer>, Vec<&Payer>) = world
        .payers
        .iter()
        .partition(|payer| payer.flow == Flow::SignzyOnDemand);
    for payer in &juspay {
        world.at_the_provider(&payer.reference, PAUSE).await;
    }
    // Nobody else can pause a mandate of Signzy's than the payer, for a week here. Its cycle has one order, and so it fails.
    for payer in signzy {
        world.script(
            &payer.reference,
            Call::Execute,
            [Then::Declines(Reason::Paused)],
        );
    }
    world.run("10 12:00").await;
    let paused: i64 = scalar(
        world.pool(),
        "select count(*) from mandated.mandates where provider_paused_at is not null",
    )
    .await;
    assert_eq!(usize::try_from(paused).unwrap(), world.payers.len());
    for payer in &juspay {
        world
            .at_the_provider(&payer.reference, MandateCommand::Resume)
            .await;
    }
    world.run("28 00:00").await;
    let states: Vec<String> = column(
        world.pool(),
        "select format('%s %s %s: %s, %s', m.provider, m.rail, m.notify, m.status, e.state) from mandated.executions e
           join mandated.mandates m on m.id = e.mandate_id order by m.id",
    )
    .await;
    insta::assert_snapshot!(states.join("\n"));
    world.agrees().await;
}

#[tokio::test]
async fn what_ended_while_it_was_paused_ends_here_with_the_reason() {
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    world.run("04 06:00").await;
    world.at_the_provider("a", PAUSE).await;
    world.run("07 12:00").await;
    world.at_the_provider("a", MandateCommand::Revoke).await;
    world.run("14 00:00").await;
    assert_eq!(status(&world).await, "revoked");
    assert_eq!(
        world.stands("a").await,
        (
            "failed".to_owned(),
            "the provider says that the mandate is revoked".to_owned()
        )
    );
    assert_eq!(
        told(&world).await,
        ["05 mandate.paused", "08 mandate.revoked"]
    );
    world.agrees().await;
}

#[tokio::test]
async fn a_provider_that_does_not_say_is_asked_again_the_next_day() {
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    world.run("04 06:00").await;
    world.at_the_provider("a", PAUSE).await;
    world.run("05 22:00").await;
    world.at_the_provider("a", MandateCommand::Resume).await;
    // Before the first question is answered: a proxy's page, a broken connection, nobody there.
    world.script(
        "a",
        Call::Mandate,
        [Then::Fault(Fault::Html), Then::Fault(Fault::ResetBefore)],
    );
    world.run("08 00:00").await;
    let nowhere = world.engine_at("http://127.0.0.1:1", |_| {}).await;
    live(&nowhere, at("09 00:00")).await;
    assert_eq!(status(&world).await, "paused");
    world.run("14 00:00").await;
    assert_eq!(
        asked(&world).await,
        ["06 unknown", "07 unknown", "08 unknown", "09 active"]
    );
    assert_eq!(world.stands("a").await.0, "charged");
    world.agrees().await;
}

/// Only its operator knows of the pause: the provider would call the mandate active.
#[tokio::test]
async fn an_operators_own_pause_is_not_undone() {
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    world.run("04 06:00").await;
    world.change("a", Change::Pause).await;
    world
        .run_until(at("28 00:00") + chrono::TimeDelta::days(6))
        .await;
    assert_eq!(status(&world).await, "paused");
    assert_eq!(asked(&world).await, Vec::<String>::new());
    assert_eq!(world.stands("a").await.0, "expired");
    assert!(world.ledger().debits.is_empty());
    world.agrees().await;
}

#[tokio::test]
async fn cycles_that_come_while_a_mandate_is_paused_are_planned_and_ask_too() {
    let world = Scenario::of("a", Flow::UpiSeparate)
        .until("2027-04-04")
        .open()
        .await;
    world.run("04 06:00").await;
    world.at_the_provider("a", PAUSE).await;
    let march = |day| at("28 12:00") + chrono::TimeDelta::days(day);
    world.run_until(march(6)).await;
    world.at_the_provider("a", MandateCommand::Resume).await;
    world.run_until(march(20)).await;
    let cycles: Vec<String> = column(
        world.pool(),
        "select format('%s %s', cycle_on, state) from mandated.executions order by cycle_on",
    )
    .await;
    assert_eq!(cycles, ["2027-02-05 expired", "2027-03-05 charged"]);
    assert_eq!(status(&world).await, "active");
    world.agrees().await;
}

#[tokio::test]
async fn signzy_is_asked_when_the_next_cycle_begins() {
    let world = Scenario::of("900", Flow::SignzyOnDemand)
        .until("2027-04-04")
        .open()
        .await;
    world.script("900", Call::Execute, [Then::Declines(Reason::Paused)]);
    world
        .run_until(at("28 12:00") + chrono::TimeDelta::days(20))
        .await;
    let cycles: Vec<String> = column(
        world.pool(),
        "select format('%s %s', cycle_on, state) from mandated.executions order by cycle_on",
    )
    .await;
    assert_eq!(cycles, ["2027-02-05 failed", "2027-03-05 charged"]);
    assert_eq!(asked(&world).await, ["05 active"]);
    world.agrees().await;
}

#[tokio::test]
async fn cycles_of_a_mandate_that_its_operator_has_paused_are_planned_and_wait() {
    let world = Scenario::of("a", Flow::UpiSeparate)
        .every("weekly")
        .until("2027-02-25")
        .open()
        .await;
    world.change("a", Change::Pause).await;
    world.run("20 12:00").await;
    let cycles: Vec<String> = column(
        world.pool(),
        "select format('%s %s: %s', cycle_on, state, reason) from mandated.executions order by cycle_on",
    )
    .await;
    assert_eq!(
        cycles,
        [
            "2027-02-05 expired: the mandate was paused until the cycle ended at 2027-02-08 00:00 IST",
            "2027-02-12 expired: the mandate was paused until the cycle ended at 2027-02-15 00:00 IST",
            "2027-02-19 planned: the mandate is paused; waits for it to be resumed",
        ]
    );
    assert!(world.ledger().calls.is_empty());
    world.agrees().await;
}

/// Signzy offers no pause to anybody but the payer, and debits by its own schedule.
#[tokio::test]
async fn what_signzy_debits_while_a_mandate_is_paused_here_is_seen() {
    let world = Scenario::of("900", Flow::SignzyWatched).open().await;
    world.change("900", Change::Pause).await;
    world.run("10 00:00").await;
    assert_eq!(world.ledger().debits.len(), 1);
    assert_eq!(world.stands("900").await.0, "charged");
    assert_eq!(status(&world).await, "paused");
    world.agrees().await;
}
