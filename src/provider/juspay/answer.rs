//! What Juspay said, whatever shape it said it in, and what that proves about the call.
//!
//! At least six error envelopes are documented, one documented body is not even JSON, and a type can be text in one
//! sample and a number in the next. So nothing is deserialised into a struct: words are looked for where they may be.

use std::time::Duration;

use serde_json::Value;

use crate::domain::ProviderKind;
use crate::domain::classify::Signals;
use crate::domain::outcome::{CallFailure, Failure};
use crate::provider::json;
use crate::provider::redact::redact;
use crate::provider::{Answered, ELSEWHERE, Reading};

use super::answer_fields::{codes, messages, salvage, text_at, word_at};

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
    "mandate is in created state",
    "mandate is in paused state",
    "mandate is in revoked state",
    "mandate is in expired state",
    "mandate is in failure state",
    "mandate.notification_id is mandatory",
    "notification record not found",
];

/// Another call for the same identifier was here first ("Juspay API Error Codes").
const DUPLICATES: &[&str] = &["DUPLICATE_ORDER_ID", "DUPLICATE_REQUEST", "ALREADY_EXISTS"];

/// Where an answer of Juspay's own says that it is one: each documented envelope has one of these, as text or as an object. A proxy's
/// `{"message": "Forbidden"}` or `{"status": 404}` has none.
const OWN_FIELDS: &[&str] = &[
    "status",
    "mandate_status",
    "error_code",
    "error_message",
    "error_info",
    "user_message",
];

/// An answer with its words taken out, all of them redacted.
#[derive(Debug)]
pub(super) struct JuspayAnswer {
    pub(super) http_status: u16,
    pub(super) retry_after: Option<Duration>,
    /// The body, if it is a JSON object.
    pub(super) body: Option<Value>,
    /// The body's own word for how things stand.
    pub(super) status: Option<String>,
    /// (where, code).
    pub(super) codes: Vec<(&'static str, String)>,
    pub(super) messages: Vec<String>,
    /// The body as it may be kept.
    pub(super) kept: String,
    is_blank: bool,
    /// Whether the provider's application wrote it, and not a proxy or a firewall before it.
    is_own: bool,
}

/// What an answer proves, before anyone asks what the call was about.
#[derive(Debug)]
pub(super) enum Judgement {
    /// Not an answer of the provider's application, or one that proves nothing.
    Call(CallFailure),
    /// The call was turned down.
    Refused(Refusal),
    /// Processed; the status word says what came of it.
    Processed { status: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another call for the same identifier was here first.
    Duplicate,
    NotProcessed,
}

/// Commands on a mandate call it `mandate_status`, the one that takes an order back `txn_status`.
const STATUS_FIELDS: [&str; 3] = ["status", "mandate_status", "txn_status"];

fn is_word(value: Option<&Value>) -> bool {
    value.is_some_and(|value| value.is_string() || value.is_object())
}

impl JuspayAnswer {
    pub(super) fn read(answered: &Answered) -> Self {
        let body = json::parse(&answered.body).filter(Value::is_object);
        // Of one that contradicts itself no word is believed.
        let salvaged = if body.is_none() && !json::contradicts_itself(&answered.body) {
            salvage(&answered.body)
        } else {
            Value::Null
        };
        let words = body.as_ref().unwrap_or(&salvaged);
        Self {
            http_status: answered.status,
            retry_after: answered.retry_after,
            status: STATUS_FIELDS.iter().find_map(|field| word_at(words, field)),
            codes: codes(words),
            messages: messages(words),
            kept: redact(&answered.body),
            is_blank: answered.body.trim().is_empty(),
            is_own: OWN_FIELDS.iter().any(|field| is_word(words.get(field))),
            body,
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
            (429, _, _) => Judgement::Call(self.throttled()),
            // Somebody on the way answered, and what the application has done is not known.
            (400..=499, _, _) if !self.is_own => Judgement::Call(self.unproven()),
            // A 403 that refuses the account was seen above; this one names a limit.
            (403, _, _) => Judgement::Call(self.throttled()),
            // A server that gave up on reading a request may still have read it.
            (408, _, _) => Judgement::Call(self.unproven()),
            (400..=499, _, _) => {
                Judgement::Refused(self.refusal().unwrap_or(Refusal::NotProcessed))
            }
            (500.., _, _) => match self.refusal() {
                Some(refusal) => Judgement::Refused(refusal),
                None => Judgement::Call(self.unproven()),
            },
            // Redirects are not followed; a 200 must be readable.
            _ => Judgement::Call(self.unproven()),
        }
    }

