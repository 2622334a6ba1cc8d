//! What Juspay said, whatever shape it said it in.
//!
//! At least six error envelopes are documented, one documented body is not even JSON, and a type can be text in one
//! sample and a number in the next. So nothing is deserialised into a struct: words are looked for where they may be.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::domain::outcome::CallFailure;
use crate::provider::http::Answered;
use crate::provider::redact::{hide_in_text, redact};

/// Where codes stand, the most telling first. A step can lead into JSON that is packed into text (`resp_message`).
const CODES: &[&str] = &[
    "bank_error_code",
    "resp_message.errorCode",
    "payment_gateway_response.network_error_code",
    "payment_gateway_response.resp_code",
    "provider_response.provider_response_code",
    "response_code",
    "resp_code",
    "error_info.code",
    "error_code",
    "code",
    "txn_detail.error_code",
    "resp_category",
    "error_info.category",
    "type",
];

/// Where messages stand, the most telling first.
const MESSAGES: &[&str] = &[
    "bank_error_message",
    "resp_message.message",
    "resp_message",
    "payment_gateway_response.network_error_message",
    "payment_gateway_response.resp_message",
    "provider_response.provider_response_message",
    "response_message",
    "error_message",
    "message",
    "error_info.developer_message",
    "error_info.user_message",
    "txn_detail.error_message",
    "user_message",
];

/// Words of the envelopes that are searched for in a body that is not JSON.
const SALVAGED: &[&str] = &[
    "status",
    "error_code",
    "error_message",
    "user_message",
    "code",
    "message",
];

/// Refusals that prove that a call was not processed, whatever the HTTP status: starts of `error_code`,
/// `error_message` or `message`, in lower case ("Mandate Retry API", "Mandate Execution API").
const REFUSALS: &[&str] = &[
    "no scheduled transactions found",
    "no scheduled recurring transactions are found",
    "invalid order amount",
    "mandate max amount not found",
    "amount not found in request",
    "order amount greater than mandate max amount",
    "order amount not equal to mandate max amount",
    "currency not valid for mandate transaction",
    "mandate not found",
    "mandate is in ",
    "mandate.notification_id is mandatory",
    "notification record not found",
];

/// Another call for the same identifier was here first ("Juspay API Error Codes").
const DUPLICATES: &[&str] = &["DUPLICATE_ORDER_ID", "DUPLICATE_REQUEST", "ALREADY_EXISTS"];

/// No message is longer than this, in characters.
const MAX_MESSAGE: usize = 300;

/// An answer with its words taken out, all of them redacted.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) http_status: u16,
    pub(super) retry_after: Option<Duration>,
    /// The body, if it is a JSON object.
    pub(super) body: Option<Map<String, Value>>,
    /// The body's own word for how things stand; commands on a mandate call it `mandate_status`.
    pub(super) status: Option<String>,
    /// (where, code).
    pub(super) codes: Vec<(&'static str, String)>,
    pub(super) messages: Vec<String>,
    /// The body as it may be kept.
    pub(super) kept: String,
    is_blank: bool,
}

/// What an answer proves, before anyone asks what the call was about.
#[derive(Debug)]
pub(super) enum Judgement {
    /// Not an answer of the provider's application, or one that proves nothing.
    Call(CallFailure),
    /// Another call for the same identifier was here first.
    Duplicate,
    /// Not processed.
    Refused,
    /// Processed; the status word says what came of it.
    Processed { status: String },
}

impl Answer {
    pub(super) fn read(answered: &Answered) -> Self {
        let body = match serde_json::from_str(&answered.body) {
            Ok(Value::Object(map)) => Some(map),
            Ok(_) | Err(_) => None,
        };
        let words = Value::Object(body.clone().unwrap_or_else(|| salvage(&answered.body)));
        let codes = CODES
            .iter()
            .filter_map(|path| Some((*path, word_at(&words, path)?)))
            .collect();
        let mut messages: Vec<String> = MESSAGES
            .iter()
            .filter_map(|path| word_at(&words, path))
            .collect();
        messages.extend(complaints(&words));
        let mut seen = Vec::new();
        messages.retain(|message| {
            !seen.contains(message) && {
                seen.push(message.clone());
                true
            }
        });
        Self {
            http_status: answered.status.as_u16(),
            retry_after: answered.retry_after,
            body,
            status: word_at(&words, "status").or_else(|| word_at(&words, "mandate_status")),
            codes,
            messages,
            kept: redact(&answered.body),
            is_blank: answered.body.trim().is_empty(),
        }
    }

    /// The transport table: who answered, and whether the call was processed.
    pub(super) fn judge(&self) -> Judgement {
        if self.refuses_the_account() {
            return Judgement::Call(CallFailure::AccountRefused { why: self.why() });
        }
        match (self.http_status, &self.body, &self.status) {
            (200..=299, Some(_), Some(status)) => Judgement::Processed {
                status: status.clone(),
            },
            // A 403 that refuses the account was seen above; this one names a limit.
            (403 | 429, _, _) => Judgement::Call(CallFailure::Throttled {
                after: self.retry_after,
            }),
            // A server that gave up on reading a request may still have read it.
            (408, _, _) => Judgement::Call(self.unproven()),
            (400..=499, _, _) => self.refusal().unwrap_or(Judgement::Refused),
            (500.., _, _) => self
                .refusal()
                .unwrap_or_else(|| Judgement::Call(self.unproven())),
            // Redirects are not followed; a 200 must be readable.
            _ => Judgement::Call(self.unproven()),
        }
    }

