//! Bodies that lie about their length, or have no end: over a real connection, for the client's reader is the one that must stop.

use mandated::domain::Outcome;
use mandated::domain::outcome::CallFailure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::juspay::support::{client, look_up, settings};

const CHARGED: &str = r#"{"status":"CHARGED","order_id":"12345","amount":300}"#;

/// What a look-up comes to when a server answers with these bytes, and `endless` over and over behind them.
async fn heard(head: String, endless: &'static [u8]) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        answer(&mut stream, &head, endless).await
    });
    let reply = look_up(&client(settings(&url)), "12345").await;
    let sent = server.await.unwrap();
    // What the sockets hold is sent and never read.
    assert!(sent < 16 * 1024 * 1024, "{sent} bytes were taken");
    reply.outcome
}

/// Writes until the client has had enough; how much that was.
async fn answer(stream: &mut TcpStream, head: &str, endless: &[u8]) -> usize {
    let mut sent = head.len();
    if stream.write_all(head.as_bytes()).await.is_err() || endless.is_empty() {
        return sent;
    }
    while stream.write_all(endless).await.is_ok() {
        sent += endless.len();
    }
    sent
}

fn is_unknown(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Call(CallFailure::Unknown { .. }))
}

#[tokio::test]
async fn a_body_without_an_end_is_left_after_a_mebibyte() {
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    let chunk = b"10\r\n                \r\n";
    assert!(is_unknown(&heard(head, chunk).await));
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: 9000000000\r\n\r\n{CHARGED}");
    assert!(is_unknown(&heard(head, b"                ").await));
    let head = format!("HTTP/1.1 200 OK\r\n\r\n{CHARGED}");
    assert!(is_unknown(&heard(head, b"                ").await));
}

#[tokio::test]
async fn a_body_that_is_longer_or_shorter_than_it_says_proves_nothing() {
    for length in [CHARGED.len() + 1, CHARGED.len() - 1, 0] {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{CHARGED}"
        );
        assert!(is_unknown(&heard(head, b"").await), "{length}");
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{CHARGED}",
        CHARGED.len()
    );
    assert!(matches!(heard(head, b"").await, Outcome::Charged { .. }));
}

#[tokio::test]
async fn a_body_in_a_coding_that_was_not_asked_for_proves_nothing() {
    let packed = "\u{1f}\u{8b}\u{8}";
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{packed}",
        packed.len()
    );
    assert!(is_unknown(&heard(head, b"").await));
}
