//! `classify`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::one_of;
use crate::domain::{Instant, ProviderKind, Rail, Step};

/// One answer, or all that are unmapped.
#[derive(Debug, Args)]
pub struct Classify {
    /// Its body: a file, or - for standard input. A body is redacted before anything of it is shown.
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Its body as text, in place of a file.
    #[arg(long, value_name = "TEXT", conflicts_with = "file")]
    pub body: Option<String>,
    /// Whose answer it is.
    #[arg(long, value_parser = one_of(ProviderKind::ALL), required_unless_present = "unmapped")]
    pub provider: Option<ProviderKind>,
    /// How the money was to move.
    #[arg(long, value_parser = one_of(Rail::ALL), required_unless_present = "unmapped")]
    pub rail: Option<Rail>,
    /// The account, for rules that ask for one.
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Its HTTP status; 200 unless given.
    #[arg(long, value_name = "HTTP", value_parser = clap::value_parser!(u16).range(100..=599))]
    pub status: Option<u16>,
    /// The step that was answered.
    #[arg(long, value_parser = one_of(CLASSIFIED), default_value = "execute")]
    pub step: Step,
    /// Which attempt of the order it was.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub attempt: u16,
    /// When it came (RFC 3339); now, unless given.
    #[arg(long, value_name = "TIME")]
    pub at: Option<Instant>,
    /// A header of it, such as 'Retry-After: 120'. Can be repeated.
    #[arg(long = "header", value_name = "HEADER", value_parser = header)]
    pub headers: Vec<(String, String)>,
    /// In place of a body: a code, such as Z9, or `merchant_advice_code=02` with its field. Can be repeated, the most telling first.
    #[arg(long = "code", value_name = "CODE", conflicts_with_all = ["file", "body"])]
    pub codes: Vec<String>,
    /// In place of a body: a message. Can be repeated.
    #[arg(long = "message", value_name = "TEXT", conflicts_with_all = ["file", "body"])]
    pub messages: Vec<String>,
    /// List the answers in the database that no rule gave a class.
    #[arg(long, conflicts_with_all = ["file", "body", "provider", "rail", "account", "status", "at", "headers", "codes", "messages"])]
    pub unmapped: bool,
    /// Of the unmapped: how far back.
    #[arg(long, conflicts_with = "provider", value_name = "DURATION", default_value = "30days", value_parser = humantime::parse_duration)]
    pub since: Duration,
    /// Of the unmapped: print a rule to start from for each, instead of a table.
    #[arg(long, conflicts_with = "provider")]
    pub rules: bool,
    /// Of the unmapped: how many kinds at most.
    #[arg(long, conflicts_with = "provider", value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

/// The steps whose answers are classified.
const CLASSIFIED: &[Step] = &[
    Step::Notify,
    Step::NotifyStatus,
    Step::Execute,
    Step::Lookup,
    Step::Retry,
];

/// A header as it stands in an answer.
fn header(line: &str) -> Result<(String, String), &'static str> {
    let (name, value) = line
        .split_once(':')
        .ok_or("write NAME: VALUE, such as 'Retry-After: 120'")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
