//! The rules of ARCHITECTURE.md that no compiler knows: who may use whom, how long a file may be, what is never written.

#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "line numbers")]
#![expect(
    clippy::case_sensitive_file_extension_comparisons,
    reason = "ours are in lower case"
)]

mod circles;
mod repeats;

use std::fs;
use std::path::Path;

use regex::Regex;

/// Who may use whom: `main → cli → {ops, daemon} → compose → engine → {store, provider} → domain`. `main` and `lib` are above all of
/// these; a folder may always use itself.
const LAYERS: &str = "
domain       |
clock        | domain
config       | domain
telemetry    | config domain
lifecycle    | config
failpoint    |
wording      | domain
store        | config domain failpoint wording
provider     | domain failpoint
engine       | clock config domain failpoint provider store telemetry wording
compose      | clock config domain engine provider store
ops          | clock compose config domain provider store wording
daemon       | clock compose config domain engine lifecycle store telemetry
cli          | clock compose config daemon domain ops telemetry";

/// What of the product a part of the lab may use. The sandbox is an independent judge: it shares neither code nor tables with what it
/// judges.
const LAB: &str = "
sandbox           | clock domain
postgres          |
seeded_rng        |
population        |
environment       | cli clock compose config domain
figures           | domain store
flow              | domain
memory_store      | domain
ledger_comparison | store
demo              | cli clock compose config domain engine ops store
chaos             | cli clock compose domain engine ops store
cli               | cli lifecycle";

/// What is never written: where (the start of the path), the pattern, the rule.
const NEVER: &str = r"
            & todo!|unimplemented!|\bTODO\b|\bFIXME\b|#\[ignore & nothing unfinished or switched off is committed
            & /root/|/Users/|/home/[a-z]+/                     & no path of anybody's machine is committed
