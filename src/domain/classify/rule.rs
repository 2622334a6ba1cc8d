//! One rule: what it asks for, when it matches, and how it is shown.

use std::fmt::{self, Display};
use std::time::Duration;

use chrono::DateTime;
use regex::Regex;

use super::sentences::{Heard, sentences};
use super::{Class, ProviderKind, Rail, Signals, Timestamp};

/// The field of a card network's advice to the merchant.
const ADVICE: &str = "advice_code";

/// A rule, ready to match.
#[derive(Debug)]
pub struct Rule {
    pub(super) id: String,
    pub(super) class: Class,
    pub(super) source: String,
    pub(super) fallback: bool,
    /// It wins over a code whose rule has one of these classes.
    pub(super) over: Vec<Class>,
    pub(super) retry_after: Option<Duration>,
    /// Its only capture group is the time before which the answer allows no other try.
    pub(super) not_before: Option<Regex>,
    pub(super) asks: Conditions,
}

/// What a rule asks for. Words are in lower case; an empty list matches everything.
#[derive(Debug)]
pub(super) struct Conditions {
    pub(super) codes: Vec<String>,
    pub(super) code_fields: Vec<String>,
    pub(super) accounts: Vec<String>,
    pub(super) providers: Vec<ProviderKind>,
    pub(super) rails: Vec<Rail>,
    pub(super) http_statuses: Vec<u16>,
    pub(super) statuses: Vec<String>,
    pub(super) messages: Vec<String>,
    pub(super) message_prefixes: Vec<String>,
    pub(super) message_regexes: Vec<Regex>,
    pub(super) says: Vec<Meaning>,
    /// A sentence that matches one of these says something else.
    pub(super) unless: Vec<Regex>,
}

/// Patterns that must all be found in one sentence, in any order.
#[derive(Debug)]
pub(super) struct Meaning(pub(super) Vec<Regex>);

/// What stands between the patterns of a meaning where it is written.
pub(super) const AND: &str = " & ";

impl Rule {
    /// Its name, unique in all files.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it says.
    pub const fn class(&self) -> Class {
        self.class
    }

    /// The public title of the page that documents what it matches.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is asked only when all others are silent.
    pub const fn is_fallback(&self) -> bool {
        self.fallback
    }

    /// The codes that it names, in lower case.
    pub fn codes(&self) -> &[String] {
        &self.asks.codes
    }

    /// The rails that it is for; none means all.
    pub fn rails(&self) -> &[Rail] {
        &self.asks.rails
    }

    /// The time before which an answer allows no other try, if the rule looks for one and it is there.
    pub(super) fn not_before(&self, signals: &Signals<'_>) -> Option<Timestamp> {
        let regex = self.not_before.as_ref()?;
        signals.messages.iter().find_map(|message| {
            let written = regex.captures(message)?.get(1)?;
            let at = DateTime::parse_from_rfc3339(written.as_str()).ok()?;
            Some(at.to_utc())
        })
    }
}

impl Conditions {
    /// Whether a code counts when it stands in this field: in any, if none is named, but those of advice. There the numbers
    /// of response codes mean something else.
    pub(super) fn takes_field(&self, field: &str) -> bool {
        if self.code_fields.is_empty() {
            return !field.to_ascii_lowercase().ends_with(ADVICE);
        }
        any(&self.code_fields, |own| own.eq_ignore_ascii_case(field))
    }

    /// Whether everything that the rule asks for, its codes left out, is in the answer.
    pub(super) fn hold_but_for_codes(&self, heard: &Heard<'_, '_>) -> bool {
        #[cfg(test)]
        super::tests::index::count();
        let signals = heard.signals;
        any(&self.accounts, |account| account == signals.account)
            && any(&self.providers, |provider| *provider == signals.provider)
            && any(&self.rails, |rail| *rail == signals.rail)
            && any(&self.http_statuses, |status| *status == signals.http_status)
            && any(&self.statuses, |status| {
                signals
                    .status
                    .is_some_and(|word| word.trim().eq_ignore_ascii_case(status))
            })
            && any(&self.messages, |text| {
                any_message(signals, |message| is_exactly(message, text))
            })
            && any(&self.message_prefixes, |text| {
                any_message(signals, |message| begins_with(message, text))
            })
            && any(&self.message_regexes, |regex| {
                any_message(signals, |message| regex.is_match(message))
            })
            && (self.says.is_empty() || self.is_said(heard))
    }

