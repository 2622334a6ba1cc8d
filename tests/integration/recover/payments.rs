//! Signzy's payments have no id of ours: the set that this database knows tells which are forgotten.

use chrono::TimeDelta;
use mandated::domain::cycle::Cycle;
use mandated::domain::schedule::{Frequency, Schedule};
use mandated::domain::{MandateId, Period};
use mandated::provider::{ExecuteNotice, ExecuteRequest, Provider};
use mandated::store::mandates::find;
use mandated::store::settled::known_payments;

use super::{counts, put_back, recovered};
use crate::support::due::{column, execute, scalar};
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

/// The period is collected, whoever has done it. That holds for every cycle, not for the first one alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_charge_by_somebody_else_in_the_same_period_stops_a_later_cycle() {
    for (frequency, second) in [("weekly", "08 12:00"), ("monthly", "28 12:00")] {
        let world = Scenario::of("900", Flow::SignzyOnDemand)
            .every(frequency)
            .from("2027-02-05")
            .until("2027-03-12")
            .open()
            .await;
        world.run(second).await;
        // Monthly: the first of March, of which the cycle is the fifth.
        world
            .run_until(world.clock.now() + TimeDelta::days(1))
            .await;
        charged_elsewhere(&world, "900").await;
        let charges = "select count(*) from mandated.attempts where call in ('execute', 'retry')";
        let before: i64 = scalar(world.pool(), charges).await;
        let later = world.clock.now() + TimeDelta::days(5);
        world.run_until(later).await;
        let last = "select state from mandated.executions order by cycle_on desc limit 1";
        let state: String = scalar(world.pool(), last).await;
        assert_eq!(state, "review", "{frequency}");
        let after: i64 = scalar(world.pool(), charges).await;
        assert_eq!((before, after), (1, 1), "{frequency}");
    }
}

/// The one before is known, however long ago it was: only its payment lies in this period.
#[tokio::test]
async fn a_late_payment_of_the_cycle_before_is_known() {
    let world = Scenario::of("900", Flow::SignzyOnDemand)
        .every("quarterly")
        .from("2027-02-05")
        .open()
        .await;
    execute(
        world.pool(),
        "insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, provider_txn, proven_at)
         values (1, '2027-05-05', 9, 'order-0', '12', '2027-07-02Z')",
    )
    .await;
    let cycle = Cycle {
        on: "2027-09-30".parse().unwrap(),
        period: Period::of(
            &Schedule::Every(Frequency::Quarterly),
            "2027-09-30".parse().unwrap(),
        )
        .unwrap(),
        debit_at: world.clock.now(),
        closes_at: world.clock.now(),
    };
    let known = known_payments(world.pool(), MandateId(1), &cycle)
        .await
        .unwrap();
    assert_eq!(known.payments, ["12"]);
    assert_eq!(known.period_from, "2027-07-01".parse().unwrap());
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
