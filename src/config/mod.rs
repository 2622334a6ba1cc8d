//! Configuration: `config/default.toml`, then a file, then the environment; the last one wins.
//!
//! A configuration is right as a whole or not at all: unknown keys, values that cannot be read and
//! combinations that cannot work are refused, all of them at once, each with its key and where it was given.
//! What comes out has types and needs no further checks.

mod accounts;
mod addresses;
mod check;
mod clock;
mod database;
mod effective;
mod error;
mod failures;
mod known_keys;
mod layer;
mod listen;
mod log;
mod merchant;
mod planner;
mod policy;
mod providers;
mod rails;
mod rescue;
mod retention;
mod retry;
mod secret;
mod tree;
mod variable;
mod worker;

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use config::{ConfigError, Value};
use secrecy::ExposeSecret;
use serde::Deserialize;

pub use accounts::{Account, Accounts};
pub use addresses::addresses;
pub use clock::{Clock, ClockMode};
pub use database::{Database, PoolerMode};
pub use error::{ConfigErrors, Problem};
pub use failures::Failures;
pub use listen::Listen;
pub use log::{Log, LogFormat};
pub use planner::Planner;
pub use providers::{ProviderRules, Providers};
pub use rails::{RailRules, Rails};
pub use rescue::Rescue;
pub use retention::Retention;
pub use retry::Retry;
pub use worker::Worker;

use effective::Effective;
use known_keys::KnownKeys;
use layer::Environment;
use tree::Table;

/// Everything that can be set. `Display` is TOML for people, without secrets and with the origin of each value.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub database: Database,
    pub worker: Worker,
    pub planner: Planner,
    pub rescue: Rescue,
    pub retention: Retention,
    pub rails: Rails,
    pub providers: Providers,
    #[serde(default)]
    pub retry: Retry,
    #[serde(default)]
    pub accounts: Accounts,
    #[serde(default)]
    pub failures: Failures,
    pub listen: Listen,
    pub log: Log,
    pub clock: Clock,
    #[serde(skip)]
    effective: Effective,
}

impl Config {
    /// Reads the defaults, the file (`--config`, or else `MANDATED_CONFIG`) and the environment of this process.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigErrors> {
        Self::load_with(file, std::env::vars_os())
    }

    /// The same with an environment that is handed in.
    pub fn load_with<K, V>(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ConfigErrors>
    where
        K: Into<OsString>,
        V: Into<OsString>,
    {
        let variables = environment
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        let environment = Environment::new(variables);
        let file = file.map(Path::to_owned).or_else(|| environment.file());
        let mut problems = Vec::new();

        let known = KnownKeys::read(layer::DEFAULTS).map_err(ConfigErrors::one)?;
        let mut layers = vec![layer::defaults().map_err(ConfigErrors::one)?];
        if let Some(path) = &file {
            layers.push(layer::file(path).map_err(ConfigErrors::one)?);
        }
        layers.push(environment.layer(&known, &mut problems));
        for layer in &mut layers {
            known.prune(layer, &mut problems);
        }

        secret::win_over_those_before(&mut layers);
        let mut merged = layer::merge(layers).map_err(ConfigErrors::one)?;
        accounts::fill(&mut merged, &known);
        let folder = secret::folder(environment.credentials(), file.as_deref());
        secret::read_files(&mut merged, &known, &folder, &mut problems);
        let effective = Effective::of(&merged);
        secret::forget_files(&mut merged);
        rails::join_time_zones(&mut merged, &known, &mut problems);
        retry::refuse_idle_keys(&merged, &mut problems);

        let config = read(merged, &known, &mut problems);
        if let Some(config) = &config {
            check::all(config, &mut problems);
        }
        ConfigErrors::from_problems(problems)?;
        config
            .map(|config| Self {
                effective,
                ..config
            })
            .ok_or_else(|| {
                ConfigErrors::one(Problem::new(
                    "",
                    None,
                    "the configuration cannot be read".to_owned(),
                ))
            })
    }

    /// The keys whose values differ in another configuration, secrets too.
    pub fn changed(&self, other: &Self) -> Vec<String> {
        let mut keys = self.effective.changed(&other.effective);
        let secrets = |config: &Self| {
            let token = config
                .listen
                .token
                .as_ref()
                .map(ExposeSecret::expose_secret);
            let url = config.database.url.expose_secret();
            let direct = config.database.direct_url.as_ref();
            let direct = direct.map(ExposeSecret::expose_secret);
            let mut secrets = vec![
                ("database.url".to_owned(), Some(url.to_owned())),
                (
                    "database.direct_url".to_owned(),
                    direct.map(ToOwned::to_owned),
                ),
                ("listen.token".to_owned(), token.map(ToOwned::to_owned)),
            ];
            secrets.extend(config.accounts.iter().map(|(name, account)| {
                let key = account.api_key.expose_secret().to_owned();
                (format!("accounts.{name}.api_key"), Some(key))
            }));
            secrets
        };
        let theirs = secrets(other);
        let differ = secrets(self)
            .into_iter()
            .filter(|ours| !theirs.contains(ours));
        keys.extend(differ.map(|(key, _)| key));
        keys.sort();
        keys.dedup();
        keys
    }

    /// Every key that is set and every secret, with its value as TOML and its origin; no secret shows its value.
    pub fn in_force(&self) -> impl Iterator<Item = (String, &str, &str)> {
        self.effective.entries()
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.effective.fmt(f)
    }
}

