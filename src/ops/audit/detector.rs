//! Whether somebody is in a text: e-mail addresses, VPAs, phone and account numbers, cards, tax numbers, and fields of that kind.
//!
//! It judges what [`crate::provider::redact`] has left, for the auditor and the tests, and shares no code with it: patterns here, a
//! reading of words there.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

const ADDRESS: &str = "an address";
const NUMBER: &str = "a long number";
const TAX_NUMBER: &str = "a tax number";
const FIELD: &str = "a field about the payer";

/// The pattern, or one that finds nothing: a test holds each to be right.
fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

/// `asha@okbank`, blanks around the sign or not.
static AT: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"[\w.+\-]\s?[@\u{fe6b}\u{ff20}]|[@\u{fe6b}\u{ff20}]\s?\w"));
static PAN: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?i)(?:^|[^\p{L}\p{N}])[a-z]{5}[0-9]{4}[a-z](?:$|[^\p{L}\p{N}])"));
/// Nine digits or more, with up to three signs between each two.
static LONG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"[0-9](?:[\s\-./()_,:;+*|#\u{2010}-\u{2014}\u{2212}\u{b7}]{0,3}[0-9]){8,}")
});
/// What such a number may be all the same, one after the other: a bank's reference that says that it is one, dates, times, amounts.
static HARMLESS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r"RRN[0-9]{1,12}",
        r"(?:^|[^0-9])(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{2}[-/.][0-9]{2}[-/.][0-9]{4})(?:$|[^0-9])",
        r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{3,6})?)?(?:Z|[+][0-9]{2}:?[0-9]{2})?",
        r"(?:^|[^0-9.,])(?:[0-9]{1,8}|[0-9]{1,3}(?:,[0-9]{2,3})*,[0-9]{3})\.[0-9]{2}(?:$|[^0-9.,]|[.,](?:$|[^0-9]))",
    ]
    .into_iter()
    .filter_map(pattern)
    .collect()
});
/// A field with its value, in JSON that was cut off and no parser takes.
static PAIR: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r#""([^"]*)"\s*:\s*(?:"([^"]*)"?|(-?[0-9][0-9.eE+\-]*))"#));
static ENCODED: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?:%[0-9a-fA-F]{2})+"));

/// Names of fields whose values are never kept.
const ABOUT_THE_PAYER: &[&str] = &[
    "email",
    "phone",
    "mobile",
    "vpa",
    "account_number",
    "accountnumber",
    "card_number",
    "cardnumber",
    "name_on_card",
    "customer_name",
    "customername",
    "umrn",
    "password",
    "api_key",
    "apikey",
];
/// Names, or their ends, of fields whose values are the provider's ids, times and amounts.
const NOBODYS: &[&str] = &[
    "id",
    "uuid",
    "txndate",
    "datecreated",
    "lastupdated",
    "notificationdate",
];

/// What of a person is in a sentence.
pub fn in_text(text: &str) -> Option<&'static str> {
    let text = as_read(text);
    let finds = |pattern: &LazyLock<Option<Regex>>, text: &str| {
        pattern
            .as_ref()
            .is_some_and(|pattern| pattern.is_match(text))
    };
    if finds(&AT, &text) {
        return Some(ADDRESS);
    }
    if finds(&PAN, &text) {
        return Some(TAX_NUMBER);
    }
    if finds(&LONG, &text) && finds(&LONG, &without_harmless(&text)) {
        return Some(NUMBER);
    }
    None
}

/// What of a person is in an answer as it is kept: JSON, JSON that was cut off, or a word about what it was.
pub fn in_answer(body: &str) -> Option<&'static str> {
    match serde_json::from_str::<Value>(body) {
        Ok(value) => in_value(&value),
        // Strings in strings lose their quotes' escapes, so that their fields are seen too.
        Err(_) => in_pairs(&body.replace('\\', "")),
    }
}

fn in_value(value: &Value) -> Option<&'static str> {
    match value {
        Value::Object(map) => map
            .iter()
            .find_map(|(name, value)| in_text(name).or_else(|| in_field(name, value))),
        Value::Array(items) => items.iter().find_map(in_value),
        Value::String(text) => match serde_json::from_str::<Value>(&as_read(text)) {
            Ok(packed @ (Value::Object(_) | Value::Array(_))) => in_value(&packed),
            Ok(_) | Err(_) => in_text(text),
        },
        Value::Number(number) => in_number(&number.to_string()),
        Value::Null | Value::Bool(_) => None,
    }
}

fn in_field(name: &str, value: &Value) -> Option<&'static str> {
    let name = name.to_lowercase();
    let said = match value {
        Value::String(text) => text.as_str(),
        Value::Number(_) | Value::Object(_) | Value::Array(_) => "something",
        Value::Null | Value::Bool(_) => "",
    };
    // What was cut off in the middle is hidden as far as it goes.
    let is_hidden = "[redacted]".starts_with(said.trim_end_matches('…'));
    if is_about_the_payer(&name) && !is_hidden {
        return Some(FIELD);
    }
    match value {
        Value::String(text)
            if is_nobodys(&name)
                && !text.contains(char::is_whitespace)
                && !text.starts_with(['{', '[']) =>
        {
            let read = as_read(text);
            AT.as_ref()
                .is_some_and(|at| at.is_match(&read))
                .then_some(ADDRESS)
        }
        Value::Number(_) if is_nobodys(&name) => None,
        Value::String(_)
        | Value::Number(_)
        | Value::Object(_)
        | Value::Array(_)
        | Value::Null
        | Value::Bool(_) => in_value(value),
    }
}

