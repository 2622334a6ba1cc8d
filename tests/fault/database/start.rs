//! A daemon that starts before its database.

use std::time::Duration;

use rustix::process::Signal;
use tokio::net::UnixDatagram;

use crate::support::process::{Installation, Process};
use crate::support::running::until;
use crate::support::wire::{Mode, Wire};

/// Several heartbeats.
const PATIENCE: Duration = Duration::from_secs(45);

/// A shop whose database is behind a wire, and a port for its health.
async fn installation() -> (Installation, Wire) {
    let mut installation = Installation::at("http://127.0.0.1:1").await;
    installation.works(&["migrate"]);
    let wire = Wire::to(&installation.database.url()).await;
    installation.set(
        "MANDATED__DATABASE__URL",
        &wire.url(&installation.database.url()),
    );
    installation.set("MANDATED__DATABASE__CONNECT_TIMEOUT", "200ms");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    installation.set("MANDATED__LISTEN__ADDRESS", &address);
    (installation, wire)
}

fn logged(daemon: &Process) -> usize {
    daemon.out().matches("database failure, the").count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_waits_for_a_database_that_is_not_up_yet_and_is_not_ready_before() {
    let (installation, wire) = installation().await;
    wire.set(Mode::Refused);
    let mut daemon = installation.run();
    until("it says so", async || logged(&daemon) == 1).await;
    assert_eq!(installation.output(&["healthcheck"]).status.code(), Some(1));
    wire.set(Mode::Forward);
    until("it is ready", async || {
        installation.output(&["healthcheck"]).status.success()
    })
    .await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
    assert_eq!(logged(&daemon), 1, "{}", daemon.out());
    assert!(daemon.out().contains("the database failure is over"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_waits_for_its_database_can_be_stopped() {
    let (installation, wire) = installation().await;
    wire.set(Mode::Refused);
    let mut daemon = installation.run();
    until("it says so", async || logged(&daemon) == 1).await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
}

/// The role is not there, and no time will bring it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_the_database_refuses_ends_at_once() {
    let (mut installation, _wire) = installation().await;
    let url = installation.database.url().replace("postgres@", "nobody@");
    installation.set("MANDATED__DATABASE__URL", &url);
    let output = installation.output(&["run"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("nobody"), "{said}");
}

/// A watchdog that bites while the database is away would drop the answers that are kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_manager_hears_that_a_daemon_lives_that_waits_for_its_database() {
    let (mut installation, wire) = installation().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    installation.set("NOTIFY_SOCKET", &path.display().to_string());
    wire.set(Mode::Refused);
    let mut daemon = installation.run();
    let mut heard = String::new();
    let mut hears = async |what: &str| {
        let mut buffer = [0; 4096];
        while !heard.contains(what) {
            let length = tokio::time::timeout(PATIENCE, manager.recv(&mut buffer));
            let length = length.await.expect("it is heard of").unwrap();
            heard.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
        heard.clear();
    };
    hears("EXTEND_TIMEOUT_USEC=").await;
    wire.set(Mode::Forward);
    hears("READY=1").await;
    hears("WATCHDOG=1").await;
    let before = logged(&daemon);
    wire.set(Mode::Refused);
    until("the database is away", async || logged(&daemon) > before).await;
    hears("WATCHDOG=1").await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
}
