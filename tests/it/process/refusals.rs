//! What is wrong is said in one clear line with what to do, an exit code, and nothing half done.

use std::process::Output;

use regex::Regex;

use crate::support::due::execute;
use crate::support::process::Shop;

/// Exit code and standard error, without what differs from run to run.
fn said(shop: &Shop, output: &Output) -> String {
    let err = String::from_utf8(output.stderr.clone()).unwrap();
    let url = shop.database.url();
    let database = url.rsplit('/').next().unwrap();
    let err = err.replace(database, "DATABASE");
    let differs = Regex::new(r" at line \d+| \(os error \d+\)").unwrap();
    let err = differs.replace_all(&err, "");
    format!("exit {}\n{err}", output.status.code().unwrap())
}

/// Commands that need the database, and change it if they get there.
const COMMANDS: [&[&str]; 3] = [&["run"], &["mandates", "list"], &["audit"]];

/// Every command says the same.
fn all_say(shop: &Shop) -> String {
    same(shop, &COMMANDS)
}

fn same(shop: &Shop, commands: &[&[&str]]) -> String {
    let all = commands
        .iter()
        .map(|command| said(shop, &shop.output(command)));
    let all: Vec<_> = all.collect();
    for other in &all {
        assert_eq!(*other, all[0]);
    }
    all[0].clone()
}

#[tokio::test]
async fn an_address_that_is_none() {
    let mut shop = Shop::at("http://127.0.0.1:1").await;
    shop.set(
        "MANDATED__DATABASE__URL",
        "mysql://root:pa55word@127.0.0.1/shop",
    );
    let said = all_say(&shop);
    assert!(!said.contains("pa55word"), "{said}");
    insta::assert_snapshot!(said);
    shop.set(
        "MANDATED__DATABASE__URL",
        "postgres://root:pa55word@127.0.0.1:port/shop",
    );
    let said = all_say(&shop);
    assert!(!said.contains("pa55word"), "{said}");
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn a_database_that_is_down() {
    let mut shop = Shop::at("http://127.0.0.1:1").await;
    shop.set(
        "MANDATED__DATABASE__URL",
        "postgres://root:pa55word@127.0.0.1:1/shop",
    );
    // The daemon waits: see `trouble::start`.
    let said = same(&shop, &COMMANDS[1..]);
    assert!(!said.contains("pa55word"), "{said}");
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn a_database_that_does_not_exist() {
    let mut shop = Shop::at("http://127.0.0.1:1").await;
    let url = shop.database.url();
    shop.set(
        "MANDATED__DATABASE__URL",
        &format!("{}/nowhere", url.rsplit_once('/').unwrap().0),
    );
    insta::assert_snapshot!(all_say(&shop));
}

#[tokio::test]
async fn a_database_of_another_version() {
    let shop = Shop::at("http://127.0.0.1:1").await;
    let mut all = vec![format!("never migrated: {}", all_say(&shop))];
    shop.works(&["migrate"]);
    let pool = &shop.database.pool;
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
        all.push(format!("{name}: {}", all_say(&shop)));
        execute(pool, back).await;
    }
    insta::assert_snapshot!(all.join("\n"));
    shop.works(&["audit"]);
}

#[tokio::test]
async fn a_port_that_is_taken() {
    let mut shop = Shop::at("http://127.0.0.1:1").await;
    shop.works(&["migrate"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    shop.set("MANDATED__LISTEN__ADDRESS", &address);
    let said = said(&shop, &shop.output(&["run"])).replace(&address, "ADDRESS");
    insta::assert_snapshot!(said);
}

#[tokio::test]
async fn a_configuration_that_cannot_work() {
    let mut shop = Shop::at("http://127.0.0.1:1").await;
    shop.works(&["migrate"]);
    shop.set("MANDATED__WORKER__LEASE", "30s");
    shop.set("MANDATED__ACCOUNTS__JUSPAY_MAIN__TPZ", "5");
    shop.set("MANDATED__CLOCK__START", "2027-01-01T00:00:00Z");
    insta::assert_snapshot!(all_say(&shop));
}

#[tokio::test]
async fn a_simulated_clock_with_a_provider_that_is_not_on_this_machine() {
    let mut shop = Shop::at("https://api.juspay.in").await;
    shop.set("MANDATED__CLOCK__MODE", "simulated");
    shop.set("MANDATED__CLOCK__START", "2027-01-01T00:00:00Z");
    insta::assert_snapshot!(all_say(&shop));
}
