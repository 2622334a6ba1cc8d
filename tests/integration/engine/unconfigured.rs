//! An account that was renamed or removed: its mandates are named, and their cycles end in time.

use mandated::store::unconfigured::UnconfiguredAccount;

use crate::support::due::column;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, at, live};

async fn cycles(world: &World) -> Vec<String> {
    column(
        world.pool(),
        "select format('%s %s %s: %s', mandate_ref, cycle_on, state, reason) from mandated.execution_status
          order by mandate_ref, cycle_on",
    )
    .await
}

#[tokio::test]
async fn cycles_of_an_account_that_nobody_has_expire_in_time_and_are_named() {
    let world = Scenario::of("a", Flow::UpiSeparate)
        .mandate("b", Flow::Enach)
        .mandate("900", Flow::SignzyOnDemand)
        .every("weekly")
        .until("2027-02-18")
        .open()
        .await;
    // One has been notified, and then somebody renames the account.
    world.run("04 06:00").await;
    let without = world
        .engine_with(
            "worker-2",
            |config| drop(config.accounts.remove("juspay_main")),
            |_| {},
        )
        .await;
    let left = without.unconfigured().accounts().await.unwrap();
    let named: Vec<(&str, i64)> = left
        .iter()
        .map(|UnconfiguredAccount { name, mandates, .. }| (name.as_str(), *mandates))
        .collect();
    assert_eq!(named, [("juspay_main", 2)]);
    assert_eq!(world.engine.unconfigured().warn().await.unwrap(), 0);
    live(&without, at("13 06:00")).await;
    let over = "expired: its account was in no daemon's configuration until the cycle ended at 2027-02-08 00:00 IST";
    let cycles = cycles(&world).await;
    assert_eq!(
        cycles[..2],
        [
            "900 2027-02-05 charged: collected".to_owned(),
            "900 2027-02-12 pending: the provider works on it".to_owned()
        ]
    );
    assert_eq!(cycles[2], format!("a 2027-02-05 {over}"));
    assert_eq!(cycles[4], format!("b 2027-02-05 {over}"));
    assert!(cycles[3].starts_with("a 2027-02-12 planned"), "{cycles:?}");
    // Configured again, the cycle that is open is collected.
    world.run("20 12:00").await;
    let charged = self::cycles(&world).await;
    assert_eq!(
        charged
            .iter()
            .filter(|cycle| cycle.contains("charged"))
            .count(),
        4,
        "{charged:?}"
    );
    world.agrees().await;
}

/// What may be in flight is never ended by a clock.
#[tokio::test]
async fn an_order_of_an_account_that_nobody_has_stays_open_until_it_can_be_looked_up() {
    let world = Scenario::of("a", Flow::UpiProvider)
        .every("weekly")
        .until("2027-02-11")
        .open()
        .await;
    world.run("05 06:00").await;
    assert_eq!(world.stands("a").await.0, "pending");
    let without = world
        .engine_with(
            "worker-2",
            |config| drop(config.accounts.remove("juspay_main")),
            |_| {},
        )
        .await;
    live(&without, at("13 06:00")).await;
    assert_eq!(without.unconfigured().tick().await.unwrap(), 0);
    assert_eq!(world.stands("a").await.0, "pending");
    world.run("15 12:00").await;
    assert_eq!(world.stands("a").await.0, "charged");
    world.agrees().await;
}
