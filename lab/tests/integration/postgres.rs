//! The private Postgres: it starts anywhere, keeps what was committed, and leaves nothing behind.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lab::postgres::PrivatePostgres;
use sqlx::{AssertSqlSafe, Connection, PgConnection, query, query_scalar};

const SCRIPT: &str = include_str!("../../src/postgres/postgres.sh");

async fn scalar(postgres: &PrivatePostgres, database: &str, sql: &str) -> String {
    let mut connection = PgConnection::connect(&postgres.url(database))
        .await
        .unwrap();
    query_scalar(AssertSqlSafe(sql))
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn fsync_is_what_the_caller_chose_and_commits_always_reach_the_operating_system() {
    for (fsync, setting) in [(true, "on"), (false, "off")] {
        let postgres = PrivatePostgres::start(fsync).unwrap();
        assert_eq!(scalar(&postgres, "postgres", "show fsync").await, setting);
        assert_eq!(
            scalar(&postgres, "postgres", "show full_page_writes").await,
            setting
        );
        assert_eq!(
            scalar(&postgres, "postgres", "show synchronous_commit").await,
            "on"
        );
        assert_eq!(
            scalar(&postgres, "postgres", "show listen_addresses").await,
            "127.0.0.1"
        );
    }
}

/// `make demo` and every test can run on such a server: `PRIVATE_POSTGRES_SETTINGS=stock`.
#[tokio::test]
async fn a_stock_server_has_the_settings_that_it_is_installed_with() {
    let postgres = PrivatePostgres::start_stock().unwrap();
    let changed = "select string_agg(name, ' ' order by name) from pg_settings
        where source = 'configuration file' and setting is distinct from boot_val
          and name not in ('DateStyle', 'TimeZone', 'log_timezone', 'default_text_search_config', 'dynamic_shared_memory_type')
          and name !~ '^lc_' and name !~ '^(shared_buffers|max_wal_size|min_wal_size)$'";
    assert_eq!(
        scalar(&postgres, "postgres", changed).await,
        "listen_addresses unix_socket_directories"
    );
    for (setting, value) in [("max_connections", "100"), ("jit", "on"), ("fsync", "on")] {
        let show = format!("select current_setting('{setting}')");
        assert_eq!(scalar(&postgres, "postgres", &show).await, value);
    }
}

#[tokio::test]
async fn a_replica_has_what_its_primary_commits_and_can_take_its_place() {
    let primary = PrivatePostgres::start(false).unwrap();
    let replica = PrivatePostgres::start_replica(&primary).unwrap();
    let recovers = "select pg_is_in_recovery()::text";
    assert_eq!(scalar(&replica, "postgres", recovers).await, "true");
    primary.create_database("shop").await.unwrap();
    let promoted = "select pg_promote()::text";
    let has_it = "select count(*)::text from pg_database where datname = 'shop'";
    while scalar(&replica, "postgres", has_it).await == "0" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    drop(primary);
    assert_eq!(scalar(&replica, "postgres", promoted).await, "true");
    assert_eq!(scalar(&replica, "postgres", recovers).await, "false");
    replica.create_database("after").await.unwrap();
}

#[tokio::test]
async fn two_servers_run_side_by_side_and_leave_no_files() {
    let first = PrivatePostgres::start(false).unwrap();
    let second = PrivatePostgres::start(false).unwrap();
    assert_ne!(first.url("postgres"), second.url("postgres"));
    let folder = scalar(&first, "postgres", "show data_directory").await;
    assert!(Path::new(&folder).exists(), "{folder}");
    drop(first);
    assert!(
        !Path::new(&folder).parent().unwrap().exists(),
        "{folder} is still there"
    );
    scalar(&second, "postgres", "show port").await;
}

#[tokio::test]
async fn what_was_committed_survives_a_crash_and_a_restart() {
    let mut postgres = PrivatePostgres::start(false).unwrap();
    postgres.create_database("shop").await.unwrap();
    let url = postgres.url("shop");
    let mut connection = PgConnection::connect(&url).await.unwrap();
    query("create table kept (word text)")
        .execute(&mut connection)
        .await
        .unwrap();
    query("insert into kept values ('before the crash')")
        .execute(&mut connection)
        .await
        .unwrap();

    postgres.stop_hard().unwrap();
    query("select 1")
        .execute(&mut connection)
        .await
        .expect_err("the server is gone");
    PgConnection::connect(&url)
        .await
        .expect_err("the server is gone");

    postgres.restart().unwrap();
    assert_eq!(postgres.url("shop"), url);
    assert_eq!(
        scalar(&postgres, "shop", "select word from kept").await,
        "before the crash"
    );
    postgres.restart().unwrap();
    assert_eq!(
        scalar(&postgres, "shop", "select word from kept").await,
        "before the crash"
    );
}

#[tokio::test]
async fn a_database_that_exists_is_refused_by_name() {
    let postgres = PrivatePostgres::start(false).unwrap();
    postgres.create_database("twice").await.unwrap();
    let error = postgres.create_database("twice").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "create the database twice in the private Postgres"
    );
}

