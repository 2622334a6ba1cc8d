//! A request as it arrived and an answer as it leaves, with the faults that befall it on the way out.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Response, StatusCode, header};
use judge::Timestamp;
use mandated::domain::ProviderKind;
use serde_json::Value;

use super::answers;
use super::fault::Fault;

/// No documented request is larger than a few KiB.
const MAX_BODY: usize = 256 * 1024;

/// The header in which a simulated caller says what time it is.
pub(super) const SIMULATED_TIME: &str = "x-simulated-time";

/// A request, read whole.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) method: String,
    /// The path between its slashes.
    pub(super) segments: Vec<String>,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: String,
    /// The time at which it is judged.
    pub(super) now: Timestamp,
    /// Whether the caller said what time it is.
    pub(super) simulated: bool,
    headers: HeaderMap,
}

impl Received {
    /// Reads a request; `clock` is the time if the request names none.
    pub(super) async fn read(parts: Parts, body: Body, clock: Timestamp) -> Result<Self, Answer> {
        let bytes = to_bytes(body, MAX_BODY).await.map_err(|error| {
            Answer::text(400, &format!("the request cannot be read: {error}\n"))
        })?;
        let simulated = parts.headers.get(SIMULATED_TIME);
        let now = match simulated {
            None => clock,
            Some(value) => value
                .to_str()
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| {
                    Answer::text(
                        400,
                        "x-simulated-time is not a time: write 2026-01-05T09:00:00Z\n",
                    )
                })?,
        };
        Ok(Self {
            method: parts.method.to_string(),
            segments: parts
                .uri
                .path()
                .split('/')
                .filter(|part| !part.is_empty())
                .map(decoded)
                .collect(),
            query: pairs(parts.uri.query().unwrap_or_default()),
            body: String::from_utf8_lossy(&bytes).into_owned(),
            now,
            simulated: simulated.is_some(),
            headers: parts.headers,
        })
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as a form.
    pub(super) fn form(&self) -> BTreeMap<String, String> {
        pairs(&self.body)
    }

    /// Whether the body says that it is of a media type.
    pub(super) fn is(&self, media_type: &str) -> bool {
        self.header(header::CONTENT_TYPE.as_str())
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case(media_type))
    }
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

fn decoded(segment: &str) -> String {
    // A plus sign in a path is a plus sign.
    let escaped = segment.replace('+', "%2B");
    url::form_urlencoded::parse(escaped.as_bytes())
        .map(|(name, _)| name.into_owned())
        .collect()
}

/// An answer in the provider's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    media_type: &'static str,
}

impl Answer {
    pub(super) fn json(status: u16, body: impl Into<String>) -> Self {
        Self {
            status,
            body: body.into(),
            media_type: "application/json",
        }
    }

    /// A value as a 200 or another status.
    pub(super) fn value(status: u16, value: &impl serde::Serialize) -> Self {
        Self::json(status, serde_json::to_string(value).unwrap_or_default())
    }

    pub(super) fn text(status: u16, body: &str) -> Self {
        Self {
            status,
            body: body.to_owned(),
            media_type: "text/plain; charset=utf-8",
        }
    }

    fn html(status: u16, body: &str) -> Self {
        Self {
            status,
            body: body.to_owned(),
            media_type: "text/html; charset=utf-8",
        }
    }

    /// On the wire.
    pub(super) fn respond(self) -> Response<Body> {
        let throttled = self.status == 429;
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static(self.media_type),
        );
        if throttled {
            headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("30"));
        }
        response
    }

    /// On the wire, after the fault that it met.
    pub(super) async fn respond_after(
        self,
        fault: Option<Fault>,
        provider: ProviderKind,
        slow_for: Duration,
    ) -> Response<Body> {
        match fault {
            None | Some(Fault::Duplicate | Fault::LateSuccess | Fault::SilentRetry) => {
                self.respond()
            }
            Some(Fault::Slow) => {
                tokio::time::sleep(slow_for).await;
                self.respond()
            }
            Some(Fault::Held) => std::future::pending().await,
            Some(Fault::AnswerLost | Fault::ResetBefore) => broken(),
            Some(Fault::ErrorAfter) => Self::json(500, answers::INTERNAL).respond(),
            Some(Fault::Throttled) => answers::throttled(provider).respond(),
            Some(Fault::Html) => Self::html(200, answers::PROXY_PAGE).respond(),
            Some(Fault::Truncated) => {
                let half = self.body.chars().count().checked_div(2).unwrap_or(0);
                Self {
                    body: self.body.chars().take(half).collect(),
                    ..self
                }
                .respond()
            }
            Some(Fault::WrongTypes) => Self {
                body: of_other_types(&self.body),
                ..self
            }
            .respond(),
        }
    }
}

/// The same document with a number for every text, and a text for everything else.
fn of_other_types(body: &str) -> String {
    fn other(value: Value) -> Value {
        match value {
            Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| (name, other(value)))
                .collect(),
            Value::Array(values) => values.into_iter().map(other).collect(),
            Value::String(text) => Value::from(text.len()),
            value @ (Value::Null | Value::Bool(_) | Value::Number(_)) => value.to_string().into(),
        }
    }
    serde_json::from_str(body).map_or_else(|_| body.to_owned(), |value| other(value).to_string())
}

/// An answer whose body fails: the server closes the connection in the middle of it.
fn broken() -> Response<Body> {
    let body = futures::stream::iter([
        Ok::<Bytes, std::io::Error>(Bytes::from_static(b"{")),
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset)),
    ]);
    Response::new(Body::from_stream(body))
}
