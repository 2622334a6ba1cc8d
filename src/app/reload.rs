//! SIGHUP: the credentials, the log's filter and the failure rules are read again. All of them or none.

use std::path::PathBuf;

use secrecy::ExposeSecret;
use tracing::{error, info, warn};

use super::{Failure, engine};
use crate::config::Config;
use crate::engine::{Engine, lane};
use crate::telemetry::LogFilter;

/// What a running daemon takes over without a restart, but for the keys of accounts.
const TAKEN_OVER: [&str; 2] = ["log.filter", "failures.file"];

#[derive(Debug)]
pub(super) struct Reload {
    pub(super) engine: Engine,
    pub(super) filter: LogFilter,
    /// The file that the daemon was started with.
    pub(super) file: Option<PathBuf>,
    pub(super) started: Config,
    /// As of the last reload.
    pub(super) current: Config,
}

impl Reload {
    /// Reads it all again. What is wrong is said, and changes nothing.
    pub(super) fn again(&mut self) {
        match self.read() {
            Ok(config) => {
                self.say(&config);
                self.current = config;
            }
            Err(failure) => error!(
                worker.id = self.engine.settings.worker_id.as_str(),
                error = lane::chain(failure.error.as_ref()),
                hint = failure.hint,
                "the configuration was not read again, and everything stays as it was: `mandated check-config` names every problem; \
                 correct it, and send SIGHUP once more"
            ),
        }
    }

    fn read(&self) -> Result<Config, Failure> {
        let config = Config::load(self.file.as_deref()).map_err(anyhow::Error::from)?;
        let classifier = engine::classifier(&config)?;
        self.filter
            .set(&config.log.filter)
            .map_err(anyhow::Error::from)?;
        for account in self.engine.accounts.iter() {
            if let Some(now) = config.accounts.get(&account.name) {
                account.renew(now.api_key.clone(), classifier.clone());
            }
        }
        Ok(config)
    }

    fn say(&self, config: &Config) {
        let worker = self.engine.settings.worker_id.as_str();
        let new_keys: Vec<&str> = self
            .engine
            .accounts
            .iter()
            .map(|account| account.name.as_str())
            .filter(|name| {
                let key = |config: &Config| {
                    let account = config.accounts.get(*name)?;
                    Some(account.api_key.expose_secret().to_owned())
                };
                key(config) != key(&self.current)
            })
            .collect();
        info!(
            worker.id = worker,
            new_keys = new_keys.join(" "),
            log_filter = config.log.filter,
            "read again: the credentials, log.filter and the failure rules"
        );
        let mut waiting = self.started.changed(config);
        waiting.retain(|key| {
            let is_credential = key.starts_with("accounts.")
                && key.ends_with(".api_key")
                && self.engine.accounts.iter().any(|account| {
                    key.strip_prefix("accounts.")
                        .is_some_and(|key| key.starts_with(&account.name))
                });
            !is_credential && !TAKEN_OVER.contains(&key.as_str())
        });
        if !waiting.is_empty() {
            warn!(
                worker.id = worker,
                keys = waiting.join(" "),
                "these have changed too, and need a restart"
            );
        }
    }
}
