//! A clock that is wrong is called that: the daemon says so once, is not ready while it does nothing, and goes on by itself.

use std::net::{SocketAddr, TcpListener};

use serde_json::Value;

use crate::support::due::{execute, scalar};
use crate::support::process::{Installation, Process};
use crate::support::running::until;

/// Whose clock the daemon compares with its own. It shows what the test wants.
const DATABASE_CLOCK: [&str; 3] = [
    "create schema skewed",
    "create table skewed.by (seconds double precision)",
    "create function skewed.clock_timestamp() returns timestamptz language sql volatile as
       'select pg_catalog.clock_timestamp() + make_interval(secs => coalesce((select max(seconds) from skewed.by), 0))'",
];

async fn put_back_by(installation: &Installation, seconds: i32) {
    let pool = &installation.database.pool;
    execute(pool, "delete from skewed.by").await;
    let insert = format!("insert into skewed.by values ({})", -seconds);
    execute(pool, &insert).await;
}

/// Lines that say this.
fn lines(daemon: &Process, words: &str) -> Vec<Value> {
    let out = daemon.out();
    let lines = out.lines().map(|line| serde_json::from_str(line).unwrap());
    lines
        .filter(|line: &Value| line["message"].as_str().unwrap().contains(words))
        .collect()
}

const WARNED: &str = "differ by more than a minute";
const REFUSED: &str = "differ by more than 5 minutes";
const AGREE: &str = "agree again";

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_wrong_is_named_and_nothing_is_said_of_the_database() {
    let mut installation = Installation::at("http://127.0.0.1:9").await;
    let free: SocketAddr = {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        socket.local_addr().unwrap()
    };
    installation.set("MANDATED__LISTEN__ADDRESS", &free.to_string());
    installation.works(&["migrate"]);
    let pool = &installation.database.pool;
    for statement in DATABASE_CLOCK {
        execute(pool, statement).await;
    }
    let name = installation.database.name();
    let path = format!("alter database {name} set search_path = skewed, pg_catalog, public");
    execute(pool, &path).await;
    let daemon = installation.run();
    let healthy = || {
        let output = installation.output(&["healthcheck"]);
        let said = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), said)
    };
    let doctor = || {
        let output = installation.output(&["doctor", "--offline"]);
        let said = String::from_utf8(output.stdout).unwrap();
        let line = said.lines().find(|line| line.contains(" clock ")).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    until("the daemon is ready", async || healthy().0 == Some(0)).await;
    assert_eq!(doctor(), "ok");

    put_back_by(&installation, 120).await;
    until("it warns", async || !lines(&daemon, WARNED).is_empty()).await;
    assert_eq!(doctor(), "warning");

    put_back_by(&installation, 600).await;
    until("it refuses", async || !lines(&daemon, REFUSED).is_empty()).await;
    until("it is not ready", async || healthy().0 == Some(1)).await;
    let (_, said) = healthy();
    assert!(
        said.contains("503") && said.contains("the clocks of"),
        "{said}"
    );
    assert_eq!(doctor(), "FAILED");

    put_back_by(&installation, 0).await;
    until("they agree", async || !lines(&daemon, AGREE).is_empty()).await;
    until("the daemon is ready", async || healthy().0 == Some(0)).await;

    for (words, level) in [(WARNED, "WARN"), (REFUSED, "ERROR"), (AGREE, "INFO")] {
        let said = lines(&daemon, words);
        assert_eq!(said.len(), 1, "{said:#?}");
        assert_eq!(said[0]["level"], level);
    }
    let skew = lines(&daemon, REFUSED)[0]["skew_ms"].as_i64().unwrap();
    assert!((590_000..=610_000).contains(&skew), "{skew}");
    assert_eq!(lines(&daemon, "database failure"), Vec::<Value>::new());
    let beats: i64 = scalar(pool, "select count(*) from mandated.daemons").await;
    assert_eq!(beats, 1, "it beats again");
}
