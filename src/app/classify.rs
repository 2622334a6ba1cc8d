//! `classify`: finds the rules, the policy and the answer, and hands them over.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::{Context, anyhow};
use chrono::TimeDelta;

use super::{Failure, engine};
use crate::admin::Format;
use crate::admin::classify::unmapped::{self, Shown};
use crate::admin::classify::{Question, Said, check_body, classify};
use crate::cli::Classify;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{Instant, ProviderKind};
use crate::provider::Answered;

/// Stands in for a database that is not configured and not asked.
const NO_DATABASE: (&str, &str) = ("MANDATED__DATABASE__URL", "postgres://localhost/mandated");

/// Of an answer whose HTTP status nobody noted down.
const OK: u16 = 200;

/// The configuration if there is one, and the built-in one otherwise.
pub(super) fn config(file: Option<&Path>) -> Result<Config, Failure> {
    let without = |errors: &crate::config::ConfigErrors| {
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
    out: &mut impl Write,
) -> Result<(), Failure> {
    let (Some(provider), Some(rail)) = (asked.provider, asked.rail) else {
        return Err(Failure::from(anyhow!("--provider and --rail are missing")));
    };
    check_account(config, asked, provider)?;
    let at = asked.at.unwrap_or_else(|| Clock::System.now());
    let question = Question {
        provider,
        rail,
        account: asked.account.as_deref().unwrap_or_default(),
        step: asked.step,
        attempt: asked.attempt,
        at,
        said: said(asked, at)?,
    };
    let classifier = engine::classifier(config)?;
    let verdict = classify(&question, &classifier, &config.policy(provider, rail))
        .context("classify the answer")?;
    Ok(verdict.write(out, format).context("print the verdict")?)
}

/// Lists what no rule knows.
pub(super) async fn unmapped(
    config: &Config,
    asked: &Classify,
    format: Format,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let pool = engine::connect_checked(config).await?;
    let since = TimeDelta::from_std(asked.since)
        .ok()
        .and_then(|since| Clock::System.now().checked_sub_signed(since))
        .unwrap_or(Instant::UNIX_EPOCH);
    let shown = if asked.rules {
        Shown::Rules
    } else {
        Shown::Lines(format)
    };
    Ok(unmapped::list(&pool, since, i64::from(asked.limit), shown, out).await?)
}

/// A configured account speaks to one provider.
fn check_account(config: &Config, asked: &Classify, provider: ProviderKind) -> Result<(), Failure> {
    let named = asked.account.as_ref();
    match named.and_then(|name| Some((name, config.accounts.get(name)?))) {
        Some((name, account)) if account.provider != provider => Err(Failure::from(anyhow!(
            "account {name} is one of {}, not of {provider}",
            account.provider
        ))),
        Some(_) | None => Ok(()),
    }
}

/// The answer from a file or standard input, or words of it from the command line.
fn said(asked: &Classify, at: Instant) -> Result<Said<'_>, Failure> {
    let http_status = asked.status.unwrap_or(OK);
    if !asked.codes.is_empty() || !asked.messages.is_empty() {
        return Ok(Said::Words {
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
    let headers = asked.headers.iter();
    let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(Said::Answer(Answered::noted(
        http_status,
        headers,
        body,
        at,
    )))
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
