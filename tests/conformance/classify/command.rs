//! `mandated classify` as it is typed.

use std::fmt::Write;

use assert_cmd::Command;

/// On a Friday at seven in the morning in India, inside a window.
const AT: &str = "2026-11-20T07:00:00+05:30";

const FUNDS: &str = r#"{"order_id":"m1o1","status":"AUTHORIZATION_FAILED","txn_id":"shop-m1o1-1",
    "resp_code":"INSUFFICIENT_BALANCE","resp_category":"BUSINESS_ERROR","bank_error_code":"Z9",
    "bank_error_message":"Insufficient funds in customer account"}"#;

fn mandated(arguments: &[&str], input: &str) -> Command {
    let mut command = Command::cargo_bin("mandated").unwrap();
    command.env_clear().args(arguments).write_stdin(input);
    command
}

/// What it says about an answer.
fn says(arguments: &[&str], input: &str) -> String {
    let all = [&["classify", "--at", AT], arguments].concat();
    let output = mandated(&all, input).output().unwrap();
    let (out, err) = (output.stdout, output.stderr);
    let said = [
        String::from_utf8(out).unwrap(),
        String::from_utf8(err).unwrap(),
    ]
    .concat();
    format!("$ mandated classify {}\n{said}", arguments.join(" "))
}

/// Everything that is said of some answers, one after the other.
fn table(questions: &[(&[&str], &str)]) -> String {
    questions
        .iter()
        .fold(String::new(), |mut table, (arguments, input)| {
            writeln!(table, "{}", says(arguments, input)).unwrap();
            table
        })
}

const UPI: [&str; 4] = ["--provider", "juspay", "--rail", "upi"];
const CARD: [&str; 4] = ["--provider", "juspay", "--rail", "card"];
const SIGNZY: [&str; 4] = ["--provider", "signzy", "--rail", "enach"];

fn with<'a>(first: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [first, rest].concat()
}

