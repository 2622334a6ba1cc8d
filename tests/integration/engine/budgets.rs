//! What card networks allow in 30 days, over all the cycles of a mandate.

use lab::sandbox::{Call, Fault, Reason, Then};
use mandated::domain::Rail;
use mandated::engine::Settings;

use crate::support::due::{column, scalar};
use crate::support::world::{Flow, Payer, World, at, live};

/// Five attempts in 30 days are soon spent.
fn five(settings: &mut Settings) {
    for ((_, rail), policy) in &mut settings.planner.policies {
        if *rail == Rail::Card {
            policy.max_attempts_in_30_days = Some(5);
        }
    }
}

fn weekly(reference: &str, flow: Flow) -> Payer {
    Payer {
        frequency: "weekly",
        ends_on: "2027-05-05",
        ..Payer::new(reference, flow)
    }
}

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
        let world = World::open(&[weekly("a", flow)]).await;
        let engine = world.engine("worker-1", five).await;
        world.script(
            "a",
            Call::Execute,
            (0..40).map(|_| Then::Declines(Reason::LowBalance)),
        );
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
    let world = World::open(&[
        weekly("a", Flow::CardSeparate),
        weekly("b", Flow::UpiSeparate),
        weekly("c", Flow::Enach),
    ])
    .await;
    let engine = world.engine("worker-1", five).await;
    for reference in ["b", "c"] {
        world.script(
            reference,
            Call::Execute,
            (0..4).map(|_| Then::Declines(Reason::LowBalance)),
        );
    }
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
    let world = World::open(&[Payer::new("a", Flow::CardSeparate)]).await;
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