src/domain/ & \b(sqlx|tokio|reqwest|tracing|axum|uuid)::       & domain is pure
src/domain/ & \bstd::(fs|env|net|process|thread)\b            & domain is pure
src/domain/ & \b(SystemTime|(Utc|Local|Timestamp|Instant)::now)\b       & domain reads no clock
src/cli/    & \bClock::System\b                                 & every command follows the configured clock
src/ops/mandates & \bClock::System\b                            & every command follows the configured clock
src/cli/    & \bprintln!|\beprintln!|writeln!\(out\b   & a command prints by print_line!, Table or write_json, which escape
src/        & \blab::                                     & the product does not know the lab
lab/judge/  & \b(mandated|lab)::                          & the judge knows neither the product nor the lab
src/        & (^|[^:\w])backoff::[A-Za-z]+                             & the unmaintained `backoff` is used in src/domain/backoff.rs only";

const MIGRATION: &str = r"^migrations/20\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])([01]\d|2[0-3])([0-5]\d){2}_(create|add|alter|drop|rename|replace|validate|backfill)_[a-z_]+\.sql$";
/// The most lines that a file may have, its tests counted: by the start of its path, the first that fits.
const LONGEST: [(&str, usize); 2] = [("src/domain/", 300), ("", 400)];
/// The most characters that the name of a test may have.
const LONGEST_NAME: usize = 80;
const TEST: &str = r"(?s)#\[(?:tokio::)?test\b[^\]]*\]\s*(?:#\[[^\]]*\]\s*)*(?:async )?fn (\w+)";

/// What is wrong with a file, as `path:line: rule`.
fn check(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut report = |offset: usize, rule: &str| {
        let line = text[..offset].matches('\n').count() + 1;
        found.push(format!("{path}:{line}: {rule}"));
    };
    for [place, pattern, rule] in table(NEVER, '&') {
        if path.starts_with(place) && !(path == "src/domain/backoff.rs" && rule.contains("backoff"))
        {
            Regex::new(pattern)
                .unwrap()
                .find_iter(text)
                .for_each(|hit| report(hit.start(), rule));
        }
    }
    for (folder, table, root) in [("src/", LAYERS, "crate"), ("lab/src/", LAB, "mandated")] {
        let Some([layer, may_use]) = layer(path, folder, table) else {
            continue;
        };
        let itself = |used: &str| root == "crate" && layer == used;
        let allowed = |used: &str| itself(used) || may_use.split(' ').any(|name| name == used);
        for (offset, used) in uses(text, root).iter().filter(|(_, used)| !allowed(used)) {
            report(
                *offset,
                &format!("{layer} may not use {used}, only: {may_use}"),
            );
        }
    }
    if layer(path, "src/", LAYERS).is_none() && is_in_a_room(path) {
        report(0, "no room of LAYERS: say there what it may use");
    }
    let depth = path.trim_end_matches("/mod.rs").matches('/').count().max(2);
    for hit in Regex::new(r"(super::){2,}").unwrap().find_iter(text) {
        if path.starts_with("src/") && hit.as_str().matches("super").count() >= depth {
            report(hit.start(), "write crate::, so that the layers can be read");
        }
    }
    if path.ends_with(".rs") {
        let (_, longest) = LONGEST
            .into_iter()
            .find(|(place, _)| path.starts_with(place))
            .unwrap();
        if text.lines().count() > longest {
            report(0, &format!("over {longest} lines: split it"));
        }
        for test in Regex::new(TEST).unwrap().captures_iter(text) {
            let name = test.get(1).unwrap();
            if name.len() > LONGEST_NAME {
                let rule = format!("a test's name has at most {LONGEST_NAME} characters");
                report(name.start(), &rule);
            }
        }
    }
    if path.starts_with("migrations/") && path.ends_with(".sql") {
        if !Regex::new(MIGRATION).unwrap().is_match(path) {
            report(0, "a migration is called YYYYMMDDHHMMSS_verb_object.sql");
        }
        if !text.starts_with("-- ") {
            report(0, "a migration starts with a comment that says why");
        }
    }
    found
}

/// The lines of a table, each split into its columns.
fn table<const N: usize>(lines: &'static str, separator: char) -> Vec<[&'static str; N]> {
    let columns = |line: &'static str| line.split(separator).map(str::trim).collect::<Vec<_>>();
    lines
        .trim_start_matches('\n')
        .lines()
        .map(|line| columns(line).try_into().unwrap())
        .collect()
}

/// The layer of a file of a library, and what it may use.
fn layer(path: &str, folder: &str, layers: &'static str) -> Option<[&'static str; 2]> {
    let module = path.strip_prefix(folder)?.trim_end_matches(".rs");
    let inside = |name: &str| module == name || module.starts_with(&format!("{name}/"));
    table(layers, '|')
        .into_iter()
        .find(|[name, _]| inside(name))
}

/// Code of the library, but for its root.
fn is_in_a_room(path: &str) -> bool {
    let is_code = path.starts_with("src/") && path.ends_with(".rs");
    is_code && !["src/main.rs", "src/lib.rs"].contains(&path)
}

/// The modules of a crate that a file names, wherever it does: `crate::a`, and each of `crate::{a, b::c}`.
fn uses(text: &str, root: &str) -> Vec<(usize, String)> {
    let regex = |pattern: &str| Regex::new(pattern).unwrap();
    let (inner, name) = (regex(r"\{[^{}]*\}"), regex("[a-z_]+"));
    let mut found = Vec::new();
    for path in regex(&format!(r"\b{root}::(\{{[^;]*;|[a-z_]+)")).captures_iter(text) {
        let offset = path.get_match().start();
        let before = text[..offset].rsplit('\n').next();
        if before.is_some_and(|before| before.trim_start().starts_with("//")) {
            continue;
        }
        // Drops inner groups until only the outermost names are left.
        let mut names = path[1]
            .trim_start_matches('{')
            .trim_end_matches(['}', ';'])
            .to_owned();
        while inner.is_match(&names) {
            names = inner.replace_all(&names, "").into_owned();
        }
        let names = names.split(',').filter_map(|item| name.find(item));
        found.extend(names.map(|name| (offset, name.as_str().to_owned())));
    }
    found
}

fn check_tree(root: &Path, path: &Path) -> Vec<String> {
    let name = path.strip_prefix(root).unwrap().to_str().unwrap();
    if path.is_dir() {
        return fs::read_dir(path)
            .unwrap()
            .flat_map(|entry| check_tree(root, &entry.unwrap().path()))
            .collect();
    }
    // This file is full of what it looks for.
    if name == file!() {
        Vec::new()
    } else {
        fs::read_to_string(path).map_or(Vec::new(), |text| check(name, &text))
    }
}

#[test]
fn the_tree_keeps_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let parts = [
        "src",
        "tests",
        "benches",
        "lab",
        "migrations",
        "config",
        "deploy",
        ".ci",
        "Makefile",
    ];
    let parts = parts
        .iter()
        .map(|part| root.join(part))
        .filter(|part| part.exists());
    let found: Vec<String> = parts.flat_map(|part| check_tree(root, &part)).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// What a section of the manifest names, as Rust does.
fn dependencies(manifest: &str, section: &str) -> Vec<String> {
    let (_, rest) = manifest.split_once(&format!("\n[{section}]\n")).unwrap();
    let section = rest.split("\n[").next().unwrap();
    let lines = section.lines().filter(|line| !line.starts_with('#'));
    let names = lines.filter_map(|line| line.split_once(" = ")?.0.split('.').next());
    names.map(|name| name.replace('-', "_")).collect()
}

fn all_text(path: &Path) -> String {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        return entries
            .map(|entry| all_text(&entry.unwrap().path()))
            .collect();
    }
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn no_dependency_is_unused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path| fs::read_to_string(root.join(path)).unwrap();
    let text = |folders: &[&str]| -> String {
        let texts = folders.iter().map(|folder| all_text(&root.join(folder)));
        texts.collect()
    };
    for (manifest, section, text) in [
        ("Cargo.toml", "dependencies", text(&["src"])),
        (
            "Cargo.toml",
            "dev-dependencies",
            text(&["tests", "benches"]),
        ),
        ("lab/Cargo.toml", "dependencies", text(&["lab/src"])),
        ("lab/Cargo.toml", "dev-dependencies", text(&["lab/tests"])),
        (
            "lab/judge/Cargo.toml",
            "dependencies",
            text(&["lab/judge/src"]),
        ),
    ] {
        let names = dependencies(&read(manifest), section);
        assert!(names.len() > 2, "{names:?}");
        for name in names {
            // The name of its library.
            let name = name.strip_prefix("mandated_").unwrap_or(&name);
            let used = Regex::new(&format!("\\b{name}(::|!|\")")).unwrap();
            assert!(
                used.is_match(&text),
                "{manifest}, {section}: nothing uses {name}"
            );
        }
    }
}

