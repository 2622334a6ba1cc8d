//! The demo: the same seed lives the same days, whatever the machine does meanwhile.

use crate::lab;

/// Ten days of sixty mandates, as a program reads them.
fn days(seed: &str) -> String {
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
    let output = lab(&arguments).assert().success();
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
