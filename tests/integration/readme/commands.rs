//! Every command that a document shows is one that one of the programs, or the Makefile, knows.

use std::path::Path;

use clap::{CommandFactory, Parser};
use mandated::cli::Cli;
use regex::Regex;

use super::read;

const DOCUMENTS: [&str; 6] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "deploy/README.md",
    "migrations/README.md",
];

fn document(name: &str) -> String {
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join(name))
}

/// What stands in code: between marks in a line, and the lines of blocks.
fn code(text: &str) -> Vec<String> {
    let inline = Regex::new("`([^`\n]+(?:\n[^`\n]+)?)`").unwrap();
    let mut found = Vec::new();
    for (number, part) in text.split("\n```").enumerate() {
        if number % 2 == 1 {
            found.extend(part.lines().skip(1).map(str::to_owned));
        } else {
            let spans = inline.captures_iter(part);
            found
                .extend(spans.map(|span| span[1].split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    found
}

/// Such as a reader would type it, of what stands there with gaps: an id is a number, and of some words one is taken.
fn typed(line: &str) -> Vec<String> {
    let words = line.trim_start_matches("$ ").split(" #").next().unwrap();
    let words = words.split_whitespace().map(|word| match word {
        "ID" => "7".to_owned(),
        "STATE" => "review".to_owned(),
        "SHELL" => "bash".to_owned(),
        word => word.replace('\\', "").split('|').next().unwrap().to_owned(),
    });
    words.collect()
}

#[test]
fn every_command_line_that_a_document_shows_is_understood() {
    let variables = Regex::new(r"^[A-Z_]+=\S+ ").unwrap();
    let mut seen = 0;
    for name in DOCUMENTS {
        for line in code(&document(name)) {
            let line = variables.replace(&line, "");
            let line = line.trim_start_matches("$ ");
            let is_command = line.starts_with("mandated ") || line.starts_with("mandated-lab ");
            if !is_command || line.contains("...") {
                continue;
            }
            let words = typed(line);
            let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
            if line.contains('…') || is_name(&words) {
                continue;
            }
            let needs_word = ["retry", "skip", "pause", "resume", "revoke", "resolve"];
            if needs_word.iter().any(|word| words.contains(word)) && !words.contains(&"--by") {
                words.extend(["--by", "WHO", "--reason", "WHY"]);
            }
            if words.contains(&"resolve") && !words.contains(&"--as") {
                words.extend(["--as", "charged", "--evidence", "TEXT"]);
            }
            seen += 1;
            let parsed = parse(&words);
            assert!(parsed.is_ok(), "{name}: `{line}`: {}", parsed.unwrap_err());
        }
    }
    assert!(seen > 40, "{seen}");
}

/// Reads a command line as the program does that it names.
fn parse(words: &[&str]) -> Result<(), clap::Error> {
    if words.first() == Some(&"mandated-lab") {
        lab::cli::Cli::try_parse_from(words).map(drop)
    } else {
        Cli::try_parse_from(words).map(drop)
    }
}

/// Whether this is a name in a sentence, such as `mandated executions add`, and not a line to be typed: then there is such a command.
fn is_name(words: &[&str]) -> bool {
    let mut command = Some(if words.first() == Some(&"mandated-lab") {
        lab::cli::Cli::command()
    } else {
        Cli::command()
    });
    for name in &words[1..] {
        let of = command
            .as_ref()
            .and_then(|command| command.find_subcommand(name));
        command = of.cloned();
    }
    command.is_some_and(|command| command.has_subcommands() || parse(words).is_err())
}

#[test]
fn every_target_of_make_that_a_document_shows_is_there() {
    let makefile = document("Makefile");
    let target = Regex::new(r"^make ([a-z-]+)").unwrap();
    let mut seen = 0;
    for name in DOCUMENTS {
        for line in code(&document(name)) {
            if let Some(found) = target.captures(&line) {
                seen += 1;
                let there = makefile.contains(&format!("\n{}:", &found[1]));
                assert!(there, "{name}: `{line}`");
            }
        }
    }
    assert!(seen > 10, "{seen}");
}
