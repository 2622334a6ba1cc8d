//! Audits while daemons are at work: what is in motion is not a finding.

use std::cell::Cell;
use std::time::Duration;

use lab::sandbox::Faults;
use mandated::ops::audit::audit;

use crate::support::due::scalar;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{after_payday, live};

#[tokio::test]
async fn every_audit_of_a_month_with_faults_holds_while_it_is_lived() {
    let scenario = Scenario::flows(Flow::ALL.into_iter().cycle().take(48));
    let faults = Faults {
        answer_lost: 60,
        error_after: 40,
        reset_before: 40,
        throttled: 10,
        truncated: 30,
        ..Faults::DEMO
    };
    let world = scenario.faults(faults).open().await;
    let other = world.engine("worker-2", |_| {}).await;
    let over = Cell::new(false);
    let living = async {
        // Both on one clock: who claims first is luck, and nothing depends on it.
        tokio::join!(
            world.run_until(after_payday()),
            live(&other, after_payday())
        );
        over.set(true);
    };
    let auditing = async {
        let mut audits = 0;
        while !over.get() {
            let late = Duration::from_mins(15);
            let now = world.clock.now();
            let verdict = audit(world.pool(), now, late, &|_| {}).await;
            let verdict = verdict.unwrap();
            let broken: Vec<_> = verdict
                .rules
                .iter()
                .filter(|rule| rule.broken > 0)
                .collect();
            assert!(verdict.holds, "audit {audits} at {now}: {broken:#?}");
            audits += 1;
        }
        audits
    };
    let ((), audits) = tokio::join!(living, auditing);
    assert!(audits >= 5, "only {audits} audits fitted into the month");
    let debits: i64 = scalar(world.pool(), "select count(*) from mandated.debits").await;
    assert!(debits > 30, "{debits}");
    world.agrees().await;
}

/// A connection of the pool that has audited serves a worker afterwards.
#[tokio::test]
async fn an_audit_can_write_nothing_and_leaves_its_connection_as_it_was() {
    let world = Scenario::of("a", Flow::UpiExempt).open().await;
    let mut connection = world.pool().acquire().await.unwrap();
    let mut tx = sqlx::Connection::begin(&mut *connection).await.unwrap();
    mandated::store::audit::prepare(&mut tx).await.unwrap();
    let refused = sqlx::query("update mandated.jobs set parked = true")
        .execute(&mut *tx)
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("read-only transaction"),
        "{refused}"
    );
    tx.rollback().await.unwrap();
    sqlx::query("update mandated.jobs set parked = parked")
        .execute(&mut *connection)
        .await
        .unwrap();
    let work_mem: String = sqlx::query_scalar("show work_mem")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_ne!(work_mem, "8MB");
}
