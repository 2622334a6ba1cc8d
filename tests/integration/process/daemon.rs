//! `migrate`, `mandates import`, `run` and `sandbox` as separate processes, stopped and killed in the middle of work.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::due::{column, leases_end, scalar};
use crate::support::process::{Installation, Process};
use crate::support::running::until;
use crate::support::scenario::{Flow, Scenario};

const END: (&str, &str) = ("MANDATED__CLOCK__END", "2040-02-09T00:00:00+05:30");

fn scenario(count: usize) -> Scenario {
    Scenario::flows(Flow::ALL.into_iter().cycle().take(count)).in_2040()
}

pub(super) fn lines(process: &Process) -> Vec<Value> {
    process
        .out()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Asserts that the sandbox saw each payer's cycle once and broke no rule, and that our debits are the same.
async fn agree(installation: &Installation, payers: usize) {
    let ledger = installation.ledger().await;
    assert_eq!(ledger.violations, []);
    let line =
        |id: &str, cycle: &dyn std::fmt::Display, amount: i64| format!("{id} {cycle} {amount}");
    let mut theirs: Vec<_> = ledger
        .debits
        .iter()
        .map(|debit| line(&debit.mandate_id, &debit.cycle, debit.amount_minor))
        .collect();
    theirs.sort();
    let mut ours: Vec<String> = column(
        &installation.database.pool,
        // Where the answer stated no amount, it was the order's.
        "select format('%s %s %s', m.provider_mandate_id, d.cycle_on, coalesce(d.amount_minor, e.amount_minor))
           from mandated.debits d join mandated.mandates m on m.id = d.mandate_id
           join mandated.executions e on e.id = d.execution_id",
    )
    .await;
    ours.sort();
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), payers, "every cycle is collected once");
    installation.works(&["audit"]);
}

/// Waits until debits are under way, and not all of them.
async fn in_the_middle(installation: &Installation, payers: usize) {
    // One in eight is watched: its debits are not ours to make.
    let most = i64::try_from(payers - payers / 8).unwrap();
    until("debits are under way", async || {
        let made: i64 = scalar(
            &installation.database.pool,
            "select count(*) from mandated.attempts where call = 'execute'",
        )
        .await;
        assert!(made < most, "everything was done before the signal");
        made > 4
    })
    .await;
}

/// Where simulated time had come to.
async fn go_on_from_there(installation: &mut Installation) {
    let now: String = scalar(
        &installation.database.pool,
        "select to_char(max(at) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from mandated.events where at > '2039-01-01Z'",
    )
    .await;
    installation.set("MANDATED__CLOCK__START", &now);
}

#[tokio::test]
async fn a_month_is_collected_by_separate_processes() {
    let mut installation = Installation::open(&scenario(16)).await;
    assert_eq!(installation.works(&["migrate"]), "7 migrations applied\n");
    assert_eq!(
        installation.works(&["migrate"]),
        "the database is up to date\n"
    );
    installation.works(&["mandates", "import", &installation.mandates()]);
    installation.works(&["mandates", "import", &installation.mandates()]);
    installation.set(END.0, END.1);
    let mut daemon = installation.run();
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
    assert_eq!(daemon.err(), "");
    let lines = lines(&daemon);
    assert_eq!(lines.last().unwrap()["message"], "stopped cleanly");
    assert!(!lines.iter().any(|line| line["level"] == "ERROR"));
    agree(&installation, 16).await;
    let shown = installation.works(&["mandates", "show", "900"]);
    assert!(shown.contains("charged"), "{shown}");
}

#[tokio::test]
async fn a_daemon_that_stops_in_the_middle_leaves_nothing_open_and_the_next_goes_on() {
    let mut installation = Installation::open(&scenario(160)).await;
    installation.prepare();
    let mut daemon = installation.run();
    in_the_middle(&installation, 160).await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
    assert_eq!(lines(&daemon).last().unwrap()["message"], "stopped cleanly");
    let leases: i64 = scalar(
        &installation.database.pool,
        "select count(*) from mandated.jobs where lease_token is not null",
    )
    .await;
    assert_eq!(leases, 0);
    go_on_from_there(&mut installation).await;
    installation.set(END.0, END.1);
    let mut daemon = installation.run();
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
    agree(&installation, 160).await;
}

#[tokio::test]
async fn a_daemon_that_is_killed_in_the_middle_loses_nothing() {
    let mut installation = Installation::open(&scenario(160)).await;
    installation.prepare();
    let mut daemon = installation.run();
    in_the_middle(&installation, 160).await;
    daemon.signal(Signal::KILL);
    daemon.ended().await;
    leases_end(&installation.database.pool).await;
    go_on_from_there(&mut installation).await;
    installation.set(END.0, END.1);
    let mut daemon = installation.run();
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
    agree(&installation, 160).await;
}

