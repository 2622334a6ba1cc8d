use std::fmt::Write;
use std::sync::LazyLock;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn signals<'a>(codes: &'a [(&'a str, &'a str)], messages: &'a [&'a str]) -> Signals<'a> {
    Signals {
        account: "main",
        provider: ProviderKind::Juspay,
        rail: Rail::Upi,
        http_status: 200,
        status: None,
        codes,
        messages,
    }
}

static BUILTIN: LazyLock<Classifier> = LazyLock::new(|| Classifier::builtin().unwrap());

fn with(operator: &str) -> Result<Classifier, RuleError> {
    Classifier::with_operator_rules(Some(("mine.toml", operator)))
}

#[test]
fn every_rule_and_its_class() {
    let mut table = String::new();
    for rule in BUILTIN.layers.iter().flat_map(|layer| &layer.rules) {
        let strength = if rule.fallback { "fallback" } else { "" };
        writeln!(
            table,
            "{:<18} {:<34} {strength:<9}{}",
            rule.class,
            rule.id,
            rule.codes.join(" ")
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn an_operators_rules_are_asked_first_and_only_for_their_account() {
    let classifier = with(
        r#"
        [[rule]]
        id = "mine"
        class = "limit"
        source = "our bank's letter"
        account = "main"
        code = "z9"
        retry_after = "2h"
        "#,
    )
    .unwrap();
    let codes = [("bank_error_code", "Z9")];
    let mine = classifier.classify(&signals(&codes, &[]));
    assert_eq!(
        (mine.class, mine.rule.as_deref()),
        (Class::Limit, Some("mine"))
    );
    assert_eq!(mine.retry_after, Some(Duration::from_hours(2)));
    let other = classifier.classify(&Signals {
        account: "other",
        ..signals(&codes, &[])
    });
    assert_eq!(
        (other.class, other.rule.as_deref()),
        (Class::Funds, Some("upi.funds"))
    );
}

#[test]
fn an_operators_message_rule_comes_before_a_builtin_code() {
    let classifier = with(
        "[[rule]]\nid = \"mine\"\nclass = \"risk\"\nsource = \"s\"\nmessage_prefix = \"Velocity\"\n",
    )
    .unwrap();
    let failure = classifier.classify(&signals(&[("bank_error_code", "Z9")], &["velocity check"]));
    assert_eq!(failure.class, Class::Risk);
}

#[test]
fn the_most_telling_code_that_has_a_cause_wins() {
    let class = |codes: &[(&str, &str)]| {
        let failure = BUILTIN.classify(&signals(codes, &[]));
        (failure.class, failure.code.unwrap())
    };
    let u30 = ("error_code", "U30");
    assert_eq!(
        class(&[u30, ("bank_error_code", "Z9")]),
        (Class::Funds, "Z9".to_owned())
    );
    assert_eq!(
        class(&[("a", "U28"), ("b", "Z9")]),
        (Class::Transient, "U28".to_owned())
    );
    assert_eq!(class(&[u30]), (Class::Unmapped, "U30".to_owned()));
    // A technical decline without a bank's code is not proven.
    assert_eq!(
        class(&[u30, ("resp_category", "TECHNICAL_ERROR")]).0,
        Class::InFlight
    );
}

#[test]
fn what_is_shown_for_an_answer_nobody_knows() {
    let failure = BUILTIN.classify(&signals(&[("a", ""), ("b", "Q?")], &[" ", " no idea "]));
    assert_eq!(
        failure,
        Failure {
            class: Class::Unmapped,
            code: Some("Q?".to_owned()),
            message: Some("no idea".to_owned()),
            rule: None,
            retry_after: None,
        }
    );
}

#[test]
fn a_wrong_rule_is_refused_with_its_file_and_line() {
    let head =
        "# mine\n\n[[rule]]\nid = \"good\"\nclass = \"funds\"\nsource = \"s\"\ncode = \"A\"\n\n";
    let refused = |rest: &str| {
        let error = with(&format!("{head}{rest}")).unwrap_err();
        assert_eq!(error.file, "mine.toml");
        format!("{}: {}", error.line, error.why)
    };
    let rule = |rest: &str| {
        refused(&format!(
            "[[rule]]\nid = \"x\"\nclass = \"funds\"\nsource = \"s\"\n{rest}\n"
        ))
    };
    let mut table = String::new();
    for why in [
        rule("coed = \"A\""),
        rule("rail = \"upii\"\ncode = \"A\""),
        rule("provider = [\"juspay\", \"stripe\"]\ncode = \"A\""),
        rule("http_status = 99999"),
        rule("code = [\"A\", \"\"]"),
        rule("code = []"),
        rule("code = 4"),
        rule("code_field = \"resp_code\"\nhttp_status = 400"),
        rule("rail = \"upi\""),
        rule("message_regex = \"a(b\""),
        rule("code = \"A\"\nretry_after = \"soon\""),
        refused("[[rule]]\nid = \"x\"\nclass = \"fundz\"\nsource = \"s\"\ncode = \"A\"\n"),
        refused("[[rule]]\nid = \"good\"\nclass = \"risk\"\nsource = \"s\"\ncode = \"A\"\n"),
        refused("[[rule]]\nid = \"upi.funds\"\nclass = \"risk\"\nsource = \"s\"\ncode = \"A\"\n"),
        refused("[[rule]]\nid = \"x\"\nclass = \"risk\"\nsource = \" \"\ncode = \"A\"\n"),
        refused("[[rule]]\nclass = \"risk\"\nsource = \"s\"\ncode = \"A\"\n"),
        refused("[[rules]]\nid = \"x\"\n"),
        refused("[[rule]]\nid = \"x\n"),
    ] {
        writeln!(table, "{why}").unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_rule_error_reads_as_one_line() {
    let error = with("[[rule]]\nid = \"x\"\nclass = \"funds\"\nsource = \"s\"\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "mine.toml, line 1: rule \"x\" matches nothing in the answer: \
         give it a code, status, message or http_status"
    );
}

/// What the index must be equal to: every rule of every layer, one after the other.
fn linear<'r>(files: &'r [&'r [Rule]; 2], signals: &Signals<'_>) -> Option<&'r str> {
    for fallback in [false, true] {
        for file in files {
            let layer: Vec<&Rule> = file
                .iter()
                .filter(|rule| rule.fallback == fallback)
                .collect();
            for (field, code) in signals.codes {
                for rule in &layer {
                    let names = rule.codes.iter().any(|own| own.eq_ignore_ascii_case(code));
                    if names && rule.takes_field(field) && rule.matches_all_but_code(signals) {
                        return Some(&rule.id);
                    }
                }
            }
            for rule in layer.iter().filter(|rule| rule.codes.is_empty()) {
                if rule.matches_all_but_code(signals) {
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
        1 => Just("status = \"s\"".to_owned()),
        1 => Just("http_status = 400".to_owned()),
    ];
    let rail =
        prop_oneof![2 => Just(""), 1 => Just("rail = \"upi\""), 1 => Just("rail = \"card\"")];
    (what, rail, any::<bool>())
        .prop_map(|(what, rail, fallback)| format!("{what}\n{rail}\nfallback = {fallback}\n"))
}

fn file(prefix: &str, rules: &[String]) -> String {
    rules
        .iter()
        .enumerate()
        .fold(String::new(), |text, (no, rule)| {
            format!(
                "{text}[[rule]]\nid = \"{prefix}{no}\"\nclass = \"risk\"\nsource = \"s\"\n{rule}"
            )
        })
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
        let own = rule::parse("o", &operator, &mut taken).unwrap();
        let theirs = rule::parse("b", &builtin, &mut taken).unwrap();
        let classifier = Classifier::from_files(("b", &builtin), Some(("o", &operator))).unwrap();
        let expected = linear(&[&own, &theirs], &signals).map(str::to_owned);
        prop_assert_eq!(classifier.classify(&signals).rule, expected);
    }
}
