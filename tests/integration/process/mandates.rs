//! `mandates pause` and `resume`: when the provider is known to have paused a mandate, and so may be asked about it.

use std::fs;

use assert_cmd::Command;
use mandated::domain::ProviderKind;
use mandated::provider::MandateCommand;
use mandated::store::mandates::Change;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::database::forget_environments;
use crate::support::due::{execute, scalar};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{KEY, World};

/// Runs a command against a provider; whether all went well.
fn run(world: &World, url: &str, arguments: &[&str]) -> bool {
    said(world, url, arguments).0
}

/// The same at the world's time, with what it printed.
fn said(world: &World, url: &str, arguments: &[&str]) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mandated.toml");
    let signzy = world.sandbox.base_url(ProviderKind::Signzy);
    let toml = format!(
        "[database]\nurl = \"{}\"\n[clock]\nmode = \"simulated\"\nstart = \"{}\"\n\
         [accounts.juspay_main]\nprovider = \"juspay\"\nbase_url = \"{url}\"\nmerchant_id = \"shop\"\napi_key = \"{KEY}\"\n\
         [accounts.signzy_main]\nprovider = \"signzy\"\nbase_url = \"{signzy}\"\napi_key = \"{KEY}\"\n",
        world.url(),
        world.clock.now().to_rfc3339(),
    );
    fs::write(&path, toml).unwrap();
    let output = Command::cargo_bin("mandated")
        .unwrap()
        .env_clear()
        .env("MANDATED_CONFIG", &path)
        .args(arguments)
        .args(["--by", "asha", "--reason", "said so"])
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// Where the mandate stands, and whether its provider is known to have paused it.
async fn stands(world: &World) -> String {
    scalar(
        world.pool(),
        "select status || case when provider_paused_at is null then '' else ' at the provider' end from mandated.mandates",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_the_providers_too_only_when_it_says_so() {
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    let sandbox = world.sandbox.base_url(ProviderKind::Juspay).to_string();
    let broken = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(500))
        .mount(&broken)
        .await;
    let pause = ["mandates", "pause", "a"];
    assert!(run(
        &world,
        &sandbox,
        &["mandates", "pause", "a", "--local-only"]
    ));
    assert_eq!(stands(&world).await, "paused", "nobody told the provider");
    assert!(!run(&world, &broken.uri(), &pause));
    assert_eq!(stands(&world).await, "paused", "it did not say so");
    assert!(run(&world, &sandbox, &pause));
    assert_eq!(stands(&world).await, "paused at the provider");
    // Once more, when the provider has nothing to do; and with a provider that is down.
    assert!(run(&world, &sandbox, &pause));
    assert_eq!(stands(&world).await, "paused at the provider");
    assert!(!run(&world, &broken.uri(), &pause));
    assert_eq!(
        stands(&world).await,
        "paused",
        "what it said before is void"
    );
    assert!(run(&world, &sandbox, &["mandates", "resume", "a"]));
    assert_eq!(stands(&world).await, "active");
    // The payer was faster.
    world
        .at_the_provider("a", MandateCommand::Pause { until: None })
        .await;
    execute(
        world.pool(),
        "update mandated.mandates set status = 'active'",
    )
    .await;
    assert!(run(&world, &sandbox, &pause));
    assert_eq!(stands(&world).await, "paused at the provider");
}

/// Signzy has no pause, and Juspay was not told: both refuse to resume what is active there.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_the_provider_does_not_know_of_is_undone_by_resume() {
    for flow in [Flow::UpiSeparate, Flow::SignzyOnDemand, Flow::SignzyWatched] {
        let world = Scenario::of("900", flow).open().await;
        let sandbox = world.sandbox.base_url(ProviderKind::Juspay).to_string();
        let pause = ["mandates", "pause", "900", "--local-only"];
        assert!(run(&world, &sandbox, &pause));
        assert_eq!(stands(&world).await, "paused");
        let (resumed, text) = said(&world, &sandbox, &["mandates", "resume", "900"]);
        assert!(resumed, "{flow:?}: {text}");
        assert_eq!(stands(&world).await, "active", "{flow:?}");
        let provider = if flow == Flow::UpiSeparate {
            "juspay"
        } else {
            "signzy"
        };
        assert_eq!(
            text,
            format!("{provider} says ACTIVE\n900 is resumed\n"),
            "{flow:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandate_that_has_ended_at_its_provider_ends_here_when_it_is_resumed() {
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    let sandbox = world.sandbox.base_url(ProviderKind::Juspay).to_string();
    world.run("04 06:00").await;
    world.change("a", Change::Pause).await;
    world.run("05 08:30").await;
    world.at_the_provider("a", MandateCommand::Revoke).await;
    let (resumed, text) = said(&world, &sandbox, &["mandates", "resume", "a"]);
    assert!(!resumed);
    assert!(
        text.contains("juspay says that mandate a is REVOKED: it has ended, and cannot be resumed"),
        "{text}"
    );
    assert_eq!(stands(&world).await, "revoked");
    let event: String = scalar(
        world.pool(),
        "select format('%s %s to %s: %s', kind, from_state, to_state, reason) from mandated.events
          where kind = 'mandate.revoked'",
    )
    .await;
    assert_eq!(
        event,
        "mandate.revoked paused to revoked: juspay says that the mandate is revoked"
    );
    world.run("06 00:00").await;
    assert_eq!(world.stands("a").await.0, "failed");
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_say_active_does_not_resume() {
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    let broken = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(500))
        .mount(&broken)
        .await;
    world.change("a", Change::Pause).await;
    forget_environments(world.pool()).await;
    let (resumed, text) = said(&world, &broken.uri(), &["mandates", "resume", "a"]);
    assert!(!resumed, "{text}");
    assert!(text.contains("nothing was changed"), "{text}");
    assert_eq!(stands(&world).await, "paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_says_how_the_open_cycle_goes_on_or_leaves_it_out() {
    for (skips, expected, state) in [
        (
            false,
            "juspay says ACTIVE\na is resumed\n\
             cycle 2027-02-05, execution 1: it is debited as soon as it may; it closes at 2027-03-01 00:00:00 IST\n",
            "charged",
        ),
        (
            true,
            "juspay says ACTIVE\ncycle 2027-02-05, execution 1: left out\na is resumed\n",
            "skipped",
        ),
    ] {
        let world = Scenario::of("a", Flow::UpiSeparate).open().await;
        let sandbox = world.sandbox.base_url(ProviderKind::Juspay).to_string();
        world.run("04 06:00").await;
        world.change("a", Change::Pause).await;
        world.run("05 08:30").await;
        let mut resume = vec!["mandates", "resume", "a"];
        resume.extend(skips.then_some("--skip-open"));
        let (resumed, text) = said(&world, &sandbox, &resume);
        assert!(resumed, "{text}");
        assert_eq!(text, expected);
        world.run("14 00:00").await;
        assert_eq!(world.stands("a").await.0, state);
        world.agrees().await;
    }
}

/// What was handed over with its date, and what Signzy debits by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_says_what_will_still_be_debited_and_that_is_watched() {
    for (flow, expected) in [
        (
            Flow::UpiProvider,
            "900 is paused\ncycle 2027-02-05, execution 1: juspay has this debit already: \
             it will still be debited, at 2027-02-05 07:07:02 IST, and is watched\n",
        ),
        (
            Flow::SignzyWatched,
            "900 is paused\ncycle 2027-02-05, execution 1: signzy has this debit already: \
             it will still be debited, at 2027-02-05 07:00:00 IST, and is watched\n\
             signzy has no such command: it goes on debiting by its own schedule, and what it debits is watched\n",
        ),
    ] {
        let world = Scenario::of("900", flow).open().await;
        let sandbox = world.sandbox.base_url(ProviderKind::Juspay).to_string();
        world.run("05 06:00").await;
        let mut pause = vec!["mandates", "pause", "900"];
        pause.extend((flow == Flow::UpiProvider).then_some("--local-only"));
        let (paused, text) = said(&world, &sandbox, &pause);
        assert!(paused, "{text}");
        assert_eq!(text, expected);
        let (_, why) = world.stands("900").await;
        let shown = "the mandate is paused, and the provider has this debit already: it will still be debited, at 2027-02-05 07:0";
        assert!(why.starts_with(shown), "{why}");
        world.run("07 00:00").await;
        assert_eq!(world.stands("900").await.0, "charged", "{flow:?}");
        world.agrees().await;
    }
}

/// Juspay takes an order back until half an hour before its execution date.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_takes_back_what_was_handed_over_and_the_cycle_waits() {
    let world = Scenario::of("900", Flow::UpiProvider).open().await;
    let sandbox = world.sandbox.base_url(ProviderKind::Juspay).to_string();
    world.run("05 06:00").await;
    let (paused, text) = said(&world, &sandbox, &["mandates", "pause", "900"]);
    assert!(paused, "{text}");
    assert_eq!(
        text,
        "900 is paused\ncycle 2027-02-05, execution 1: juspay has taken back the debit of 2027-02-05 07:07:02 IST\n\
         juspay says PAUSED\n"
    );
    let (_, why) = world.stands("900").await;
    assert!(why.contains("has taken back the debit"), "{why}");
    world.run("09 12:00").await;
    let (state, why) = world.stands("900").await;
    assert_eq!(state, "planned", "a new order that waits: {why}");
    assert!(why.contains("still paused; waits"), "{why}");
    let (resumed, text) = said(&world, &sandbox, &["mandates", "resume", "900"]);
    assert!(resumed, "{text}");
    world.run("14 00:00").await;
    let stands = world.stands("900").await;
    let calls = world.calls("900").await;
    assert_eq!(stands.0, "charged", "{} {calls:?}", stands.1);
    world.agrees().await;
}

/// Resumed before the execution date: the order is gone all the same, and another one collects the cycle.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_back_is_ordered_anew_when_the_mandate_is_resumed_at_once() {
    let world = Scenario::of("900", Flow::UpiProvider).open().await;
    let sandbox = world.sandbox.base_url(ProviderKind::Juspay).to_string();
    world.run("05 06:00").await;
    for command in ["pause", "resume"] {
        let (done, text) = said(&world, &sandbox, &["mandates", command, "900"]);
        assert!(done, "{text}");
    }
    world.run("14 00:00").await;
    let stands = world.stands("900").await;
    assert_eq!(
        stands.0,
        "charged",
        "{} {:?}",
        stands.1,
        world.calls("900").await
    );
    world.agrees().await;
}
