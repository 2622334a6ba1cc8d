//! An execution lives under the rules that it was planned with.

use lab::sandbox::{Call, Reason, Then};

use crate::support::due::column;
use crate::support::world::{Flow, Payer, World, after_payday, at, live};

const NO_MONEY: Then = Then::Declines(Reason::LowBalance);

#[tokio::test]
async fn a_change_of_the_rules_touches_no_execution_in_flight() {
    let payer = Payer {
        ends_on: "2027-04-04",
        ..Payer::new("a", Flow::UpiExempt)
    };
    let world = World::open(&[payer]).await;
    world.script("a", Call::Execute, [NO_MONEY]);
    world.run("05 10:00").await;
    assert_eq!(world.stands("a").await.0, "retrying");
    // From now on nothing is tried a second time, and a cycle has one order.
    let strict = world
        .engine("strict", |settings| {
            for policy in settings.planner.policies.values_mut() {
                policy.retry.clear();
                policy.max_orders = 1;
            }
        })
        .await;
    live(&strict, at("08 00:00")).await;
    assert_eq!(world.stands("a").await.0, "charged");
    world.script("a", Call::Execute, [NO_MONEY]);
    live(&strict, after_payday() + chrono::TimeDelta::days(5)).await;
    let ends: Vec<String> = column(
        world.pool(),
        "select format('%s %s, %s tried', cycle_on, state, debit_attempts) from mandated.executions order by cycle_on",
    )
    .await;
    assert_eq!(
        ends,
        ["2027-02-05 charged, 1 tried", "2027-03-05 failed, 1 tried"]
    );
    world.agrees().await;
}
