//! "A daemon of your own, against the sandbox", as it stands in the README: typed by a machine.

use std::path::Path;
use std::process::Command;

use lab::postgres::PrivatePostgres;
use sqlx::{Connection, PgConnection, raw_sql};

use super::read;
use crate::support::process::{Process, lab_program};
use crate::support::running::until;

const HEADING: &str = "\n## A daemon of your own, against the sandbox\n";

/// The three terminals of the first block.
fn terminals() -> [String; 3] {
    let readme = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let (_, section) = readme.split_once(HEADING).unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    let (first, rest) = block.split_once("\n# 2. ").unwrap();
    let (second, third) = rest.split_once("\n# 3. ").unwrap();
    [first, second, third].map(|part| format!("set -e\n# {part}\n"))
}

/// A shell in a folder, with both programs and a database's server where it looks for them.
fn shell(script: &str, folder: &Path, port: u16) -> Command {
    let program = lab_program();
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut command = Command::new("bash");
    command
        .args(["-c", script])
        .current_dir(folder)
        .env_clear()
        .envs([("PATH", path.as_str()), ("PGHOST", "127.0.0.1")])
        .env("PGPORT", port.to_string());
    command
}

#[tokio::test]
async fn a_newcomer_comes_to_the_end_of_it_with_everything_collected() {
    let [database, sandbox, daemon] = terminals();
    let postgres = PrivatePostgres::start(false).unwrap();
    // Whoever reads the README has a role of his own name.
    let mut superuser = PgConnection::connect(&postgres.url("postgres"))
        .await
        .unwrap();
    let me = Command::new("whoami").output().unwrap();
    let me = String::from_utf8(me.stdout).unwrap();
    let role = format!("create role \"{}\" superuser login", me.trim());
    raw_sql(sqlx::AssertSqlSafe(role))
        .execute(&mut superuser)
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let typed = |script: &str| shell(script, folder.path(), postgres.port());

    let made = typed(&database).output().unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let providers = Process::start(typed(
        &format!("{sandbox}\n").replace("\nmandated-lab", "\nexec mandated-lab"),
    ));
    until("the sandbox listens", async || {
        providers.out().contains("GET /sandbox/ledger")
    })
    .await;
    let lived = typed(&daemon).output().unwrap();
    let (out, err) = (
        String::from_utf8(lived.stdout).unwrap(),
        String::from_utf8(lived.stderr).unwrap(),
    );
    assert!(lived.status.success(), "{out}\n{err}");
    assert!(out.contains("Every guarantee holds."), "{out}");
    // The other one has its cycle on the day after these two weeks.
    for reference in ["gym-1001", "ott-2002", "sip-4004"] {
        let listed = out
            .lines()
            .find(|line| line.contains(reference) && line.contains("charged"));
        assert!(
            listed.is_some(),
            "nothing of {reference} was collected:\n{out}"
        );
    }
    assert!(!out.contains("\"ERROR\""), "{out}");
}
