//! From what a provider said to a class: data (`config/failures.toml`), first match wins.

use super::outcome::Failure;
use super::{Class, ProviderKind, Rail};

/// All that a rule can match on. Codes are compared without case.
#[derive(Debug, Clone, Copy)]
pub struct Signals<'a> {
    /// The configured account's name.
    pub account: &'a str,
    /// Whose API.
    pub provider: ProviderKind,
    /// How the money moves.
    pub rail: Rail,
    /// The HTTP status.
    pub http_status: u16,
    /// The body's status word (`AUTHORIZATION_FAILED`, `invalid_request_error`).
    pub status: Option<&'a str>,
    /// Every code in the answer, the most telling first: (field, code), such as (`bank_error_code`, `Z9`).
    pub codes: &'a [(&'a str, &'a str)],
    /// Every message in the answer.
    pub messages: &'a [&'a str],
}

/// The rules, indexed so that an exact code costs one look-up however many rules there are.
#[derive(Debug)]
pub struct Classifier(());

/// What is wrong with a file of rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {why}")]
pub struct RuleError {
    /// Which file.
    pub file: String,
    /// Which line of it.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

impl Classifier {
    /// The compiled-in rules alone.
    pub fn builtin() -> Result<Self, RuleError> {
        Self::with_operator_rules(None)
    }

    /// An operator's own rules (file name, text) before the compiled-in ones.
    pub fn with_operator_rules(_operator: Option<(&str, &str)>) -> Result<Self, RuleError> {
        todo!()
    }

    /// The class of an answer, with the code and message to show for it. Never fails: nothing matched is `Unmapped`.
    pub fn classify(&self, _signals: &Signals<'_>) -> Failure {
        let _ = Class::Unmapped;
        todo!()
    }
}