#[test]
fn the_judge_depends_on_nothing_of_ours() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("lab/judge/Cargo.toml")).unwrap();
    assert_eq!(
        dependencies(&manifest, "dependencies"),
        ["chrono", "serde", "thiserror"]
    );
    assert!(!manifest.contains("[dev-dependencies]"));
}

/// A file, what is in it (`¶` is the end of a line), and the end of what is said about it: nothing if it is fine.
const SAMPLES: &str = "
src/domain/a.rs            | use crate::store::jobs;                          | src/domain/a.rs:1: domain may not use store, only: 
src/store/a.rs             | ¶use crate::{domain::{self, Step}, provider};    | a.rs:2: store may not use provider, only: config domain failpoint wording
src/provider/a/b.rs        | fn f() { crate::store::get() }                   | provider may not use store, only: domain failpoint
src/engine/mod.rs          | use crate::daemon::run;                          | engine may not use daemon,
src/ops/jobs.rs            | use crate::cli::print::Table;                    | ops may not use cli,
src/ops/jobs.rs            | use crate::engine::Engine;                       | ops may not use engine,
src/cli/jobs.rs            | use crate::store::listing;                       | cli may not use store,
src/cli/jobs.rs            | use crate::ops::jobs;                            |
src/utils/text.rs          | pub fn text() {}                                 | src/utils/text.rs:1: no room of LAYERS
src/utils.rs               | pub fn text() {}                                 | src/utils.rs:1: no room of LAYERS
src/domainx/a.rs           | pub fn text() {}                                 | no room of LAYERS
src/main.rs                | use mandated::cli::run;                          |
src/clock.rs               | use crate::config::Config;                       | clock may not use config,
src/engine/a.rs            | use lab::sandbox::Ledger;                        | the product does not know the lab
lab/src/sandbox/order.rs   | use mandated::provider::Call;                    | sandbox may not use provider,
lab/judge/src/rules.rs     | use mandated::domain::cycle;                     | the judge knows neither the product nor the lab
src/cli/jobs.rs            | writeln!(out, NOTHING)                         | a command prints by print_line!, Table or write_json, which escape
lab/src/population.rs      | use mandated::domain::Rail;                      | population may not use domain,
lab/src/demo/mod.rs        | use mandated::{store,¶ config};                  |
lab/src/sandbox/order.rs   | use crate::sandbox::ledger::Ledger;              |
src/store/jobs.rs          | //! See [`crate::provider`].¶use crate::domain;  |
src/cli.rs                 | use crate::domain::State;                        |
src/cli.rs                 | use crate::app;                                  | cli may not use app,
src/domain/a.rs            | ¶¶let now = Utc::now();                          | a.rs:3: domain reads no clock
src/domain/a.rs            | use tokio::time;                                 | domain is pure
src/store/a.rs             | use super::super::provider;                      | write crate::, so
src/store/a/b.rs           | use super::super::jobs;                          |
src/store/a/mod.rs         | use super::super::provider;                      | write crate::, so
src/engine/a.rs            | use backoff::Backoff;                            | in src/domain/backoff.rs only
src/domain/backoff.rs        | use backoff::Backoff;                            |
src/engine/a.rs            | ¶todo!();                                        | a.rs:2: nothing unfinished
tests/a.rs                 | #[ignore]                                        | nothing unfinished
deploy/a.md                | /home/me/mandated                                | no path of anybody's machine
migrations/20261301000000_create_a.sql | -- why                               | a migration is called
migrations/20261101000000_jobs.sql     | -- why                               | a migration is called
migrations/20261101000000_create_a.sql | create table                         | says why
migrations/20261101000000_create_a.sql | -- why                               |";

