//! What is wrong is said in one clear line with what to do, an exit code, and nothing half done.

use std::process::Output;

use regex::Regex;

use crate::support::due::execute;
use crate::support::process::Installation;

/// Exit code and standard error, without what differs from run to run.
fn said(installation: &Installation, output: &Output) -> String {
    let err = String::from_utf8(output.stderr.clone()).unwrap();
    let url = installation.database.url();
    let database = url.rsplit('/').next().unwrap();
    let err = err.replace(database, "DATABASE");
    let differs = Regex::new(r" at line \d+| \(os error \d+\)").unwrap();
    let err = differs.replace_all(&err, "");
    format!("exit {}\n{err}", output.status.code().unwrap())
}

/// Commands that need the database, and change it if they get there.
const COMMANDS: [&[&str]; 3] = [&["run"], &["mandates", "list"], &["audit"]];

/// Every command says the same.
fn all_say(installation: &Installation) -> String {
    same(installation, &COMMANDS)
}

fn same(installation: &Installation, commands: &[&[&str]]) -> String {
    let all = commands
        .iter()
        .map(|command| said(installation, &installation.output(command)));
    let all: Vec<_> = all.collect();
    for other in &all {
        assert_eq!(*other, all[0]);
    }
    all[0].clone()
}

#[tokio::test]
async fn an_address_that_is_none() {
    let mut installation = Installation::at("http://127.0.0.1:1").await;
    installation.set(
        "MANDATED__DATABASE__URL",
        "mysql://root:pa55word@127.0.0.1/shop",
    );
    let said = all_say(&installation);
    assert!(!said.contains("pa55word"), "{said}");
    insta::assert_snapshot!(said);
    installation.set(
        "MANDATED__DATABASE__URL",
        "postgres://root:pa55word@127.0.0.1:port/shop",
    );
    let said = all_say(&installation);
    assert!(!said.contains("pa55word"), "{said}");
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn a_database_that_is_down() {
    let mut installation = Installation::at("http://127.0.0.1:1").await;
    installation.set(
        "MANDATED__DATABASE__URL",
        "postgres://root:pa55word@127.0.0.1:1/shop",
    );
    // The daemon waits: see `database::start`.
    let said = same(&installation, &COMMANDS[1..]);
    assert!(!said.contains("pa55word"), "{said}");
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn a_database_that_does_not_exist() {
    let mut installation = Installation::at("http://127.0.0.1:1").await;
    let url = installation.database.url();
    installation.set(
        "MANDATED__DATABASE__URL",
        &format!("{}/nowhere", url.rsplit_once('/').unwrap().0),
    );
    insta::assert_snapshot!(all_say(&installation));
}

#[tokio::test]
async fn a_database_of_another_version() {
    let installation = Installation::at("http://127.0.0.1:1").await;
    let mut all = vec![format!("never migrated: {}", all_say(&installation))];
    installation.works(&["migrate"]);
    let pool = &installation.database.pool;
    for (name, change, back) in [
        (
            "one behind",
            "create table kept as select * from mandated._sqlx_migrations where version = (select max(version) from mandated._sqlx_migrations);
             delete from mandated._sqlx_migrations m using kept where m.version = kept.version",
            "insert into mandated._sqlx_migrations select * from kept",
        ),
        (
            "one ahead",
            "insert into mandated._sqlx_migrations (version, description, success, checksum, execution_time)
             values (29990101000000, 'of the future', true, '', 0)",
            "delete from mandated._sqlx_migrations where version = 29990101000000",
        ),
        (
            "changed afterwards",
            "update mandated._sqlx_migrations set checksum = '\\x00' || checksum where version = 20261120090000",
            "update mandated._sqlx_migrations set checksum = substr(checksum, 2) where version = 20261120090000",
        ),
    ] {
        for statement in change.split(';') {
            execute(pool, statement).await;
        }
        all.push(format!("{name}: {}", all_say(&installation)));
        execute(pool, back).await;
    }
    insta::assert_snapshot!(all.join("\n"));
    installation.works(&["audit"]);
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let mut installation = Installation::at("http://127.0.0.1:1").await;
    installation.works(&["migrate"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    installation.set("MANDATED__LISTEN__ADDRESS", &address);
    let said = said(&installation, &installation.output(&["run"])).replace(&address, "ADDRESS");
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn a_configuration_that_cannot_work() {
    let mut installation = Installation::at("http://127.0.0.1:1").await;
    installation.works(&["migrate"]);
    installation.set("MANDATED__WORKER__LEASE", "30s");
    installation.set("MANDATED__ACCOUNTS__JUSPAY_MAIN__TPZ", "5");
    installation.set("MANDATED__CLOCK__START", "2027-01-01T00:00:00Z");
    insta::assert_snapshot!(all_say(&installation));
}

#[tokio::test]
async fn a_simulated_clock_with_a_provider_that_is_not_on_this_machine() {
    let mut installation = Installation::at("https://api.juspay.in").await;
    installation.set("MANDATED__CLOCK__MODE", "simulated");
    installation.set("MANDATED__CLOCK__START", "2027-01-01T00:00:00Z");
    insta::assert_snapshot!(all_say(&installation));
}
