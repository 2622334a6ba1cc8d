//! What stops a whole account: refused credentials, and too many calls.

use mandated::sandbox::{Call, Fault, Then};

use crate::support::due::{column, execute, scalar};
use crate::support::log::Log;
use crate::support::world::{Flow, Payer, World, at, live};

fn payers(flow: Flow, count: i32) -> Vec<Payer> {
    (0..count)
        .map(|n| Payer::new((900 + n).to_string(), flow))
        .collect()
}

async fn pauses(world: &World) -> Vec<String> {
    column(
        world.pool(),
        "select format('%s %s', name, paused_until) from mandated.accounts where paused_until is not null order by name",
    )
    .await
}

#[tokio::test]
async fn refused_credentials_pause_the_account_once_and_loudly_and_cost_no_attempt() {
    let mut payers = payers(Flow::Enach, 20);
    payers.push(Payer::new("800", Flow::SignzyOnDemand));
    let world = World::open(&payers).await;
    let wrong = world.engine_with_a_wrong_key().await;
    live(&wrong, at("05 06:59")).await;
    assert!(
        pauses(&world).await.is_empty(),
        "nothing was called before the cycle"
    );
    // All at the same moment, as many at a time as there are.
    execute(
        world.pool(),
        "update mandated.jobs set run_at = '2027-02-05T01:30Z'",
    )
    .await;
    let log = Log::capture();
    live(&wrong, at("05 07:01")).await;
    // One error for each account, however many calls were refused.
    let errors = log.of("ERROR");
    assert_eq!(errors.len(), 2, "{errors:#?}");
    for (line, account) in errors.iter().zip(["juspay_main", "signzy_main"]) {
        assert_eq!(line["account"], account);
        let message = line["message"].as_str().unwrap();
        let says = format!("correct accounts.{account}.api_key and restart");
        assert!(message.contains(&says), "{message}");
    }
    drop(log);
    let paused = pauses(&world).await;
    assert_eq!(paused.len(), 2);
    let spent: i64 = scalar(
        world.pool(),
        "select count(*) from mandated.executions where debits_tried > 0",
    )
    .await;
    assert_eq!(spent, 0, "refused credentials spend no attempt");
    let open: i64 = scalar(world.pool(), "select count(*) from mandated.intents").await;
    assert_eq!(open, 0, "nothing was processed");
    // The key is corrected, and the daemon started again.
    world.run("10 00:00").await;
    assert_eq!(world.ledger().debits.len(), payers.len());
    world.agrees().await;
}

#[tokio::test]
async fn throttling_stops_the_whole_account_for_as_long_as_the_provider_says() {
    let payers = payers(Flow::Enach, 3);
    let world = World::open(&payers).await;
    world.run("05 06:59").await;
    execute(
        world.pool(),
        "update mandated.jobs set run_at = '2027-02-05T01:30Z'",
    )
    .await;
    world.script("900", Call::Execute, [Then::Fault(Fault::Throttled)]);
    world.clock.advance_to(at("05 07:00"));
    // One job at a time: the first one is throttled, the others are not even tried.
    let careful = world
        .engine("worker-1", |settings| settings.batch = 1)
        .await;
    live(&careful, at("05 07:00")).await;
    assert_eq!(pauses(&world).await, ["juspay_main 2027-02-05 01:30:30+00"]);
    assert_eq!(world.ledger().calls.get("POST /txns"), Some(&1));
    let (state, reason) = world.stands("900").await;
    assert_eq!(
        (state.as_str(), reason.as_str()),
        ("retrying", "the provider throttles us")
    );
    world.run("10 00:00").await;
    assert_eq!(
        world.calls("900").await[..2],
        ["execute throttled", "execute pending"]
    );
    assert_eq!(world.ledger().debits.len(), payers.len());
    world.agrees().await;
}

#[tokio::test]
async fn throttling_on_any_call_of_any_flow_costs_nothing() {
    for call in [
        Call::Notify,
        Call::NotificationStatus,
        Call::Execute,
        Call::OrderStatus,
    ] {
        let payers: Vec<_> = Flow::ALL
            .iter()
            .zip(900..)
            .map(|(flow, id)| Payer::new(id.to_string(), *flow))
            .collect();
        let world = World::open(&payers).await;
        for payer in &payers {
            // A payer whose flow has no such call never meets it.
            world.script(&payer.reference, call, [Then::Fault(Fault::Throttled)]);
        }
        world.run("12 00:00").await;
        assert_eq!(world.ledger().debits.len(), payers.len(), "{call:?}");
        let throttled: i64 = scalar(
            world.pool(),
            "select count(*) from mandated.attempts where outcome = 'throttled'",
        )
        .await;
        assert!(throttled > 0, "{call:?} was never throttled");
        world.agrees().await;
    }
}

#[tokio::test]
async fn an_account_that_is_paused_holds_up_nobody_elses_debits() {
    let world = World::open(&[
        Payer::new("a", Flow::Enach),
        Payer::new("900", Flow::SignzyOnDemand),
    ])
    .await;
    execute(
        world.pool(),
        "update mandated.accounts set paused_until = '2027-02-10Z', pause_reason = 'a test' where name = 'juspay_main'",
    )
    .await;
    world.run("09 00:00").await;
    assert_eq!(world.stands("900").await.0, "charged");
    assert_eq!(world.stands("a").await.0, "planned");
    assert!(world.calls("a").await.is_empty());
    world.run("13 00:00").await;
    assert_eq!(world.stands("a").await.0, "charged");
    world.agrees().await;
}
