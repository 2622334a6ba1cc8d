//! What Signzy said: out of its `result` wrapper, which some documented answers have and some have not.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::ProviderKind;
use crate::domain::classify::Signals;
use crate::domain::outcome::{CallFailure, Failure};
use crate::provider::json;
use crate::provider::redact::{hide_in_text, redact};
use crate::provider::{Answered, ELSEWHERE, Reading};

/// A 403 is also "used when requests are being denied due to request limits" ("Signzy Error Codes"); its words are
/// not documented.
const LIMIT_WORDS: &[&str] = &["limit", "too many", "quota", "exceeded"];

/// No message is longer than this, in characters.
const MAX_MESSAGE: usize = 300;

/// An answer with its words taken out, all of them redacted. The default is no answer at all.
#[derive(Debug, Default)]
pub(super) struct SignzyAnswer {
    pub(super) http_status: Option<u16>,
    /// (where, code), of a refusal.
    pub(super) codes: Vec<(&'static str, String)>,
    /// Of the answer as a whole, the most telling first.
    pub(super) messages: Vec<String>,
    /// The body as it may be kept.
    pub(super) kept: Option<String>,
    retry_after: Option<Duration>,
    /// If it is a JSON object, and out of its wrapper.
    body: Option<Map<String, Value>>,
    names_a_limit: bool,
}

/// What an answer proves, before anyone asks what the call was about.
#[derive(Debug)]
pub(super) enum Judgement {
    /// Not an answer of the provider's application, or one that proves nothing.
    Call(CallFailure),
    /// 404.
    Missing,
    /// Not processed.
    Refused,
    /// Processed; the body says what came of it.
    Processed,
}

impl SignzyAnswer {
    pub(super) fn read(answered: &Answered) -> Self {
        let body = match json::parse(&answered.body) {
            Some(Value::Object(map)) => Some(unwrap(map)),
            Some(_) | None => None,
        };
        let empty = Map::new();
        let words = body.as_ref().unwrap_or(&empty);
        let error = words
            .get("error")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        let codes = ["reason", "type"]
            .into_iter()
            .filter_map(|field| Some((field, text(error, field)?)))
            .collect();
        let messages: Vec<String> = [(error, "message"), (words, "message"), (words, "error")]
            .into_iter()
            .filter_map(|(map, field)| text(map, field))
            .map(|message| presentable(&message))
            .collect();
        let message = messages.join(" ").to_ascii_lowercase();
        Self {
            http_status: Some(answered.status),
            codes,
            messages,
            kept: Some(redact(&answered.body)),
            retry_after: answered.retry_after,
            body,
            names_a_limit: LIMIT_WORDS.iter().any(|word| message.contains(word)),
        }
    }

    /// Whether the provider's application wrote it, and not a proxy or a firewall before it ("Signzy Error Codes"; "Cashfree Payments
    /// API, errors"). `{"message": "Forbidden"}` alone is a gateway's, and a numeric status a web server's.
    fn is_own(&self) -> bool {
        let is_own = |body: &Map<String, Value>| {
            let is_text = |field| body.get(field).is_some_and(Value::is_string);
            body.get("error").is_some_and(Value::is_object)
                || is_text("status")
                || is_text("message") && (is_text("code") || is_text("type"))
        };
        self.body.as_ref().is_some_and(is_own)
    }

    /// A 404 that is not the application's: the address leads to something else.
    pub(super) fn is_from_elsewhere(&self) -> bool {
        self.http_status == Some(404) && !self.is_own()
    }

    /// The transport table ("Signzy Error Codes", "Retry Payment, HTTP Response codes").
    pub(super) fn judge(&self) -> Judgement {
        let after = self.retry_after;
        match self.http_status.unwrap_or_default() {
            200..=299 => match self.status() {
                // Cashfree answers a refusal with this word; its HTTP status is documented nowhere.
                Some(word) if word.eq_ignore_ascii_case("ERROR") => Judgement::Refused,
                _ if self.body.is_some() => Judgement::Processed,
                _ => Judgement::Call(self.unproven()),
            },
            429 => Judgement::Call(CallFailure::Throttled { after }),
            401 => Judgement::Call(CallFailure::AccountRefused { why: self.why() }),
            // Somebody on the way answered, and what the application has done is not known.
            400..=499 if !self.is_own() => Judgement::Call(self.unproven()),
            403 if self.names_a_limit => Judgement::Call(CallFailure::Throttled { after }),
            403 => Judgement::Call(CallFailure::AccountRefused { why: self.why() }),
            404 => Judgement::Missing,
            // A server that gave up on reading a request may still have read it.
            408 => Judgement::Call(self.unproven()),
            400..=499 => Judgement::Refused,
            _ => Judgement::Call(self.unproven()),
        }
    }

    /// The word for how the call went: `OK` or `ERROR`.
    pub(super) fn status(&self) -> Option<&str> {
        self.body.as_ref()?.get("status")?.as_str()
    }

    /// A value of the body.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.body.as_ref()?.get(key)
    }

    /// A text or a number of the body.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        text(self.body.as_ref()?, key)
    }

    /// The class of a failure, and what the provider said of it.
    pub(super) fn failure(
        &self,
        reading: Reading<'_>,
        codes: &[(&str, &str)],
        messages: &[&str],
    ) -> Failure {
        let failure = reading.classifier.classify(&Signals {
            account: reading.account,
            provider: ProviderKind::Signzy,
            rail: reading.rail,
            http_status: self.http_status.unwrap_or_default(),
            status: self.status(),
            codes,
            messages,
        });
        Failure {
            retry_after: failure.retry_after.or(self.retry_after),
            ..failure
        }
    }

    /// The failure that a refused call tells of.
    pub(super) fn refusal(&self, reading: Reading<'_>) -> Failure {
        let codes: Vec<(&str, &str)> = self
            .codes
            .iter()
            .map(|(field, code)| (*field, code.as_str()))
            .collect();
        let messages: Vec<&str> = self.messages.iter().map(String::as_str).collect();
        self.failure(reading, &codes, &messages)
    }

    pub(super) fn unproven(&self) -> CallFailure {
        CallFailure::Unknown { why: self.why() }
    }

    /// One line for people: the HTTP status and the most telling words.
    pub(super) fn why(&self) -> String {
        let status = self.http_status.unwrap_or_default();
        match (self.messages.first(), &self.body) {
            _ if self.is_from_elsewhere() => ELSEWHERE.to_owned(),
            (Some(message), _) => format!("HTTP {status}: {message}"),
            (None, Some(_)) => format!("HTTP {status} without what was asked for"),
            (None, None) => format!("HTTP {status} without JSON"),
        }
    }
}

/// The inside of `{"result": {…}}`, or the body itself.
fn unwrap(mut body: Map<String, Value>) -> Map<String, Value> {
    match body.remove("result") {
        Some(Value::Object(inner)) => inner,
        Some(other) => {
            body.insert("result".to_owned(), other);
            body
        }
        None => body,
    }
}

/// A text, or a number as it is written: ids and amounts come as either.
pub(super) fn text(map: &Map<String, Value>, key: &str) -> Option<String> {
    match map.get(key)? {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The provider's words without people in them, and not too many.
pub(super) fn presentable(message: &str) -> String {
    let clean = hide_in_text(message).unwrap_or_else(|| message.to_owned());
    clean.chars().take(MAX_MESSAGE).collect()
}
