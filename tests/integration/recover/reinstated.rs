//! A mandate that had ended in the dump, because its provider was said not to know it, and was reinstated after it.

use chrono::TimeDelta;
use mandated::ops::mandates::{Change, Extent, change};
use serde_json::json;

use super::{put_back, recovered};
use crate::support::due::{change_request, column};
use crate::support::dump::dump;
use crate::support::provider::juspay;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, live};

async fn reinstate(world: &World) {
    let request = change_request("a", Change::Reinstate);
    let (config, pool, now) = (world.config(), world.pool(), world.clock.now());
    let report = change(config, pool, request, Extent::default(), now).await;
    assert!(report.result.is_ok(), "{report:?}");
}

async fn cycles(world: &World) -> Vec<String> {
    let sql = "select cycle_on || ' ' || state from mandated.executions order by cycle_on";
    column(world.pool(), sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_collected_after_it_is_found_when_it_is_reinstated_and_recovered_again() {
    let wrong = juspay(|_, _, _| {
        json!({ "status": "JUSPAY_DECLINED", "bank_error_code": "JP_852", "bank_error_message": "Mandate not found" })
    })
    .await;
    let mut world = Scenario::of("a", Flow::UpiExempt)
        .every("weekly")
        .from("2027-02-05")
        .until("2027-03-04")
        .open()
        .await;
    world.run("06 00:00").await;
    let engine = world.engine_at(&wrong.uri(), |_| {}).await;
    live(&engine, world.clock.now() + TimeDelta::days(7)).await;
    crate::support::database::forget_environments(world.pool()).await;
    dump(world.pool()).await;
    reinstate(&world).await;
    world.restart().await;
    world.run("27 00:00").await;
    let lived = [
        "2027-02-05 charged",
        "2027-02-12 failed",
        "2027-02-19 charged",
        "2027-02-26 charged",
    ];
    assert_eq!(cycles(&world).await, lived);
    put_back(&mut world).await;
    assert!(recovered(&world).await.is_over());
    assert_eq!(cycles(&world).await, lived[..2], "it has ended");
    reinstate(&world).await;
    // Look-ups of an order are few.
    let later = world.clock.now() + TimeDelta::hours(3);
    world.clock.advance_to(later);
    assert!(recovered(&world).await.is_over());
    assert_eq!(cycles(&world).await, lived);
    assert_eq!(world.ledger().debits.len(), 3);
    world.run("28 00:00").await;
    world.agrees().await;
}