    /// Whether the answer says in words what the rule asks for.
    pub(super) fn is_said(&self, heard: &Heard<'_, '_>) -> bool {
        let mut sentences = heard.sentences().iter();
        sentences.any(|sentence| self.is_meant_by(sentence))
    }

    fn is_meant_by(&self, sentence: &str) -> bool {
        let is_found = |regex: &Regex| regex.is_match(sentence);
        let mut meanings = self.says.iter();
        meanings.any(|Meaning(all)| all.iter().all(is_found)) && !self.unless.iter().any(is_found)
    }

    /// By what the rule was found, for people: the code, the message, the status.
    pub(super) fn found_by(&self, code: Option<(&str, &str)>, signals: &Signals<'_>) -> String {
        let mut found = Vec::new();
        if let Some((field, code)) = code {
            found.push(format!("{field} {code}"));
        }
        let message = signals
            .messages
            .iter()
            .find(|message| self.names_message(message.trim()));
        if let Some(message) = message {
            found.push(format!("message {:?}", message.trim()));
        }
        if let (false, Some(word)) = (self.statuses.is_empty(), signals.status) {
            found.push(format!("status {word}"));
        }
        if !self.http_statuses.is_empty() {
            found.push(format!("HTTP {}", signals.http_status));
        }
        found.join(", ")
    }

    fn names_message(&self, message: &str) -> bool {
        self.messages.iter().any(|text| is_exactly(message, text))
            || self
                .message_prefixes
                .iter()
                .any(|text| begins_with(message, text))
            || self
                .message_regexes
                .iter()
                .any(|regex| regex.is_match(message))
            || sentences(message)
                .iter()
                .any(|sentence| self.is_meant_by(sentence))
    }
}

fn is_exactly(message: &str, lower: &str) -> bool {
    message.eq_ignore_ascii_case(lower)
}

fn begins_with(message: &str, lower: &str) -> bool {
    message
        .get(..lower.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(lower))
}

/// Whether one of a rule's alternatives holds, or it has none.
fn any<T>(alternatives: &[T], holds: impl Fn(&T) -> bool) -> bool {
    alternatives.is_empty() || alternatives.iter().any(holds)
}

fn any_message(signals: &Signals<'_>, test: impl Fn(&str) -> bool) -> bool {
    signals.messages.iter().any(|message| test(message.trim()))
}

/// What the rule asks for and what it waits for, in one line.
impl Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asks = &self.asks;
        let mut parts = Vec::new();
        let mut add = |key: &str, values: Vec<String>| {
            if !values.is_empty() {
                parts.push(format!("{key} {}", values.join(" ")));
            }
        };
        add("account", words(&asks.accounts));
        add("provider", words(&asks.providers));
        add("rail", words(&asks.rails));
        add("http_status", words(&asks.http_statuses));
        add("status", words(&asks.statuses));
        add("code", words(&asks.codes));
        add("in", words(&asks.code_fields));
        add("message", words(&asks.messages));
        add("message_prefix", words(&asks.message_prefixes));
        add("message_regex", patterns(&asks.message_regexes));
        add("says", meanings(&asks.says));
        add("unless", patterns(&asks.unless));
        add("over", words(&self.over));
        let wait = self.retry_after.map(humantime::format_duration);
        add("retry_after", words(wait.as_slice()));
        add("not_before_regex", patterns(self.not_before.as_slice()));
        f.write_str(&parts.join("; "))
    }
}

/// Each as it is written, in quotes if it has a blank in it.
fn words<T: Display>(values: &[T]) -> Vec<String> {
    let quoted = |value: &T| {
        let text = value.to_string();
        if text.contains(' ') {
            format!("{text:?}")
        } else {
            text
        }
    };
    values.iter().map(quoted).collect()
}

fn meanings(values: &[Meaning]) -> Vec<String> {
    let written = |Meaning(all): &Meaning| patterns(all).join(AND);
    values.iter().map(written).collect()
}

fn patterns(values: &[Regex]) -> Vec<String> {
    values
        .iter()
        .map(|regex| format!("/{}/", regex.as_str()))
        .collect()
}
