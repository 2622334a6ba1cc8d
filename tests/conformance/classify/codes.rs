//! The table of every documented code against the rules, both ways.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use mandated::domain::classify::Rule;
use mandated::domain::{Class, ProviderKind, Rail};
use regex::RegexBuilder;

use super::{BUILTIN, classify, signals};

/// A line of the table.
struct Documented {
    table: &'static str,
    rail: Rail,
    field: &'static str,
    code: &'static str,
    /// Nothing for an approval, and for advice that asks for nothing.
    class: Option<Class>,
    meaning: &'static str,
}

static DOCUMENTED: LazyLock<Vec<Documented>> = LazyLock::new(|| {
    let lines = include_str!("../data/failures/codes.tsv").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .map(read)
        .collect()
});

fn read(line: &'static str) -> Documented {
    let columns: Vec<&str> = line.split('\t').collect();
    let [table, rail, field, code, class, meaning] = columns[..] else {
        panic!("not six columns: {line}");
    };
    let class = match class {
        "approved" | "-" => None,
        class => Some(Class::parse(class).unwrap()),
    };
    Documented {
        table,
        rail: Rail::parse(rail).unwrap(),
        field,
        code,
        class,
        meaning,
    }
}

impl Documented {
    fn provider(&self) -> ProviderKind {
        match self.table {
            "Signzy" | "Cashfree" => ProviderKind::Signzy,
            _ => ProviderKind::Juspay,
        }
    }

    fn is_named_by(&self, rule: &Rule, code: &str) -> bool {
        self.code.eq_ignore_ascii_case(code)
            && (rule.rails().is_empty() || rule.rails().contains(&self.rail))
    }
}

#[test]
fn every_documented_code_has_a_rule_and_its_class() {
    for line in DOCUMENTED.iter() {
        let Documented { table, code, .. } = line;
        let codes = [(line.field, *code)];
        let failure = classify(&signals(line.provider(), line.rail, &codes, &[]));
        let Some(class) = line.class else {
            assert_eq!(failure.rule, None, "{table} {code}");
            continue;
        };
        let rule = failure
            .rule
            .unwrap_or_else(|| panic!("{table} {code} has no rule"));
        assert_eq!(failure.class, class, "{table} {code}: {}", rule.id);
        assert_eq!(rule.by, format!("{} {code}", line.field));
    }
}

#[test]
fn every_code_of_a_rule_is_documented() {
    for rule in BUILTIN.rules() {
        for code in rule.codes() {
            assert!(
                DOCUMENTED.iter().any(|line| line.is_named_by(rule, code)),
                "{} names {code}, and the table does not",
                rule.id()
            );
        }
    }
}

#[test]
fn nothing_was_left_out_of_the_tables() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for line in DOCUMENTED.iter() {
        *counts.entry(line.table).or_default() += 1;
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(table, count)| format!("{table}: {count}"))
        .collect();
    insta::assert_snapshot!(counts.join("\n"), @r"
    Cashfree: 13
    ISO 8583: 44
    Juspay UPI: 11
    Juspay error_code: 9
    Juspay error_info: 22
    Juspay internal: 3
    Juspay notification: 8
    Juspay resp_category: 5
    Juspay resp_code: 14
    Mastercard advice: 17
    NACH reject: 41
    NACH return: 32
    NACH return, as a number: 9
    Razorpay reasons: 18
    Signzy: 12
    UPI: 204
    Visa: 2
    ");
}

/// Words that leave open whether the money moved, or say that it did.
const OPEN: [&str; 12] = [
    r"\btime(d )?-?out\b",
    r"\backnowledgement not received\b",
    r"\b(no|late) response\b",
    r"\brever(sal|sed|ted)\b",
    r"\bdeemed\b",
    r"\bduplicate\b",
    r"\balready (honoured|processed|sent|executed|debited|exists|in pro(cess|gress))\b",
    r"\banswer lost\b",
    r"\bunwound\b|\bmark(ed)?[- ]pending\b|^(mandate )?pending$",
    r"\bnot found at gateway\b",
    r"\bnot be completed in time\b",
    r"\bcredit has been failed\b",
];

