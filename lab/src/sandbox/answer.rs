//! An answer as it leaves.

use axum::body::Body;
use axum::http::{Response, StatusCode, header};

/// An answer in the provider's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
    pub(super) media_type: &'static str,
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

    pub(super) fn html(status: u16, body: &str) -> Self {
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
}
