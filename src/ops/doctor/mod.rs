//! The doctor: everything that a daemon stands on, looked at once, with what to do about what is wrong.

mod binding;
mod database;
mod provider;
mod work;

use std::error::Error;
use std::sync::Arc;

use serde::Serialize;

use crate::clock::Clock;
use crate::compose::{self, ComposeError};
use crate::config::{Config, PoolerMode};
use crate::domain::Timestamp;
use crate::domain::classify::Classifier;
use provider::Patient;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work, or what it promises does not hold.
    Failed,
}

impl Grade {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
        }
    }
}

/// What was found about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub grade: Grade,
    pub about: String,
    pub found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    pub fn ok(about: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            grade: Grade::Ok,
            about: about.into(),
            found: found.into(),
            fix: None,
        }
    }

    pub fn warning(
        about: impl Into<String>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            grade: Grade::Warning,
            fix: Some(fix.into()),
            ..Self::ok(about, found)
        }
    }

    pub fn failed(
        about: impl Into<String>,
        found: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            grade: Grade::Failed,
            ..Self::warning(about, found, fix)
        }
    }
}

/// Looks at one thing after the other, each as far as the ones before it allow. It fails only where a client cannot be built.
pub async fn examine(config: &Config, offline: bool) -> Result<Vec<Finding>, ComposeError> {
    let mut findings = vec![Finding::ok("configuration", "every key is right")];
    let rules = compose::classifier(config);
    findings.push(match (&rules, &config.failures.file) {
        (Ok(_), Some(file)) => {
            let found = format!("{} before the built-in ones", file.display());
            Finding::ok("failure rules", found)
        }
        (Ok(_), None) => Finding::ok("failure rules", "the built-in ones"),
        (Err(error), _) => failed("failure rules", error),
    });
    if let Ok(Some(plain)) = compose::remote_without_tls(config) {
        let fix = compose::PlainDatabase::FIX;
        findings.push(Finding::warning("database", plain.to_string(), fix));
    }
    let clock = compose::clock(config);
    let is_migrated = match database(config, &clock).await {
        Ok(found) => {
            let is_migrated = found.len() > 1;
            findings.extend(found);
            is_migrated
        }
        Err(error) => {
            findings.push(failed("database", &error));
            false
        }
    };
    if config.database.pooler != PoolerMode::None {
        findings.push(match compose::connect_daemon(config).await {
            Ok(_) => Finding::ok("pooler", "a daemon can work through it"),
            Err(error) => failed("pooler", &error),
        });
    }
    if let (Ok(rules), false) = (&rules, offline) {
        findings.extend(providers(config, rules, &clock).await?);
    }
    if is_migrated {
        match binding::binding(config).await {
            Ok(found) => findings.extend(found),
            Err(error) => findings.push(failed("accounts", &error)),
        }
        match work(config, &clock).await {
            Ok(found) => findings.extend(found),
            Err(error) => findings.push(failed("work", &error)),
        }
    }
    Ok(findings)
}

async fn database(config: &Config, clock: &Clock) -> Result<Vec<Finding>, ComposeError> {
    let pool = compose::connect(config).await?;
    let connections = config.database.max_connections;
    Ok(database::database(&pool, connections, clock.now(), now).await?)
}

async fn work(config: &Config, clock: &Clock) -> Result<Vec<Finding>, ComposeError> {
    let pool = compose::connect(config).await?;
    let configured: Vec<String> = config.accounts.keys().cloned().collect();
    Ok(work::work(&pool, &configured, clock.now()).await?)
}

async fn providers(
    config: &Config,
    rules: &Arc<Classifier>,
    clock: &Clock,
) -> Result<Vec<Finding>, ComposeError> {
    let mut findings = Vec::new();
    for (name, account) in &config.accounts {
        let client = compose::client(name, account, rules, clock)?;
        let patient = Patient {
            account: name,
            address: account.base_url.as_str(),
            client: &client,
        };
        findings.extend(provider::provider(&patient, clock.now(), now).await);
    }
    Ok(findings)
}

/// The machine's time, whatever time it is in the simulation.
fn now() -> Timestamp {
    Clock::System.now()
}

fn failed(about: &str, error: &ComposeError) -> Finding {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    Finding::failed(about, words, error.hint().unwrap_or("what it says"))
}
