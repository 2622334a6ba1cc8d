//! From what a provider said to a class. The rules are data: `config/failures.toml`, and an operator's own file before it.
//!
//! Within one file the most telling code that any rule matches wins, whatever the order of the rules; among the
//! rules for that code, and among the rules without a code, the first wins. Rules marked `fallback` are asked
//! when all others of both files are silent: they hold the codes that name no cause (`U30`, `TXN_FAILURE`).

mod layer;
mod rule;
mod sentences;
mod written;

use std::collections::HashSet;

use super::outcome::{Failure, Matched};
use super::{Class, ProviderKind, Rail, Timestamp};
use layer::{Found, Layer};
pub use rule::Rule;
use sentences::Heard;

const BUILTIN_FILE: &str = "config/failures.toml";
const BUILTIN_RULES: &str = include_str!("../../../config/failures.toml");

/// All that a rule can match on. Everything but the account is compared without case.
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
    /// Every message in the answer, the one to show first.
    pub messages: &'a [&'a str],
}

/// The rules, indexed so that an exact code, message or status costs one look-up however many rules there are.
#[derive(Debug)]
pub struct Classifier {
    /// In the order in which they are asked.
    layers: Vec<Layer>,
}

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
    pub fn with_operator_rules(operator: Option<(&str, &str)>) -> Result<Self, RuleError> {
        Self::from_files((BUILTIN_FILE, BUILTIN_RULES), operator)
    }

    fn from_files(
        builtin: (&str, &str),
        operator: Option<(&str, &str)>,
    ) -> Result<Self, RuleError> {
        let mut taken = HashSet::new();
        let (fallback, firm) = split(written::parse(builtin.0, builtin.1, &mut taken)?);
        let (own_fallback, own_firm) = match operator {
            Some((file, text)) => split(written::parse(file, text, &mut taken)?),
            None => (Vec::new(), Vec::new()),
        };
        let layers = [own_firm, firm, own_fallback, fallback]
            .map(Layer::new)
            .into();
        Ok(Self { layers })
    }

    /// The class of an answer, with the code and message to show for it. Never fails: nothing matched is `Unmapped`.
    pub fn classify(&self, signals: &Signals<'_>) -> Failure {
        let heard = Heard::new(signals);
        let found = self.layers.iter().find_map(|layer| layer.find(&heard));
        failure(found, signals)
    }

    /// Every rule, in the order in which they are asked.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.layers.iter().flat_map(Layer::rules)
    }
}

/// Fallbacks, and the rest.
fn split(rules: Vec<Rule>) -> (Vec<Rule>, Vec<Rule>) {
    rules.into_iter().partition(|rule| rule.fallback)
}

fn failure(found: Option<Found<'_, '_>>, signals: &Signals<'_>) -> Failure {
    let first_code = || {
        signals
            .codes
            .iter()
            .map(|(_, code)| *code)
            .find(|code| !code.trim().is_empty())
    };
    let code = found
        .and_then(|found| found.code)
        .map(|(_, code)| code)
        .or_else(first_code);
    let message = signals
        .messages
        .iter()
        .find(|message| !message.trim().is_empty());
    Failure {
        class: found.map_or(Class::Unmapped, |found| found.rule.class),
        code: code.map(str::to_owned),
        message: message.map(|message| message.trim().to_owned()),
        rule: found.map(|found| Matched {
            id: found.rule.id.clone(),
            source: found.rule.source.clone(),
            by: found.rule.asks.found_by(found.code, signals),
        }),
        retry_after: found.and_then(|found| found.rule.retry_after),
        not_before: found.and_then(|found| found.rule.not_before(signals)),
    }
}

#[cfg(test)]
mod tests;