/// Gives the values their types. Every one that does not fit is a problem, and is replaced by the reference's
/// example so that the next one is found too; then there is no configuration to check further.
fn read(mut table: Table, known: &KnownKeys, problems: &mut Vec<Problem>) -> Option<Config> {
    let mut bad: Vec<String> = Vec::new();
    loop {
        let error = match Config::deserialize(Value::from(table.clone())) {
            Ok(config) => return bad.is_empty().then_some(config),
            Err(error) => error,
        };
        let (key, message) = explain(&error, &table, known);
        if bad.contains(&key) {
            return None;
        }
        let origin = tree::get(&table, &key)
            .and_then(tree::origin)
            .map(ToOwned::to_owned);
        // A key that was removed because it was wrong is not reported a second time for being missing.
        if !problems.iter().any(|problem| problem.key == key) {
            problems.push(Problem::new(&key, origin.as_deref(), message));
        }
        match (known.example(&key), key.strip_suffix(".strategy")) {
            (_, Some(class)) => drop(tree::remove(&mut table, class)),
            (Some(example), None) => tree::set(&mut table, &key, example.clone()),
            (None, None) => drop(tree::remove(&mut table, &key)),
        }
        bad.push(key);
    }
}

/// The key of an error, and a sentence about it.
fn explain(error: &ConfigError, table: &Table, known: &KnownKeys) -> (String, String) {
    if let ConfigError::NotFound(key) = error {
        let message = if secret::keys(table).contains(key) {
            format!("neither {key} nor {key}_file is set")
        } else {
            format!("{key} is not set")
        };
        return (key.clone(), message);
    }
    let (full_key, why) = if let ConfigError::Type { key: Some(key), .. } = error {
        // The kind of value was checked before: only its size can be wrong.
        let value = tree::get(table, key)
            .map(effective::toml)
            .unwrap_or_default();
        (key.as_str(), format!("{value} is out of range"))
    } else if let ConfigError::At {
        key: Some(key),
        error,
        ..
    } = error
    {
        (key.as_str(), error.to_string())
    } else {
        ("", error.to_string())
    };
    // An item of a list is wrong: the list is what can be replaced.
    let key = full_key.split('[').next().unwrap_or_default();
    // "none of a, b" and "one of a, b" need no example.
    let example = known
        .example(key)
        .filter(|_| !why.contains("one of"))
        .map(effective::toml);
    let example = example.map_or_else(String::new, |example| format!("; an example is {example}"));
    (key.to_owned(), format!("{full_key}: {why}{example}"))
}
