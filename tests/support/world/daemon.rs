//! The daemon of a world: its configuration, its engine, and the mandates that it imports.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mandated::clock::Clock;
use mandated::config::Config;
use mandated::domain::classify::Classifier;
use mandated::domain::{ProviderKind, Rail};
use mandated::engine::{Account, AccountLimits, Engine, Settings, retention};
use mandated::ops::import::{Options as ImportOptions, import};
use mandated::provider::{AccountSettings, Client};
use mandated::store::{accounts, planning};
use sqlx::PgPool;
use url::Url;

use super::start;

use crate::support::due::{FAULTS, OVERDUE, SNAPSHOTS};
use crate::support::scenario::Scenario;

/// What an operator would have configured.
pub(super) fn config(base_url: impl Fn(ProviderKind) -> Url, key: &str) -> Config {
    let mut variables = BTreeMap::from([
        // The test has its pool already.
        (
            "MANDATED__DATABASE__URL".to_owned(),
            "postgres://nowhere".to_owned(),
        ),
        ("MANDATED__CLOCK__MODE".to_owned(), "simulated".to_owned()),
        ("MANDATED__CLOCK__START".to_owned(), start().to_rfc3339()),
    ]);
    for provider in ProviderKind::ALL {
        let prefix = format!(
            "MANDATED__ACCOUNTS__{}_MAIN",
            provider.as_str().to_uppercase()
        );
        for (key, value) in [
            ("PROVIDER", provider.as_str()),
            ("BASE_URL", base_url(*provider).as_str()),
            ("API_KEY", key),
            ("TPS", "100000"),
            ("TIMEOUT", "5s"),
        ] {
            variables.insert(format!("{prefix}__{key}"), value.to_owned());
        }
        if *provider == ProviderKind::Juspay {
            variables.insert(format!("{prefix}__MERCHANT_ID"), "shop".to_owned());
        }
    }
    Config::load_with(None, variables).unwrap_or_else(|error| panic!("{error}"))
}

/// A daemon: what `mandated run` builds from a configuration.
pub(super) async fn engine(
    config: &Config,
    pool: &PgPool,
    clock: &Clock,
    worker: &str,
    tweak: impl FnOnce(&mut Settings),
) -> Engine {
    let classifier = Arc::new(Classifier::builtin().unwrap());
    let mut built = Vec::new();
    for (name, account) in &config.accounts {
        let settings = AccountSettings {
            name: name.clone(),
            provider: account.provider,
            base_url: account.base_url.clone(),
            merchant_id: account.merchant_id.clone(),
            api_key: account.api_key.clone(),
            timeout: account.timeout,
            tps: account.tps,
        };
        let id = accounts::register(pool, name, account.provider)
            .await
            .unwrap();
        let client = Client::new(settings, Arc::clone(&classifier), true).unwrap();
        let limits = AccountLimits {
            timeout: account.timeout,
            max_in_flight: usize::try_from(account.max_in_flight).unwrap(),
            pause_after_refusal: account.pause_after_refusal,
        };
        built.push(Account::new(id, name.clone(), client, limits));
    }
    let mut settings = settings(config, worker);
    tweak(&mut settings);
    let mut connection = planning::acquire(pool).await.unwrap();
    let tag = planning::installation_tag(&mut connection).await.unwrap();
    Engine::new(pool.clone(), clock.clone(), settings, built, tag)
}

fn settings(config: &Config, worker: &str) -> Settings {
    let mut policies = BTreeMap::new();
    for provider in ProviderKind::ALL {
        for rail in Rail::ALL {
            policies.insert((*provider, *rail), config.policy(*provider, *rail));
        }
    }
    Settings {
        worker_id: worker.to_owned(),
        concurrency: 64,
        batch: 200,
        settle_batch: 500,
        lease: config.worker.lease,
        answer_timeout: Duration::from_mins(1),
        trouble_interval: Duration::from_mins(1),
        poll_interval: Duration::from_millis(50),
        settle_linger: Duration::from_millis(1),
        faults: FAULTS,
        planner_interval: Duration::from_millis(50),
        planner_horizon: config.planner.horizon,
        planner_batch: 1_000,
        rescue_interval: Duration::from_millis(50),
        heartbeat_interval: Duration::from_millis(50),
        overdue: OVERDUE,
        snapshots: SNAPSHOTS,
        retention: retention::Settings {
            interval: config.retention.interval,
            attempts: config.retention.attempts,
            events: config.retention.events,
            executions: config.retention.executions,
            partitions_ahead: 1,
        },
        policies,
    }
}

pub(super) async fn import_all(config: &Config, pool: &PgPool, scenario: &Scenario) {
    let policy = |provider, rail| config.policy(provider, rail);
    let options = ImportOptions {
        skip_invalid: false,
        now: start(),
        horizon: config.planner.horizon,
        policy: &policy,
        check_metadata: &|_, _| Ok(()),
    };
    let file = scenario.file();
    let report = import(pool, file.as_bytes(), &options, &|_| {})
        .await
        .unwrap();
    assert_eq!(
        report.imported,
        u64::try_from(scenario.payers.len()).unwrap(),
        "{report:?}"
    );
}
