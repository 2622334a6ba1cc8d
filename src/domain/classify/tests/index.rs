//! The index gives what reading every rule would give, and asks few rules.

use proptest::prelude::*;

use super::super::rule::Rule;
use super::super::sentences::Heard;
use super::super::written;
use super::*;

/// What the index must be equal to: every rule of every layer, one after the other.
fn linear<'r>(files: &'r [&'r [Rule]; 2], signals: &Signals<'_>) -> Option<&'r str> {
    let heard = Heard::new(signals);
    for fallback in [false, true] {
        for file in files {
            let layer: Vec<&Rule> = file
                .iter()
                .filter(|rule| rule.fallback == fallback)
                .collect();
            for (field, code) in signals.codes {
                for rule in &layer {
                    let names = rule
                        .asks
                        .codes
                        .iter()
                        .any(|own| own.eq_ignore_ascii_case(code));
                    if names && rule.asks.takes_field(field) && rule.asks.hold_but_for_codes(&heard)
                    {
                        return Some(&rule.id);
                    }
                }
            }
            for rule in layer.iter().filter(|rule| rule.asks.codes.is_empty()) {
                if rule.asks.hold_but_for_codes(&heard) {
                    return Some(&rule.id);
                }
            }
        }
    }
    None
}

/// The conditions of a random rule, over an alphabet small enough that rules collide.
fn conditions() -> impl Strategy<Value = String> {
    let code = prop::collection::vec("[abcAB]", 1..3).prop_map(|codes| format!("code = {codes:?}"));
    let code_in = ("[abc]", "[fg]")
        .prop_map(|(code, field)| format!("code = {code:?}\ncode_field = {field:?}"));
    let what = prop_oneof![
        3 => code,
        1 => code_in,
        1 => "[mn]".prop_map(|text| format!("message = {text:?}")),
        1 => "[mn]".prop_map(|text| format!("code = \"a\"\nmessage_prefix = {text:?}")),
        1 => Just("message = [\"m\", \"n\"]\nstatus = \"s\"".to_owned()),
        1 => Just("status = \"s\"".to_owned()),
        1 => "[mn]".prop_map(|text| format!("message_regex = {text:?}")),
        1 => Just("http_status = 400".to_owned()),
    ];
    let rail =
        prop_oneof![2 => Just(""), 1 => Just("rail = \"upi\""), 1 => Just("rail = \"card\"")];
    (what, rail, any::<bool>())
        .prop_map(|(what, rail, fallback)| format!("{what}\n{rail}\nfallback = {fallback}"))
}

fn file(prefix: &str, rules: &[String]) -> String {
    let mut text = String::new();
    for (no, rule) in rules.iter().enumerate() {
        writeln!(
            text,
            "[[rule]]\nid = \"{prefix}{no}\"\nclass = \"risk\"\nsource = \"s\"\n{rule}"
        )
        .unwrap();
    }
    text
}

proptest! {
    #[test]
    fn the_index_gives_what_reading_every_rule_gives(
        operator in prop::collection::vec(conditions(), 0..6),
        builtin in prop::collection::vec(conditions(), 0..8),
        codes in prop::collection::vec(("[fgh]", "[abcd]"), 0..4),
        messages in prop::collection::vec("[mnM]", 0..2),
        status in prop::option::of("[st]"),
        http_status in prop_oneof![Just(200u16), Just(400)],
    ) {
        let (operator, builtin) = (file("o", &operator), file("b", &builtin));
        let codes: Vec<(&str, &str)> = codes.iter().map(|(f, c)| (f.as_str(), c.as_str())).collect();
        let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
        let signals = Signals { status: status.as_deref(), http_status, ..signals(&codes, &messages) };
        let mut taken = HashSet::new();
        let own = written::parse("o", &operator, &mut taken).unwrap();
        let theirs = written::parse("b", &builtin, &mut taken).unwrap();
        let classifier = Classifier::from_files(("b", &builtin), Some(("o", &operator))).unwrap();
        let expected = linear(&[&own, &theirs], &signals).map(str::to_owned);
        prop_assert_eq!(classifier.classify(&signals).rule_id(), expected);
    }
}

thread_local! {
    static ASKED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts the rules that are asked.
pub(in super::super) fn count() {
    ASKED.set(ASKED.get().saturating_add(1));
}

/// How many rules are asked for an answer.
fn asked(classifier: &Classifier, signals: &Signals<'_>, rule: Option<&str>) -> usize {
    ASKED.set(0);
    assert_eq!(classifier.classify(signals).rule_id().as_deref(), rule);
    ASKED.get()
}

/// An operator's file of many rules of one kind.
fn many(count: usize, conditions: impl Fn(usize) -> String) -> Classifier {
    let rules: Vec<String> = (0..count).map(conditions).collect();
    with(&file("o", &rules)).unwrap()
}

/// Rules of every kind that can be looked up.
fn exact(no: usize) -> String {
    match no % 4 {
        0 => format!("code = \"C{no}\""),
        1 => format!("code = \"C{no}\"\nmessage_prefix = \"m\""),
        2 => format!("message = \"m{no}\""),
        _ => format!("status = \"s{no}\""),
    }
}

#[test]
fn an_exact_word_asks_as_few_rules_of_ten_thousand_as_of_ten() {
    for count in [10, 10_000] {
        let classifier = many(count, exact);
        let asked = |codes, messages, status, rule| {
            let said = Signals {
                status,
                ..signals(codes, messages)
            };
            asked(&classifier, &said, Some(rule))
        };
        assert_eq!(asked(&[("code", "c4")], &["M6"], Some("s7"), "o4"), 1);
        assert_eq!(asked(&[("code", "x")], &["other", "M6"], None, "o6"), 1);
        assert_eq!(asked(&[], &["other"], Some("S7"), "o7"), 1);
        // A compiled-in code behind a file that says nothing of it.
        let funds = [("bank_error_code", "Z9")];
        assert_eq!(asked(&funds, &["other"], Some("other"), "upi.funds"), 1);
    }
}

/// What cannot be looked up is asked one after the other, before the compiled-in rules: that is what "first" means.
#[test]
fn beginnings_and_patterns_of_an_operators_file_are_asked_first() {
    let kinds: [(&str, usize); 2] = [("message_prefix", 1000), ("message_regex", 100)];
    for (key, count) in kinds {
        let classifier = many(count, |no| format!("{key} = \"m{no}-\""));
        let funds = [("bank_error_code", "Z9")];
        let theirs = signals(&funds, &["no words of ours"]);
        let asked = asked(&classifier, &theirs, Some("upi.funds"));
        assert_eq!(asked, count.saturating_add(1), "{key}");
    }
}