    /// What a body says about the call itself, where it is documented to.
    pub(super) fn refusal(&self) -> Option<Judgement> {
        let mut words = self
            .status
            .iter()
            .chain(self.codes.iter().map(|(_, code)| code));
        if words.any(|word| {
            DUPLICATES
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known))
        }) {
            return Some(Judgement::Duplicate);
        }
        let said = self
            .codes
            .iter()
            .map(|(_, code)| code)
            .chain(&self.messages);
        let refused = said
            .map(|word| word.to_ascii_lowercase())
            .any(|word| REFUSALS.iter().any(|known| word.starts_with(known)));
        refused.then_some(Judgement::Refused)
    }

    /// 401, and 403 unless it names a limit; elsewhere only the words that are about nothing but credentials.
    fn refuses_the_account(&self) -> bool {
        let words = || {
            self.codes
                .iter()
                .map(|(_, code)| code.as_str())
                .chain(self.messages.iter().map(String::as_str))
        };
        match self.http_status {
            401 => true,
            403 => !words()
                .map(str::to_ascii_lowercase)
                .any(|word| word.contains("limit") || word.contains("too many")),
            400..=499 => words()
                .any(|word| matches!(word, "access_denied" | "UNAUTHENTICATED" | "BAD_ORIGIN")),
            _ => false,
        }
    }

    /// Whether there was no body at all.
    pub(super) fn is_blank(&self) -> bool {
        self.is_blank
    }

    pub(super) fn has_code(&self, wanted: &str) -> bool {
        self.codes
            .iter()
            .any(|(_, code)| code.eq_ignore_ascii_case(wanted))
    }

    /// The text at a path of the body.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let (first, rest) = path
            .split_once('.')
            .map_or((path, None), |(first, rest)| (first, Some(rest)));
        let value = self.body.as_ref()?.get(first)?;
        match rest {
            Some(rest) => value_at(value, rest).and_then(|value| scalar(&value)),
            None => scalar(value),
        }
    }

    pub(super) fn unproven(&self) -> CallFailure {
        CallFailure::Unknown { why: self.why() }
    }

    /// One line for people: the HTTP status and the most telling words.
    pub(super) fn why(&self) -> String {
        let code = self.codes.first().map(|(_, code)| code.as_str());
        let message = self.messages.first().map(String::as_str);
        let words: Vec<&str> = [self.status.as_deref(), code, message]
            .into_iter()
            .flatten()
            .collect();
        match (words.is_empty(), self.is_blank) {
            (false, _) => format!("HTTP {}: {}", self.http_status, words.join(", ")),
            (true, true) => format!("HTTP {} without a body", self.http_status),
            (true, false) => format!(
                "HTTP {} with a body that is no answer of Juspay's API",
                self.http_status
            ),
        }
    }
}

/// A word at a path, fit to be shown and kept.
fn word_at(value: &Value, path: &str) -> Option<String> {
    scalar(&value_at(value, path)?)
        .filter(|text| !text.starts_with('{'))
        .map(|text| show(&text))
}

/// Follows a path, also through JSON that is packed into text.
fn value_at(value: &Value, path: &str) -> Option<Value> {
    let mut value = value.clone();
    for key in path.split('.') {
        if let Value::String(text) = &value {
            value = serde_json::from_str(text).ok()?;
        }
        value = value.get_mut(key)?.take();
    }
    Some(value)
}

/// Text or a number as text, exactly as it was written; nothing for what is empty.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What a validation found wrong: `error_info.fields`.
fn complaints(words: &Value) -> Vec<String> {
    let Some(Value::Array(fields)) = value_at(words, "error_info.fields") else {
        return Vec::new();
    };
    let complaint = |field: &Value| {
        Some(format!(
            "{}: {}",
            word_at(field, "field_name")?,
            word_at(field, "reason")?
        ))
    };
    fields.iter().filter_map(complaint).collect()
}

fn show(text: &str) -> String {
    let clean = hide_in_text(text).unwrap_or_else(|| text.to_owned());
    match clean.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
        None => clean,
    }
}

/// The known words of a body that tries to be a JSON object and is not: the documentation's own "Invalid order amount"
/// lacks a quote. What is found this way names a refusal; it never proves that a call was processed.
fn salvage(body: &str) -> Map<String, Value> {
    if !body.trim_start().starts_with('{') {
        return Map::new();
    }
    let word = |name: &&str| {
        let (_, rest) = body.split_once(&format!("\"{name}\""))?;
        let rest = rest.trim_start().strip_prefix(':')?.trim_start();
        let rest = rest.strip_prefix('"').unwrap_or(rest);
        let end = rest.find(['"', ',', '}']).unwrap_or(rest.len());
        Some((
            (*name).to_owned(),
            Value::String(rest.get(..end)?.to_owned()),
        ))
    };
    SALVAGED.iter().filter_map(word).collect()
}
