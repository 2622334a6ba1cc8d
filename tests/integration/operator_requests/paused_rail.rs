//! What is held back while a rail is paused, and what goes on all the same.

use lab::sandbox::{Call, Fault, Then};
use mandated::domain::Rail;
use mandated::ops::rails;

use super::until_it_is;
use crate::support::due::ATTRIBUTION;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::World;

async fn pause_upi(world: &World) {
    let mut conn = world.pool().acquire().await.unwrap();
    let now = world.clock.now();
    rails::pause(&mut conn, Rail::Upi, ATTRIBUTION, None, now)
        .await
        .unwrap();
}

async fn resume_upi(world: &World) {
    let mut conn = world.pool().acquire().await.unwrap();
    let now = world.clock.now();
    rails::resume(&mut conn, Rail::Upi, ATTRIBUTION, now)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_paused_rail_is_held_back_and_no_other_and_goes_on_when_it_is_resumed() {
    let world = Scenario::flows(Flow::ALL).open().await;
    world.run("02 00:00").await;
    pause_upi(&world).await;
    world.run("08 12:00").await;
    let upi = |flow: Flow| {
        matches!(
            flow,
            Flow::UpiSeparate | Flow::UpiProvider | Flow::UpiExempt
        )
    };
    for payer in &world.payers {
        let (state, reason) = world.stands(&payer.reference).await;
        if upi(payer.flow) {
            assert_eq!(reason, "the rail upi is paused; waits for it to be resumed");
            assert_eq!(world.calls(&payer.reference).await, [""; 0]);
        } else {
            assert_ne!(state, "planned", "{payer:?}");
        }
    }
    resume_upi(&world).await;
    world.run("14 00:00").await;
    assert_eq!(world.ledger().debits.len(), world.payers.len());
    world.agrees().await;
}

#[tokio::test]
async fn what_was_under_way_when_its_rail_was_paused_is_looked_up_all_the_same() {
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    world.script("a", Call::Execute, [Then::Fault(Fault::AnswerLost)]);
    world.run("05 06:00").await;
    until_it_is(&world, "a", "unknown").await;
    pause_upi(&world).await;
    world.run("08 00:00").await;
    assert_eq!(world.stands("a").await.0, "charged");
    world.agrees().await;
}

#[tokio::test]
async fn a_cycle_that_closes_while_its_rail_is_paused_expires() {
    let weekly = Scenario::of("a", Flow::UpiSeparate).every("weekly");
    let world = weekly.until("2027-02-11").open().await;
    pause_upi(&world).await;
    world.run("13 00:00").await;
    assert_eq!(world.stands("a").await.0, "expired");
    world.agrees().await;
}
