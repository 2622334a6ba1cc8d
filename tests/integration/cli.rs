//! The command line from outside: exit codes, what goes to which stream, the help.

use assert_cmd::Command;
use mandated::config::Listen;
use mandated::daemon::listener::{self, Listener, Readiness};
use mandated::engine::metrics::Metrics;
use tokio_util::sync::CancellationToken;

const URL: (&str, &str) = (
    "MANDATED__DATABASE__URL",
    "postgres://mandated:pa55word@127.0.0.1:1/none",
);

/// The program with an empty environment: nothing of the machine's own configuration leaks into a test.
fn mandated(arguments: &[&str]) -> Command {
    let mut command = Command::cargo_bin("mandated").unwrap();
    command.env_clear().args(arguments);
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn wrong_usage_exits_2() {
    for arguments in [
        &["fly"][..],
        &[],
        &["mandates", "list", "--status", "happy"],
        &["executions", "add", "m-1", "--cycle", "tomorrow"],
        &["plan", "m-1", "--cycles", "0"],
    ] {
        let output = mandated(arguments).assert().code(2).get_output().clone();
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_wrong_word_is_answered_with_the_right_ones() {
    let output = mandated(&["executions", "list", "--state", "charge"])
        .assert()
        .code(2)
        .get_output()
        .clone();
    insta::assert_snapshot!(text(&output.stderr), @r"
    error: invalid value 'charge' for '--state <STATE>'
      [possible values: planned, notifying, notified, executing, pending, unknown, retrying, charged, failed, skipped, expired, review]

      tip: a similar value exists: 'charged'

    For more information, try '--help'.
    ");
}

#[test]
fn a_day_with_a_time_is_answered_with_the_day() {
    for (written, hint) in [
        (
            "2026-12-31 00:00:00",
            "leave the time out, and write 2026-12-31",
        ),
        (
            "2026-12-31T06:00",
            "leave the time out, and write 2026-12-31",
        ),
        ("46387", "perhaps 2026-12-31"),
        ("2026-02-30", "is in no calendar"),
        ("31/12/2026", "write YYYY-MM-DD, such as 2026-12-31"),
        ("tomorrow", "write YYYY-MM-DD, such as 2026-12-31"),
    ] {
        let output = mandated(&["executions", "add", "m-1", "--cycle", written])
            .assert()
            .code(2)
            .get_output()
            .clone();
        let said = text(&output.stderr);
        assert!(said.contains(hint), "{said}");
    }
}

#[test]
fn a_wrong_configuration_exits_78_and_says_what_to_do() {
    let output = mandated(&["check-config"])
        .env("MANDATED__WORKER__LEESE", "1m")
        .env("MANDATED__PLANNER__BATCH", "0")
        .env(URL.0, URL.1)
        .assert()
        .code(78)
        .get_output()
        .clone();
    insta::assert_snapshot!(text(&output.stderr), @r"
    error: 2 things are wrong with the configuration
      planner.batch must be at least 1, not 0
      MANDATED__WORKER__LEESE: there is no key worker.leese; did you mean MANDATED__WORKER__LEASE?

    hint: `config/default.toml` explains every key
    ");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_wrong_configuration_is_json_for_programs() {
    let output = mandated(&["check-config", "--json"])
        .assert()
        .code(78)
        .get_output()
        .clone();
    insta::assert_snapshot!(text(&output.stdout), @r#"{"error":"neither database.url nor database.url_file is set","from":null,"key":"database.url"}"#);
}

#[test]
fn a_missing_file_exits_78() {
    let output = mandated(&["--config", "no/such.toml", "check-config"])
        .assert()
        .code(78)
        .get_output()
        .clone();
    insta::assert_snapshot!(text(&output.stderr), @r"
    error: no/such.toml: cannot read the configuration file: No such file or directory (os error 2)

    hint: `config/default.toml` explains every key
    ");
}

#[test]
fn a_good_configuration_is_printed_without_its_secrets() {
    for arguments in [&["check-config"][..], &["check-config", "--json"]] {
        let output = mandated(arguments)
            .env(URL.0, URL.1)
            .assert()
            .code(0)
            .get_output()
            .clone();
        let shown = text(&output.stdout);
        assert!(
            shown.contains("[set]") && shown.contains("MANDATED__DATABASE__URL"),
            "{shown}"
        );
        assert!(!shown.contains("pa55word"), "{shown}");
    }
}

#[test]
fn a_daemon_that_is_not_there_is_not_healthy() {
    let output = mandated(&["healthcheck"])
        .env(URL.0, URL.1)
        .env("MANDATED__LISTEN__ADDRESS", "127.0.0.1:1")
        .assert()
        .code(1)
        .get_output()
        .clone();
    let shown = text(&output.stderr);
    assert!(
        shown.starts_with("error: nothing answers at 127.0.0.1:1 (listen.address)\ncaused by: "),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_healthcheck_repeats_what_the_daemon_says() {
    let listen = Listen {
        address: "127.0.0.1:0".parse().unwrap(),
        token: Some("t0ken".into()),
    };
    let listener = Listener::bind(&listen).await.unwrap();
    let address = listener.address().unwrap().to_string();
    let (engine, seen) = listener::readiness();
    let mut daemon = tokio::task::JoinSet::new();
    daemon.spawn(listener.serve(seen, Metrics::default().handle(), CancellationToken::new()));

    let check = |token: &'static str| {
        let mut command = mandated(&["healthcheck"]);
        command
            .env(URL.0, URL.1)
            .env("MANDATED__LISTEN__ADDRESS", &address)
            .env("MANDATED__LISTEN__TOKEN", token);
        tokio::task::block_in_place(|| command.output().unwrap())
    };
    let not_ready = check("t0ken");
    assert_eq!(not_ready.status.code(), Some(1));
    let answered = format!(
        "error: the daemon at {address} answered 503 Service Unavailable: not ready: starting"
    );
    assert!(
        text(&not_ready.stderr).starts_with(&answered),
        "{}",
        text(&not_ready.stderr)
    );
    assert_eq!(check("wrong").status.code(), Some(1));
    engine.send(Readiness::Ready).unwrap();
    assert_eq!(check("t0ken").status.code(), Some(0));
}

#[test]
fn completions_are_printed_without_a_configuration() {
    let output = mandated(&["completions", "bash"])
        .assert()
        .code(0)
        .get_output()
        .clone();
    assert!(text(&output.stdout).contains("check-config"));
}

#[test]
fn the_version_is_the_crates() {
    let output = mandated(&["--version"])
        .assert()
        .code(0)
        .get_output()
        .clone();
    assert_eq!(
        text(&output.stdout),
        format!("mandated {}\n", env!("CARGO_PKG_VERSION"))
    );
}

/// Every help text, so that a change of the command line is seen in review.
#[test]
fn the_help() {
    let mut help = Vec::new();
    for command in [
        &[][..],
        &["run"],
        &["migrate"],
        &["check-config"],
        &["mandates"],
        &["mandates", "import"],
        &["mandates", "list"],
        &["mandates", "show"],
        &["mandates", "pause"],
        &["mandates", "resume"],
        &["mandates", "revoke"],
        &["plan"],
        &["executions"],
        &["executions", "add"],
        &["executions", "list"],
        &["executions", "show"],
        &["executions", "retry"],
        &["executions", "skip"],
        &["executions", "resolve"],
        &["accounts"],
        &["accounts", "list"],
        &["accounts", "pause"],
        &["accounts", "resume"],
        &["rails"],
        &["rails", "list"],
        &["rails", "pause"],
        &["rails", "resume"],
        &["jobs"],
        &["classify"],
        &["audit"],
        &["doctor"],
        &["healthcheck"],
        &["completions"],
    ] {
        let output = mandated(command)
            .arg("--help")
            .assert()
            .code(0)
            .get_output()
            .clone();
        help.push(format!(
            "$ mandated {} --help\n{}",
            command.join(" "),
            text(&output.stdout)
        ));
    }
    insta::assert_snapshot!(help.join("\n"));
}
