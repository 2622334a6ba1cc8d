//! The listener: `/healthz` says that the process is up, `/readyz` that it does its work, `/metrics` what the last heartbeat said.
//!
//! Writes nothing and asks nobody: the engine says how it is, and the listener repeats it. `connections` says how much of the process
//! a stranger may take.

mod connections;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::Listen;

/// How the engine is. It starts as `NotReady("starting")`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    Ready,
    /// As long as the next word comes by then.
    ReadyUntil(Instant),
    /// Why not, in a few words that may be shown to anyone.
    NotReady(String),
}

/// The engine's end and the listener's end.
pub fn readiness() -> (watch::Sender<Readiness>, watch::Receiver<Readiness>) {
    watch::channel(Readiness::NotReady("starting".to_owned()))
}

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("listen on {address} (listen.address)")]
    Bind {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("serve /healthz and /readyz")]
    Serve(#[source] std::io::Error),
}

/// The listener, bound: a port that is taken stops the daemon before it starts to work.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    token: Option<SecretString>,
}

impl Listener {
    pub async fn bind(listen: &Listen) -> Result<Self, ListenError> {
        let address = listen.address;
        let socket = TcpListener::bind(address)
            .await
            .map_err(|source| ListenError::Bind { address, source })?;
        Ok(Self {
            socket,
            token: listen.token.clone(),
        })
    }

    /// Where it listens; differs from the configuration where that says port 0.
    pub fn address(&self) -> Result<SocketAddr, ListenError> {
        self.socket.local_addr().map_err(ListenError::Serve)
    }

    /// Answers until `stop` is cancelled.
    pub async fn serve(
        self,
        readiness: watch::Receiver<Readiness>,
        metrics: PrometheusHandle,
        stop: CancellationToken,
    ) -> Result<(), ListenError> {
        let guarded = Router::new()
            .route("/readyz", get(readyz))
            .with_state(readiness)
            .route("/metrics", get(exposition))
            .with_state(metrics)
            .layer(middleware::from_fn_with_state(
                self.token.map(Arc::new),
                require_token,
            ));
        let router = Router::new()
            .route("/healthz", get(|| async { "up\n" }))
            .merge(guarded);
        connections::serve(self.socket, router, &stop).await;
        Ok(())
    }
}

async fn readyz(State(readiness): State<watch::Receiver<Readiness>>) -> Response {
    let why = match readiness.borrow().clone() {
        Readiness::Ready => return "ready\n".into_response(),
        Readiness::ReadyUntil(until) if Instant::now() < until => return "ready\n".into_response(),
        Readiness::ReadyUntil(_) => "the heartbeat has stopped".to_owned(),
        Readiness::NotReady(why) => why,
    };
    (
        StatusCode::SERVICE_UNAVAILABLE,
        format!("not ready: {why}\n"),
    )
        .into_response()
}

async fn exposition(State(metrics): State<PrometheusHandle>) -> Response {
    let kind = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, metrics.render()).into_response()
}

async fn require_token(
    State(token): State<Option<Arc<SecretString>>>,
    request: Request,
    next: Next,
) -> Response {
    let given = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    match token {
        Some(token)
            if !given.is_some_and(|given| same(given, token.expose_secret().as_bytes())) =>
        {
            (
                StatusCode::UNAUTHORIZED,
                "the bearer token of listen.token_file is wanted\n",
            )
                .into_response()
        }
        Some(_) | None => next.run(request).await,
    }
}

/// Compares in a time that does not depend on where the first difference is.
fn same(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len()
        && left
            .iter()
            .zip(right)
            .fold(0, |difference, (a, b)| difference | (a ^ b))
            == 0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use metrics_exporter_prometheus::PrometheusBuilder;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::task::JoinSet;

    use super::*;

    fn nothing() -> PrometheusHandle {
        PrometheusBuilder::new().build_recorder().handle()
    }

    struct Served {
        address: SocketAddr,
        engine: watch::Sender<Readiness>,
        stop: CancellationToken,
        task: JoinSet<Result<(), ListenError>>,
    }

    async fn serve(token: Option<&str>) -> Served {
        let address = "127.0.0.1:0".parse().unwrap();
        let listener = Listener::bind(&Listen {
            address,
            token: token.map(Into::into),
        })
        .await
        .unwrap();
        let (address, stop) = (listener.address().unwrap(), CancellationToken::new());
        let (engine, seen) = readiness();
        let mut task = JoinSet::new();
        task.spawn(listener.serve(seen, nothing(), stop.clone()));
        Served {
            address,
            engine,
            stop,
            task,
        }
    }

    /// The status and the body.
    async fn get(served: &Served, path: &str, header: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (
            head.split(' ').nth(1).unwrap().parse().unwrap(),
            body.trim().to_owned(),
        )
    }

    #[tokio::test]
    async fn the_engine_says_when_it_is_ready() {
        let mut served = serve(None).await;
        assert_eq!(get(&served, "/healthz", "").await, (200, "up".to_owned()));
        assert_eq!(
            get(&served, "/readyz", "").await,
            (503, "not ready: starting".to_owned())
        );
        let in_a_minute = Instant::now().checked_add(Duration::from_mins(1)).unwrap();
        for (said, answer) in [
            (Readiness::Ready, (200, "ready")),
            (Readiness::ReadyUntil(in_a_minute), (200, "ready")),
            (
                Readiness::ReadyUntil(Instant::now()),
                (503, "not ready: the heartbeat has stopped"),
            ),
        ] {
            served.engine.send(said).unwrap();
            let (status, words) = answer;
            assert_eq!(
                get(&served, "/readyz", "").await,
                (status, words.to_owned())
            );
        }
        assert_eq!(get(&served, "/", "").await.0, 404);
        served.stop.cancel();
        served.task.join_next().await.unwrap().unwrap().unwrap();
    }

    #[tokio::test]
    async fn with_a_token_only_healthz_is_open() {
        let served = serve(Some("t0ken")).await;
        served.engine.send(Readiness::Ready).unwrap();
        assert_eq!(get(&served, "/healthz", "").await.0, 200);
        assert_eq!(get(&served, "/readyz", "").await.0, 401);
        assert_eq!(get(&served, "/metrics", "").await.0, 401);
        assert_eq!(
            get(&served, "/readyz", "authorization: Bearer t0keX\r\n")
                .await
                .0,
            401
        );
        assert_eq!(
            get(&served, "/readyz", "authorization: Bearer t0ken\r\n")
                .await
                .0,
            200
        );
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named() {
        let served = serve(None).await;
        let error = Listener::bind(&Listen {
            address: served.address,
            token: None,
        })
        .await
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("listen on {} (listen.address)", served.address)
        );
        assert!(
            std::error::Error::source(&error)
                .unwrap()
                .to_string()
                .contains("in use"),
            "{error:?}"
        );
    }
}