#[test]
fn answers_and_what_follows() {
    let charged = r#"{"order_id":"m1o1","status":"CHARGED","txn_id":"shop-m1o1-1","amount":499}"#;
    let page = "<html>502 Bad Gateway</html>";
    let not_notified = r#"{"status":"FAILURE","response_code":"JP_852","response_message":"Gateway not supported."}"#;
    let payments = r#"{"payments":[{"paymentId":3,"status":"FAILED","failureReason":"Balance Insufficient","amount":5}]}"#;
    let refused = r#"{"status":"Invalid Request","error_message":Invalid order amount","error_code":"Invalid"}"#;
    let said = table(&[
        (&with(&UPI, &["-"]), FUNDS),
        (&with(&UPI, &["--body", FUNDS]), ""),
        (&with(&UPI, &["--json", "-"]), FUNDS),
        (&with(&UPI, &["--attempt", "2", "-"]), FUNDS),
        (&with(&UPI, &["--attempt", "4", "-"]), FUNDS),
        (&with(&UPI, &["--step", "lookup", "-"]), FUNDS),
        (
            &with(&UPI, &["--step", "retry", "--attempt", "2", "-"]),
            FUNDS,
        ),
        (&with(&UPI, &["-"]), charged),
        (&with(&UPI, &["--status", "502", "-"]), page),
        (&with(&UPI, &["--status", "400", "-"]), refused),
        (&with(&UPI, &["--status", "401"]), ""),
        (
            &with(&UPI, &["--status", "429", "--header", "Retry-After: 120"]),
            "",
        ),
        (&with(&UPI, &["--step", "notify", "-"]), not_notified),
        (
            &with(&UPI, &["--step", "notify_status", "-"]),
            r#"{"status":"SUCCESS"}"#,
        ),
        (&with(&SIGNZY, &["--step", "lookup", "-"]), payments),
        (
            &with(&SIGNZY, &["--status", "422", "-"]),
            r#"{"error":{"message":"wrong element in type"}}"#,
        ),
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn words_in_place_of_an_answer() {
    let peak = "Refused in peak hours, the next permitted time is 2026-11-20T21:31:00+05:30";
    let far = "Refused in peak hours, the next permitted time is 2026-11-22T21:31:00+05:30";
    let said = table(&[
        (&with(&UPI, &["--code", "Z8"]), ""),
        (&with(&UPI, &["--code", "U67"]), ""),
        (&with(&UPI, &["--code", "VE"]), ""),
        (&with(&UPI, &["--code", "U30", "--code", "VA"]), ""),
        (
            &with(
                &UPI,
                &["--code", "QX77", "--message", "No words that we know"],
            ),
            "",
        ),
        // The time in the answer is honoured, and one that comes after the notification's end leaves nothing to retry.
        (&with(&UPI, &["--message", peak]), ""),
        (&with(&UPI, &["--message", far]), ""),
        (&with(&UPI, &["--step", "notify", "--message", peak]), ""),
        (
            &with(
                &CARD,
                &["--code", "merchant_advice_code=26", "--code", "51"],
            ),
            "",
        ),
        (
            &with(
                &CARD,
                &["--code", "merchant_advice_code=43", "--code", "51"],
            ),
            "",
        ),
    ]);
    insta::assert_snapshot!(said);
}

#[test]
fn what_is_no_question_gets_one_clear_error() {
    let said = table(&[
        (&UPI, ""),
        (&with(&UPI, &["-"]), ""),
        (&with(&UPI, &["-"]), "U30"),
        (&with(&UPI, &["no/such/file.json"]), ""),
        (&with(&UPI, &["--code", "Z9", "-"]), ""),
        (&with(&UPI, &["--header", "soon", "--status", "429"]), ""),
        (&with(&UPI, &["--step", "recheck", "--code", "Z9"]), ""),
        (&["--provider", "juspay", "--rail", "visa", "-"], FUNDS),
        (
            &["--provider", "signzy", "--rail", "upi", "--code", "Z9"],
            "",
        ),
        (
            &[
                "--provider",
                "juspay",
                "--rail",
                "enach",
                "--step",
                "notify",
                "--code",
                "Z9",
            ],
            "",
        ),
        (&with(&UPI, &["--rules", "--code", "Z9"]), ""),
    ]);
    insta::assert_snapshot!(said);
    for (arguments, code) in [
        (with(&UPI, &["-"]), 1),
        (with(&UPI, &["--header", "soon"]), 2),
        (vec!["--unmapped"], 78),
    ] {
        mandated(&with(&["classify"], &arguments), "")
            .assert()
            .code(code);
    }
}

#[test]
fn the_operators_own_rules_and_policy_are_asked() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.toml");
    std::fs::write(
        &rules,
        "[[rule]]\nid = \"mine\"\nclass = \"limit\"\nsource = \"our bank's letter\"\naccount = \"main\"\ncode = \"Z9\"\n",
    )
    .unwrap();
    let config = folder.path().join("mandated.toml");
    let written = format!(
        "[failures]\nfile = {:?}\n[retry.upi]\nlimit = {{ strategy = \"after_reset\", at = \"04:00\" }}\n\
         [accounts.main]\nprovider = \"juspay\"\nbase_url = \"https://api.example.in\"\nmerchant_id = \"m\"\napi_key = \"k\"\n",
        rules.display().to_string()
    );
    std::fs::write(&config, written).unwrap();
    // No database is configured, and none is asked.
    let ask = |rest: &[&str]| {
        let file = config.display().to_string();
        let mut all = vec!["--config", &file, "classify", "--at", AT, "--code", "Z9"];
        all.extend(rest);
        mandated(&all, "").output().unwrap()
    };
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    insta::assert_snapshot!(text(ask(&with(&UPI, &["--account", "main"])).stdout), @r"
    outcome   failed
    class     limit
    rule      mine (our bank's letter)
    found by  code Z9
    then      retrying: limit: Z9; again on a later day, when limits start again
    next      retry at 2026-11-21 04:00:00 IST, before 2026-11-21 09:59:00 IST
    ");
    let other = text(ask(&with(&UPI, &["--account", "other"])).stdout);
    assert!(other.contains("upi.funds ("), "{other}");
    let wrong = ask(&with(&SIGNZY, &["--account", "main"]));
    assert_eq!(
        text(wrong.stderr),
        "error: account main is one of juspay, not of signzy\n"
    );
    std::fs::write(&rules, "[[rule]]\nid = \"mine\"\nclass = \"limmit\"\n").unwrap();
    let refused = ask(&UPI);
    assert_eq!(refused.status.code(), Some(78));
    assert!(text(refused.stderr).contains("rules.toml, line 3: "));
}
