//! `doctor`: a sound installation passes, and everything that is broken is named with what to do.

use lab::postgres::PrivatePostgres;
use sqlx::{Connection, PgConnection, raw_sql};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::process::Installation;
use crate::support::scenario::{Flow, Scenario};

const ROLES: &str = include_str!("../../deploy/sql/roles.sql");

/// A shop as the README installs it, on a server that keeps what it is told.
struct Installed {
    installation: Installation,
    postgres: PrivatePostgres,
}

impl Installed {
    async fn new() -> Self {
        let postgres = PrivatePostgres::start(true).unwrap();
        let mut installation = Installation::open(&Scenario::of("a", Flow::Enach).in_2040()).await;
        installation.set("MANDATED__DATABASE__URL", &postgres.url("postgres"));
        installation.prepare();
        // Until the cycle is planned, and not debited.
        installation.set("MANDATED__CLOCK__END", "2040-02-05T02:00:00+05:30");
        let mut daemon = installation.run();
        assert!(daemon.ended().await.success(), "{}", daemon.err());
        let installed = Self {
            installation,
            postgres,
        };
        installed.execute(ROLES).await;
        let url = installed.postgres.url("postgres");
        let app = url.replace("postgres@", "mandated_app@");
        let mut installed = installed;
        installed.installation.set("MANDATED__DATABASE__URL", &app);
        installed
    }

    async fn execute(&self, sql: &'static str) {
        let url = self.postgres.url("postgres");
        let mut superuser = PgConnection::connect(&url).await.unwrap();
        raw_sql(sql).execute(&mut superuser).await.unwrap();
    }

    /// The exit code, and the lines with what is not ok.
    fn doctor(&self) -> (Option<i32>, Vec<String>) {
        let output = self.installation.output(&["doctor"]);
        let said = String::from_utf8(output.stdout).unwrap();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let bad = said.lines().filter(|line| !line.starts_with("ok "));
        (output.status.code(), bad.map(words).collect())
    }
}

const NOBODY_RUNS: [&str; 2] = [
    "warning daemons none is running",
    "-> start one: `mandated run`",
];

#[tokio::test]
async fn a_sound_installation_passes() {
    let installed = Installed::new().await;
    let (code, bad) = installed.doctor();
    assert_eq!(bad, NOBODY_RUNS);
    assert_eq!(code, Some(0));
    let json = installed
        .installation
        .works(&["doctor", "--json", "--offline"]);
    let lines: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let about = |line: &serde_json::Value| line["about"].as_str().unwrap().to_owned();
    let looked_at: Vec<String> = lines.iter().map(about).collect();
    assert_eq!(
        looked_at,
        [
            "configuration",
            "failure rules",
            "migrations",
            "clock",
            "database",
            "connections",
            "role mandated_app",
            "partitions",
            "daemons",
            "work"
        ]
    );
}