fn is_about_the_payer(name: &str) -> bool {
    ABOUT_THE_PAYER.iter().any(|part| name.contains(part))
}

fn is_nobodys(name: &str) -> bool {
    let name = name.replace(['_', '-', '.'], "");
    name.contains("amount") || NOBODYS.iter().any(|end| name.ends_with(end))
}

fn in_number(number: &str) -> Option<&'static str> {
    let whole = number
        .trim_start_matches('-')
        .split('.')
        .next()
        .unwrap_or_default();
    (whole.len() > 8 || number.contains('e')).then_some(NUMBER)
}

fn in_pairs(body: &str) -> Option<&'static str> {
    let pairs = PAIR.as_ref()?;
    let mut found = None;
    for pair in pairs.captures_iter(body) {
        let part = |nth: usize| pair.get(nth).map_or("", |part| part.as_str());
        let (name, text, number) = (part(1), part(2), part(3));
        let value = if number.is_empty() {
            in_field(name, &Value::String(text.to_owned()))
        } else if is_nobodys(&name.to_lowercase()) {
            None
        } else {
            in_number(number)
        };
        found = found.or_else(|| in_text(name)).or(value);
    }
    found.or_else(|| {
        AT.as_ref()
            .and_then(|at| at.is_match(body).then_some(ADDRESS))
    })
}

/// With percent-encoding taken off, every digit an ASCII one, and nothing unseen between them.
fn as_read(text: &str) -> String {
    let mut read = text.to_owned();
    for _ in 0..3 {
        let Some(encoded) = ENCODED.as_ref() else {
            break;
        };
        let once = encoded.replace_all(&read, |found: &regex::Captures<'_>| {
            let bytes = found.get(0).map_or("", |all| all.as_str());
            let bytes: Vec<u8> = bytes
                .split('%')
                .filter_map(|pair| u8::from_str_radix(pair, 16).ok())
                .collect();
            String::from_utf8_lossy(&bytes).into_owned()
        });
        if once == read {
            break;
        }
        read = once.into_owned();
    }
    read.chars()
        .filter(|c| c.general_category() != GeneralCategory::Format)
        .map(|c| {
            let is_digit = c.general_category() == GeneralCategory::DecimalNumber;
            if is_digit && !c.is_ascii() { '0' } else { c }
        })
        .collect()
}

/// A letter stands in its place, so that what stood left and right of it does not become one number.
fn without_harmless(text: &str) -> String {
    let mut rest = text.to_owned();
    for harmless in &*HARMLESS {
        // Of two that share the sign between them the first has taken it.
        for _ in 0..2 {
            rest = harmless.replace_all(&rest, " x ").into_owned();
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_one() {
        for pattern in [&AT, &PAN, &LONG, &PAIR, &ENCODED] {
            assert!(pattern.is_some());
        }
        assert_eq!(HARMLESS.len(), 4);
    }

    #[test]
    fn what_is_about_a_person_is_seen() {
        for (text, what) in [
            ("acct_50100012345678", NUMBER),
            ("UPI50100012345678", NUMBER),
            ("98.765.432.10", NUMBER),
            ("(98765) 43210", NUMBER),
            ("98765\u{200b}43210", NUMBER),
            ("९८७६५४३२१०", NUMBER),
            ("%2B919876543210", NUMBER),
            ("2026-01-31 9876543210", NUMBER),
            ("PAN ABCDE1234F", TAX_NUMBER),
            ("user%40okhdfc", ADDRESS),
            ("asha @ okhdfc", ADDRESS),
        ] {
            assert_eq!(in_text(text), Some(what), "{text}");
        }
        for (body, what) in [
            (r#"{"9876543210":1}"#, NUMBER),
            (r#"{"a":{"b":[9876543210]}}"#, NUMBER),
            (r#"{"order_id":"a@b.in"}"#, ADDRESS),
            (r#"{"payer_vpa":"asha"}"#, FIELD),
            (r#"{"info":"{\"phone\":\"98\"}"}"#, FIELD),
            (r#"{"a":"b","note":"call 9876543210","c":"…"#, NUMBER),
        ] {
            assert_eq!(in_answer(body), Some(what), "{body}");
        }
    }

    #[test]
    fn what_is_nobodys_is_not() {
        for text in [
            "[redacted] of 2026-01-31 10:00:05",
            "amounts 1000.00 5000.00",
            "12,34,567.00 INR at 2026-01-31T10:00:05+05:30",
            "order qwertyuiopasdfghjklz",
            "RRN412345678901",
        ] {
            assert_eq!(in_text(text), None, "{text}");
        }
        for body in [
            r#"{"order_id":"1738237998","txn_id":"M-1738237998-1","amount":123456789,"email":"[redacted]","vpa":null}"#,
            r#"{"order_id":"1738237998","status":"CHARGED","note":"ok","c":"…"#,
            "[not JSON, 19 bytes]",
        ] {
            assert_eq!(in_answer(body), None, "{body}");
        }
    }
}
