//! The rows were put back, and nobody has recovered them: the provider knows of orders that come after the one that is due.

use lab::sandbox::{Call, Reason, Then};

use crate::support::due::{column, scalar};
use crate::support::dump::{dump, restore};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, after_payday};

/// The order is retried in vain, and a later one is collected.
async fn second_order_collected(flow: Flow) -> World {
    let mut world = Scenario::of("900", flow)
        .provider(Call::Execute, [Then::Declines(Reason::LowBalance)])
        .provider(Call::Retry, [Then::Declines(Reason::LowBalance)])
        .open()
        .await;
    let retries = "select count(*) from mandated.jobs where step = 'retry'";
    for hour in 0.. {
        assert!(hour < 24 * 20, "{flow:?}: nothing was retried");
        let now = world.clock.now() + chrono::TimeDelta::hours(1);
        world.run_until(now).await;
        if scalar::<i64>(world.pool(), retries).await == 1 {
            break;
        }
    }
    dump(world.pool()).await;
    world.run_until(after_payday()).await;
    let collected: Vec<String> = column(
        world.pool(),
        "select format('%s %s', e.state, e.order_no > 1) from mandated.debits d join mandated.executions e on e.id = d.execution_id",
    )
    .await;
    assert_eq!(collected, ["charged t"], "{flow:?}");
    world.restart().await;
    restore(world.pool()).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_another_one_has_followed_collects_nothing_more() {
    for flow in [Flow::UpiExempt, Flow::CardSeparate] {
        let world = second_order_collected(flow).await;
        let before = world.ledger().debits.len();
        world
            .run_until(world.clock.now() + chrono::TimeDelta::days(22))
            .await;
        let ledger = world.ledger();
        assert_eq!(ledger.debits.len(), before, "{flow:?}");
        assert_eq!(ledger.violations, [], "{flow:?}");
        let state: String = scalar(world.pool(), "select state from mandated.executions").await;
        assert!(
            ["charged", "review"].contains(&state.as_str()),
            "{flow:?}: {state}"
        );
    }
}
