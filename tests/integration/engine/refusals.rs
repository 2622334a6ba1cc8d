//! Who is refused: one execution, or the whole account. What a firewall says is neither. And how an account goes on after a pause.

use lab::sandbox::{Call, Fault, Then};
use secrecy::SecretString;

use crate::support::due::{column, execute, scalar};
use crate::support::log::Log;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{KEY, World, at, live};

async fn pauses(world: &World) -> Vec<String> {
    column(
        world.pool(),
        "select format('%s %s', name, paused_until) from mandated.accounts where paused_until is not null order by name",
    )
    .await
}

async fn all_due(world: &World) {
    execute(
        world.pool(),
        "update mandated.jobs set run_at = '2027-02-05T01:30Z'",
    )
    .await;
}

async fn refused_calls(world: &World) -> i64 {
    scalar(
        world.pool(),
        "select count(*) from mandated.attempts where outcome = 'account_refused'",
    )
    .await
}

/// Case C5, with the provider's own word about one payer.
#[tokio::test]
async fn a_refusal_that_meets_one_execution_alone_pauses_nobody() {
    for flow in [Flow::Enach, Flow::SignzyOnDemand] {
        let world = Scenario::many(3, flow).open().await;
        world.run("05 06:59").await;
        all_due(&world).await;
        let refused = (0..3).map(|_| Then::Fault(Fault::Forbidden));
        world.script("900", Call::Execute, refused);
        let log = Log::capture();
        world.run("05 07:01").await;
        assert!(pauses(&world).await.is_empty(), "the others are debited");
        assert!(log.of("ERROR").is_empty());
        let said = log.of("WARN");
        assert!(!said.is_empty());
        let words = said[0]["message"].as_str().unwrap();
        assert!(
            words.contains("takes the account's key for another mandate"),
            "{words}"
        );
        let (state, reason) = world.stands("900").await;
        assert_eq!(state, "retrying");
        assert!(
            reason.starts_with("the provider refuses this call alone"),
            "{reason}"
        );
        drop(log);
        world.run("10 00:00").await;
        assert_eq!(world.ledger().debits.len(), 3);
        assert_eq!(refused_calls(&world).await, 3);
        assert!(pauses(&world).await.is_empty());
        world.agrees().await;
    }
}

/// Case C5 as it was found: a firewall's page for one customer.
#[tokio::test]
async fn a_firewalls_page_is_looked_up_and_pauses_nobody() {
    for flow in [Flow::Enach, Flow::SignzyOnDemand] {
        let world = Scenario::many(3, flow).open().await;
        world.run("05 06:59").await;
        all_due(&world).await;
        world.script("900", Call::Execute, [Then::Fault(Fault::Firewall)]);
        world.run("05 07:00").await;
        let (state, _) = world.stands("900").await;
        assert_eq!(
            state, "unknown",
            "nobody knows what lies behind the firewall"
        );
        world.run("10 00:00").await;
        assert!(pauses(&world).await.is_empty());
        assert_eq!(refused_calls(&world).await, 0);
        assert_eq!(world.ledger().debits.len(), 3);
        world.agrees().await;
    }
}

/// Where there is no other mandate the same one is asked about.
#[tokio::test]
async fn the_only_mandate_of_an_account_is_asked_about_itself() {
    let world = Scenario::many(1, Flow::Enach).open().await;
    world.run("05 06:59").await;
    all_due(&world).await;
    let wrong = world.engine_with_a_wrong_key().await;
    live(&wrong, at("05 07:00")).await;
    assert_eq!(pauses(&world).await.len(), 1);
    world.run("10 00:00").await;
    assert_eq!(world.ledger().debits.len(), 1);
}

/// Cases C5 and A9: as many as there are places went out after every pause.
#[tokio::test]
async fn after_a_pause_one_job_goes_first_and_the_others_when_it_was_answered() {
    let world = Scenario::many(12, Flow::Enach).open().await;
    world.run("05 06:59").await;
    all_due(&world).await;
    let wrong = world.engine_with_a_wrong_key().await;
    live(&wrong, at("05 07:00")).await;
    let first = refused_calls(&world).await;
    assert_eq!(first, 12, "all were claimed together");
    assert_eq!(pauses(&world).await.len(), 1);
    // Five minutes, and five more: each time one job finds out for all.
    live(&wrong, at("05 07:06")).await;
    assert_eq!(refused_calls(&world).await, first + 1);
    live(&wrong, at("05 07:12")).await;
    assert_eq!(refused_calls(&world).await, first + 2);
    assert_eq!(world.ledger().debits.len(), 0);
    // The right key: one goes first, and then all.
    world.run("05 07:30").await;
    let paused: Vec<String> = pauses(&world).await;
    assert!(paused.is_empty(), "{paused:?}");
    world.run("10 00:00").await;
    assert_eq!(world.ledger().debits.len(), 12);
    world.agrees().await;
}

