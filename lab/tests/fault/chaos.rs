//! The chaos with fixed seeds: whatever fails, the zeros remain, and a seed gives the same weeks again.

use serde_json::Value;

use crate::lab;

/// Lives through a seed; what it prints as JSON.
fn lived(arguments: &str) -> String {
    let output = lab(&["chaos", "--json"])
        .args(arguments.split(' '))
        .output()
        .unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    // The report names every counter-example, and what is said last is the command that lives through it again.
    assert!(output.status.success(), "{report}\n{said}");
    report
}

/// Whether every kind of incident happened, and no zero is anything else.
fn held(arguments: &str) {
    let report: Value = serde_json::from_str(&lived(arguments)).unwrap();
    assert_eq!(report["holds"], true);
    assert_eq!(report["not_injected"], 0);
    let zeros = report["zeros"].as_array().unwrap();
    assert_eq!(zeros.len(), 9);
    for zero in zeros {
        assert_eq!(zero["times"], 0, "{zero}");
    }
    let incidents = report["incidents"].as_object().unwrap();
    let times = |words: &str| -> u64 {
        let matching = incidents.iter().filter(|(name, _)| name.contains(words));
        matching.map(|(_, times)| times.as_u64().unwrap()).sum()
    };
    for words in [
        "killed",
        "frozen",
        "Postgres",
        "databases restored from a dump",
        "refused a copy",
        "fail-overs that lost commits",
        "noticed a fail-over",
        "commits whose answer",
        "clocks",
        "later",
        "wanted retried",
        "brought a step forward",
        "a person skipped",
        "rails",
    ] {
        assert!(times(words) > 0, "{words}: {incidents:?}");
    }
    let calls = report["calls"].as_u64().unwrap();
    let faults: u64 = report["faults"]
        .as_object()
        .unwrap()
        .values()
        .map(|times| times.as_u64().unwrap())
        .sum();
    // Each restore adds thousands of look-ups, which lowers the share.
    assert!(
        calls > 500 && faults * 80 > calls,
        "{faults} of {calls} calls"
    );
}

#[test]
fn two_daemons_break_nothing() {
    held("--seed 2 --mandates 120");
}

#[test]
fn four_daemons_break_nothing() {
    held(
        "--seed 4 --daemons 4 --mandates 120 --days 12 --kills 12 --freezes 8 --restarts 2 --cuts 12 --clock-steps 8 --slow 2",
    );
}

#[test]
fn a_daemon_that_is_alone_breaks_nothing() {
    held(
        "--seed 6 --daemons 1 --mandates 80 --days 12 --kills 12 --freezes 8 --restarts 2 --cuts 12 --clock-steps 8 --slow 2",
    );
}

/// Some notifications were sent by workers that are lost, to a database that is lost.
#[test]
fn databases_that_forget_break_nothing() {
    held(
        "--seed 3 --mandates 100 --days 12 --kills 12 --freezes 8 --restarts 2 --restores 3 --copies 2 --lost-commits 2 --cuts 12 \
         --clock-steps 8 --slow 2",
    );
}

#[test]
fn processes_that_are_killed_and_stopped_break_nothing() {
    let report: Value = serde_json::from_str(&lived(
        "--processes --seed 9 --mandates 60 --days 8 --kills 6 --freezes 1 --restarts 1 --cuts 6",
    ))
    .unwrap();
    assert_eq!(
        (&report["holds"], &report["not_injected"]),
        (&Value::from(true), &Value::from(0))
    );
    let incidents = report["incidents"].as_object().unwrap();
    assert_eq!(incidents["daemons killed with SIGKILL"], 6, "{incidents:?}");
    assert_eq!(
        incidents["daemons stopped with SIGSTOP past their leases"],
        1
    );
    assert_eq!(incidents["Postgres killed and restarted"], 1);
}

#[test]
fn a_seed_gives_the_same_weeks_again_and_another_seed_gives_others() {
    let weeks = "--mandates 30 --days 8 --kills 4 --freezes 3 --restarts 1 --cuts 4 --clock-steps 3 --slow 1";
    let (first, second, other) = std::thread::scope(|threads| {
        let runs = ["7", "7", "9"]
            .map(|seed| threads.spawn(move || lived(&format!("--seed {seed} {weeks}"))));
        runs.map(|run| run.join().unwrap()).into()
    });
    assert_eq!(first, second);
    let happened = |report: &str| report.split_once("\"until\"").unwrap().1.to_owned();
    assert_ne!(happened(&first), happened(&other));
}

#[test]
fn a_daemon_that_is_not_there_is_named_with_the_way_to_build_it() {
    let output = lab(&[
        "chaos",
        "--processes",
        "--mandates",
        "1",
        "--daemon",
        "no/such/daemon",
    ])
    .output()
    .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("error: there is no daemon at no/such/daemon\n"),
        "{said}"
    );
    assert!(said.contains("cargo build --package mandated"), "{said}");
}

#[test]
fn what_was_not_injected_is_said_and_is_no_success() {
    let output = lab(&["chaos", "--mandates", "1", "--days", "1", "--kills", "500"])
        .output()
        .unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(report.contains("NOT EVERYTHING WAS INJECTED"), "{report}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("mandated-lab chaos --seed 1 --mandates 1"),
        "{said}"
    );
}
