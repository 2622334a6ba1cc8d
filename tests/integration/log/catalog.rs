//! Every line that the program can write is in the README's list, with its level and its fields, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;

/// The lines of the contract, whose fields have a table of their own; of the heartbeat there is a list.
const FIELDS_ELSEWHERE: [&str; 2] = ["src/engine/log.rs", "src/engine/heartbeat.rs"];

/// A line: its fields, or nothing where they are listed elsewhere.
type Catalog = BTreeMap<(String, String), Option<BTreeSet<String>>>;

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let shown = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
            found.push(shown.display().to_string());
        }
    }
}

/// The arguments of a call that begins after its bracket, at top level.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let mut all = vec![String::new()];
    for letter in text.chars() {
        let last = all.last_mut().unwrap();
        if quoted {
            last.push(letter);
            quoted = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            '"' => quoted = true,
            '(' | '[' | '{' => depth += 1,
            ')' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                all.push(String::new());
                continue;
            }
            _ => {}
        }
        last.push(letter);
    }
    all.into_iter().map(|one| one.trim().to_owned()).collect()
}

/// A message as the list has it: on one line, without marks of code, and with a sign for what differs.
fn plain(message: &str) -> String {
    let joined = Regex::new(r"\\\n\s*").unwrap().replace_all(message, "");
    let open = Regex::new(r"\{[a-z]*\}").unwrap().replace_all(&joined, "…");
    open.replace('`', "")
}

fn field(argument: &str) -> Option<String> {
    let named = Regex::new(r"^([a-z_.#]+)\s*=[^=]").unwrap();
    let short = Regex::new(r"^[%?]?([a-z_.]+)$").unwrap();
    let name = named
        .captures(argument)
        .or_else(|| short.captures(argument))?;
    Some(name[1].replace("r#", ""))
}

/// Those before the message; after it come the words of its gaps.
fn fields(arguments: &[String]) -> BTreeSet<String> {
    let before = arguments.iter().take_while(|one| !one.starts_with('"'));
    before.filter_map(|one| field(one)).collect()
}

/// What the code can say.
fn said() -> Catalog {
    let mut files = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut files,
    );
    let call = Regex::new(r"(\b(?:info|warn|error|line)|\$level)!\(").unwrap();
    let mut catalog = Catalog::new();
    for file in files {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&file)).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for found in call.captures_iter(text) {
            let arguments = arguments(&text[found.get(0).unwrap().end()..]);
            let Some(message) = arguments.iter().find(|one| one.starts_with('"')) else {
                // The message is an argument of the macro's own callers.
                continue;
            };
            let message = plain(message.trim_matches('"'));
            let levels = match &found[1] {
                "line" => vec![arguments[0].as_str()],
                // Said as a warning first.
                "$level" => vec!["warn"],
                level => vec![level],
            };
            let fields = fields(&arguments);
            let listed = !FIELDS_ELSEWHERE.contains(&file.as_str()) || &found[1] == "$level";
            for level in levels {
                let shown = (level.to_uppercase(), message.clone());
                if level != "debug" {
                    catalog.insert(shown, listed.then(|| fields.clone()));
                }
            }
        }
    }
    catalog
}

/// What the README lists: the words before the first field are the message.
fn listed() -> Vec<(String, String, BTreeSet<String>)> {
    let readme = super::readme();
    let (_, section) = readme
        .split_once("### Every line\n")
        .expect("the README has them");
    let (section, _) = section.split_once("\n## ").unwrap();
    let row = Regex::new(r"(?m)^\| `(INFO|WARN|ERROR) ([^`]+)` \| [^|]+ \| [^|]+ \|$").unwrap();
    let field = Regex::new(r" ([a-z_.]+)=").unwrap();
    let rows: Vec<_> = row
        .captures_iter(section)
        .map(|row| {
            let first = field
                .find(&row[2])
                .map_or(row[2].len(), |found| found.start());
            let fields = field
                .captures_iter(&row[2])
                .map(|found| found[1].to_owned());
            (
                row[1].to_owned(),
                row[2][..first].to_owned(),
                fields.collect(),
            )
        })
        .collect();
    let lines = section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .count();
    assert_eq!(rows.len(), lines, "a row that cannot be read");
    rows
}

#[test]
fn every_line_is_in_the_readme_with_its_level_and_its_fields() {
    let mut said = said();
    assert!(said.len() > 35, "{}", said.len());
    for (level, message, fields) in listed() {
        let known = said.remove(&(level.clone(), message.clone()));
        let known = known.unwrap_or_else(|| panic!("no code says {level} {message:?}"));
        if let Some(known) = known {
            assert_eq!(fields, known, "the fields of {message:?}");
        }
    }
    assert_eq!(said, Catalog::new(), "not in the README");
}

#[test]
fn a_line_is_read_as_it_is_written() {
    let code =
        "execution.id = id(7, \"a, b\"), %error, worker.id, \"it is {}; \\\n   `gone`\", words)";
    let read = arguments(code);
    let fields: Vec<_> = fields(&read).into_iter().collect();
    assert_eq!(fields, ["error", "execution.id", "worker.id"]);
    assert_eq!(plain(read[3].trim_matches('"')), "it is …; gone");
}
