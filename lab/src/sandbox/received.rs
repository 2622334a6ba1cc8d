//! A request as it arrived.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use judge::Timestamp;

use super::answer::Answer;

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
