//! `mandates pause` and `resume`: when the provider is known to have paused a mandate, and so may be asked about it.

use std::fs;

use assert_cmd::Command;
use mandated::domain::ProviderKind;
use mandated::provider::MandateCommand;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::due::{execute, scalar};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{KEY, World};

/// Runs a command against a provider; whether all went well.
fn run(world: &World, url: &str, arguments: &[&str]) -> bool {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mandated.toml");
    let toml = format!(
        "[database]\nurl = \"{}\"\n\
         [accounts.juspay_main]\nprovider = \"juspay\"\nbase_url = \"{url}\"\nmerchant_id = \"shop\"\napi_key = \"{KEY}\"\n",
        world.url()
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
    output.status.success()
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
