//! The runbook as the operator reads it: the numbered steps of deploy/README.md, typed as they stand there.

use std::path::Path;

use chrono::TimeDelta;

use super::shop::{Shop, time};

const SECTION: &str = "\n### … the database was restored, copied or failed over\n";
const ACCOUNTS: [&str; 2] = ["juspay_main", "signzy_main"];
/// A recovery says until when the rail allows no more look-ups: never longer.
const UNTIL_LOOK_UPS_ARE_ALLOWED: TimeDelta = TimeDelta::hours(3);
/// An operator who has typed a line so often calls somebody.
const PATIENCE: usize = 12;

/// What the operator puts into the gaps.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gaps<'a> {
    /// Mandates that are younger than the dump.
    pub(super) file: &'a str,
    /// When the dump was taken, or the last commit that is not lost.
    pub(super) since: &'a str,
    /// What people had paused meanwhile.
    pub(super) paused: &'a [&'a str],
    /// The cycles of mandates that were imported again which are to be added by hand.
    pub(super) cycles: &'a [(String, String)],
}

/// The command lines of the document, in its order.
fn lines() -> Vec<String> {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/README.md");
    let document = std::fs::read_to_string(document).unwrap();
    let section = document.split(SECTION).nth(1).unwrap();
    read(section.split("\n### ").next().unwrap())
}

/// What stands in blocks of the numbered items; what stands around them explains.
fn read(section: &str) -> Vec<String> {
    let first = section.find("\n1. ").unwrap();
    let list = section[first + 1..].lines().take_while(|line| {
        let numbered = line.starts_with(|letter: char| letter.is_ascii_digit());
        numbered || line.is_empty() || line.starts_with(' ')
    });
    let mut is_code = false;
    let mut found = Vec::new();
    for line in list.map(str::trim) {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code {
            found.push(line.to_owned());
        }
    }
    found
}

impl Gaps<'_> {
    /// The command lines that are typed for one of the document.
    fn fill(&self, line: &str) -> Vec<Vec<String>> {
        let fill = |reference: &str, day: &str, account: &str| -> Vec<String> {
            let word = |word| match word {
                "FILE" => self.file,
                "TIME" => self.since,
                "NAME" => account,
                "REF" => reference,
                "DAY" => day,
                "WHO" => "asha",
                "WHY" => "restored",
                other => other,
            };
            line.split(' ').map(|one| word(one).to_owned()).collect()
        };
        if line.contains("DAY") {
            let cycles = self.cycles.iter();
            return cycles
                .map(|(reference, day)| fill(reference, day, ""))
                .collect();
        }
        if line.contains("REF") {
            return self.paused.iter().map(|one| fill(one, "", "")).collect();
        }
        if line.contains("NAME") {
            return ACCOUNTS
                .iter()
                .map(|account| fill("", "", account))
                .collect();
        }
        vec![fill("", "", "")]
    }
}

/// Types the lines of the runbook. When the daemons are started they live until a time; then come the other lines.
pub(super) async fn follow(shop: &mut Shop, gaps: Gaps<'_>, until: &str) {
    let lines = lines();
    for needed in ["systemctl stop mandated", "systemctl start mandated"] {
        assert!(lines.iter().any(|line| line == needed), "{lines:#?}");
    }
    for line in lines {
        println!("$ {line}");
        match line.as_str() {
            // No daemon of a test is left by now.
            "systemctl stop mandated" => {}
            "systemctl start mandated" => shop.live(until).await,
            // "This must end with exit code 78".
            "mandated run" => {
                let (code, said) = shop.refused(&["run"]);
                assert_eq!(code, Some(78), "{said}");
                assert!(said.contains("belongs to"), "{said}");
            }
            _ if line.starts_with("mandated recover") => recover(shop, gaps, &line),
            _ => {
                for words in gaps.fill(&line) {
                    let words: Vec<&str> = words.iter().map(String::as_str).collect();
                    assert_eq!(words.first(), Some(&"mandated"), "{line}");
                    println!("{}", shop.installation.works(&words[1..]));
                }
            }
        }
    }
}

/// "If it exits with 1 … run the same line again."
fn recover(shop: &mut Shop, gaps: Gaps<'_>, line: &str) {
    let words = gaps.fill(line).concat();
    let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
    for _ in 0..PATIENCE {
        let output = shop.installation.output(&words);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        println!("{said}");
        match output.status.code() {
            Some(0) => return,
            Some(1) => {}
            other => panic!("{other:?}: {said}"),
        }
        let now = time(&shop.installation.get("MANDATED__CLOCK__START"));
        shop.at(&(now + UNTIL_LOOK_UPS_ARE_ALLOWED).to_rfc3339());
    }
    panic!("the recovery is never over");
}

#[test]
fn the_lines_of_a_runbook_are_read_in_their_order() {
    let section = "Words, `mandated doctor`.\n```sh\nmandated doctor\n```\n\n1. Stop all, as `mandated jobs` says:\n   ```sh\n   \
                   systemctl stop mandated\n   mandated executions add REF --cycle DAY\n   ```\n2. Words.\n\nSee:\n```sh\nmandated audit\n```\n";
    let lines = read(section);
    assert_eq!(
        lines,
        [
            "systemctl stop mandated",
            "mandated executions add REF --cycle DAY"
        ]
    );
    let gaps = Gaps {
        file: "f.csv",
        since: "2040-02-14",
        paused: &[],
        cycles: &[("7".to_owned(), "2040-02-20".to_owned())],
    };
    let typed = gaps.fill(&lines[1]).concat().join(" ");
    assert_eq!(typed, "mandated executions add 7 --cycle 2040-02-20");
}