/// A probe whose worker was lost is not waited for longer than its lease.
#[tokio::test]
async fn while_one_job_is_out_after_a_pause_no_other_is_claimed() {
    let world = Scenario::many(3, Flow::Enach).open().await;
    world.run("05 06:59").await;
    all_due(&world).await;
    execute(
        world.pool(),
        "update mandated.accounts set paused_until = '2027-02-05T01:29Z', pause_reason = 'a test' where name = 'juspay_main'",
    )
    .await;
    world.clock.advance_to(at("05 07:00"));
    let worker = world.engine.worker(&world.engine.accounts[0]);
    let claim = async || {
        let claimed = mandated::engine::lane::claim(&worker, 10, None).await;
        claimed.unwrap().len()
    };
    assert_eq!(claim().await, 1);
    assert_eq!(claim().await, 0, "they wait for the first");
    world.clock.advance_to(at("05 07:30"));
    assert_eq!(claim().await, 1, "its worker was lost");
}

/// Case G3.
#[tokio::test]
async fn a_corrected_key_is_tried_at_once_and_ends_the_pause() {
    let world = Scenario::many(4, Flow::Enach).open().await;
    world.run("05 06:59").await;
    all_due(&world).await;
    let daemon = world.engine_with_a_wrong_key().await;
    live(&daemon, at("05 07:00")).await;
    assert_eq!(pauses(&world).await.len(), 1);
    let account = daemon
        .accounts
        .iter()
        .find(|account| account.name == "juspay_main")
        .unwrap();
    let rules = || std::sync::Arc::new(mandated::domain::classify::Classifier::builtin().unwrap());
    let log = Log::capture();
    // Another wrong one.
    account.renew(SecretString::from("wrong too"), rules());
    daemon.key_probe().ask(account, true).await;
    assert_eq!(pauses(&world).await.len(), 1);
    assert!(
        log.of("ERROR")[0]["message"]
            .as_str()
            .unwrap()
            .contains("new key too")
    );
    account.renew(SecretString::from(KEY), rules());
    daemon.key_probe().ask(account, true).await;
    assert!(pauses(&world).await.is_empty());
    let told = log.of("INFO");
    let told = told.iter().find(|line| line["resumed"] == true).unwrap();
    assert_eq!(told["account"], "juspay_main");
    drop(log);
    live(&daemon, at("05 07:02")).await;
    let taken =
        "select count(*) from mandated.attempts where call = 'execute' and outcome = 'pending'";
    let taken: i64 = scalar(world.pool(), taken).await;
    assert_eq!(taken, 4, "nobody waited for the end of the pause");
    world.run("10 00:00").await;
    assert_eq!(world.ledger().debits.len(), 4);
}

/// A person's pause is a person's to end.
#[tokio::test]
async fn a_new_key_does_not_end_a_pause_that_a_person_made() {
    let world = Scenario::many(1, Flow::Enach).open().await;
    execute(
        world.pool(),
        "update mandated.accounts set paused_until = '2027-03-01Z', pause_reason = 'by asha' where name = 'juspay_main'",
    )
    .await;
    for account in world.engine.accounts.iter() {
        world.engine.key_probe().ask(account, true).await;
    }
    assert_eq!(pauses(&world).await, ["juspay_main 2027-03-01 00:00:00+00"]);
}

/// A look-up that is answered by something else than the provider.
#[tokio::test]
async fn an_address_that_leads_elsewhere_is_said_once_and_again_when_it_is_right() {
    use wiremock::matchers::any;
    use wiremock::{Mock, MockServer, ResponseTemplate};
    let world = Scenario::many(3, Flow::Enach).open().await;
    world.run("05 06:59").await;
    all_due(&world).await;
    let elsewhere = MockServer::start().await;
    let page = ResponseTemplate::new(404).set_body_string("<html>nginx</html>");
    Mock::given(any())
        .respond_with(page)
        .mount(&elsewhere)
        .await;
    let wrong = world.engine_at(&elsewhere.uri(), |_| {}).await;
    let log = Log::capture();
    live(&wrong, at("05 09:00")).await;
    let mut lines = log.of("ERROR");
    lines.retain(|line| line["message"].as_str().unwrap().contains("base_url"));
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_eq!(lines[0]["account"], "juspay_main");
    assert_eq!(
        world.stands("900").await.0,
        "unknown",
        "never taken for a failure"
    );
    drop(log);
    world.run("10 00:00").await;
    assert_eq!(world.ledger().debits.len(), 3);
    world.agrees().await;
}
