//! SIGHUP: the credentials, the log's filter and the failure rules are read again. All of them or none.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::ExposeSecret;
use tracing::{error, info, warn};

use crate::compose::{self, ComposeError};
use crate::config::{Account, Config, ConfigErrors};
use crate::engine::key_probe::KeyProbe;
use crate::engine::{Accounts, log_values};
use crate::telemetry::{LogFilter, TelemetryError};

/// What a running daemon takes over without a restart, but for the keys of accounts.
const TAKEN_OVER: [&str; 2] = ["log.filter", "failures.file"];

/// Why nothing was taken over.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error(transparent)]
    Rules(#[from] ComposeError),
    #[error(transparent)]
    Filter(#[from] TelemetryError),
    /// A key is for the address, and the merchant, that it was written down with: it is never sent to another one.
    #[error("the provider, base_url or merchant_id of account {0} is another one")]
    Address(String),
}

impl ReloadError {
    const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Rules(error) => error.hint(),
            Self::Address(_) => Some(
                "restart the daemon: its key must not be sent to the address that was in force before",
            ),
            Self::Config(_) | Self::Filter(_) => None,
        }
    }
}

#[derive(Debug)]
pub(super) struct Reload {
    accounts: Accounts,
    key_probe: KeyProbe,
    worker: Arc<str>,
    filter: LogFilter,
    /// The file that the daemon was started with.
    file: Option<PathBuf>,
    started: Config,
    /// As of the last reload.
    current: Config,
}

impl Reload {
    pub(super) fn new(
        accounts: Accounts,
        key_probe: KeyProbe,
        worker: Arc<str>,
        filter: LogFilter,
        file: Option<PathBuf>,
        config: &Config,
    ) -> Self {
        Self {
            accounts,
            key_probe,
            worker,
            filter,
            file,
            started: config.clone(),
            current: config.clone(),
        }
    }

    /// Reads it all again. What is wrong is said, and changes nothing.
    pub(super) async fn again(&mut self) {
        match self.read() {
            Ok(config) => {
                let new_keys = self.new_keys(&config);
                self.say(&config, &new_keys);
                self.current = config;
                for account in self.accounts.iter() {
                    let is_new = new_keys.contains(&account.name);
                    self.key_probe.ask(account, is_new).await;
                }
            }
            Err(problem) => error!(
                worker.id = &*self.worker,
                error = log_values::chain(&problem),
                hint = problem.hint(),
                "the configuration was not read again, and everything stays as it was: `mandated check-config` names every problem; \
                 correct it, and send SIGHUP once more"
            ),
        }
    }

    fn read(&self) -> Result<Config, ReloadError> {
        let config = Config::load(self.file.as_deref())?;
        let classifier = compose::classifier(&config)?;
        self.same_addresses(&config)?;
        self.filter.set(&config.log.filter)?;
        for account in self.accounts.iter() {
            if let Some(now) = config.accounts.get(&account.name) {
                account.renew(now.api_key.clone(), classifier.clone());
            }
        }
        Ok(config)
    }

    fn same_addresses(&self, config: &Config) -> Result<(), ReloadError> {
        for (name, now) in &config.accounts {
            let Some(before) = self.started.accounts.get(name) else {
                continue;
            };
            let address = |account: &Account| {
                let (provider, merchant) = (account.provider, account.merchant_id.clone());
                (provider, account.base_url.clone(), merchant)
            };
            if address(now) != address(before) {
                return Err(ReloadError::Address(name.clone()));
            }
        }
        Ok(())
    }

    /// The accounts whose key is another one than before.
    fn new_keys(&self, config: &Config) -> Vec<String> {
        let names = self.accounts.iter().map(|account| &account.name);
        let is_new = |name: &&String| {
            let key = |config: &Config| {
                let account = config.accounts.get(*name)?;
                Some(account.api_key.expose_secret().to_owned())
            };
            key(config) != key(&self.current)
        };
        names.filter(is_new).cloned().collect()
    }

    fn say(&self, config: &Config, new_keys: &[String]) {
        let worker = &*self.worker;
        info!(
            worker.id = worker,
            new_keys = new_keys.join(" "),
            log_filter = config.log.filter,
            "read again: the credentials, log.filter and the failure rules"
        );
        let mut waiting = self.started.changed(config);
        let names = self.started.accounts.keys();
        let taken_over: Vec<String> = names
            .filter(|name| config.accounts.contains_key(*name))
            .flat_map(|name| {
                ["api_key", "api_key_file"].map(|key| format!("accounts.{name}.{key}"))
            })
            .chain(TAKEN_OVER.map(ToOwned::to_owned))
            .collect();
        waiting.retain(|key| !taken_over.contains(key));
        if !waiting.is_empty() {
            warn!(
                worker.id = worker,
                keys = waiting.join(" "),
                "these have changed too, and need a restart"
            );
        }
    }
}
