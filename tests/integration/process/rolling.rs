//! Daemons that are replaced one after the other while they work: nothing is lost, nothing done twice, and nobody waits for long.

use std::collections::BTreeMap;
use std::time::Duration;

use mandated::config::Config;
use mandated::ops::executions::{Presentation, add};
use rustix::process::Signal;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::daemon::lines;
use crate::support::due::{execute, scalar};
use crate::support::process::{Installation, Process};
use crate::support::provider::{order, ordered};
use crate::support::running::until;
use crate::support::scenario::{Flow, Payer, Scenario};

const PAYERS: usize = 1500;

/// Every order that it is asked for is charged, after a moment.
async fn provider() -> MockServer {
    let server = MockServer::start().await;
    let respond = |request: &Request| {
        let id = match request.url.path().strip_prefix("/orders/") {
            Some(id) => id.to_owned(),
            None => ordered(&request.body),
        };
        let answer = ResponseTemplate::new(200).set_body_json(order(&id, "CHARGED"));
        answer.set_delay(Duration::from_millis(100))
    };
    Mock::given(any())
        .respond_with(respond)
        .mount(&server)
        .await;
    server
}

/// So many cycles of yesterday that are due now, on the machine's clock.
async fn installation(provider: &MockServer) -> Installation {
    let mut installation = Installation::at(&provider.uri()).await;
    for (key, value) in [
        ("RAILS__ENACH__JITTER", "0s"),
        // So that it takes longer than three restarts on a busy machine, and every daemon has some.
        ("ACCOUNTS__JUSPAY_MAIN__TPS", "80"),
        ("WORKER__CONCURRENCY", "40"),
    ] {
        installation.set(&format!("MANDATED__{key}"), value);
    }
    installation.works(&["migrate"]);
    let scenario = Scenario::many(PAYERS, Flow::Enach).presented();
    std::fs::write(installation.mandates(), scenario.file()).unwrap();
    installation.works(&["mandates", "import", &installation.mandates()]);
    present(&installation, &scenario.payers).await;
    installation
}

async fn present(installation: &Installation, payers: &[Payer]) {
    let pool = &installation.database.pool;
    let config = Config::load_with(None, installation.environment()).unwrap();
    let policy = |provider, rail| config.policy(provider, rail);
    let mut conn = pool.acquire().await.unwrap();
    let now: mandated::domain::Timestamp = scalar(pool, "select now()").await;
    let yesterday = now.with_timezone(&chrono_tz::Asia::Kolkata).date_naive();
    for payer in payers {
        let presentation = Presentation {
            reference: &payer.reference,
            cycle_on: yesterday.pred_opt().unwrap(),
            amount: None,
            open_days: 30,
        };
        add(&mut conn, &presentation, policy, now).await.unwrap();
    }
}

async fn charged(installation: &Installation) -> i64 {
    scalar(
        &installation.database.pool,
        "select count(*) from mandated.debits",
    )
    .await
}

async fn until_charged(installation: &Installation, count: i64) {
    until("some are charged", async || {
        charged(installation).await >= count
    })
    .await;
}

#[tokio::test]
async fn a_rolling_restart_under_load_loses_and_doubles_nothing() {
    let provider = provider().await;
    let installation = installation(&provider).await;
    let mut daemons: Vec<Process> = (0..3).map(|_| installation.run()).collect();
    let joined = "select count(*) from mandated.daemons where beats > 0";
    until("all are there", async || {
        scalar::<i64>(&installation.database.pool, joined).await == 3
    })
    .await;
    until_charged(&installation, 1).await;
    let mut done = charged(&installation).await;
    for daemon in &mut daemons {
        assert!(done < i64::try_from(PAYERS).unwrap(), "there is work left");
        // As an orchestrator does it: the new one first.
        let mut replaced = installation.run();
        std::mem::swap(daemon, &mut replaced);
        replaced.signal(Signal::TERM);
        assert_eq!(replaced.ended().await.code(), Some(0), "{}", replaced.err());
        let said = lines(&replaced);
        assert_eq!(said.last().unwrap()["message"], "stopped cleanly");
        assert!(!said.iter().any(|line| line["level"] == "ERROR"));
        // Nobody holds what it held.
        let left =
            "select count(*) from mandated.jobs where lease_until < now() + interval '5 seconds'";
        assert_eq!(scalar::<i64>(&installation.database.pool, left).await, 0);
        // And the others go on.
        until_charged(
            &installation,
            (done + 1).min(i64::try_from(PAYERS).unwrap()),
        )
        .await;
        done = charged(&installation).await;
    }
    until_charged(&installation, i64::try_from(PAYERS).unwrap()).await;
    for daemon in &mut daemons {
        daemon.signal(Signal::TERM);
        assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
    }
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for request in provider.received_requests().await.unwrap() {
        if request.url.path() == "/txns" {
            *calls.entry(ordered(&request.body)).or_default() += 1;
        }
    }
    assert_eq!(calls.len(), PAYERS);
    let twice: Vec<_> = calls.iter().filter(|(_, times)| **times > 1).collect();
    assert_eq!(twice, [], "debited twice");
    let workers: i64 = scalar(
        &installation.database.pool,
        "select count(distinct worker_id) from mandated.attempts where call = 'execute'",
    )
    .await;
    assert!(workers > 3, "the new ones worked too: {workers}");
    execute(&installation.database.pool, "analyze").await;
    installation.works(&["audit"]);
}
