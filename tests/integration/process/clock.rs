//! A simulated clock: every command follows it, and a daemon on it waits for its database like any other.

use lab::postgres::PrivatePostgres;

use crate::support::due::{column, scalar};
use crate::support::process::Installation;
use crate::support::running::until;
use crate::support::scenario::{Flow, Scenario};

const BY: [&str; 4] = ["--by", "asha", "--reason", "said so"];

/// What each command has written is of the year 2040.
#[tokio::test(flavor = "multi_thread")]
async fn every_command_follows_the_configured_clock() {
    let mut installation =
        Installation::open(&Scenario::of("a", Flow::UpiSeparate).in_2040()).await;
    installation.prepare();
    let now = "2040-02-03T12:00:00+05:30";
    installation.set("MANDATED__CLOCK__START", now);
    installation.set("MANDATED__CLOCK__END", "2040-02-03T12:00:01+05:30");
    let added = installation.works(&["executions", "add", "a", "--cycle", "2040-02-05"]);
    // By the machine's clock it would be notified in the night before.
    assert!(added.contains("next: notify at 2040-02-0"), "{added}");
    for command in [
        ["accounts", "pause", "juspay_main"],
        ["accounts", "resume", "juspay_main"],
        ["rails", "pause", "upi"],
        ["rails", "resume", "upi"],
        ["mandates", "pause", "a"],
        ["mandates", "resume", "a"],
        ["executions", "skip", "1"],
    ] {
        installation.works(&[&command[..], &BY].concat());
    }
    let times: Vec<String> = column(
        &installation.database.pool,
        "select distinct to_char(at at time zone 'Asia/Kolkata', 'YYYY-MM-DD HH24:MI:SS') from mandated.operator_requests",
    )
    .await;
    assert_eq!(times, ["2040-02-03 12:00:00"]);
    installation.set("MANDATED__CLOCK__START", "2040-03-02T00:00:00+05:30");
    installation.forget("MANDATED__CLOCK__END");
    let late = installation.output(&["executions", "add", "a", "--cycle", "2040-02-05"]);
    let late = String::from_utf8(late.stderr).unwrap();
    assert!(
        late.contains("the cycle closed at 2040-03-01 00:00"),
        "{late}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_on_a_simulated_clock_waits_for_its_database() {
    let mut postgres = PrivatePostgres::start(true).unwrap();
    let payers = Scenario::many(160, Flow::UpiExempt).in_2040();
    let mut installation = Installation::open(&payers).await;
    installation.set("MANDATED__DATABASE__URL", &postgres.url("postgres"));
    for (key, value) in [
        ("DATABASE__STATEMENT_TIMEOUT", "5s"),
        ("WORKER__DRAIN_TIMEOUT", "10s"),
        ("WORKER__LEASE", "15s"),
        ("ACCOUNTS__JUSPAY_MAIN__TIMEOUT", "2s"),
        ("ACCOUNTS__SIGNZY_MAIN__TIMEOUT", "2s"),
    ] {
        installation.set(&format!("MANDATED__{key}"), value);
    }
    installation.set("MANDATED__CLOCK__END", "2040-02-09T00:00:00+05:30");
    installation.prepare();
    let mut daemon = installation.run();
    let url = postgres.url("postgres");
    let pool = sqlx::PgPool::connect(&url).await.unwrap().into();
    until("debits are under way", async || {
        scalar::<i64>(
            &pool,
            "select count(*) from mandated.executions where state <> 'planned'",
        )
        .await
            > 0
    })
    .await;
    tokio::task::block_in_place(|| postgres.stop_hard().unwrap());
    until("the daemon says so", async || {
        daemon
            .out()
            .contains("database failure, the daemon tries again")
    })
    .await;
    tokio::task::block_in_place(|| postgres.restart().unwrap());
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
    installation.works(&["audit"]);
    let pool = sqlx::PgPool::connect(&url).await.unwrap().into();
    let charged = "select count(*) from mandated.executions where state = 'charged'";
    assert_eq!(scalar::<i64>(&pool, charged).await, 160);
}
