//! From a configuration to an engine.

use std::time::Duration;

use super::{ComposeError, clients, worker_id};
use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::domain::{ProviderKind, Rail};
use crate::engine::{
    Account, AccountLimits, DatabaseSettings, Engine, Settings, bloat, heartbeat, lane, planner,
    retention, settler,
};
use crate::store;
use crate::store::pool::DatabasePool;
use crate::store::settle::FaultRules;

/// Time between two heartbeat lines.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Time between two lines about a database failure that lasts.
pub const FAILURE_LOG_INTERVAL: Duration = Duration::from_mins(1);

/// Beyond the database's own timeouts: time for the answer to come back.
const ANSWER: Duration = Duration::from_secs(5);

/// Gives every account its number and its client, and puts it all together.
pub async fn build(
    config: &Config,
    pool: DatabasePool,
    clock: Clock,
) -> Result<Engine, ComposeError> {
    let accounts = clients(config, &pool, &clock).await?.into_iter();
    let accounts = accounts.map(|built| {
        let limits = AccountLimits {
            timeout: built.account.timeout,
            max_in_flight: size(built.account.max_in_flight),
            pause_after_refusal: built.account.pause_after_refusal,
        };
        Account::new(built.id, built.name.to_owned(), built.client, limits)
    });
    let accounts = accounts.collect();
    let mut transaction = store::planning::begin(&pool).await?;
    let tag = store::planning::installation_tag(&mut transaction).await?;
    store::planning::commit(transaction).await?;
    let engine = Engine::new(pool, clock, settings(config), accounts, tag);
    engine.database.recognize().await?;
    // They are bound to the database that the daemon remembers: another one may have come between.
    for (name, account) in &config.accounts {
        super::register(config, &engine.database.pool, name, account).await?;
    }
    Ok(engine)
}

/// What the configuration has for each loop.
pub fn settings(config: &Config) -> Settings {
    let (worker, planner, kept) = (&config.worker, &config.planner, &config.retention);
    let policy = |provider, rail| ((provider, rail), config.policy(provider, rail));
    let policies = ProviderKind::ALL.iter();
    let policies =
        policies.flat_map(|provider| Rail::ALL.iter().map(|rail| policy(*provider, *rail)));
    Settings {
        worker_id: worker_id(config).into(),
        concurrency: size(worker.concurrency),
        database: DatabaseSettings {
            answer_timeout: answer_timeout(&config.database),
            failure_log_interval: FAILURE_LOG_INTERVAL,
            synchronous_failover: config.database.synchronous_failover,
        },
        lane: lane::Settings {
            batch: size(worker.batch),
            lease: worker.lease,
            poll_interval: worker.poll_interval,
        },
        settler: settler::Settings {
            batch: size(worker.settle_batch),
            linger: worker.settle_linger,
            faults: FaultRules {
                limit: i64::from(worker.parked_limit),
                within: worker.parked_within,
                pause: worker.parked_pause,
            },
        },
        planner: planner::Settings {
            interval: planner.interval,
            horizon: planner.horizon,
            batch: size(planner.batch),
            policies: policies.collect(),
        },
        rescue_interval: config.rescue.interval,
        heartbeat: heartbeat::Settings {
            interval: HEARTBEAT,
            overdue: heartbeat::Overdue {
                warn_after: worker.unknown_warn_after,
                error_after: worker.unknown_error_after,
                every: worker.unknown_warn_every,
            },
            snapshots: bloat::Rules {
                warn_after: worker.snapshot_warn_after,
                every: worker.snapshot_warn_every,
            },
        },
        retention: retention::Settings {
            interval: kept.interval,
            attempts: kept.attempts,
            events: kept.events,
            executions: kept.executions,
            partitions_ahead: i32::try_from(kept.partitions_ahead).unwrap_or(i32::MAX),
        },
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

/// Plans every cycle whose time to be planned has come, as a daemon would; of all accounts, for a plan moves no money.
pub async fn plan_all(
    config: &Config,
    pool: &DatabasePool,
    clock: &Clock,
) -> Result<(), ComposeError> {
    let mut connection = store::planning::acquire(pool).await?;
    let tag = store::planning::installation_tag(&mut connection).await?;
    drop(connection);
    let engine = Engine::new(
        pool.clone(),
        clock.clone(),
        settings(config),
        Vec::new(),
        tag,
    );
    let planner = engine.planner();
    while planner.tick().await? > 0 {}
    Ok(())
}
