//! The rules of one file and one strength, indexed.

use std::collections::HashMap;

use super::rule::Rule;
use super::sentences::Heard;

/// Rules of one file and one strength, in the order of the file. What a rule names exactly finds it by one look-up; only
/// rules that name neither a code nor a whole message nor a status are asked one after the other.
#[derive(Debug)]
pub(super) struct Layer {
    rules: Vec<Rule>,
    by_code: Index,
    /// Of those without a code.
    by_message: Index,
    /// Of those without a code and a whole message.
    by_status: Index,
    /// The others, ascending: a beginning, a pattern or an HTTP status.
    rest: Vec<usize>,
    /// Those that win over the code of another rule, ascending.
    overruling: Vec<usize>,
}

/// From a word in lower case to the rules that name it, ascending.
type Index = HashMap<String, Vec<usize>>;

/// A rule, and the code by which it was found, with its field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'r, 's> {
    pub(super) rule: &'r Rule,
    pub(super) code: Option<(&'s str, &'s str)>,
}

impl Layer {
    pub(super) fn new(rules: Vec<Rule>) -> Self {
        let mut layer = Self {
            rules: Vec::new(),
            by_code: Index::new(),
            by_message: Index::new(),
            by_status: Index::new(),
            rest: Vec::new(),
            overruling: Vec::new(),
        };
        for (no, rule) in rules.iter().enumerate() {
            let asks = &rule.asks;
            if !rule.over.is_empty() {
                layer.overruling.push(no);
            }
            let (index, words) = if !asks.codes.is_empty() {
                (&mut layer.by_code, &asks.codes)
            } else if !asks.messages.is_empty() {
                (&mut layer.by_message, &asks.messages)
            } else if !asks.statuses.is_empty() {
                (&mut layer.by_status, &asks.statuses)
            } else {
                layer.rest.push(no);
                continue;
            };
            for word in words {
                index.entry(word.clone()).or_default().push(no);
            }
        }
        layer.rules = rules;
        layer
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule for the most telling code that any rule names, else the first rule without a code. Words that are said to be
    /// stronger than what the code means win over it.
    pub(super) fn find<'s>(&self, heard: &Heard<'_, 's>) -> Option<Found<'_, 's>> {
        let by_code = heard.signals.codes.iter().find_map(|(field, code)| {
            let named = self.by_code.get(&key(code))?;
            let no = self.first(named, |rule| {
                rule.asks.takes_field(field) && rule.asks.hold_but_for_codes(heard)
            })?;
            Some((no, Some((*field, *code))))
        });
        let by_words = by_code.and_then(|(no, _)| Some((self.overruling(no, heard)?, None)));
        let found = by_words.or(by_code);
        let (no, code) = found.or_else(|| Some((self.without_code(heard)?, None)))?;
        let rule = self.rules.get(no)?;
        Some(Found { rule, code })
    }

    /// The first rule whose words win over the class of a rule that was found by a code.
    fn overruling(&self, no: usize, heard: &Heard<'_, '_>) -> Option<usize> {
        let class = self.rules.get(no)?.class;
        self.first(&self.overruling, |rule| {
            rule.over.contains(&class)
                && rule.asks.is_said(heard)
                && rule.asks.hold_but_for_codes(heard)
        })
    }

    fn without_code(&self, heard: &Heard<'_, '_>) -> Option<usize> {
        let signals = heard.signals;
        let by_message = signals
            .messages
            .iter()
            .filter_map(|message| self.by_message.get(&key(message)));
        let by_status = signals
            .status
            .and_then(|status| self.by_status.get(&key(status)));
        by_message
            .chain(by_status)
            .chain([&self.rest])
            .filter_map(|named| self.first(named, |rule| rule.asks.hold_but_for_codes(heard)))
            .min()
    }

    fn first(&self, named: &[usize], matches: impl Fn(&Rule) -> bool) -> Option<usize> {
        named
            .iter()
            .copied()
            .find(|no| self.rules.get(*no).is_some_and(&matches))
    }
}

fn key(word: &str) -> String {
    word.trim().to_ascii_lowercase()
}
