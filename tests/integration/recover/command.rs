//! The command: what it prints, its exit codes, and the runbook's order of things.

use lab::sandbox::{Call, Fault, Script, Then};
use serde_json::Value;

use crate::support::due::scalar;
use crate::support::process::Installation;
use crate::support::scenario::{Flow, Scenario};

const WORDS: [&str; 4] = ["--by", "asha", "--reason", "the dump of monday"];

fn recover<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let since = ["recover", "--since", "2040-02-01T00:00:00+05:30"];
    [&since, more, &WORDS].concat()
}

/// Collected, and then restored from a dump of before.
async fn restored() -> Installation {
    let scenario = Scenario::of("900", Flow::UpiExempt)
        .more([Flow::SignzyOnDemand])
        .in_2040();
    let mut installation = Installation::open(&scenario).await;
    installation.set("MANDATED__CLOCK__END", "2040-02-08T00:00:00+05:30");
    installation.prepare();
    let pool = installation.database.pool.clone();
    crate::support::dump::dump(&pool).await;
    installation.works(&["run"]);
    let debits: i64 = scalar(&pool, "select count(*) from mandated.debits").await;
    assert_eq!(debits, 2);
    crate::support::dump::restore(&pool).await;
    // It is later now.
    installation.set("MANDATED__CLOCK__START", "2040-02-08T00:00:00+05:30");
    installation.set("MANDATED__CLOCK__END", "2040-02-12T00:00:00+05:30");
    installation
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_is_completed_recovered_and_run() {
    let installation = restored().await;
    let output = installation.output(&["run"]);
    assert_eq!(output.status.code(), Some(78));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("mandated recover"), "{error}");
    // What is younger than the dump is imported first.
    installation.works(&["mandates", "import", &installation.mandates()]);
    let text = installation.works(&recover(&[]));
    for line in [
        "juspay_main: 1 executions looked up since 2040-01-31 18:30",
        ": 1 found collected, 0 found and not collected, 0 as known, 0 sent to review, 0 not found\n",
        "juspay_main: recovered, its money may move again\n",
        "signzy_main: recovered, its money may move again\n",
        "No provider can tell what only you know.",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    installation.works(&["run"]);
    let ledger = installation.ledger().await;
    assert_eq!(ledger.debits.len(), 2);
    installation.works(&["audit"]);
    // Nobody has asked about what is imported now.
    let file = installation.mandates();
    let rows = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, rows.replace("900", "950")).unwrap();
    let said = installation.works(&["mandates", "import", &file]);
    let warning = "run `mandated recover --account juspay_main --since 2040-01-31T18:30:00Z` before a daemon debits it a second time";
    assert!(said.contains(warning), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_answered_exits_with_1_and_says_what_to_do() {
    let installation = restored().await;
    let fault = Script {
        mandate_id: "900".to_owned(),
        call: Call::OrderStatus,
        then: Then::Fault(Fault::ErrorAfter),
    };
    installation.script(&[fault]).await;
    let output = installation.output(&recover(&["--json"]));
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!(lines[0]["account"], "juspay_main");
    assert_eq!(lines[0]["is_over"], false);
    assert_eq!(
        lines[0]["without_answer"]["no answer came, or none that can be read"],
        1
    );
    assert_eq!(lines[1]["is_over"], true);
    assert_eq!(lines[1]["collected"], 1);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("run the same command again"), "{error}");
    let listed = installation.works(&["accounts", "list"]);
    assert!(
        listed.contains("run `mandated recover` to its end"),
        "{listed}"
    );
    let doctor = installation.output(&["doctor", "--offline"]);
    let doctor = String::from_utf8(doctor.stdout).unwrap();
    assert!(
        doctor.contains("FAILED") && doctor.contains("recovering since"),
        "{doctor}"
    );
    // A daemon runs, says so, and leaves it alone.
    let run = installation.output(&["run"]);
    assert!(run.status.success());
    let log = String::from_utf8([run.stdout, run.stderr].concat()).unwrap();
    assert!(
        log.contains("accounts are recovering from a restore"),
        "{log}"
    );
    assert_eq!(installation.ledger().await.debits.len(), 2);
    installation.works(&recover(&["--account", "juspay_main"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_recovered_is_refused() {
    let mut installation = restored().await;
    for (more, code, why) in [
        (
            &["--account", "nobody"][..],
            1,
            "there is no account \"nobody\"",
        ),
        (&["--account"], 2, "a value is required"),
    ] {
        let output = installation.output(&recover(more));
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{error}");
        assert!(error.contains(why), "{error}");
    }
    let later = ["recover", "--since", "2041-01-01T00:00:00Z"];
    let output = installation.output(&[&later[..], &WORDS].concat());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("is still to come"), "{error}");
    // Another merchant knows none of its orders: "not found" would say nothing.
    installation.set("MANDATED__ACCOUNTS__JUSPAY_MAIN__MERCHANT_ID", "other");
    let output = installation.output(&recover(&[]));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(78), "{error}");
    let recovering: i64 = scalar(
        &installation.database.pool,
        "select count(*) from mandated.accounts where recovering_since is not null",
    )
    .await;
    assert_eq!(recovering, 0);
}
