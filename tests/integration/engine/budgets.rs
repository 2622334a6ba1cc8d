//! Card networks limit the attempts of a mandate in 30 days; UPI limits those of a period, over all orders of a cycle.

use lab::sandbox::{Call, Fault, Reason, Then};
use mandated::domain::Rail;
use mandated::engine::Settings;

use crate::support::due::{column, scalar};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, at, live};

/// Five attempts in 30 days are soon spent.
fn five(settings: &mut Settings) {
    for ((_, rail), policy) in &mut settings.planner.policies {
        if *rail == Rail::Card {
            policy.max_attempts_in_30_days = Some(5);
        }
    }
}

/// One try after the other is declined.
const NO_MONEY: Then = Then::Declines(Reason::LowBalance);

/// The calls that debit, with their day from the first of February on.
async fn declined_attempts(world: &World) -> Vec<i32> {
    column(
        world.pool(),
        "select (a.at at time zone 'Asia/Kolkata')::date - date '2027-01-31' from mandated.attempts a
          where a.call in ('execute', 'retry') order by a.id",
    )
    .await
}

#[tokio::test]
async fn a_card_that_is_declined_again_and_again_is_left_alone_until_there_is_room() {
    for flow in [Flow::CardSeparate, Flow::CardProvider] {
        let weekly = Scenario::of("a", flow).every("weekly").until("2027-05-05");
        let declines = weekly.provider(Call::Execute, vec![NO_MONEY; 40]);
        let world = declines.open().await;
        let engine = world.engine("worker-1", five).await;
        live(&engine, at("01 00:00") + chrono::TimeDelta::days(95)).await;
        let days = declined_attempts(&world).await;
        assert!(days.len() > 8, "{flow:?} is tried again later: {days:?}");
        for (first, sixth) in days.iter().zip(days.iter().skip(5)) {
            assert!(sixth - first >= 30, "{flow:?}: {days:?}");
        }
        let waited: i64 = scalar(
            world.pool(),
            "select count(*) from mandated.events where reason like 'the attempts of the mandate in 30 days are spent%'",
        )
        .await;
        assert!(waited > 0, "{flow:?}");
        assert_eq!(world.ledger().violations, []);
        world.audited().await;
    }
}

#[tokio::test]
async fn what_is_collected_spends_nothing_and_other_rails_count_nothing() {
    let world = Scenario::of("b", Flow::UpiSeparate)
        .mandate("c", Flow::Enach)
        .provider(Call::Execute, vec![NO_MONEY; 4])
        .mandate("a", Flow::CardSeparate)
        .every("weekly")
        .until("2027-05-05")
        .open()
        .await;
    let engine = world.engine("worker-1", five).await;
    live(&engine, at("01 00:00") + chrono::TimeDelta::days(60)).await;
    let budgets: i64 = scalar(world.pool(), "select count(*) from mandated.budgets").await;
    assert_eq!(budgets, 0);
    let collected: i64 = scalar(
        world.pool(),
        "select count(*) from mandated.debits d join mandated.mandates m on m.id = d.mandate_id where m.ref = 'a'",
    )
    .await;
    assert_eq!(collected, 8, "one a week");
    world.agrees().await;
}

#[tokio::test]
async fn a_try_that_is_seen_again_before_the_provider_collects_is_counted_once() {
    let world = Scenario::of("a", Flow::CardSeparate).open().await;
    world.script("a", Call::Execute, [Then::Fault(Fault::SilentRetry)]);
    world.run("12 00:00").await;
    let spent: Vec<String> = column(
        world.pool(),
        "select format('%s of %s', b.declined_attempts, e.state) from mandated.budgets b
           join mandated.executions e using (mandate_id) order by b.day",
    )
    .await;
    assert_eq!(spent, ["1 of charged"]);
    let calls = [
        "execute failed",
        "order_status failed",
        "order_status charged",
    ];
    assert_eq!(world.calls("a").await[1..], calls);
    world.agrees().await;
}

#[tokio::test]
async fn a_upi_period_has_four_attempts_whatever_its_orders() {
    for flow in [Flow::UpiExempt, Flow::UpiSeparate] {
        let scenario = Scenario::of("a", flow)
            .provider(Call::Execute, vec![NO_MONEY; 3])
            .provider(Call::Retry, vec![NO_MONEY; 9]);
        let world = scenario.open().await;
        world
            .run_until(at("01 00:00") + chrono::TimeDelta::days(40))
            .await;
        let orders: Vec<String> = column(
            world.pool(),
            "select format('%s %s', nth_order(reference), count(*)) from mandated.attempts
              where call in ('execute', 'retry') and execution_id = (select min(id) from mandated.executions)
              group by reference order by 1",
        )
        .await;
        assert_eq!(orders, ["o1 2", "o2 1", "o3 1"], "{flow:?}");
        assert_eq!(world.ledger().violations, []);
        world.audited().await;
    }
}
