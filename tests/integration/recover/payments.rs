//! Signzy's payments have no id of ours: the set that this database knows tells which are forgotten.

use mandated::provider::{ExecuteNotice, ExecuteRequest, Provider};
use mandated::store::mandates::find;

use super::{counts, put_back, recovered};
use crate::support::due::{column, scalar};
use crate::support::dump::dump;
use crate::support::provider::in_time;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, after_payday};

/// A charge by somebody who uses the same credentials.
async fn charged_elsewhere(world: &World, reference: &str) {
    let mut conn = world.pool().acquire().await.unwrap();
    let stored = find(&mut conn, reference).await.unwrap().unwrap();
    drop(conn);
    let mut accounts = world.engine.accounts.iter();
    let signzy = accounts
        .find(|account| account.name == stored.account)
        .unwrap();
    let request = ExecuteRequest {
        at: world.clock.now(),
        deadline: in_time(),
        mandate: &stored.mandate,
        order_id: "nobodys",
        amount: stored.mandate.amount.unwrap(),
        notice: ExecuteNotice::Exempt,
    };
    let reply = signzy.client().execute(&request).await;
    assert!(reply.provider_ref.is_some(), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_payments_of_a_cycle_are_for_a_person_to_tell_apart() {
    let mut world = Scenario::of("900", Flow::SignzyOnDemand).open().await;
    world.run("04 18:00").await;
    dump(world.pool()).await;
    world.run("08 00:00").await;
    assert_eq!(world.stands("900").await.0, "charged");
    charged_elsewhere(&world, "900").await;
    put_back(&mut world).await;
    let report = recovered(&world).await;
    assert_eq!(counts(&report), [1, 0, 0, 1, 0], "{report:?}");
    let (state, reason) = world.stands("900").await;
    assert_eq!(state, "review");
    assert!(reason.contains("payments"), "{reason}");
    let debits: i64 = scalar(world.pool(), "select count(*) from mandated.debits").await;
    assert_eq!(debits, 0);
    // And nothing more is charged.
    world.run_until(after_payday()).await;
    let charges: i64 = scalar(
        world.pool(),
        "select count(*) from mandated.attempts where call in ('execute', 'retry')",
    )
    .await;
    assert_eq!(charges, 0);
}

/// What one cycle has is not the other's, and what this database knows of one is not forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn each_cycle_gets_its_own_payment() {
    for flow in [Flow::SignzyOnDemand, Flow::SignzyWatched] {
        let mut world = Scenario::of("900", flow)
            .every("weekly")
            .from("2027-02-05")
            .until("2027-02-25")
            .open()
            .await;
        world.run("08 00:00").await;
        assert_eq!(world.ledger().debits.len(), 1);
        dump(world.pool()).await;
        world.run("22 00:00").await;
        world.agrees().await;
        let pairs = "select cycle_on || ' ' || provider_txn from mandated.debits order by 1";
        let before: Vec<String> = column(world.pool(), pairs).await;
        assert_eq!(before.len(), 3, "{flow:?}");
        put_back(&mut world).await;
        let report = recovered(&world).await;
        assert!(report.is_over(), "{flow:?}: {report:?}");
        assert_eq!(counts(&report)[1], 2, "{flow:?}: {report:?}");
        assert_eq!(
            column::<String>(world.pool(), pairs).await,
            before,
            "{flow:?}"
        );
        world.run_until(after_payday()).await;
        world.agrees().await;
    }
}
