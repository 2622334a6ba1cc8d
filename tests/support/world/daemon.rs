//! The daemon of a world: its configuration, its engine, and the mandates that it imports.

use std::collections::BTreeMap;
use std::time::Duration;

use mandated::clock::Clock;
use mandated::compose;
use mandated::config::Config;
use mandated::domain::{ProviderKind, Timestamp};
use mandated::engine::{Database, Engine, Settings};
use mandated::ops::import::{Options as ImportOptions, import};
use mandated::store::pool::DatabasePool;
use url::Url;

use super::start;
use crate::support::database::forget_environments;
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

/// A daemon: what `mandated run` builds from a configuration, but for its haste.
pub(super) async fn engine(
    config: &Config,
    pool: &DatabasePool,
    clock: &Clock,
    worker: &str,
    tweak: impl FnOnce(&mut Settings),
) -> Engine {
    let (pool, clock) = (pool.clone(), clock.clone());
    forget_environments(&pool).await;
    let mut engine = compose::engine::build(config, pool.clone(), clock)
        .await
        .unwrap();
    let (soon, settings) = (Duration::from_millis(50), &mut engine.settings);
    settings.worker_id = worker.into();
    settings.concurrency = 64;
    settings.database.answer_timeout = Duration::from_mins(1);
    settings.lane.batch = 200;
    settings.lane.poll_interval = soon;
    settings.settler.batch = 500;
    settings.settler.linger = Duration::from_millis(1);
    settings.settler.faults = FAULTS;
    settings.planner.interval = soon;
    settings.planner.batch = 1_000;
    settings.rescue_interval = soon;
    settings.heartbeat.interval = soon;
    settings.heartbeat.overdue = OVERDUE;
    settings.heartbeat.snapshots = SNAPSHOTS;
    settings.retention.partitions_ahead = 1;
    tweak(settings);
    engine.database = Database::new(pool, settings.database);
    engine
}

pub(super) async fn import_all(
    config: &Config,
    pool: &DatabasePool,
    scenario: &Scenario,
    now: Timestamp,
) {
    let policy = |provider, rail| config.policy(provider, rail);
    let options = ImportOptions {
        skip_invalid: false,
        now,
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