#[tokio::test]
async fn every_damage_to_the_database_is_found_with_what_to_do() {
    let installed = Installed::new().await;
    for (damage, repair, code, words) in [
        (
            "revoke insert on mandated.jobs from mandated_app",
            "grant insert on mandated.jobs to mandated_app",
            1,
            "FAILED role mandated_app it lacks insert on jobs",
        ),
        (
            "grant update on mandated.attempts to mandated_app",
            "revoke update on mandated.attempts from mandated_app",
            0,
            "warning role mandated_app it can rewrite attempts",
        ),
        (
            "alter database postgres set synchronous_commit = off",
            "alter database postgres reset synchronous_commit",
            1,
            "FAILED database synchronous_commit is off: a crash can lose an intent that was committed before its debit",
        ),
        (
            "alter database postgres set default_transaction_read_only = on",
            "set transaction read write; alter database postgres reset default_transaction_read_only",
            1,
            "FAILED database it is read-only",
        ),
        (
            "drop table mandated.events_204002",
            "select mandated.make_partitions('2040-02-01Z', 0)",
            0,
            "warning partitions events_204002 are missing",
        ),
        (
            "insert into mandated.events (at, kind, mandate_id, mandate_ref, reason) values ('2001-01-01', 'x', 1, 'a', 'x')",
            "delete from mandated.events_default",
            1,
            "FAILED partitions rows of events are in the default partition, for theirs was not made in time",
        ),
        (
            "update mandated.rails set paused_until = 'infinity', pause_reason = 'said so' where rail = 'upi'",
            "update mandated.rails set paused_until = null, pause_reason = null",
            0,
            "warning work 1 rails are paused",
        ),
        (
            "update mandated.accounts set name = 'renamed' where name = 'juspay_main'",
            "update mandated.accounts set name = 'juspay_main' where name = 'renamed'",
            0,
            "warning account renamed no daemon has it in its configuration, and it has 1 mandates and 1 jobs: their cycles expire",
        ),
        (
            "update mandated.accounts set database = replace(database, 'timeline 00000001', 'timeline 00000007') where name = 'juspay_main'",
            "update mandated.accounts set database = replace(database, 'timeline 00000007', 'timeline 00000001') where name = 'juspay_main'",
            1,
            "-> after a restore, or a fail-over that may have lost commits, run `mandated recover` as deploy/README.md says, \
             \"the database was restored, copied or failed over\"; on a copy leave it as it is. Until then `mandated run` refuses to start",
        ),
        (
            "update mandated.executions set state = 'review', finished_at = now()",
            "update mandated.executions set state = 'planned', finished_at = null",
            0,
            "warning work 1 executions wait for a person",
        ),
        (
            "update mandated.jobs set run_at = '2039-01-01Z', run_before = null",
            "update mandated.jobs set run_at = '2040-02-05Z'",
            1,
            "FAILED daemons none is running, and 1 jobs are due",
        ),
    ] {
        installed.execute(damage).await;
        let (found, bad) = installed.doctor();
        assert!(bad.iter().any(|line| line == words), "{damage}: {bad:#?}");
        assert_eq!(found, Some(code), "{damage}");
        installed.execute(repair).await;
        let (found, bad) = installed.doctor();
        assert_eq!(
            (found, &*bad),
            (Some(0), &NOBODY_RUNS.map(str::to_owned)[..]),
            "{repair}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_reached_or_read_is_named_and_the_rest_is_looked_at_all_the_same() {
    let mut installed = Installed::new().await;
    let key = "MANDATED__ACCOUNTS__JUSPAY_MAIN__API_KEY";
    let right = installed.installation.get(key);
    installed.installation.set(key, "a-wrong-key");
    let (code, bad) = installed.doctor();
    assert_eq!(code, Some(1));
    assert!(bad[0].starts_with("FAILED account juspay_main"), "{bad:#?}");
    assert!(bad[0].contains("credentials are refused"), "{bad:#?}");
    assert!(!bad.iter().any(|line| line.contains("signzy")), "{bad:#?}");
    installed.installation.set(key, &right);

    let url = "MANDATED__ACCOUNTS__SIGNZY_MAIN__BASE_URL";
    let right = installed.installation.get(url);
    installed
        .installation
        .set(url, "http://127.0.0.1:1/api/v3/eNach");
    let (code, bad) = installed.doctor();
    assert_eq!(code, Some(1));
    assert!(
        bad[0].contains("nothing was sent: could not connect"),
        "{bad:#?}"
    );
    // Something answers there, and it is not the provider: it has not looked at the key.
    let elsewhere = MockServer::start().await;
    let page = ResponseTemplate::new(404).set_body_raw("<html>not here</html>", "text/html");
    Mock::given(any())
        .respond_with(page)
        .mount(&elsewhere)
        .await;
    installed.installation.set(url, &elsewhere.uri());
    let (code, bad) = installed.doctor();
    assert_eq!(code, Some(1));
    assert!(bad[0].contains("the address is wrong"), "{bad:#?}");
    installed.installation.set(url, &right);

    installed
        .installation
        .set("MANDATED__FAILURES__FILE", "/nowhere/failures.toml");
    let (code, bad) = installed.doctor();
    assert_eq!(code, Some(1));
    assert!(bad[0].starts_with("FAILED failure rules"), "{bad:#?}");
    installed.installation.forget("MANDATED__FAILURES__FILE");

    installed
        .execute("delete from mandated._sqlx_migrations where version = (select max(version) from mandated._sqlx_migrations)")
        .await;
    let (code, bad) = installed.doctor();
    assert_eq!(code, Some(1));
    assert!(bad[0].starts_with("FAILED migrations"), "{bad:#?}");

    installed.postgres.stop_hard().unwrap();
    let (code, bad) = installed.doctor();
    assert_eq!(code, Some(1));
    assert!(bad[0].starts_with("FAILED database"), "{bad:#?}");
    assert!(bad.len() == 2, "{bad:#?}");
}