    const fn throttled(&self) -> CallFailure {
        CallFailure::Throttled {
            after: self.retry_after,
        }
    }

    /// A 404 that is not the application's: the address leads to something else.
    pub(super) const fn is_from_elsewhere(&self) -> bool {
        self.http_status == 404 && !self.is_own
    }

    /// What a body says about the call itself, where it is documented to.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let is_duplicate = |word: &str| {
            DUPLICATES
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known))
        };
        if self.status.as_deref().is_some_and(is_duplicate)
            || self.codes.iter().any(|(_, code)| is_duplicate(code))
        {
            return Some(Refusal::Duplicate);
        }
        // Where there is a transaction, something was processed, and its status counts.
        if self.text("txn_id").is_some() {
            return None;
        }
        let is_refusal = |word: String| REFUSALS.iter().any(|known| word.starts_with(known));
        self.words()
            .map(str::to_ascii_lowercase)
            .any(is_refusal)
            .then_some(Refusal::NotProcessed)
    }

    /// The class of a failure, and what the provider said of it.
    pub(super) fn failure(&self, reading: Reading<'_>) -> Failure {
        let codes: Vec<(&str, &str)> = self
            .codes
            .iter()
            .map(|(field, code)| (*field, code.as_str()))
            .collect();
        let messages: Vec<&str> = self.messages.iter().map(String::as_str).collect();
        let failure = reading.classifier.classify(&Signals {
            account: reading.account,
            provider: ProviderKind::Juspay,
            rail: reading.rail,
            http_status: self.http_status,
            status: self.status.as_deref(),
            codes: &codes,
            messages: &messages,
        });
        Failure {
            retry_after: failure.retry_after.or(self.retry_after),
            message: failure.message.or_else(|| Some(self.why())),
            ..failure
        }
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.codes
            .iter()
            .map(|(_, code)| code.as_str())
            .chain(self.messages.iter().map(String::as_str))
    }

    /// 401, and a 403 of the application itself unless it names a limit; elsewhere only the words that are about nothing but credentials.
    fn refuses_the_account(&self) -> bool {
        let names_a_limit = |word: String| word.contains("limit") || word.contains("too many");
        match self.http_status {
            401 => true,
            403 => self.is_own && !self.words().map(str::to_ascii_lowercase).any(names_a_limit),
            400..=499 => self
                .words()
                .any(|word| matches!(word, "access_denied" | "UNAUTHENTICATED" | "BAD_ORIGIN")),
            _ => false,
        }
    }

    pub(super) fn has_code(&self, wanted: &str) -> bool {
        self.codes
            .iter()
            .any(|(_, code)| code.eq_ignore_ascii_case(wanted))
    }

    /// The text at a path of a readable body.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        text_at(self.body.as_ref()?, path)
    }

    /// Whether a readable body has something at a key of its own, be it unreadable.
    pub(super) fn states(&self, key: &str) -> bool {
        let value = self.body.as_ref().and_then(|body| body.get(key));
        value.is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
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
            _ if self.is_from_elsewhere() => ELSEWHERE.to_owned(),
            (false, _) => format!("HTTP {}: {}", self.http_status, words.join(", ")),
            (true, true) => format!("HTTP {} without a body", self.http_status),
            (true, false) => format!(
                "HTTP {} with a body that is no answer of Juspay's API",
                self.http_status
            ),
        }
    }
}
