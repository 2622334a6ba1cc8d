//! An account moves money only where it was first used: another provider, clock or database is refused.

use std::process::Output;

use lab::postgres::Dump;
use sqlx::AssertSqlSafe;

use crate::support::due::{execute, scalar};
use crate::support::dump::put_back_rows;
use crate::support::process::Installation;
use crate::support::scenario::{Flow, Scenario};

/// Of a provider on this machine that nobody serves: nothing here gets as far as a call.
const NOBODY: &str = "http://127.0.0.1:1";

fn said(output: &Output) -> (Option<i32>, String) {
    let err = String::from_utf8(output.stderr.clone()).unwrap();
    (output.status.code(), err)
}

/// Both accounts are bound, as after a first import.
async fn bound() -> Installation {
    let mut installation = Installation::at(NOBODY).await;
    installation.set("MANDATED__CLOCK__MODE", "simulated");
    installation.set("MANDATED__CLOCK__START", "2040-02-01T00:00:00+05:30");
    installation.set("MANDATED__CLOCK__END", "2040-02-01T00:01:00+05:30");
    let file = installation.mandates();
    std::fs::write(&file, Scenario::of("a", Flow::UpiExempt).file()).unwrap();
    installation.prepare();
    installation
}

/// Another merchant or clock: nothing belongs here.
fn refused(installation: &Installation, both: [&str; 2]) {
    let file = installation.mandates();
    refuses(installation, &["mandates", "import", &file], both);
    moves_no_money(installation, both);
}

/// Another database: nobody is called, and what it lacks may be imported before it is recovered.
fn restored(installation: &Installation, both: [&str; 2]) {
    moves_no_money(installation, both);
    installation.works(&["mandates", "import", &installation.mandates()]);
    moves_no_money(installation, both);
}

fn moves_no_money(installation: &Installation, both: [&str; 2]) {
    let pause = ["mandates", "pause", "a", "--by", "asha", "--reason", "x"];
    for command in [&["run"][..], &pause] {
        refuses(installation, command, both);
    }
    // Looking is allowed.
    installation.works(&["mandates", "list"]);
    installation.works(&["accounts", "list"]);
}

fn refuses(installation: &Installation, command: &[&str], both: [&str; 2]) {
    let (code, error) = said(&installation.output(command));
    assert_eq!(code, Some(78), "{command:?}: {error}");
    for side in both {
        assert!(error.contains(side), "{command:?}: {error}");
    }
    assert!(
        error.contains("mandated accounts rebind"),
        "{command:?}: {error}"
    );
}

fn rebind(installation: &Installation) {
    for account in ["juspay_main", "signzy_main"] {
        let words = [
            "accounts",
            "rebind",
            account,
            "--by",
            "asha",
            "--reason",
            "the staging copy",
        ];
        let text = installation.works(&words);
        assert!(
            text.contains("is bound to this database now; before: "),
            "{text}"
        );
    }
    assert!(installation.output(&["run"]).status.success());
}

#[tokio::test]
async fn another_address_merchant_or_clock_is_refused_until_it_is_rebound() {
    for (key, value, both) in [
        (
            "ACCOUNTS__JUSPAY_MAIN__BASE_URL",
            "http://127.0.0.1:2",
            ["http://127.0.0.1:1 sandbox", "http://127.0.0.1:2 sandbox"],
        ),
        (
            "ACCOUNTS__JUSPAY_MAIN__MERCHANT_ID",
            "other",
            ["127.0.0.1:1 sandbox", "127.0.0.1:1 other"],
        ),
        (
            "CLOCK__MODE",
            "system",
            ["a simulated clock", "the real clock"],
        ),
    ] {
        let mut installation = bound().await;
        let (key, before) = (format!("MANDATED__{key}"), installation.environment());
        installation.set(&key, value);
        if value == "system" {
            installation.set("MANDATED__CLOCK__START", "");
            installation.set("MANDATED__CLOCK__END", "");
        }
        refused(&installation, both);
        for (name, value) in before {
            installation.set(&name, &value);
        }
        assert!(
            installation.output(&["run"]).status.success(),
            "its own is fine"
        );
    }
}

#[tokio::test]
async fn the_same_merchant_in_another_spelling_is_no_other() {
    let mut installation = bound().await;
    installation.set("MANDATED__ACCOUNTS__JUSPAY_MAIN__MERCHANT_ID", "Sandbox");
    for url in [
        "HTTP://127.0.0.1:1//",
        "http://localhost:1/./",
        "http://[::1]:1",
        "http://127.0.0.2:1/%2e",
    ] {
        installation.set("MANDATED__ACCOUNTS__JUSPAY_MAIN__BASE_URL", url);
        assert!(installation.output(&["run"]).status.success(), "{url}");
    }
}

#[tokio::test]
async fn a_copy_of_the_database_moves_no_money_until_it_is_rebound() {
    let mut installation = bound().await;
    let copy = installation.database.twin().await;
    installation.set("MANDATED__DATABASE__URL", &copy.url());
    restored(&installation, ["database ", "table "]);
    rebind(&installation);
    let who: String = scalar(
        &copy.pool,
        "select string_agg(who || ' ' || what, ', ') from mandated.operator_requests",
    )
    .await;
    assert_eq!(who, "asha pause, asha rebind, asha rebind");
}

