//! What the commands say when something is wrong.

use std::fs;

use assert_cmd::Command;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer};

use super::chatter::Chatter;
use super::{EMAIL, METADATA, PHONE, VPA, assert_clean};
use crate::support::database::forget_environments;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::KEY;

const PASSWORD: &str = "pa55word-of-the-database";

/// Runs the program with a file as its configuration; what it said on both streams, and whether all went well.
fn run(toml: &str, arguments: &[&str], input: &str) -> (String, bool) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("mandated.toml");
    fs::write(&path, toml).unwrap();
    let output = Command::cargo_bin("mandated")
        .unwrap()
        .env_clear()
        .env("MANDATED_CONFIG", &path)
        .args(arguments)
        .write_stdin(input)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8(said).unwrap(), output.status.success())
}

fn account(url: &str) -> String {
    format!(
        "[accounts.juspay_main]\nprovider = \"juspay\"\nbase_url = \"{url}\"\nmerchant_id = \"shop\"\napi_key = \"{KEY}\"\n"
    )
}

#[test]
fn a_wrong_configuration_names_the_key_and_not_its_value() {
    let database =
        format!("[database]\nurl = \"postgres://mandated:{PASSWORD}@127.0.0.1:1/none\"\n");
    let account = account("https://api.juspay.in");
    for wrong in [
        format!("{database}{account}api_kye = \"{KEY}\"\n"),
        format!(
            "{database}{}",
            account.replace("api_key = ", "api_key = [1], #")
        ),
        format!("{database}{}", account.replace("https://", "http://")),
        format!("{database}{account}[listen]\ntoken = \"{KEY}\"\ntoken_file = \"/nowhere\"\n"),
        database.replace("url = ", "ulr = ") + &account,
        database.replace("postgres://", "postgres:/") + &account,
        database.replace(":1/none", ":port/none") + &account,
        database.replace("\"postgres", "postgres") + &account,
    ] {
        let (said, fine) = run(&wrong, &["check-config"], "");
        assert!(!said.is_empty());
        assert_clean("what check-config says", &said);
        assert!(!said.contains(PASSWORD), "{said}");
        let (said, _) = run(&wrong, &["mandates", "list"], "");
        assert_clean("what a command says", &said);
        assert!(!said.contains(PASSWORD), "{said}");
        assert!(!fine || said.contains("database.url"), "{said}");
    }
}

#[test]
fn a_database_that_is_down_is_named_without_its_password() {
    let toml = format!("[database]\nurl = \"postgres://mandated:{PASSWORD}@127.0.0.1:1/none\"\n");
    for arguments in [
        &["mandates", "list"][..],
        &["migrate"],
        &["jobs"],
        &["audit"],
    ] {
        let (said, fine) = run(&toml, arguments, "");
        assert!(!fine && said.contains("database.url"), "{said}");
        assert!(!said.contains(PASSWORD), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_metadata_an_import_shows_the_keys_and_no_value() {
    let world = Scenario::new().open().await;
    forget_environments(world.pool()).await;
    let toml =
        format!("[database]\nurl = \"{}\"\n", world.url()) + &account("https://api.juspay.in");
    let metadata: Value = serde_json::from_str(METADATA).unwrap();
    for (key, value, fine) in [
        ("order.udf5", "x".to_owned(), true),
        ("order.udf3", "x".repeat(300), false),
        ("order.colour", "x".to_owned(), false),
        ("order.return_url", VPA.to_owned(), false),
        ("order.udf4", format!("{EMAIL} {PHONE}\n"), false),
    ] {
        let mut metadata = metadata.clone();
        metadata[key] = json!(value);
        let line = json!({
            "ref": "a", "account": "juspay_main", "mandate_id": "m1", "customer_id": "c1", "rail": "upi", "notify": "separate",
            "amount": "1.00", "frequency": "monthly", "starts_on": "2027-02-05", "metadata": metadata,
        });
        let (said, taken) = run(&toml, &["mandates", "import", "-"], &format!("{line}\n"));
        assert_eq!(taken, fine, "{key}: {said}");
        assert!(fine || said.contains(key), "{said}");
        assert_clean("what import says", &said);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_refuses_a_command_is_quoted_without_the_people_in_its_words() {
    let scenario = Scenario::of("100", Flow::UpiSeparate).metadata(METADATA);
    let scenario = scenario.mandate("200", Flow::SignzyWatched);
    let world = scenario.open().await;
    forget_environments(world.pool()).await;
    let provider = MockServer::start().await;
    Mock::given(any())
        .respond_with(Chatter::default())
        .mount(&provider)
        .await;
    let url = provider.uri();
    let toml = format!(
        "[database]\nurl = \"{}\"\n{}\
         [accounts.signzy_main]\nprovider = \"signzy\"\nbase_url = \"{url}\"\napi_key = \"{KEY}\"\n",
        world.url(),
        account(&url),
    );
    for (command, reference) in [
        ("pause", "100"),
        ("resume", "100"),
        ("revoke", "100"),
        ("pause", "200"),
        ("resume", "200"),
        ("resume", "200"),
    ] {
        let why = ["--by", "asha", "--reason", "said so"];
        let line = [&["mandates", command, reference][..], &why].concat();
        let (said, _) = run(&toml, &line, "");
        let quoted = said.contains("Z9") || said.contains("HELD FOR") || said.contains("HTTP");
        assert!(quoted || (command, reference) == ("pause", "200"), "{said}");
        assert_clean("what the command says", &said);
    }
}
