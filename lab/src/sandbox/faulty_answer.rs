//! How an answer leaves when a fault befalls it on the way out.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use mandated::domain::ProviderKind;
use serde_json::Value;

use super::answer::Answer;
use super::answers;
use super::fault::Fault;

impl Answer {
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
            Some(Fault::Forbidden) => answers::forbidden(provider).respond(),
            Some(Fault::Firewall) => Self::html(403, answers::FIREWALL_PAGE).respond(),
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
