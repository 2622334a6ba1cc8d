//! How a file of rules is written, and what makes it wrong.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;
use std::time::Duration;

use regex::RegexBuilder;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{Error, IntoDeserializer, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::rule::{AND, Conditions, Meaning, Rule};
use super::{Class, ProviderKind, Rail, RuleError};

/// A file of rules.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Alternatives with a name, for `says` and `unless`.
    #[serde(default)]
    terms: BTreeMap<String, String>,
    #[serde(default)]
    rule: Vec<Spanned<WrittenRule>>,
}

/// A rule as it is written. Every key that matches takes one value or a list, of which any may hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRule {
    id: String,
    class: Class,
    source: String,
    #[serde(default)]
    fallback: bool,
    #[serde(default, with = "humantime_serde::option")]
    retry_after: Option<Duration>,
    #[serde(default)]
    not_before_regex: Option<String>,
    #[serde(default)]
    account: Many<String>,
    #[serde(default)]
    provider: Many<ProviderKind>,
    #[serde(default)]
    rail: Many<Rail>,
    #[serde(default)]
    http_status: Many<u16>,
    #[serde(default)]
    status: Many<String>,
    #[serde(default)]
    code: Many<String>,
    #[serde(default)]
    code_field: Many<String>,
    #[serde(default)]
    message: Many<String>,
    #[serde(default)]
    message_prefix: Many<String>,
    #[serde(default)]
    message_regex: Many<String>,
    #[serde(default)]
    says: Many<String>,
    #[serde(default)]
    unless: Many<String>,
    #[serde(default)]
    over: Many<Class>,
}

/// Reads a file of rules in its order. `taken` holds the ids of the files read before.
pub(super) fn parse(
    file: &str,
    text: &str,
    taken: &mut HashSet<String>,
) -> Result<Vec<Rule>, RuleError> {
    let error = |span: Option<Range<usize>>, why: String| RuleError {
        file: file.to_owned(),
        line: line_of(text, span.map_or(0, |span| span.start)),
        why,
    };
    let written: Written = toml::from_str(text)
        .map_err(|wrong| error(wrong.span(), wrong.message().replace('\n', " ")))?;
    let mut rules = Vec::with_capacity(written.rule.len());
    for spanned in written.rule {
        let span = spanned.span();
        let rule = compile(spanned.into_inner(), &written.terms)
            .map_err(|why| error(Some(span.clone()), why))?;
        if !taken.insert(rule.id.clone()) {
            return Err(error(
                Some(span),
                format!("the id {:?} is taken by another rule", rule.id),
            ));
        }
        rules.push(rule);
    }
    Ok(rules)
}

/// Counted from 1.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
        .saturating_add(1)
}

fn compile(written: WrittenRule, terms: &BTreeMap<String, String>) -> Result<Rule, String> {
    check(&written).map_err(|why| format!("rule {:?} {why}", written.id))?;
    let regex = |key: &str, pattern: &str| {
        let built = RegexBuilder::new(pattern).case_insensitive(true).build();
        built.map_err(|wrong| {
            let why = last_line(&wrong);
            format!(
                "rule {:?} has a {key} that does not compile: {why}",
                written.id
            )
        })
    };
    let patterns = &written.message_regex.0;
    let message_regexes = patterns
        .iter()
        .map(|pattern| regex("message_regex", pattern))
        .collect::<Result<_, _>>()?;
    let words = |key: &str, pattern: &str| regex(key, &with_terms(pattern, terms));
    let meaning = |meaning: &String| {
        let parts = meaning.split(AND).map(|part| words("says", part));
        parts.collect::<Result<_, _>>().map(Meaning)
    };
    let says = written
        .says
        .0
        .iter()
        .map(meaning)
        .collect::<Result<_, _>>()?;
    let unless = written
        .unless
        .0
        .iter()
        .map(|pattern| words("unless", pattern))
        .collect::<Result<_, _>>()?;
    let not_before = match &written.not_before_regex {
        Some(pattern) => Some(regex("not_before_regex", pattern)?),
        None => None,
    };
    if let Some(regex) = &not_before {
        // The whole match counts as a group of its own.
        let groups = regex.captures_len().saturating_sub(1);
        if groups != 1 {
            return Err(format!(
                "rule {:?} has a not_before_regex with {groups} capture groups: give it one, around the time",
                written.id
            ));
        }
    }
    Ok(Rule {
        id: written.id,
        class: written.class,
        source: written.source.trim().to_owned(),
        fallback: written.fallback,
        over: written.over.0,
        retry_after: written.retry_after,
        not_before,
        asks: Conditions {
            codes: written.code.lower(),
            code_fields: written.code_field.0,
            accounts: written.account.0,
            providers: written.provider.0,
            rails: written.rail.0,
            http_statuses: written.http_status.0,
            statuses: written.status.lower(),
            messages: written.message.lower(),
            message_prefixes: written.message_prefix.lower(),
            message_regexes,
            says,
            unless,
        },
    })
}

/// A pattern with its terms written out: `<mandate>` is any of the words that the file calls so.
fn with_terms(pattern: &str, terms: &BTreeMap<String, String>) -> String {
    terms
        .iter()
        .fold(pattern.to_owned(), |pattern, (name, words)| {
            pattern.replace(&format!("<{name}>"), &format!("(?:{words})"))
        })
}

fn check(rule: &WrittenRule) -> Result<(), &'static str> {
    if rule.id.trim().is_empty() {
        return Err("has an empty id");
    }
    if rule.source.trim().is_empty() {
        return Err("has an empty source: write the title of the page that documents it");
    }
    let texts = [
        &rule.status,
        &rule.code,
        &rule.message,
        &rule.message_prefix,
        &rule.message_regex,
        &rule.says,
    ];
    if texts
        .iter()
        .flat_map(|texts| &texts.0)
        .chain(&rule.unless.0)
        .any(|text| text.trim().is_empty())
    {
        return Err("has an empty text to match");
    }
    if texts.iter().all(|texts| texts.0.is_empty()) && rule.http_status.0.is_empty() {
        return Err(
            "matches nothing in the answer: give it a code, status, message or http_status",
        );
    }
    if rule.code.0.is_empty() && !rule.code_field.0.is_empty() {
        return Err("has a code_field without a code");
    }
    if rule.says.0.is_empty() && !(rule.unless.0.is_empty() && rule.over.0.is_empty()) {
        return Err("has `unless` or `over` without `says`: they are about what a sentence says");
    }
    if rule.fallback && !rule.over.0.is_empty() {
        return Err("has `over` and is a fallback: what is asked last wins over nothing");
    }
    Ok(())
}

/// A regex error draws the pattern over several lines; its last one says what is wrong.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines()
        .last()
        .unwrap_or_default()
        .trim_start_matches("error: ")
        .to_owned()
}

/// One value or a list of them.
struct Many<T>(Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl Many<String> {
    fn lower(self) -> Vec<String> {
        self.0
            .into_iter()
            .map(|text| text.trim().to_ascii_lowercase())
            .collect()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ManyVisitor(PhantomData))
    }
}

struct ManyVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ManyVisitor<T> {
    type Value = Many<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one value or a list of them")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Many<T>, E> {
        T::deserialize(text.into_deserializer()).map(|value| Many(vec![value]))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Many<T>, E> {
        T::deserialize(number.into_deserializer()).map(|value| Many(vec![value]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Many<T>, A::Error> {
        let values = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
        // It would match everything, which is never what was meant.
        if values.is_empty() {
            Err(A::Error::custom("an empty list"))
        } else {
            Ok(Many(values))
        }
    }
}
