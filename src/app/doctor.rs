//! `doctor`: one look after the other, each as far as the ones before it allow.

use std::io::Write;
use std::sync::Arc;

use anyhow::{Context, anyhow};

use super::{Failure, engine};
use crate::admin::Format;
use crate::admin::doctor::{self, Finding, Patient};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::Instant;
use crate::domain::classify::Classifier;
use crate::store::StoreError;

pub(super) async fn run(
    config: &Config,
    offline: bool,
    format: Format,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let mut findings = vec![Finding::ok("configuration", "every key is right")];
    let rules = engine::classifier(config);
    findings.push(match (&rules, &config.failures.file) {
        (Ok(_), Some(file)) => {
            let found = format!("{} before the built-in ones", file.display());
            Finding::ok("failure rules", found)
        }
        (Ok(_), None) => Finding::ok("failure rules", "the built-in ones"),
        (Err(failure), _) => failed("failure rules", failure),
    });
    let clock = engine::clock(config);
    let is_migrated = match database(config, &clock).await {
        Ok(found) => {
            let is_migrated = found.len() > 1;
            findings.extend(found);
            is_migrated
        }
        Err(failure) => {
            findings.push(failed("database", &failure));
            false
        }
    };
    if let (Ok(rules), false) = (&rules, offline) {
        findings.extend(providers(config, rules, &clock).await?);
    }
    if is_migrated {
        match work(config, &clock).await {
            Ok(found) => findings.extend(found),
            Err(failure) => findings.push(failed("work", &failure)),
        }
    }
    let broken = doctor::write(out, &findings, format).context("print the findings")?;
    if broken > 0 {
        return Err(Failure::anyhow(
            anyhow!(
                "{broken} of {} looks found something broken",
                findings.len()
            ),
            "each line above that begins with FAILED says what to do",
        ));
    }
    Ok(())
}

async fn database(config: &Config, clock: &Clock) -> Result<Vec<Finding>, Failure> {
    let pool = engine::connect(config).await?;
    let connections = config.database.max_connections;
    let found = doctor::database(&pool, connections, clock.now(), now).await;
    Ok(found?)
}

async fn work(config: &Config, clock: &Clock) -> Result<Vec<Finding>, Failure> {
    let pool = engine::connect(config).await?;
    let found: Result<_, StoreError> = doctor::work(&pool, clock.now()).await;
    Ok(found?)
}

async fn providers(
    config: &Config,
    rules: &Arc<Classifier>,
    clock: &Clock,
) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for (name, account) in &config.accounts {
        let client = engine::client(name, account, rules, clock)?;
        let patient = Patient {
            account: name,
            address: account.base_url.as_str(),
            client: &client,
        };
        findings.extend(doctor::provider(&patient, clock.now(), now).await);
    }
    Ok(findings)
}

/// The machine's time, whatever time it is in the simulation.
fn now() -> Instant {
    Clock::System.now()
}

fn failed(about: &str, failure: &Failure) -> Finding {
    let words: Vec<String> = failure.error.chain().map(ToString::to_string).collect();
    let fix = failure.hint.as_deref().unwrap_or("what it says");
    Finding::failed(about, words.join(": "), fix)
}
