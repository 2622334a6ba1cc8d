pub(super) mod index;
mod words;

use std::fmt::Write;
use std::sync::LazyLock;
use std::time::Duration;

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

/// One line for each: id, class, source, what it matches, in the order in which they are asked.
#[test]
fn every_rule() {
    let mut table = String::new();
    for rule in BUILTIN.rules() {
        let strength = if rule.is_fallback() {
            " (fallback)"
        } else {
            ""
        };
        writeln!(
            table,
            "{}{strength} | {} | {} | {rule}",
            rule.id(),
            rule.class(),
            rule.source()
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
        (mine.class, mine.rule_id().as_deref()),
        (Class::Limit, Some("mine"))
    );
    assert_eq!(mine.retry_after, Some(Duration::from_hours(2)));
    let other = classifier.classify(&Signals {
        account: "other",
        ..signals(&codes, &[])
    });
    assert_eq!(
        (other.class, other.rule_id().as_deref()),
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
            not_before: None,
        }
    );
}

#[test]
fn a_failure_names_its_rule_the_source_and_what_it_was_found_by() {
    let classifier = with(
        r#"
        [[rule]]
        id = "mine"
        class = "limit"
        source = " our bank's letter "
        code = "Q1"
        status = "declined"
        http_status = 200
        message_prefix = "Come back"
        "#,
    )
    .unwrap();
    let failure = classifier.classify(&Signals {
        status: Some("DECLINED"),
        ..signals(&[("resp_code", "Q1")], &["first", " come back later "])
    });
    let rule = failure.rule.unwrap();
    assert_eq!(
        (rule.id.as_str(), rule.source.as_str()),
        ("mine", "our bank's letter")
    );
    assert_eq!(
        rule.by,
        "resp_code Q1, message \"come back later\", status DECLINED, HTTP 200"
    );
    // The message shown is the first, whichever was matched.
    assert_eq!(failure.message.as_deref(), Some("first"));
}

#[test]
fn the_time_in_a_message_is_kept() {
    let classifier = with(
        r#"
        [[rule]]
        id = "mine"
        class = "transient"
        source = "s"
        message_prefix = "closed"
        not_before_regex = 'until (\S+)'
        "#,
    )
    .unwrap();
    let not_before = |messages: &[&str]| classifier.classify(&signals(&[], messages)).not_before;
    let at = "2026-11-30T16:01:00Z".parse::<Timestamp>().ok();
    assert!(at.is_some());
    assert_eq!(not_before(&["closed until 2026-11-30T21:31:00+05:30"]), at);
    assert_eq!(
        not_before(&["closed", "UNTIL 2026-11-30T16:01:00Z, sorry"]),
        None
    );
    assert_eq!(not_before(&["closed", "until 2026-11-30T16:01:00Z"]), at);
    // The first that is a time counts.
    assert_eq!(
        not_before(&["closed until noon", "until 2026-11-30T16:01:00Z"]),
        at
    );
    assert_eq!(not_before(&["closed until 30/11/2026"]), None);
    // The rule must match by what it asks for.
    assert_eq!(not_before(&["open until 2026-11-30T16:01:00Z"]), None);
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
        rule("code = \"A\"\nunless = \"b\""),
        rule("code = \"A\"\nover = \"risk\""),
        rule("says = \"a & b(c\""),
        rule("says = \"a\"\nfallback = true\nover = \"risk\""),
        rule("message_regex = \"a(b\""),
        rule("code = \"A\"\nnot_before_regex = \"a(b\""),
        rule("code = \"A\"\nnot_before_regex = \"after .*\""),
        rule("code = \"A\"\nnot_before_regex = \"(from|after) (.*)\""),
        rule("not_before_regex = \"after (.*)\""),
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
