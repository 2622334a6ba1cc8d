//! `classify --unmapped`: the answers that no rule knows, and rules to start from.

use std::collections::HashSet;
use std::io::{self, Write};

use chrono::TimeDelta;

use super::print::times_and_amounts::{money, utc};
use super::print::{Format, Table, write_json};
use super::{Classify, Failure};
use crate::compose;
use crate::config::Config;
use crate::domain::escape::toml_string;
use crate::domain::{Class, Timestamp};
use crate::ops::classify::{Unmapped, unmapped};

/// A name is no longer than this, in characters.
const MAX_ID: usize = 60;

/// How the answers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnmappedFormat {
    Lines(Format),
    /// As a file of rules whose class and source are still to be filled in.
    Rules,
}

pub(super) async fn run(
    config: &Config,
    asked: &Classify,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let pool = compose::connect_checked(config).await?;
    let since = TimeDelta::from_std(asked.since)
        .ok()
        .and_then(|since| compose::clock(config).now().checked_sub_signed(since))
        .unwrap_or(Timestamp::UNIX_EPOCH);
    let shown = if asked.rules {
        UnmappedFormat::Rules
    } else {
        UnmappedFormat::Lines(format)
    };
    let found = unmapped(&pool, since, i64::from(asked.limit)).await?;
    Ok(write(&found, since, shown, out)?)
}

/// Prints the unmapped answers since some time.
pub fn write(
    found: &[Unmapped],
    since: Timestamp,
    shown: UnmappedFormat,
    out: &mut dyn Write,
) -> io::Result<()> {
    match shown {
        UnmappedFormat::Lines(Format::Json) => {
            found.iter().try_for_each(|answer| write_json(out, answer))
        }
        UnmappedFormat::Lines(Format::Text) => write_table(found, since, out),
        UnmappedFormat::Rules => out.write_all(rules(found).as_bytes()),
    }
}

fn write_table(found: &[Unmapped], since: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    if found.is_empty() {
        return print_line!(out, "every answer since {} has a class", utc(Some(since)));
    }
    let mut shown = Table::new([
        "provider",
        "rail",
        "call",
        "http",
        "code",
        "message",
        "rule",
        "attempts",
        "executions",
        "not collected",
        "last",
        "for example",
    ]);
    for right in [7, 8, 9] {
        shown = shown.right(right);
    }
    let dash = || "-".to_owned();
    for answer in found {
        shown.row([
            answer.provider.clone(),
            answer.rail.clone(),
            answer.call.clone(),
            answer
                .http_status
                .map_or_else(dash, |http| http.to_string()),
            answer.code.clone().unwrap_or_else(dash),
            answer.message.clone().unwrap_or_else(dash),
            answer.rule.clone().unwrap_or_else(dash),
            answer.attempts.to_string(),
            answer.executions.to_string(),
            not_collected(answer),
            utc(Some(answer.last_at)),
            format!("execution {}", answer.example),
        ]);
    }
    shown.write(out)
}

/// A file of rules, one for each answer. It is refused until somebody has said what class each is, and who documents it.
pub fn rules(found: &[Unmapped]) -> String {
    let classes: Vec<&str> = Class::ALL.iter().map(|class| class.as_str()).collect();
    let mut file = format!(
        "# Fill in each class and source, drop what you do not know, and name the file in failures.file.\n# Classes: {}\n",
        classes.join(", ")
    );
    let mut taken = HashSet::new();
    for answer in found {
        file.push_str(&rule(answer, &mut taken));
    }
    file
}

fn rule(answer: &Unmapped, taken: &mut HashSet<String>) -> String {
    let seen = format!(
        "\n# attempts: {}, executions: {}, not collected: {}, last: {}; `mandated executions show {}`\n",
        answer.attempts,
        answer.executions,
        not_collected(answer),
        utc(Some(answer.last_at)),
        answer.example
    );
    // Without words of its own the client puts the HTTP status in their place: no rule would find that.
    let message = answer
        .message
        .as_ref()
        .filter(|message| !message.starts_with("HTTP "));
    let mut asks = Vec::new();
    if let Some(code) = &answer.code {
        asks.push(key("code", code));
    }
    match message {
        // A code that names no cause says nothing without its words.
        Some(message) if answer.code.is_none() || answer.rule.is_some() => {
            asks.push(key("message", message));
        }
        // The code is enough, and its words may differ.
        Some(message) => asks.push(format!("# {}", key("message", message))),
        None => {}
    }
    if asks.is_empty() {
        // A rule for its HTTP status alone would come before every other.
        return format!(
            "{seen}# It has neither a code nor words: no rule can tell it from others.\n"
        );
    }
    let head = [
        "[[rule]]".to_owned(),
        key("id", &id(answer, taken)),
        key("class", ""),
        key("source", ""),
        key("provider", &answer.provider),
        key("rail", &answer.rail),
    ];
    format!("{seen}{}\n{}\n", head.join("\n"), asks.join("\n"))
}

fn not_collected(answer: &Unmapped) -> String {
    if answer.amount_minor == 0 {
        "-".to_owned()
    } else {
        money(answer.amount_minor, &answer.currency)
    }
}

fn key(name: &str, value: &str) -> String {
    format!("{name} = {}", toml_string(value))
}

/// Provider, rail, and the code or the first words; with a number behind it if that is taken.
fn id(answer: &Unmapped, taken: &mut HashSet<String>) -> String {
    let words = answer.code.as_ref().or(answer.message.as_ref());
    let words = words
        .map_or("no-words", String::as_str)
        .to_ascii_lowercase();
    let plain: Vec<&str> = words
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    let named: String = format!(
        "mine.{}.{}.{}",
        answer.provider,
        answer.rail,
        plain.join("-")
    )
    .chars()
    .take(MAX_ID)
    .collect();
    let mut id = named.clone();
    let mut no: u32 = 1;
    while !taken.insert(id.clone()) {
        no = no.saturating_add(1);
        id = format!("{named}-{no}");
    }
    id
}
