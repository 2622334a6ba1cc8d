//! What a stranger without a token can take of the process: nearly nothing, and never its health.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::process::{Installation, Process};
use crate::support::running::until;

/// Connections that send half a request and wait, where the machine lets a test have so many.
const CONNECTIONS: u64 = 10_000;
/// Fewer would prove nothing.
const FEWEST: u64 = 2_000;

/// Nobody else listens there: the system has just given it away for the first time.
fn free() -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap()
}

/// As many as the machine allows this test, beside its own files.
fn as_many_as_allowed() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let files = limit.maximum.unwrap_or(u64::MAX);
    let many = files.saturating_sub(1_000).min(CONNECTIONS);
    assert!(
        many >= FEWEST,
        "`ulimit -Hn` is {files}: too few to prove anything"
    );
    usize::try_from(many).unwrap()
}

/// How long `/healthz` takes to say that the process is up.
fn healthz(address: SocketAddr) -> Option<Duration> {
    let began = Instant::now();
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5)).ok()?;
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.starts_with("HTTP/1.1 200").then(|| began.elapsed())
}

/// Resident memory in kilobytes.
fn memory(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

/// A request that does not end. What the daemon does not want of it is nobody's business.
fn half_a_request(address: SocketAddr, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10)).unwrap();
    stream.set_nonblocking(true).unwrap();
    let mut head = b"GET /healthz HTTP/1.1\r\nx: ".to_vec();
    head.resize(bytes, b'a');
    drop(stream.write(&head));
    stream
}

async fn listening(
    command: impl FnOnce(&mut Installation) -> Command,
) -> (Process, SocketAddr, Installation) {
    let mut installation = Installation::at("http://127.0.0.1:9").await;
    installation.works(&["migrate"]);
    let address = free();
    installation.set("MANDATED__LISTEN__ADDRESS", &address.to_string());
    let process = Process::start(command(&mut installation));
    until("the daemon listens", async || healthz(address).is_some()).await;
    until("the daemon works", async || {
        process.out().contains(r#""message":"running""#)
    })
    .await;
    (process, address, installation)
}

#[tokio::test]
async fn thousands_of_half_requests_take_neither_memory_nor_the_health() {
    let many = as_many_as_allowed();
    let (process, address, _installation) =
        listening(|installation| installation.command(&["run"])).await;
    let idle = memory(&process);
    let mut held = Vec::new();
    let (mut most, mut slowest) = (idle, Duration::ZERO);
    for n in 0..many {
        // Every tenth only connects; the others leave as much as a socket takes.
        held.push(if n % 10 == 0 {
            TcpStream::connect_timeout(&address, Duration::from_secs(10)).unwrap()
        } else {
            half_a_request(address, 400_000)
        });
        if n % 500 == 499 {
            slowest = slowest.max(healthz(address).expect("it says that it is up"));
            most = most.max(memory(&process));
        }
    }
    slowest = slowest.max(healthz(address).expect("it says that it is up"));
    most = most.max(memory(&process));
    let figures =
        format!("{many} connections: {idle} kB idle, {most} kB at most, /healthz {slowest:?}");
    println!("{figures}");
    assert!(most - idle < 32 * 1024, "{figures}");
    assert!(slowest < Duration::from_secs(1), "{figures}");
}

#[tokio::test]
async fn with_few_files_half_requests_do_not_take_the_last_one() {
    let (process, address, _installation) = listening(|installation| {
        let run = installation.command(&["run"]);
        let mut shell = Command::new("/bin/sh");
        shell
            .env_clear()
            .envs(installation.environment())
            .args(["-c", "ulimit -n 128; exec \"$0\" run"])
            .arg(run.get_program());
        shell
    })
    .await;
    let held: Vec<TcpStream> = (0..236).map(|_| half_a_request(address, 100)).collect();
    let took = healthz(address).expect("it says that it is up");
    assert!(took < Duration::from_secs(1), "{took:?}");
    let out = process.out();
    assert!(!out.contains("Too many open files"), "{out}");
    drop(held);
}

#[tokio::test]
async fn a_head_that_is_too_long_or_too_slow_ends_its_connection() {
    let (_process, address, _installation) =
        listening(|installation| installation.command(&["run"])).await;
    let mut long = half_a_request(address, 100_000);
    let mut slow = half_a_request(address, 100);
    for (stream, within) in [(&mut long, 2), (&mut slow, 8)] {
        stream.set_nonblocking(false).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(within)))
            .unwrap();
        let mut answer = Vec::new();
        // Closed, or reset with what it had not read: either way before the wait is over.
        if let Err(error) = stream.read_to_end(&mut answer) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
        }
    }
}