#[test]
fn each_rule_finds_what_breaks_it_and_nothing_else() {
    for [path, text, said] in table(SAMPLES, '|') {
        let found = check(path, &text.replace('¶', "\n"));
        assert_eq!(
            found.len(),
            usize::from(!said.is_empty()),
            "{path}: {found:?}"
        );
        assert!(
            found.iter().all(|found| found.contains(said)),
            "{path}: {found:?}"
        );
    }
    for (path, longest) in [
        ("src/domain/a.rs", 300),
        ("src/domain/a/tests.rs", 300),
        ("src/store/a.rs", 400),
        ("lab/src/cli.rs", 400),
        ("tests/integration/a.rs", 400),
    ] {
        let long = "\n".repeat(longest);
        assert_eq!(check(path, &long), [""; 0]);
        let rule = format!("{path}:1: over {longest} lines: split it");
        assert_eq!(check(path, &(long + "\n")), [rule]);
    }
    let name = "n".repeat(LONGEST_NAME);
    for test in [
        "#[test]",
        "#[tokio::test(start_paused = true)]\n#[cfg(unix)]",
    ] {
        let text = format!("{test}\nasync fn {name}() {{}}");
        assert_eq!(check("tests/a.rs", &text), [""; 0]);
        let found = check("tests/a.rs", &text.replace(&name, &format!("{name}n")));
        assert!(found[0].contains("at most 80 characters"), "{found:?}");
    }
}