/// The class is derived here from the documents' own words: what they call lost, timed out, reversed, deemed, honoured already or a
/// duplicate is asked about before anything else is done.
#[test]
fn what_may_have_moved_money_is_never_retried_before_it_is_proven() {
    let words = RegexBuilder::new(&OPEN.join("|"))
        .case_insensitive(true)
        .build()
        .unwrap();
    let open: Vec<&Documented> = DOCUMENTED
        .iter()
        .filter(|line| words.is_match(line.meaning))
        .collect();
    for line in &open {
        assert!(
            line.class.is_some_and(Class::is_unproven),
            "{} {} is {:?}, and means: {}",
            line.table,
            line.code,
            line.class,
            line.meaning
        );
    }
    // And the words are those of the documents: nearly every unproven code is found by them.
    let unproven = |line: &&Documented| line.class.is_some_and(Class::is_unproven);
    let without_words: Vec<&str> = DOCUMENTED
        .iter()
        .filter(unproven)
        .filter(|line| !words.is_match(line.meaning))
        .map(|line| line.code)
        .collect();
    assert_eq!(
        without_words,
        [
            "NO",
            "98",
            "98",
            "INTERNAL_SERVER_ERROR",
            "NETWORK_ERROR_CODE",
            "SERVER_ERROR",
            "api_error"
        ]
    );
    assert_eq!(open.len(), 69);
}

#[test]
fn the_same_code_means_something_else_on_another_rail() {
    let class = |rail, code| {
        let codes = [("bank_error_code", code)];
        classify(&signals(ProviderKind::Juspay, rail, &codes, &[])).class
    };
    assert_eq!(class(Rail::Enach, "04"), Class::Funds);
    assert_eq!(class(Rail::Card, "04"), Class::Instrument);
    assert_eq!(class(Rail::Upi, "04"), Class::Unmapped);
    assert_eq!(class(Rail::Enach, "59"), Class::Transient);
    assert_eq!(class(Rail::Card, "59"), Class::Risk);
    assert_eq!(class(Rail::Card, "Z9"), Class::Unmapped);
}

/// Waits that the documents ask for, in hours.
#[test]
fn documented_waits_are_kept() {
    let wait = |rail, field, code| {
        let codes = [(field, code), ("resp_code", "51")];
        let failure = classify(&signals(ProviderKind::Juspay, rail, &codes, &[]));
        (
            failure.class.as_str(),
            failure.retry_after.map(|wait| wait.as_secs() / 3600),
        )
    };
    for (code, hours) in [
        ("02", 72),
        ("24", 1),
        ("25", 24),
        ("26", 48),
        ("27", 96),
        ("28", 144),
        ("29", 192),
        ("30", 240),
    ] {
        let expected = ("transient", Some(hours));
        assert_eq!(
            wait(Rail::Card, "merchant_advice_code", code),
            expected,
            "{code}"
        );
    }
    for (rail, code, expected) in [
        (Rail::Upi, "IE", ("funds", Some(24))),
        (Rail::Upi, "FL", ("limit", Some(24))),
        (Rail::Upi, "FP", ("limit", Some(24))),
        (Rail::Upi, "YC", ("unmapped", Some(6))),
        (Rail::Card, "05", ("unmapped", Some(24))),
        (Rail::Upi, "Z9", ("funds", None)),
    ] {
        let codes = [("bank_error_code", code)];
        let failure = classify(&signals(ProviderKind::Juspay, rail, &codes, &[]));
        let hours = failure.retry_after.map(|wait| wait.as_secs() / 3600);
        assert_eq!((failure.class.as_str(), hours), expected, "{code}");
    }
}
