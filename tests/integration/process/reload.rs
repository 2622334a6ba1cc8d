//! SIGHUP: what a running daemon takes over, and what it refuses.

use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::daemon::{due_now, lines};
use crate::support::due::execute;
use crate::support::process::{Installation, Process};
use crate::support::running::until;

const KEY: &str = "MANDATED__ACCOUNTS__JUSPAY_MAIN__API_KEY";

/// A daemon whose key and configuration are files, and a provider that refuses every key.
async fn refused(folder: &Path, config: &str) -> (MockServer, Installation, Process) {
    let provider = MockServer::start().await;
    let answer = ResponseTemplate::new(401);
    Mock::given(any())
        .respond_with(answer)
        .mount(&provider)
        .await;
    let mut installation = due_now(&provider, 1).await;
    let key = folder.join("key").display().to_string();
    write(folder, "key", "the-old-key\n");
    configure(folder, config, "sandbox");
    installation.forget(KEY);
    installation.forget("MANDATED__ACCOUNTS__JUSPAY_MAIN__MERCHANT_ID");
    installation.set(&format!("{KEY}_FILE"), &key);
    installation.set("MANDATED__ACCOUNTS__JUSPAY_MAIN__PAUSE_AFTER_REFUSAL", "1s");
    let config = folder.join("mandated.toml").display().to_string();
    let daemon = Process::start(installation.command(&["run", "--config", &config]));
    until("the old key is used", async || {
        used(&provider, "the-old-key").await
    })
    .await;
    (provider, installation, daemon)
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// The configuration, with the merchant in it.
fn configure(folder: &Path, config: &str, merchant: &str) {
    let text = format!("{config}\n[accounts.juspay_main]\nmerchant_id = \"{merchant}\"\n");
    write(folder, "mandated.toml", &text);
}

/// Whether the provider saw a key: it is the user name, and there is no password.
async fn used(provider: &MockServer, key: &str) -> bool {
    use base64::Engine;
    let word = base64::engine::general_purpose::STANDARD.encode(format!("{key}:"));
    let requests = provider.received_requests().await.unwrap();
    requests.iter().any(|request| {
        request.headers["authorization"].to_str().unwrap() == format!("Basic {word}")
    })
}

/// Whatever waits for another try is due.
async fn now(installation: &Installation) {
    let statement = "update mandated.jobs set run_at = now() where lease_token is null";
    execute(&installation.database.pool, statement).await;
}

fn found(lines: &[Value], words: &str) -> Vec<Value> {
    let mut lines = lines.to_vec();
    lines.retain(|line| line["message"].as_str().unwrap().contains(words));
    lines
}

#[tokio::test]
async fn a_new_key_and_another_log_filter_are_in_force_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let first = "log.filter = \"info\"\nworker.batch = 50\n";
    let (provider, installation, mut daemon) = refused(folder.path(), first).await;
    write(folder.path(), "key", "the-new-key\n");
    let second = "log.filter = \"info,mandated=debug\"\nworker.batch = 60\n";
    configure(folder.path(), second, "sandbox");
    daemon.signal(Signal::HUP);
    until("the new key is used", async || {
        now(&installation).await;
        used(&provider, "the-new-key").await
    })
    .await;
    // The key is tried at once; a job comes a little later.
    until("a job is claimed", async || {
        now(&installation).await;
        daemon.out().contains("DEBUG")
    })
    .await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
    let lines = lines(&daemon);
    let read = found(&lines, "read again");
    assert_eq!(read.len(), 1, "{lines:?}");
    assert_eq!(read[0]["new_keys"], "juspay_main");
    assert_eq!(read[0]["log_filter"], "info,mandated=debug");
    let waiting = found(&lines, "need a restart");
    assert_eq!(waiting.len(), 1, "{lines:?}");
    assert_eq!(waiting[0]["keys"], "worker.batch");
    assert!(lines.iter().any(|line| line["level"] == "DEBUG"));
    for key in ["the-old-key", "the-new-key"] {
        assert!(!daemon.out().contains(key), "{key} is in the log");
    }
}

#[tokio::test]
async fn a_configuration_that_is_wrong_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (provider, installation, mut daemon) =
        refused(folder.path(), "log.filter = \"info\"\n").await;
    write(folder.path(), "key", "the-new-key\n");
    configure(folder.path(), "worker.bacth = 60", "sandbox");
    daemon.signal(Signal::HUP);
    until("it is refused", async || {
        daemon.out().contains("was not read again")
    })
    .await;
    configure(folder.path(), "log.filter = \"=x=\"", "sandbox");
    daemon.signal(Signal::HUP);
    until("it is refused again", async || {
        daemon.out().matches("was not read again").count() == 2
    })
    .await;
    // Its key would go to the address that is in force, in the name of the merchant that is in force.
    configure(folder.path(), "", "another-shop");
    daemon.signal(Signal::HUP);
    until("it is refused a third time", async || {
        daemon.out().matches("was not read again").count() == 3
    })
    .await;
    let before = provider.received_requests().await.unwrap().len();
    until("the account is tried again", async || {
        now(&installation).await;
        provider.received_requests().await.unwrap().len() > before
    })
    .await;
    assert!(!used(&provider, "the-new-key").await);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
    let refused = found(&lines(&daemon), "was not read again");
    assert_eq!(refused[0]["level"], "ERROR");
    let words = refused[0]["error"].as_str().unwrap();
    assert!(words.contains("worker.bacth"), "{words}");
    let words = refused[1]["error"].as_str().unwrap();
    assert!(words.contains("log.filter"), "{words}");
    let words = refused[2]["error"].as_str().unwrap();
    assert!(
        words.contains("merchant_id of account juspay_main"),
        "{words}"
    );
}
