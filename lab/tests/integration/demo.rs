//! The demo: the same seed lives the same days, whatever the machine does meanwhile.

use crate::lab;

/// Ten days of sixty mandates, as a program reads them.
fn days(seed: &str) -> String {
    days_on(&[], seed)
}

fn days_on(environment: &[(&str, &str)], seed: &str) -> String {
    let arguments = [
        "demo",
        "--json",
        "--mandates",
        "60",
        "--days",
        "10",
        "--seed",
        seed,
    ];
    let output = lab(&arguments)
        .envs(environment.iter().copied())
        .assert()
        .success();
    String::from_utf8(output.get_output().stdout.clone()).unwrap()
}

#[test]
fn a_seed_gives_the_same_bytes_again_and_another_seed_gives_others() {
    let (first, second, other) = std::thread::scope(|threads| {
        let runs = ["7", "7", "8"].map(|seed| threads.spawn(move || days(seed)));
        runs.map(|run| run.join().unwrap()).into()
    });
    assert_eq!(first, second);
    // Not the seed alone: what happened.
    let happened = |report: &str| report.split_once("\"flows\"").unwrap().1.to_owned();
    assert!(happened(&first).contains("\"collected\":"), "{first}");
    assert_ne!(happened(&first), happened(&other));
}

#[test]
fn a_server_with_its_own_settings_lives_the_same_days() {
    let stock = [("PRIVATE_POSTGRES_SETTINGS", "stock")];
    assert_eq!(days_on(&stock, "7"), days("7"));
}
