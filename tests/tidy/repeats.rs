//! No long run of lines stands in two files: one of them is mended some day, and the other forgotten.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

/// So many lines in a row may be the same.
const LONGEST_RUN: usize = 15;

/// A line of code with its number, its white space folded.
type Line = (usize, String);

/// What counts of a file: neither blank lines nor comments nor imports.
fn code(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut in_import = false;
    for (at, line) in text.lines().enumerate() {
        let folded = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let starts_import = folded.starts_with("use ")
            || folded.starts_with("pub") && folded.contains(" use ") && !folded.contains(" fn ");
        if in_import || starts_import {
            in_import = !folded.ends_with(';');
        } else if !folded.is_empty() && !folded.starts_with("//") {
            lines.push((at + 1, folded));
        }
    }
    lines
}

/// The first run that two files share, for each pair of files that share one.
fn repeats(files: &[(String, String)]) -> Vec<String> {
    let files: Vec<(&str, Vec<Line>)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), code(text)))
        .collect();
    // Equal lines get the same number: runs of numbers are compared, not runs of text.
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let files: Vec<(&str, Vec<(usize, usize)>)> = files
        .iter()
        .map(|(path, lines)| {
            let numbered = lines.iter().map(|(at, text)| {
                let next = numbers.len();
                (*at, *numbers.entry(text).or_insert(next))
            });
            (*path, numbered.collect())
        })
        .collect();
    let mut first_seen: HashMap<Vec<usize>, (&str, usize)> = HashMap::new();
    let mut found = BTreeMap::new();
    for (path, lines) in &files {
        for run in lines.windows(LONGEST_RUN + 1) {
            let text = run.iter().map(|(_, number)| *number).collect();
            let here = run[0].0;
            let (other, line) = *first_seen.entry(text).or_insert((path, here));
            if other != *path {
                found
                    .entry((other, *path))
                    .or_insert_with(|| format!("{other}:{line} stands again at {path}:{here}"));
            }
        }
    }
    found.into_values().collect()
}

fn read(root: &Path, path: &Path, files: &mut Vec<(String, String)>) {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        let mut inside: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        inside.sort();
        for path in &inside {
            read(root, path, files);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        files.push((name.to_owned(), fs::read_to_string(path).unwrap()));
    }
}

#[test]
fn no_long_run_of_lines_stands_in_two_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for part in ["src", "lab", "tests"] {
        read(root, &root.join(part), &mut files);
    }
    assert!(files.len() > 300, "{}", files.len());
    let found = repeats(&files);
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn a_run_that_is_too_long_is_found_and_nothing_else() {
    let run = |count: usize| -> String {
        (0..count).fold(String::new(), |run, no| run + &format!("call({no});\n"))
    };
    let found = |one: String, two: String| repeats(&[("a".to_owned(), one), ("b".to_owned(), two)]);
    let (allowed, too_long) = (run(LONGEST_RUN), run(LONGEST_RUN + 1));
    let none: [&str; 0] = [];
    assert_eq!(found(allowed.clone(), allowed.clone()), none);
    assert_eq!(
        found(too_long.clone(), format!("first();\n{too_long}")),
        ["a:1 stands again at b:2"]
    );
    // A longer run is named once, and neither white space, comments nor imports make it another one.
    let set_out = run(20).replace('\n', "\n\n    // why\n    ");
    assert_eq!(found(run(20), set_out), ["a:1 stands again at b:1"]);
    let imports = "use a::{\n    b,\n    c,\n};\npub(crate) use d;\n".repeat(9);
    assert_eq!(
        found(format!("{imports}{allowed}"), imports + &allowed),
        none
    );
    assert_eq!(found(too_long.repeat(2), "other();\n".to_owned()), none);
}