/// A shop on the machine's clock with `count` cycles that are due, and a provider that takes its time.
pub(super) async fn due_now(provider: &MockServer, count: usize) -> Installation {
    let mut installation = Installation::at(&provider.uri()).await;
    installation.set("MANDATED__RAILS__ENACH__JITTER", "0s");
    installation.works(&["migrate"]);
    let scenario = Scenario::many(count, Flow::Enach).presented();
    std::fs::write(installation.mandates(), scenario.file()).unwrap();
    installation.works(&["mandates", "import", &installation.mandates()]);
    let yesterday: String = scalar(
        &installation.database.pool,
        "select (now() at time zone 'Asia/Kolkata')::date - 1 || ''",
    )
    .await;
    for payer in &scenario.payers {
        installation.works(&["executions", "add", &payer.reference, "--cycle", &yesterday]);
    }
    installation
}

async fn slow_provider(delay: Duration) -> MockServer {
    let server = MockServer::start().await;
    let pending = serde_json::json!({ "order_id": "whatever", "status": "PENDING_VBV" });
    let answer = ResponseTemplate::new(200)
        .set_body_json(pending)
        .set_delay(delay);
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

async fn received(provider: &MockServer) -> usize {
    provider.received_requests().await.unwrap().len()
}

#[tokio::test]
async fn calls_under_way_end_and_are_settled_after_the_first_signal() {
    let provider = slow_provider(Duration::from_millis(1500)).await;
    let mut installation = due_now(&provider, 5).await;
    // One of the places is the other account's own.
    installation.set("MANDATED__WORKER__CONCURRENCY", "4");
    let mut daemon = installation.run();
    until("three calls are under way", async || {
        received(&provider).await == 3
    })
    .await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
    assert_eq!(received(&provider).await, 3, "nothing new was begun");
    let jobs: Vec<String> = column(
        &installation.database.pool,
        "select format('%s %s', step, lease_token is not null) from mandated.jobs order by 1",
    )
    .await;
    assert_eq!(
        jobs,
        ["execute f", "execute f", "lookup f", "lookup f", "lookup f"]
    );
}

#[tokio::test]
async fn the_second_signal_stops_at_once_and_leaves_the_rest_to_the_leases() {
    let provider = slow_provider(Duration::from_secs(50)).await;
    let installation = due_now(&provider, 2).await;
    let mut daemon = installation.run();
    until("both calls are under way", async || {
        received(&provider).await == 2
    })
    .await;
    daemon.signal(Signal::TERM);
    daemon.signal(Signal::INT);
    assert_eq!(daemon.ended().await.code(), Some(1));
    assert!(
        daemon
            .err()
            .starts_with("error: stopped before everything under way had ended\n"),
        "{}",
        daemon.err()
    );
    let open: i64 = scalar(
        &installation.database.pool,
        "select count(*) from mandated.jobs join mandated.intents using (execution_id) where lease_token is not null",
    )
    .await;
    assert_eq!(open, 2);
}

#[tokio::test]
async fn a_provider_that_answers_html_proves_nothing() {
    let provider = MockServer::start().await;
    let page = ResponseTemplate::new(200).set_body_raw("<html>welcome</html>", "text/html");
    Mock::given(any()).respond_with(page).mount(&provider).await;
    let installation = due_now(&provider, 1).await;
    let mut daemon = installation.run();
    until("the answer is settled", async || {
        scalar::<i64>(
            &installation.database.pool,
            "select count(*) from mandated.attempts",
        )
        .await
            == 1
    })
    .await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
    let line = lines(&daemon)
        .into_iter()
        .find(|line| line["outcome"] == "unknown")
        .expect("a line about it");
    assert_eq!(
        (&line["level"], &line["message"]),
        (&"WARN".into(), &"the outcome is not proven".into())
    );
    assert!(
        line["decision"].as_str().unwrap().contains("HTTP 200"),
        "{line}"
    );
    // By this the provider finds the call in its own log.
    let requests = provider.received_requests().await.unwrap();
    assert_eq!(
        line["request.id"],
        requests[0].headers["x-request-id"].to_str().unwrap()
    );
    let stands: String = scalar(
        &installation.database.pool,
        "select state || ' ' || next_step from mandated.execution_status",
    )
    .await;
    assert_eq!(stands, "unknown lookup");
}

#[tokio::test]
async fn a_daemon_says_that_it_is_ready_until_it_stops() {
    let mut installation = Installation::at("http://127.0.0.1:1").await;
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    installation.set("MANDATED__LISTEN__ADDRESS", &free.to_string());
    installation.works(&["migrate"]);
    assert_eq!(installation.output(&["healthcheck"]).status.code(), Some(1));
    let mut daemon = installation.run();
    until("the daemon is ready", async || {
        installation.output(&["healthcheck"]).status.success()
    })
    .await;
    drop(rustls::crypto::ring::default_provider().install_default());
    until("the first heartbeat is in the metrics", async || {
        let answer = reqwest::get(format!("http://{free}/metrics")).await;
        let text = answer.unwrap().text().await.unwrap();
        text.contains("\nmandated_jobs_due 0\n")
    })
    .await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
}
