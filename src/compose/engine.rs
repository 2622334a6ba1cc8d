//! From a configuration to an engine.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::PgPool;

use super::{ComposeError, clients, worker_id};
use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::domain::policy::Policy;
use crate::domain::{ProviderKind, Rail};
use crate::engine::{Account, AccountLimits, Engine, Settings, bloat, heartbeat, retention};
use crate::store;
use crate::store::settle::FaultRules;

/// Time between two heartbeat lines.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Time between two lines about a trouble with the database that lasts.
pub const TROUBLE: Duration = Duration::from_mins(1);

/// Beyond the database's own timeouts: time for the answer to come back.
const ANSWER: Duration = Duration::from_secs(5);

/// Gives every account its number and its client, and puts it all together.
pub async fn build(config: &Config, pool: PgPool, clock: Clock) -> Result<Engine, ComposeError> {
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
    let mut connection = store::planning::acquire(&pool).await?;
    let tag = store::planning::installation_tag(&mut connection).await?;
    drop(connection);
    Ok(Engine::new(pool, clock, settings(config), accounts, tag))
}

/// The policies of new executions.
fn policies(config: &Config) -> BTreeMap<(ProviderKind, Rail), Policy> {
    let of = |provider: &ProviderKind| {
        let provider = *provider;
        let rails = Rail::ALL.iter().copied();
        rails.map(move |rail| ((provider, rail), config.policy(provider, rail)))
    };
    ProviderKind::ALL.iter().flat_map(of).collect()
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
