//! What the documents say holds: the faults have their tests, the commands work, the newcomer's tour comes to its end.

mod commands;
mod tour;

use std::path::Path;

use regex::Regex;

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
}

/// All Rust of a folder, one text.
fn sources(folder: &Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&read(&path));
        }
    }
}

/// The rows of a section's tables: the cells of each.
fn rows(readme: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, section) = readme.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("|---"))
        .map(|line| {
            let cells = line.trim_matches('|').split(" | ");
            cells.map(|cell| cell.trim().to_owned()).collect()
        })
        .collect()
}

#[test]
fn every_what_if_names_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = read(&root.join("README.md"));
    let mut tests = String::new();
    for folder in ["src", "tests", "lab"] {
        sources(&root.join(folder), &mut tests);
    }
    let rows = rows(&readme, "\n## What if ...\n");
    assert!(rows.len() > 25, "{} rows", rows.len());
    let name = Regex::new("`([a-z0-9_:]+)`").unwrap();
    for row in rows.iter().skip(1) {
        assert_eq!(row.len(), 3, "{row:?}");
        let mut names = name
            .captures_iter(&row[2])
            .map(|found| found[1].rsplit("::").next().unwrap().to_owned())
            .peekable();
        assert!(names.peek().is_some(), "no test shows {:?}", row[0]);
        for name in names {
            assert!(
                tests.contains(&format!("fn {name}(")),
                "{:?} is shown by {name}, and there is no such test",
                row[0]
            );
        }
    }
}
