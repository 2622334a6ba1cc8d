//! A cycle that begins later than its rail lets it expires, though it is open.

use std::time::Duration;

use mandated::store::mandates::Change;

use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{at, live};

const TOO_LATE: &str = "(Asia/Kolkata), and max_lateness (3days) is over";

#[tokio::test]
async fn after_an_outage_a_cycle_that_would_begin_too_late_expires_on_its_rail_alone() {
    let world = Scenario::of("a", Flow::UpiSeparate)
        .mandate("b", Flow::UpiExempt)
        .mandate("c", Flow::CardSeparate)
        .every("fortnightly")
        .until("2027-02-11")
        .open()
        .await;
    world.outage("09 12:00");
    let engine = world
        .engine_with(
            "worker-1",
            |config| config.rails.upi.max_lateness = Some(Duration::from_hours(72)),
            |_| {},
        )
        .await;
    live(&engine, at("11 23:00")).await;
    for reference in ["a", "b"] {
        let (state, why) = world.stands(reference).await;
        assert_eq!(state, "expired", "{reference}");
        assert!(why.ends_with(TOO_LATE), "{why}");
    }
    assert_eq!(world.stands("c").await.0, "charged");
    world.agrees().await;
}

#[tokio::test]
async fn a_cycle_that_waited_too_long_for_its_mandate_expires_when_it_is_resumed() {
    for (until, expected) in [("07 12:00", "charged"), ("10 12:00", "expired")] {
        let world = Scenario::of("a", Flow::UpiExempt)
            .every("fortnightly")
            .until("2027-03-04")
            .open()
            .await;
        let engine = world
            .engine_with(
                "worker-1",
                |config| config.rails.upi.max_lateness = Some(Duration::from_hours(72)),
                |_| {},
            )
            .await;
        world.change("a", Change::Pause).await;
        live(&engine, at(until)).await;
        world.change("a", Change::Resume).await;
        live(&engine, at("11 12:00")).await;
        let (state, why) = world.stands("a").await;
        assert_eq!(state, expected, "{why}");
        assert_eq!(why.ends_with(TOO_LATE), expected == "expired", "{why}");
        world.agrees().await;
    }
}
