//! `mandates reinstate`: an end by "not found" is taken back, if the provider knows the mandate after all; no other end is.

use chrono::TimeDelta;
use lab::sandbox::{Call, Reason, Then};
use mandated::ops::OpsError;
use mandated::ops::mandates::{Change, ChangeReport, Extent, change};
use mandated::provider::MandateCommand;
use serde_json::json;

use crate::support::due::{change_request, column, execute};
use crate::support::provider::juspay;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, after_payday, live};

/// A mandate that ended because a wrong environment did not know it.
async fn unknown_there() -> World {
    let wrong = juspay(|_, _, _| {
        json!({ "status": "JUSPAY_DECLINED", "bank_error_code": "JP_852", "bank_error_message": "Mandate not found" })
    })
    .await;
    let world = Scenario::of("a", Flow::UpiExempt)
        .until("2027-05-04")
        .open()
        .await;
    // It has worked: so one such answer is its end.
    world.run("09 00:00").await;
    let engine = world.engine_at(&wrong.uri(), |_| {}).await;
    live(&engine, after_payday() + TimeDelta::days(5)).await;
    assert_eq!(status(&world).await, "revoked");
    crate::support::database::forget_environments(world.pool()).await;
    world
}

async fn status(world: &World) -> String {
    column::<String>(world.pool(), "select status from mandated.mandates")
        .await
        .remove(0)
}

async fn reinstated(world: &World) -> ChangeReport {
    let request = change_request("a", Change::Reinstate);
    let now = world.clock.now();
    change(
        world.config(),
        world.pool(),
        request,
        Extent::default(),
        now,
    )
    .await
}

async fn refused(world: &World, because: &str) {
    let before = status(world).await;
    let report = reinstated(world).await;
    let Err(OpsError::NotReinstated { why, .. }) = &report.result else {
        panic!("{report:?}");
    };
    assert!(why.contains(because), "{why}");
    assert_eq!(status(world).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_provider_knows_after_all_is_active_again_and_its_cycles_are_collected() {
    let world = unknown_there().await;
    let report = reinstated(&world).await;
    assert!(report.result.is_ok(), "{report:?}");
    assert_eq!(status(&world).await, "active");
    let kept: Vec<String> = column(
        world.pool(),
        "select format('%s to %s: %s', kind, to_state, reason) from mandated.events where kind = 'mandate.reinstated'
         union all select format('%s by %s: %s', what, who, reason) from mandated.operator_requests where what = 'reinstate'",
    )
    .await;
    assert_eq!(
        kept,
        [
            "mandate.reinstated to active: by asha: said so",
            "reinstate by asha: said so"
        ]
    );
    world.run_until(after_payday() + TimeDelta::days(38)).await;
    let cycles: Vec<String> = column(
        world.pool(),
        "select cycle_on || ' ' || state from mandated.executions order by cycle_on",
    )
    .await;
    let lived = [
        "2027-02-05 charged",
        "2027-03-05 failed",
        "2027-04-05 charged",
    ];
    assert_eq!(cycles, lived);
    refused(&world, "it is active").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_active_there_stays_ended() {
    let world = unknown_there().await;
    world.at_the_provider("a", MandateCommand::Revoke).await;
    refused(&world, "says that it is REVOKED").await;
    // A provider that does not say.
    let world = unknown_there().await;
    world
        .sandbox
        .script(
            "a",
            Call::Mandate,
            Then::Fault(lab::sandbox::Fault::ErrorAfter),
        )
        .unwrap();
    refused(&world, "does not say where it stands").await;
    assert!(reinstated(&world).await.result.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_end_is_taken_back() {
    // By the customer.
    let world = Scenario::of("a", Flow::UpiExempt)
        .provider(Call::Execute, [Then::Declines(Reason::Revoked)])
        .open()
        .await;
    world.run("09 00:00").await;
    assert_eq!(status(&world).await, "revoked");
    refused(&world, "not because its provider did not know it").await;
    // By an operator.
    let world = Scenario::of("a", Flow::UpiExempt).open().await;
    world.change("a", Change::Revoke).await;
    refused(&world, "by asha: said so").await;
    // One that is paused has not ended.
    let world = Scenario::of("a", Flow::UpiExempt).open().await;
    world.change("a", Change::Pause).await;
    refused(&world, "mandated mandates resume").await;
    // One whose end nobody has written down.
    let world = Scenario::of("a", Flow::UpiExempt).open().await;
    execute(
        world.pool(),
        "update mandated.mandates set status = 'expired'",
    )
    .await;
    refused(&world, "nothing is on record").await;
}
