//! What stops a whole account: refused credentials, and too many calls.

use lab::sandbox::{Call, Fault, Then};

use crate::support::due::{column, execute, scalar};
use crate::support::log::Log;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, at, live};

async fn pauses(world: &World) -> Vec<String> {
    column(
        world.pool(),
        "select format('%s %s', name, paused_until) from mandated.accounts where paused_until is not null order by name",
    )
    .await
}

#[tokio::test]
async fn refused_credentials_pause_the_account_once_and_loudly_and_cost_no_attempt() {
    let scenario = Scenario::many(20, Flow::Enach).mandate("800", Flow::SignzyOnDemand);
    let world = scenario.open().await;
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
        let says = format!("correct accounts.{account}.api_key, then send SIGHUP");
        assert!(message.contains(&says), "{message}");
    }
    drop(log);
    let paused = pauses(&world).await;
    assert_eq!(paused.len(), 2);
    let spent: i64 = scalar(
        world.pool(),
        "select count(*) from mandated.executions where debit_attempts > 0",
    )
    .await;
    assert_eq!(spent, 0, "refused credentials spend no attempt");
    let open: i64 = scalar(world.pool(), "select count(*) from mandated.intents").await;
    assert_eq!(open, 0, "nothing was processed");
    // The key is corrected, and the daemon started again.
    world.run("10 00:00").await;
    assert_eq!(world.ledger().debits.len(), world.payers.len());
    world.agrees().await;
}

#[tokio::test]
async fn throttling_stops_the_whole_account_for_as_long_as_the_provider_says() {
    let world = Scenario::many(3, Flow::Enach).due().open().await;
    world.script("900", Call::Execute, [Then::Fault(Fault::Throttled)]);
    // One job at a time: the first one is throttled, the others are not even tried.
    let careful = world
        .engine("worker-1", |settings| settings.lane.batch = 1)
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
    assert_eq!(world.ledger().debits.len(), world.payers.len());
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
        // A payer whose flow has no such call never meets it.
        let throttled = [Then::Fault(Fault::Throttled)];
        let scenario = Scenario::flows(Flow::ALL).provider(call, throttled);
        let world = scenario.open().await;
        world.run("12 00:00").await;
        assert_eq!(world.ledger().debits.len(), world.payers.len(), "{call:?}");
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
    let world = Scenario::of("a", Flow::Enach)
        .mandate("900", Flow::SignzyOnDemand)
        .open()
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

/// Debits that are due at the same moment, and a daemon that Juspay does not know as a merchant.
async fn nobody_knows_us(count: usize) -> World {
    Scenario::many(count, Flow::Enach).due().open().await
}

async fn in_review(world: &World) -> i64 {
    scalar(
        world.pool(),
        "select count(*) from mandated.executions where state = 'review'",
    )
    .await
}

#[tokio::test]
async fn one_reason_that_parks_many_pauses_the_account_and_is_said_once() {
    let world = nobody_knows_us(60).await;
    let mut wrong = world.engine_with_a_wrong_merchant().await;
    let few = |engine: &mut mandated::engine::Engine| {
        engine.settings.lane.batch = 5;
    };
    few(&mut wrong);
    let log = Log::capture();
    live(&wrong, at("05 07:30")).await;
    let said = |log: &Log| -> Vec<serde_json::Value> {
        let mut lines = log.of("ERROR");
        lines.retain(|line| line.get("paused_until").is_some());
        lines
    };
    let lines = said(&log);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(lines[0]["account"], "juspay_main");
    assert_eq!(lines[0]["reason"], "payee_side RESOURCE_NOT_FOUND");
    assert_eq!(lines[0]["parked"], 20);
    assert!(
        lines[0]["message"]
            .as_str()
            .unwrap()
            .contains("merchant_id")
    );
    assert_eq!(in_review(&world).await, 20);
    assert_eq!(pauses(&world).await, ["juspay_main 2027-02-05 02:30:00+00"]);
    // Another daemon says nothing, and an hour later one may try.
    let mut other = world.engine_with_a_wrong_merchant().await;
    few(&mut other);
    live(&other, at("05 07:59")).await;
    assert_eq!(said(&log).len(), 1);
    live(&other, at("05 08:30")).await;
    assert_eq!(said(&log).len(), 2);
    assert_eq!(in_review(&world).await, 21, "one of them");
    drop(log);
    // The merchant id is corrected, and nothing was lost.
    world.run("10 00:00").await;
    assert_eq!(world.ledger().debits.len(), 39);
    assert_eq!(in_review(&world).await, 21);
    let faults: i64 = scalar(world.pool(), "select count(*) from mandated.account_faults").await;
    assert_eq!(faults, 0, "a debit that was taken clears the account");
    world.audited().await;
}

/// The credentials of another environment: no mandate of ours is known there.
#[tokio::test]
async fn mandates_that_nobody_knows_pause_an_account_that_works_and_are_named() {
    let world = nobody_knows_us(60).await;
    sqlx::query("update mandated.accounts set worked_at = '2027-01-01Z'")
        .execute(world.pool())
        .await
        .unwrap();
    let elsewhere = crate::support::world::open_sandbox(&Scenario::new()).await;
    let url = elsewhere.base_url(mandated::domain::ProviderKind::Juspay);
    let wrong = world
        .engine_at(url.as_str(), |settings| settings.lane.batch = 5)
        .await;
    let log = Log::capture();
    live(&wrong, at("05 07:30")).await;
    let mut lines = log.of("ERROR");
    lines.retain(|line| line.get("paused_until").is_some());
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(lines[0]["reason"], "mandate_dead Mandate not found");
    let named = lines[0]["mandates_ended"].as_str().unwrap();
    assert_eq!(named.split(' ').count(), 20, "{named}");
    let revoked: Vec<String> = column(
        world.pool(),
        "select ref from mandated.mandates where status = 'revoked'",
    )
    .await;
    assert_eq!(revoked.len(), 20);
    assert!(revoked.iter().all(|reference| named.contains(reference)));
}

/// The same of an account of which no call was ever taken: it is the account that is wrong, and no mandate ends.
#[tokio::test]
async fn where_the_account_never_worked_a_mandate_ends_after_three_days_of_not_found() {
    let world = nobody_knows_us(3).await;
    let elsewhere = crate::support::world::open_sandbox(&Scenario::new()).await;
    let url = elsewhere.base_url(mandated::domain::ProviderKind::Juspay);
    let wrong = world.engine_at(url.as_str(), |_| {}).await;
    let log = Log::capture();
    let ended = "select count(*) from mandated.mandates where status = 'revoked'";
    live(&wrong, at("05 20:00")).await;
    assert_eq!(scalar::<i64>(world.pool(), ended).await, 0);
    let days: Vec<String> = column(
        world.pool(),
        "select format('%s %s', not_found_days, not_found_on) from mandated.mandates",
    )
    .await;
    assert!(
        days.iter().all(|day| day.starts_with("1 2027-02-0")),
        "{days:?}"
    );
    live(&wrong, at("10 00:00")).await;
    assert_eq!(scalar::<i64>(world.pool(), ended).await, 3);
    let events: i64 = scalar(
        world.pool(),
        "select count(*) from mandated.events where kind = 'mandate.revoked'",
    )
    .await;
    assert_eq!(events, 3);
    let mut lines = log.of("WARN");
    lines.retain(|line| {
        line["message"]
            .as_str()
            .unwrap()
            .starts_with("the mandate is over")
    });
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert_eq!(lines[0]["mandate.status"], "revoked");
}
