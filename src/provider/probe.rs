//! A call that changes nothing, about a mandate or about nobody: are we let in, and what time is it there?
//!
//! Only JSON counts: a wrong path or a proxy answers 404 too, in HTML, and has not looked at the key.

use std::time::Duration;

use super::http::Sent;
use crate::domain::Timestamp;
use crate::domain::outcome::CallFailure;

/// An order and an eMandate that nobody has.
pub(super) const NOBODYS: &str = "0";

/// What came of it.
#[derive(Debug)]
pub struct ProbeResult {
    /// The HTTP status of an answer of the provider's own application, to somebody whom it knows.
    pub status: Result<u16, CallFailure>,
    pub latency: Duration,
    /// The provider's clock.
    pub clock: Option<Timestamp>,
}

impl ProbeResult {
    /// `judge` says what the answer is worth.
    pub(super) fn new(
        sent: Sent,
        judge: impl FnOnce(&super::Answered) -> Option<CallFailure>,
    ) -> Self {
        let latency = sent.latency;
        match sent.result {
            Ok(answered) => Self {
                status: match judge(&answered) {
                    Some(failure) => Err(failure),
                    None if is_object(&answered.body) => Ok(answered.status),
                    None => Err(CallFailure::Unknown {
                        why: format!(
                            "HTTP {} with a body that is not the API's: base_url leads to something else",
                            answered.status
                        ),
                    }),
                },
                latency,
                clock: answered.date,
            },
            Err(failure) => Self {
                status: Err(failure),
                latency,
                clock: None,
            },
        }
    }
}

fn is_object(body: &str) -> bool {
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(body).is_ok()
}
