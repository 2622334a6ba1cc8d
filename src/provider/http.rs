//! The one way out: timeouts, no redirects, a size limit, the account's pace, and the table of what a transport
//! result proves.

use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use reqwest::header::{DATE, HeaderName, RETRY_AFTER};
use reqwest::{Request, RequestBuilder, Response};

use super::call_limiter::CallLimiter;
use super::retry_after::{date, retry_after};
use super::{AccountSettings, Answered, request_id};
use crate::domain::Timestamp;
use crate::domain::backoff::in_process_delays;
use crate::domain::outcome::CallFailure;
use crate::failpoint::around;

/// No documented answer is larger than a few KiB.
const MAX_BODY: usize = 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("build the HTTP client of account {account}: check this machine's CA certificates")]
    Client {
        account: String,
        #[source]
        source: reqwest::Error,
    },
}

/// What came of sending, and how long it took.
#[derive(Debug)]
pub struct Sent {
    pub result: Result<Answered, CallFailure>,
    pub latency: Duration,
}

#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    limiter: Arc<CallLimiter>,
    simulated: bool,
}

impl Http {
    pub fn new(settings: &AccountSettings, simulated: bool) -> Result<Self, BuildError> {
        install_tls();
        // Below the timeout of the whole call, so that a connection that never came about is told apart.
        let connect_timeout = settings
            .timeout
            .checked_div(2)
            .unwrap_or_default()
            .min(Duration::from_secs(10));
        let client = reqwest::Client::builder()
            .user_agent(concat!("mandated/", env!("CARGO_PKG_VERSION")))
            .timeout(settings.timeout)
            .connect_timeout(connect_timeout)
            // A redirected POST would be a second request to somewhere nobody configured.
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(256)
            .build()
            .map_err(|source| BuildError::Client {
                account: settings.name.clone(),
                source,
            })?;
        Ok(Self {
            client,
            limiter: Arc::new(CallLimiter::new(settings.tps)),
            simulated,
        })
    }

    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    pub fn limiter(&self) -> &CallLimiter {
        &self.limiter
    }

    /// Sends a request that only reads.
    pub async fn send(&self, request: RequestBuilder, at: Timestamp) -> Sent {
        self.send_before(request, at, None).await
    }

    /// Sends a request once; again only while it is proven that no byte of it left. What has not left by the deadline never does.
    pub async fn send_before(
        &self,
        request: RequestBuilder,
        at: Timestamp,
        deadline: Option<tokio::time::Instant>,
    ) -> Sent {
        let _permit = around("limit", self.limiter.permit()).await;
        let started = tokio::time::Instant::now();
        let request = if self.simulated {
            request.header(
                "x-simulated-time",
                at.to_rfc3339_opts(SecondsFormat::Millis, true),
            )
        } else {
            request
        };
        let request = match request_id::current() {
            Some(id) => request.header(request_id::HEADER, id),
            None => request,
        };
        let (client, request) = request.build_split();
        let result = match request {
            Ok(request) => until_sent(&client, &request, at, deadline).await,
            Err(error) => Err(failure(&error)),
        };
        Sent {
            result,
            latency: started.elapsed(),
        }
    }
}

/// reqwest is built without a TLS provider of its own; the process has one, and the first client brings it.
fn install_tls() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error says that another thread was faster, which is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
}

async fn until_sent(
    client: &reqwest::Client,
    request: &Request,
    at: Timestamp,
    deadline: Option<tokio::time::Instant>,
) -> Result<Answered, CallFailure> {
    let mut delays = in_process_delays().into_iter();
    loop {
        let Some(attempt) = request.try_clone() else {
            return Err(CallFailure::NotSent {
                why: "a streamed request cannot be sent".to_owned(),
            });
        };
        match (once(client, attempt, at, deadline).await, delays.next()) {
            (Err(CallFailure::NotSent { .. }), Some(delay)) => {
                around("again", tokio::time::sleep(delay)).await;
            }
            (result, _) => return result,
        }
    }
}

async fn once(
    client: &reqwest::Client,
    request: Request,
    at: Timestamp,
    deadline: Option<tokio::time::Instant>,
) -> Result<Answered, CallFailure> {
    let mut response = around("send", in_time(client, request, deadline)).await?;
    let status = response.status();
    let header = |name: HeaderName| response.headers().get(name)?.to_str().ok();
    let retry_after = header(RETRY_AFTER).and_then(|value| retry_after(value, at));
    let date = header(DATE).and_then(date);
    let mut body = Vec::new();
    while let Some(chunk) = around("body", response.chunk())
        .await
        .map_err(|error| failure(&error))?
    {
        if body.len().saturating_add(chunk.len()) > MAX_BODY {
            return Err(CallFailure::Unknown {
                why: format!("HTTP {status} with a body over {MAX_BODY} bytes"),
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answered {
        status: status.as_u16(),
        body: String::from_utf8_lossy(&body).into_owned(),
        retry_after,
        date,
    })
}

/// A process that was stopped past its deadline finds out here, with nothing left to do but the first byte.
async fn in_time(
    client: &reqwest::Client,
    request: Request,
    deadline: Option<tokio::time::Instant>,
) -> Result<Response, CallFailure> {
    if deadline.is_some_and(|deadline| tokio::time::Instant::now() >= deadline) {
        return Err(CallFailure::NotSent {
            why: "its lease or its window was over before its turn came".to_owned(),
        });
    }
    client
        .execute(request)
        .await
        .map_err(|error| failure(&error))
}

/// Only a failure to connect proves that nothing was sent; every other one may have come after the effect.
fn failure(error: &reqwest::Error) -> CallFailure {
    let why = chain(error);
    if error.is_connect() || error.is_builder() {
        CallFailure::NotSent { why }
    } else {
        CallFailure::Unknown { why }
    }
}

/// The error and its causes in one line, without the URL: it can carry an id that is not ours to log.
fn chain(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "could not connect"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else {
        "the request failed"
    };
    let mut text = kind.to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