#[tokio::test]
async fn a_restored_database_moves_no_money_until_it_is_rebound() {
    let installation = bound().await;
    // A restore gives the tables of the same database other numbers.
    let renumber = "create table mandated.restored (like mandated.installation including all);
         insert into mandated.restored select * from mandated.installation;
         drop table mandated.installation;
         alter table mandated.restored rename to installation";
    sqlx::raw_sql(AssertSqlSafe(renumber))
        .execute(&installation.database.pool)
        .await
        .unwrap();
    restored(&installation, ["(table ", "database "]);
    rebind(&installation);
}

/// Every number of the server, the database and the tables is what it was.
#[tokio::test]
async fn rows_that_are_put_back_into_their_own_tables_move_no_money() {
    let installation = bound().await;
    let database = &installation.database;
    let dump = Dump::of(&database.url()).await.unwrap();
    put_back_rows(database, &dump).await;
    restored(&installation, [", row ", "database "]);
    rebind(&installation);
}

#[tokio::test]
async fn a_table_that_is_frozen_or_rewritten_is_the_same() {
    let installation = bound().await;
    for statement in [
        "vacuum (freeze) mandated.installation",
        "vacuum (full, freeze) mandated.installation",
        "vacuum (full, freeze) mandated.accounts",
        "select * from mandated.installation for update",
        "select * from mandated.installation for key share",
    ] {
        execute(&installation.database.pool, statement).await;
        assert!(
            installation.output(&["run"]).status.success(),
            "{statement}"
        );
    }
}

#[tokio::test]
async fn a_timeline_that_no_daemon_has_followed_is_refused_whatever_is_promised() {
    let mut installation = bound().await;
    let before = "update mandated.accounts set database = regexp_replace(database, 'timeline .*', 'timeline 0000FFFF')";
    execute(&installation.database.pool, before).await;
    restored(&installation, ["timeline 0000FFFF", "timeline 00000001"]);
    // A base backup that was restored looks the same as a replica that has taken over.
    installation.set("MANDATED__DATABASE__SYNCHRONOUS_FAILOVER", "true");
    restored(&installation, ["timeline 0000FFFF", "timeline 00000001"]);
    rebind(&installation);
    assert!(installation.output(&["run"]).status.success());
    let other = "update mandated.accounts set database = regexp_replace(database, 'server .*,', 'server 1,')";
    execute(&installation.database.pool, other).await;
    restored(&installation, ["server 1, timeline", "timeline 00000001"]);
}

#[tokio::test]
async fn one_merchant_under_two_names_is_refused_in_the_configuration_and_in_the_schema() {
    let mut installation = bound().await;
    let other = |installation: &mut Installation, key: &str, value: &str| {
        installation.set(&format!("MANDATED__ACCOUNTS__JUSPAY_NEW__{key}"), value);
    };
    other(&mut installation, "PROVIDER", "juspay");
    other(&mut installation, "BASE_URL", "http://127.0.0.1:1/");
    other(&mut installation, "MERCHANT_ID", " SANDBOX ");
    other(&mut installation, "API_KEY", "another-key");
    let (code, error) = said(&installation.output(&["check-config"]));
    assert_eq!(code, Some(78), "{error}");
    assert!(
        error.contains("is the merchant of accounts.juspay_main"),
        "{error}"
    );
    // The same key under another merchant's name.
    other(&mut installation, "MERCHANT_ID", "shop");
    other(&mut installation, "API_KEY", "sandbox-juspay-key");
    let (_, error) = said(&installation.output(&["check-config"]));
    assert!(
        error.contains("is the key of accounts.juspay_main"),
        "{error}"
    );
    // Renamed instead of added: the database knows the merchant under its first name.
    for key in ["PROVIDER", "BASE_URL", "MERCHANT_ID", "API_KEY"] {
        installation.forget(&format!("MANDATED__ACCOUNTS__JUSPAY_MAIN__{key}"));
    }
    installation.forget("MANDATED__ACCOUNTS__JUSPAY_MAIN__TPS");
    other(&mut installation, "MERCHANT_ID", "sandbox");
    let (code, error) = said(&installation.output(&["run"]));
    assert_eq!(code, Some(78), "{error}");
    assert!(
        error.contains("and so is another account of this database"),
        "{error}"
    );
}

/// The dump is older than an account: whatever was sent for it since is forgotten too.
#[tokio::test]
async fn an_account_that_a_restored_database_does_not_know_must_be_recovered() {
    let installation = bound().await;
    let pool = &installation.database.pool;
    let recovering = "select count(*) from mandated.accounts where recovering_since is not null";
    assert_eq!(scalar::<i64>(pool, recovering).await, 0, "a new database");
    execute(
        pool,
        "delete from mandated.accounts where name = 'signzy_main'",
    )
    .await;
    execute(
        pool,
        "update mandated.accounts set database = 'server 1, timeline 00000001'",
    )
    .await;
    installation.works(&["mandates", "import", &installation.mandates()]);
    let names =
        "select string_agg(name, ' ') from mandated.accounts where recovering_since is not null";
    assert_eq!(scalar::<String>(pool, names).await, "signzy_main");
}
