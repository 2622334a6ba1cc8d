//! A daemon that starts before its database.

use std::time::Duration;

use rustix::process::Signal;
use tokio::net::UnixDatagram;

use crate::support::process::{Process, Shop};
use crate::support::running::until;
use crate::support::wire::{Mode, Wire};

/// Several heartbeats.
const PATIENCE: Duration = Duration::from_secs(45);

/// A shop whose database is behind a wire, and a port for its health.
async fn shop() -> (Shop, Wire) {
    let mut shop = Shop::at("http://127.0.0.1:1").await;
    shop.works(&["migrate"]);
    let wire = Wire::to(&shop.database.url()).await;
    shop.set("MANDATED__DATABASE__URL", &wire.url(&shop.database.url()));
    shop.set("MANDATED__DATABASE__CONNECT_TIMEOUT", "200ms");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap().to_string();
    shop.set("MANDATED__LISTEN__ADDRESS", &address);
    (shop, wire)
}

fn told(daemon: &Process) -> usize {
    daemon
        .out()
        .matches("trouble with the database, it")
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_waits_for_a_database_that_is_not_up_yet_and_is_not_ready_before() {
    let (shop, wire) = shop().await;
    wire.set(Mode::Refused);
    let mut daemon = shop.run();
    until("it says so", async || told(&daemon) == 1).await;
    assert_eq!(shop.output(&["healthcheck"]).status.code(), Some(1));
    wire.set(Mode::Open);
    until("it is ready", async || {
        shop.output(&["healthcheck"]).status.success()
    })
    .await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
    assert_eq!(told(&daemon), 1, "{}", daemon.out());
    assert!(
        daemon
            .out()
            .contains("the trouble with the database is over")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_waits_for_its_database_can_be_stopped() {
    let (shop, wire) = shop().await;
    wire.set(Mode::Refused);
    let mut daemon = shop.run();
    until("it says so", async || told(&daemon) == 1).await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
}

/// The role is not there, and no time will bring it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_the_database_refuses_ends_at_once() {
    let (mut shop, _wire) = shop().await;
    let url = shop.database.url().replace("postgres@", "nobody@");
    shop.set("MANDATED__DATABASE__URL", &url);
    let output = shop.output(&["run"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("nobody"), "{said}");
}

/// A watchdog that bites while the database is away would drop the answers that are kept.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_manager_hears_that_a_daemon_lives_that_waits_for_its_database() {
    let (mut shop, wire) = shop().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    shop.set("NOTIFY_SOCKET", &path.display().to_string());
    wire.set(Mode::Refused);
    let mut daemon = shop.run();
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
    wire.set(Mode::Open);
    hears("READY=1").await;
    hears("WATCHDOG=1").await;
    let before = told(&daemon);
    wire.set(Mode::Refused);
    until("the database is away", async || told(&daemon) > before).await;
    hears("WATCHDOG=1").await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await.code(), Some(0), "{}", daemon.err());
}
