//! No circles: two files that use each other are one thing in two places. A file and the files of its folder may.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

/// For each file those that it uses, but for those above and below it.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// A file and its text.
type File = (String, String);

fn graph(files: &[File]) -> Graph {
    let by_module: BTreeMap<Vec<&str>, &str> = files
        .iter()
        .map(|(path, _)| (module(path), path.as_str()))
        .collect();
    let used = |(path, text): &File| {
        let here = module(path);
        paths(text)
            .into_iter()
            .filter_map(|used| {
                let used = absolute(&here, &used);
                let home = (0..=used.len()).rev().map(|end| &used[..end]);
                let home = home
                    .into_iter()
                    .find(|home| by_module.contains_key(*home))?;
                let related = here.starts_with(home) || home.starts_with(&here);
                (!related).then(|| by_module[home].to_owned())
            })
            .collect()
    };
    files
        .iter()
        .map(|file| (file.0.clone(), used(file)))
        .collect()
}

/// `src/a/b.rs` and `src/a/b/mod.rs` are both `a::b`, in any crate.
fn module(path: &str) -> Vec<&str> {
    let path = path.split_once("src/").map_or(path, |(_, path)| path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').filter(|name| *name != "lib").collect()
}

/// The path of a module from the root of the crate.
fn absolute<'t>(here: &[&'t str], used: &[&'t str]) -> Vec<&'t str> {
    if used.first() == Some(&"crate") {
        return used[1..].to_vec();
    }
    let ups = used.iter().take_while(|name| **name == "super").count();
    let above = &here[..here.len().saturating_sub(ups)];
    [above, &used[ups..]].concat()
}

/// Every path into this crate that the code of a file names, without its comments and its tests.
fn paths(text: &str) -> Vec<Vec<&str>> {
    let code = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    let mut found = Vec::new();
    for line_start in starts(code) {
        expand(&code[line_start..], Vec::new(), &mut found);
    }
    found
}

/// Where a path begins that is not in a comment and not the middle of another one.
fn starts(code: &str) -> Vec<usize> {
    let mut found = Vec::new();
    for root in ["crate::", "super::"] {
        for (at, _) in code.match_indices(root) {
            let before = &code[..at];
            let line = before.rsplit('\n').next().unwrap_or_default();
            let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '$');
            if !line.contains("//") && !before.ends_with(goes_on) {
                found.push(at);
            }
        }
    }
    found
}

/// Takes a path apart into one for each name in its braces, and returns what comes after it.
fn expand<'t>(mut text: &'t str, mut path: Vec<&'t str>, found: &mut Vec<Vec<&'t str>>) -> &'t str {
    loop {
        if let Some(inner) = text.strip_prefix('{') {
            return expand_group(inner, &path, found);
        }
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
        let (name, rest) = text.split_at(end.unwrap_or(text.len()));
        if !name.is_empty() {
            path.push(name);
        }
        match rest.strip_prefix("::") {
            Some(more) if !name.is_empty() => text = more,
            Some(_) | None => {
                found.push(path);
                return rest;
            }
        }
    }
}

fn expand_group<'t>(mut text: &'t str, path: &[&'t str], found: &mut Vec<Vec<&'t str>>) -> &'t str {
    loop {
        let rest = expand(text.trim_start(), path.to_vec(), found);
        // What comes before the next comma or brace is the other name of it, or nothing.
        let Some(end) = rest.find([',', '}']) else {
            return rest;
        };
        text = rest[end + 1..].trim_start();
        if rest[end..].starts_with('}') {
            return text;
        }
        if let Some(after) = text.strip_prefix('}') {
            return after;
        }
    }
}

/// The shortest circle through each file, each circle once.
fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = Vec::new();
    for start in graph.keys() {
        let is_known = |circle: &Vec<String>| circle.contains(start);
        if let Some(circle) = circle_through(graph, start)
            && !found.iter().any(is_known)
        {
            found.push(circle);
        }
    }
    found
}

