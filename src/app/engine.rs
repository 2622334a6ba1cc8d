//! From a configuration to an engine: the only place that builds the pool, the clients and the settings.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use secrecy::ExposeSecret;
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;

use super::Failure;
use crate::clock::Clock;
use crate::config::{self, ClockMode, Config, Database};
use crate::domain::classify::Classifier;
use crate::domain::policy::Policy;
use crate::domain::{ProviderKind, Rail};
use crate::engine::{Account, AccountLimits, Engine, Settings, bloat, heartbeat, retention};
use crate::provider::{AccountSettings, Client};
use crate::store::settle::FaultRules;
use crate::store::{self, ConnectSettings, StoreError};

/// Time between two heartbeat lines.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Time between two lines about a trouble with the database that lasts.
pub(super) const TROUBLE: Duration = Duration::from_mins(1);

/// Beyond the database's own timeouts: time for the answer to come back.
const ANSWER: Duration = Duration::from_secs(5);

/// The clock of the configuration.
pub(super) fn clock(config: &Config) -> Clock {
    match (config.clock.mode, config.clock.start) {
        (ClockMode::Simulated, Some(start)) => Clock::simulated(start),
        (ClockMode::Simulated, None) => Clock::simulated(Clock::System.now()),
        (ClockMode::System, _) => Clock::System,
    }
}

/// Opens the pool, and says what to do when that does not work.
pub async fn connect(config: &Config) -> Result<PgPool, Failure> {
    let options = PgConnectOptions::from_str(config.database.url.expose_secret())
        .context("read database.url")
        .map_err(|error| {
            Failure::config(
                error,
                "write it as postgres://user:password@host:port/database",
            )
        })?;
    let settings = ConnectSettings {
        max_connections: config.database.max_connections,
        connect_timeout: config.database.connect_timeout,
        statement_timeout: config.database.statement_timeout,
        lock_timeout: config.database.lock_timeout,
        application_name: worker_id(config),
    };
    store::connect(options, &settings).await.map_err(|error| {
        Failure::hinted(error, "check database.url, that the server runs, and that this machine may reach it; `mandated check-config` shows where the value comes from")
    })
}

/// Opens the pool of a database that this version fits.
pub(super) async fn connect_checked(config: &Config) -> Result<PgPool, Failure> {
    let pool = connect(config).await?;
    store::migrate::check(&pool)
        .await
        .map_err(Failure::from_version)?;
    Ok(pool)
}

/// The name of this process in leases and logs.
pub(super) fn worker_id(config: &Config) -> String {
    config.worker.id.clone().unwrap_or_else(|| {
        let host = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        format!("{host}-{}", std::process::id())
    })
}

/// The policies of new executions.
pub(super) fn policies(config: &Config) -> BTreeMap<(ProviderKind, Rail), Policy> {
    let mut policies = BTreeMap::new();
    for provider in ProviderKind::ALL {
        for rail in Rail::ALL {
            policies.insert((*provider, *rail), config.policy(*provider, *rail));
        }
    }
    policies
}

/// The rules that classify failures: the operator's, then ours.
pub(super) fn classifier(config: &Config) -> Result<Arc<Classifier>, Failure> {
    let Some(path) = &config.failures.file else {
        let built_in = Classifier::builtin().context("read the compiled-in failure rules")?;
        return Ok(Arc::new(built_in));
    };
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("read failures.file {name}"))
        .map_err(|error| {
            Failure::config(
                error,
                "give failures.file the path of a readable TOML file, or leave it out",
            )
        })?;
    let rules = Classifier::with_operator_rules(Some((&name, &text))).map_err(|error| {
        Failure::config(
            error.into(),
            "config/failures.toml shows how rules are written",
        )
    })?;
    Ok(Arc::new(rules))
}

/// Builds the clients, gives every account its number, and puts it all together.
pub async fn build(config: &Config, pool: PgPool, clock: Clock) -> Result<Engine, Failure> {
    let classifier = classifier(config)?;
    let mut accounts = Vec::new();
    for (name, account) in &config.accounts {
        let id = store::accounts::register(&pool, name, account.provider).await?;
        let client = client(name, account, &classifier, &clock)?;
        let limits = AccountLimits {
            timeout: account.timeout,
            max_in_flight: size(account.max_in_flight),
            pause_after_refusal: account.pause_after_refusal,
        };
        accounts.push(Account::new(id, name.clone(), client, limits));
    }
    let mut connection = store::planning::acquire(&pool).await?;
    let tag = store::planning::installation_tag(&mut connection).await?;
    drop(connection);
    Ok(Engine::new(pool, clock, settings(config), accounts, tag))
}

/// The client of an account.
pub(super) fn client(
    name: &str,
    account: &config::Account,
    classifier: &Arc<Classifier>,
    clock: &Clock,
) -> Result<Client, Failure> {
    let settings = AccountSettings {
        name: name.to_owned(),
        provider: account.provider,
        base_url: account.base_url.clone(),
        merchant_id: account.merchant_id.clone(),
        api_key: account.api_key.clone(),
        timeout: account.timeout,
        tps: account.tps,
    };
    Ok(
        Client::new(settings, Arc::clone(classifier), clock.is_simulated())
            .with_context(|| format!("build the client of account {name}"))?,
    )
}

/// Gives the configured accounts their numbers, for commands that need no clients.
pub async fn register_accounts(config: &Config, pool: &PgPool) -> Result<(), StoreError> {
    for (name, account) in &config.accounts {
        store::accounts::register(pool, name, account.provider).await?;
    }
    Ok(())
}

fn settings(config: &Config) -> Settings {
    Settings {
        worker_id: worker_id(config),
        concurrency: size(config.worker.concurrency),
        batch: size(config.worker.batch),
        settle_batch: size(config.worker.settle_batch),
        lease: config.worker.lease,
        answer_timeout: answer_timeout(&config.database),
        trouble_interval: TROUBLE,
        poll_interval: config.worker.poll_interval,
        settle_linger: config.worker.settle_linger,
        faults: FaultRules {
            limit: i64::from(config.worker.parked_limit),
            within: config.worker.parked_within,
            pause: config.worker.parked_pause,
        },
        planner_interval: config.planner.interval,
        planner_horizon: config.planner.horizon,
        planner_batch: size(config.planner.batch),
        rescue_interval: config.rescue.interval,
        heartbeat_interval: HEARTBEAT,
        overdue: heartbeat::Overdue {
            warn_after: config.worker.unknown_warn_after,
            error_after: config.worker.unknown_error_after,
            every: config.worker.unknown_warn_every,
        },
        snapshots: bloat::Rules {
            warn_after: config.worker.snapshot_warn_after,
            every: config.worker.snapshot_warn_every,
        },
        retention: retention::Settings {
            interval: config.retention.interval,
            attempts: config.retention.attempts,
            events: config.retention.events,
            executions: config.retention.executions,
            partitions_ahead: i32::try_from(config.retention.partitions_ahead).unwrap_or(i32::MAX),
        },
        policies: policies(config),
    }
}

/// The database ends what takes longer, unless it cannot.
fn answer_timeout(database: &Database) -> Duration {
    let (connect, statement) = (database.connect_timeout, database.statement_timeout);
    connect.saturating_add(statement).saturating_add(ANSWER)
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
