//! `classify`: one answer, with the rules, the policy and the time that it is asked under.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use clap::Args;

use super::print::times_and_amounts::local;
use super::print::{Format, Print};
use super::{Failure, one_of};
use crate::compose;
use crate::config::{Config, ConfigErrors};
use crate::domain::{ProviderKind, Rail, Step, Timestamp};
use crate::ops::classify::{
    ClassifyVerdict, ProviderAnswer, Question, check_account, check_body, classify,
};

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
    pub at: Option<Timestamp>,
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

/// Stands in for a database that is not configured and not asked.
const NO_DATABASE: (&str, &str) = ("MANDATED__DATABASE__URL", "postgres://localhost/mandated");

/// Of an answer whose HTTP status nobody noted down.
const OK: u16 = 200;

/// The configuration if there is one, and the built-in one otherwise.
pub(super) fn config(file: Option<&Path>) -> Result<Config, Failure> {
    let without = |errors: &ConfigErrors| {
        let mut problems = errors.problems().iter();
        problems.all(|problem| problem.key == "database.url" && problem.origin.is_none())
    };
    let loaded = match Config::load(file) {
        Err(errors) if without(&errors) => {
            let (name, value) = NO_DATABASE;
            let added = (OsString::from(name), OsString::from(value));
            Config::load_with(file, std::env::vars_os().chain([added]))
        }
        loaded => loaded,
    };
    loaded.map_err(|errors| {
        Failure::config(errors.into(), "`config/default.toml` explains every key")
    })
}

/// Classifies one answer.
pub(super) fn one(
    config: &Config,
    asked: &Classify,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let (Some(provider), Some(rail)) = (asked.provider, asked.rail) else {
        return Err(Failure::from(anyhow!("--provider and --rail are missing")));
    };
    let account = asked.account.as_deref().unwrap_or_default();
    check_account(config, account, provider).map_err(anyhow::Error::from)?;
    let at = asked.at.unwrap_or_else(|| compose::clock(config).now());
    let question = Question {
        provider,
        rail,
        account,
        step: asked.step,
        attempt: asked.attempt,
        at,
        answer: answer(asked)?,
    };
    let classifier = compose::classifier(config)?;
    let verdict = classify(&question, &classifier, &config.policy(provider, rail))
        .context("classify the answer")?;
    Ok(verdict.write(out, format)?)
}

/// The answer from a file or standard input, or words of it from the command line.
fn answer(asked: &Classify) -> Result<ProviderAnswer<'_>, Failure> {
    let http_status = asked.status.unwrap_or(OK);
    if !asked.codes.is_empty() || !asked.messages.is_empty() {
        return Ok(ProviderAnswer::Words {
            http_status,
            codes: &asked.codes,
            messages: &asked.messages,
        });
    }
    let body = match (&asked.file, &asked.body) {
        (Some(path), _) => read(path)?,
        (None, Some(text)) => text.clone(),
        (None, None) => String::new(),
    };
    check_body(&body, asked.status.is_some()).map_err(|why| match &asked.file {
        Some(path) => Failure::from(anyhow!(why).context(format!("read {}", shown(path)))),
        None => Failure::from(anyhow!(why)),
    })?;
    Ok(ProviderAnswer::Answer {
        http_status,
        headers: &asked.headers,
        body,
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    let mut input: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).with_context(|| format!("open {}", path.display()))?)
    };
    let mut bytes = Vec::new();
    input
        .read_to_end(&mut bytes)
        .with_context(|| format!("read {}", shown(path)))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn shown(path: &Path) -> String {
    if path.as_os_str() == "-" {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

impl Print for ClassifyVerdict {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        for (name, text) in lines(self) {
            print_line!(out, "{name:<9} {text}")?;
        }
        Ok(())
    }
}

fn lines(verdict: &ClassifyVerdict) -> Vec<(&'static str, String)> {
    let mut lines = vec![("outcome", verdict.outcome.to_owned())];
    if let Some(class) = verdict.class {
        lines.push(("class", class.to_string()));
        lines.push(("rule", rule_in_words(verdict)));
    }
    if let Some(found_by) = &verdict.found_by {
        lines.push(("found by", found_by.clone()));
    }
    if let Some(wait) = verdict.retry_after_s {
        let wait = humantime::format_duration(Duration::from_secs(wait));
        lines.push(("waits", format!("{wait} at least")));
    }
    if let Some(at) = verdict.not_before {
        lines.push((
            "waits",
            format!("until {} at least", local(at, verdict.zone)),
        ));
    }
    let state = verdict.state.as_str();
    lines.push(("then", format!("{state}: {}", verdict.reason)));
    lines.push(("next", next_in_words(verdict)));
    if let Some(status) = verdict.mandate {
        lines.push(("mandate", format!("is {status} from now on")));
    }
    match (verdict.account, verdict.account_until) {
        (Some(_), Some(until)) => {
            let until = local(until, verdict.zone);
            lines.push(("account", format!("makes no calls until {until}")));
        }
        (Some(_), None) => lines.push((
            "account",
            "makes no calls for its pause_after_refusal".to_owned(),
        )),
        (None, _) => {}
    }
    lines
}

fn rule_in_words(verdict: &ClassifyVerdict) -> String {
    match (&verdict.rule, &verdict.source) {
        (Some(rule), Some(source)) => format!("{rule} ({source})"),
        (Some(_) | None, _) => {
            "none matches; config/failures.toml shows how one is written".to_owned()
        }
    }
}

fn next_in_words(verdict: &ClassifyVerdict) -> String {
    let (Some(step), Some(at)) = (verdict.next_step, verdict.next_at) else {
        return "nothing".to_owned();
    };
    let at = local(at, verdict.zone);
    match verdict.next_before {
        Some(before) => format!("{step} at {at}, before {}", local(before, verdict.zone)),
        None => format!("{step} at {at}"),
    }
}
