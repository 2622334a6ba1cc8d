//! The loops that join the store, the providers and the core. All of them run in every daemon ([`loops::run`]).
//!
//! The way of one job: [`lane`] claims it (its intent is durable then), [`job`] asks the gate, makes the call and lets the core
//! decide, [`settler`] writes what follows, fenced by the lease. [`planner`] makes the jobs, [`rescue`] takes back those of lost
//! workers, [`retention`] makes and drops partitions, [`heartbeat`] says how it goes and what was [counted](state_counters), [`bloat`] who
//! keeps dead rows, [`database_health`] what is wrong with the database. Nobody is starved: the lanes share a
//! [`concurrency_limiter`], and the daemons what an account allows ([`cluster`]).

mod account;
mod account_pause;
mod address_health;
pub mod bloat;
pub mod clock_health;
pub mod cluster;
pub mod concurrency_limiter;
mod database;
pub mod database_health;
pub mod heartbeat;
pub mod job;
pub mod key_probe;
pub mod lane;
mod last_commit;
pub mod log;
pub mod log_values;
pub mod loops;
pub mod metrics;
pub mod planner;
mod policies;
pub mod rescue;
pub mod retention;
pub mod settler;
pub mod simulation;
pub mod state_counters;
pub mod unconfigured;
pub mod wake;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::store::pool::DatabasePool;
use heartbeat::HeartbeatTicker;
use job::Worker;
use key_probe::KeyProbe;
use planner::Planner;
use policies::Policies;
use rescue::Rescuer;
use retention::Retention;
use settler::Settler;
use state_counters::StateCounters;
use unconfigured::Unconfigured;

pub use account::{Account, AccountLimits, Accounts};
pub use database::{Database, DatabaseSettings};

/// What a daemon is composed of. It only makes the loops and starts them ([`loops::run`], [`simulation::run`]): each gets the parts
/// that it uses, and knows nothing of the others. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    pub database: Database,
    pub clock: Clock,
    pub accounts: Accounts,
    pub settings: Settings,
    /// In the `x-request-id` of every request.
    pub tag: Arc<str>,
    state_counters: Arc<StateCounters>,
    policies: Policies,
}

/// The figures from the configuration, for each loop its own.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name of this process in leases and in the log.
    pub worker_id: Arc<str>,
    /// Jobs under way over all accounts.
    pub concurrency: usize,
    pub database: DatabaseSettings,
    pub lane: lane::Settings,
    pub settler: settler::Settings,
    pub planner: planner::Settings,
    pub rescue_interval: Duration,
    pub heartbeat: heartbeat::Settings,
    pub retention: retention::Settings,
}

impl Engine {
    pub fn new(
        pool: DatabasePool,
        clock: Clock,
        settings: Settings,
        accounts: Vec<Account>,
        tag: String,
    ) -> Self {
        Self {
            database: Database::new(pool, settings.database),
            clock,
            accounts: accounts.into_iter().map(Arc::new).collect(),
            settings,
            tag: tag.into(),
            state_counters: Arc::default(),
            policies: Policies::default(),
        }
    }

    /// Who does the jobs of one account.
    pub fn worker(&self, account: &Arc<Account>) -> Worker {
        Worker {
            id: Arc::clone(&self.settings.worker_id),
            database: self.database.clone(),
            clock: self.clock.clone(),
            account: Arc::clone(account),
            lease: self.settings.lane.lease,
            tag: Arc::clone(&self.tag),
            policies: self.policies.clone(),
        }
    }

    pub fn key_probe(&self) -> KeyProbe {
        KeyProbe {
            database: self.database.clone(),
            clock: self.clock.clone(),
        }
    }

    pub fn settler(&self) -> Settler {
        Settler {
            worker_id: Arc::clone(&self.settings.worker_id),
            database: self.database.clone(),
            clock: self.clock.clone(),
            settings: self.settings.settler,
            poll_interval: self.settings.lane.poll_interval,
            state_counters: Arc::clone(&self.state_counters),
        }
    }

    pub fn planner(&self) -> Planner {
        Planner {
            worker_id: Arc::clone(&self.settings.worker_id),
            database: self.database.clone(),
            clock: self.clock.clone(),
            accounts: Arc::clone(&self.accounts),
            settings: self.settings.planner.clone(),
            state_counters: Arc::clone(&self.state_counters),
        }
    }

    pub fn rescuer(&self) -> Rescuer {
        Rescuer {
            worker_id: Arc::clone(&self.settings.worker_id),
            database: self.database.clone(),
            clock: self.clock.clone(),
        }
    }

    pub fn retention(&self) -> Retention {
        Retention {
            database: self.database.clone(),
            clock: self.clock.clone(),
            settings: self.settings.retention,
        }
    }

    /// Who names and ends what nobody has in his configuration.
    pub fn unconfigured(&self) -> Unconfigured {
        Unconfigured {
            worker_id: Arc::clone(&self.settings.worker_id),
            database: self.database.clone(),
            clock: self.clock.clone(),
            accounts: Arc::clone(&self.accounts),
        }
    }

    pub fn heartbeat(&self) -> HeartbeatTicker {
        HeartbeatTicker {
            unconfigured: self.unconfigured(),
            unconfigured_mandates: 0,
            worker_id: Arc::clone(&self.settings.worker_id),
            pool: self.database.pool.clone(),
            clock: self.clock.clone(),
            settings: self.settings.heartbeat,
            state_counters: Arc::clone(&self.state_counters),
            warned_at: None,
            snapshots: bloat::Watch::default(),
        }
    }
}