fn circle_through(graph: &Graph, start: &String) -> Option<Vec<String>> {
    let mut came_from: BTreeMap<&String, &String> = BTreeMap::new();
    let mut next = VecDeque::from([start]);
    while let Some(file) = next.pop_front() {
        for used in graph.get(file).into_iter().flatten() {
            if used == start {
                let back = |at: &&String| came_from.get(at).copied();
                let mut circle: Vec<String> =
                    std::iter::successors(Some(file), back).cloned().collect();
                circle.reverse();
                circle.push(start.clone());
                return Some(circle);
            }
            if !came_from.contains_key(used) {
                came_from.insert(used, file);
                next.push_back(used);
            }
        }
    }
    None
}

fn read(root: &Path, path: &Path) -> Vec<File> {
    if path.is_dir() {
        let entries = fs::read_dir(path).unwrap();
        return entries
            .flat_map(|entry| read(root, &entry.unwrap().path()))
            .collect();
    }
    let name = path.strip_prefix(root).unwrap().to_str().unwrap();
    // Tests may use whatever they test.
    let is_test = name.split(['/', '.']).any(|part| part == "tests");
    if !name.ends_with(".rs") || is_test {
        return Vec::new();
    }
    vec![(name.to_owned(), fs::read_to_string(path).unwrap())]
}

#[test]
fn no_two_files_use_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for (source, at_least) in [("src", 100), ("lab/src", 50), ("lab/judge/src", 5)] {
        let graph = graph(&read(root, &root.join(source)));
        assert!(graph.len() >= at_least, "{source}: {}", graph.len());
        let circles = circles(&graph).into_iter();
        found.extend(circles.map(|circle| circle.join("\n  uses ")));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n\n"));
}

/// Files, each with what is in it (`¶` is the end of a line), and the circle that is found, or nothing.
const SAMPLES: &str = "
a.rs: use crate::b; & b.rs: use crate::c;                                       |
a.rs: use crate::b; & b.rs: use crate::a;                                       | a.rs b.rs a.rs
a.rs: use crate::b; & b.rs: use crate::c; & c.rs: use crate::a;                 | a.rs b.rs c.rs a.rs
x/a.rs: use super::b::B; & x/b.rs: fn f() { super::a::g() }                     | x/a.rs x/b.rs x/a.rs
x/a.rs: use super::{c, b::{B, D}}; & x/b.rs: use crate::x::{a as z, c};         | x/a.rs x/b.rs x/a.rs
x/a.rs: use super::{¶    C,¶    b,¶}; & x/b/mod.rs: use super::super::x::a::A;  | x/a.rs x/b/mod.rs x/a.rs
x/a.rs: use super::B; & x/mod.rs: mod a;¶use a::A; & x/b.rs: use super::a;      |
x/mod.rs: use crate::x::a::A; & x/a.rs: use super::X;                           |
a.rs: use crate::b; & b.rs: // crate::a does it¶fn f() {}                       |
a.rs: use crate::b; & b.rs: #[cfg(test)]¶mod tests {¶use crate::a;              |
x/a.rs: use crate::y::b; & y/b.rs: use crate::x; & x/mod.rs: use a::A;          |
x/a.rs: use crate::y::b; & y/b.rs: use crate::x::a::A;                          | x/a.rs y/b.rs x/a.rs";

#[test]
fn a_circle_is_found_and_nothing_else() {
    for [sample, expected] in super::table(SAMPLES, '|') {
        let files: Vec<File> = sample
            .split(" & ")
            .map(|file| file.split_once(": ").unwrap())
            .map(|(name, text)| (format!("src/{name}"), text.replace('¶', "\n")))
            .collect();
        let found: Vec<String> = circles(&graph(&files))
            .into_iter()
            .map(|circle| circle.join(" ").replace("src/", ""))
            .collect();
        let expected: Vec<&str> = Some(expected)
            .filter(|text| !text.is_empty())
            .into_iter()
            .collect();
        assert_eq!(found, expected, "{sample}");
    }
}