/// The parent here is a shell that is killed with no chance to tidy up.
#[tokio::test]
async fn it_stops_when_its_parent_is_killed() {
    // The open end of the pipe is in the shell's hands only: `exec` gives it to nobody else.
    let parent = r#"
        dir=$(mktemp -d) && mkfifo "$dir/orders"
        sh -c 'eval "$PRIVATE_POSTGRES_SCRIPT"' postgres serve <"$dir/orders" &
        exec 9>"$dir/orders"
        rm -r "$dir"
        wait"#;
    let mut parent = Command::new("sh")
        .args(["-c", parent])
        .env("PRIVATE_POSTGRES_SCRIPT", SCRIPT)
        .env("PRIVATE_POSTGRES_FSYNC", "off")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answers = BufReader::new(parent.stdout.take().unwrap());
    let mut answer = String::new();
    answers.read_line(&mut answer).unwrap();
    let port = answer.strip_prefix("ready ").expect(&answer).trim();
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let folder: String = query_scalar("show data_directory")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let folder = Path::new(&folder).parent().unwrap();
    assert!(folder.exists());

    parent.kill().unwrap();
    parent.wait().unwrap();
    // The supervisor shares the pipe: its end is the end of the supervisor.
    answers.read_to_end(&mut Vec::new()).unwrap();
    assert!(!folder.exists(), "{} is still there", folder.display());
    PgConnection::connect(&url)
        .await
        .expect_err("the server is gone");
}

/// Runs the script's search in a made-up file system, with only the tools it needs on PATH.
fn find(root: &Path) -> Output {
    let bin = root.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for tool in ["sh", "sed", "dirname", "readlink"] {
        let link = bin.join(tool);
        let path = std::env::var_os("PATH").unwrap();
        let real = std::env::split_paths(&path)
            .map(|folder| folder.join(tool))
            .find(|path| path.exists());
        if !link.exists() {
            std::os::unix::fs::symlink(real.expect(tool), link).unwrap();
        }
    }
    let mut script = SCRIPT.to_owned();
    for place in ["/usr/", "/opt/", "/home/", "/Applications/"] {
        script = script.replace(place, &format!("{}{place}", root.display()));
    }
    Command::new("sh")
        .args(["-c", &script, "postgres", "find"])
        .env("PATH", bin)
        .output()
        .unwrap()
}

/// An `initdb` that only knows its version.
fn install(root: &Path, folder: &str, version: &str) -> PathBuf {
    let folder = root.join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text) in [
        (
            "initdb",
            format!("#!/bin/sh\necho 'initdb (PostgreSQL) {version}'\n"),
        ),
        ("postgres", String::new()),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
        std::fs::set_permissions(folder.join(name), Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

#[test]
fn initdb_is_found_on_path_then_in_the_usual_places_the_newest_first() {
    let root = tempfile::tempdir().unwrap();
    let root = &root.path().canonicalize().unwrap();
    let found = |output: Output| PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    assert_eq!(find(root).status.code(), Some(3), "nothing is installed");
    let old = install(root, "usr/lib/postgresql/9/bin", "9.6.24");
    assert_eq!(found(find(root)), old);
    let new = install(root, "usr/pgsql-17/bin", "17.2");
    install(root, "usr/libexec/postgresql16", "16.11 (Alpine)");
    assert_eq!(found(find(root)), new);
    // A link to it, as a package manager makes them: the server is where the link points.
    let linked = install(root, "elsewhere", "14.1");
    std::os::unix::fs::symlink(linked.join("initdb"), root.join("bin/initdb")).unwrap();
    assert_eq!(found(find(root)), linked);
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let output = Command::new("sh")
        .args(["-c", SCRIPT, "postgres", "serve"])
        .env("PRIVATE_POSTGRES_SCRIPT", SCRIPT)
        .env("PRIVATE_POSTGRES_FSYNC", "perhaps")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains(r#"parameter "fsync" requires a Boolean value"#),
        "{said}"
    );
}
