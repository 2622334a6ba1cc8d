//! The lab's command line from outside: exit codes, what goes to which stream, the help.

use crate::lab;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn wrong_usage_exits_2() {
    for arguments in [
        &["fly"][..],
        &[],
        &["demo", "--mandates", "0"],
        &["chaos", "--daemon", "/bin/true"],
    ] {
        let output = lab(arguments).assert().code(2).get_output().clone();
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn an_address_that_is_not_loopback_is_refused_with_a_hint() {
    let output = lab(&["sandbox", "--listen", "0.0.0.0:0"])
        .assert()
        .code(1)
        .get_output()
        .clone();
    insta::assert_snapshot!(text(&output.stderr), @r"
    error: the sandbox listens on loopback only, and 0.0.0.0:0 is not: use 127.0.0.1 or [::1]

    hint: `mandated-lab sandbox --help` shows what it takes
    ");
}

/// Every help text, so that a change of the command line is seen in review.
#[test]
fn the_help() {
    let mut help = Vec::new();
    for command in ["", "demo", "chaos", "sandbox"] {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let output = lab(&words).assert().code(0).get_output().clone();
        help.push(format!(
            "$ mandated-lab {}\n{}",
            words.join(" "),
            text(&output.stdout)
        ));
    }
    insta::assert_snapshot!(help.join("\n"));
}
