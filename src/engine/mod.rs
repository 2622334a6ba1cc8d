//! The loops that join the store, the providers and the core. All of them run in every daemon ([`loops::run`]).
//!
//! The way of one job: [`lane`] claims it (its intent is durable then), [`job`] asks the gate, makes the call and lets the core
//! decide, [`settler`] writes what follows, fenced by the lease. [`planner`] makes the jobs, [`rescue`] takes back those of lost
//! workers, [`retention`] makes and drops partitions, [`heartbeat`] says how it goes and what was [counted](state_counters), [`bloat`] who
//! keeps dead rows, [`database_health`] what is wrong with the database. Nobody is starved: the lanes share a
//! [`concurrency_limiter`], and the daemons what an account allows ([`cluster`]).

mod account;
mod address_health;
pub mod bloat;
pub mod cluster;
pub mod concurrency_limiter;
mod database;
pub mod database_health;
pub mod heartbeat;
pub mod job;
pub mod lane;
pub mod log;
pub mod log_values;
pub mod loops;
pub mod metrics;
pub mod new_key;
pub mod planner;
mod policies;
pub mod rescue;
pub mod retention;
pub mod settler;
pub mod simulation;
pub mod state_counters;
pub mod wake;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;

use crate::clock::Clock;
use crate::domain::policy::Policy;
use crate::domain::{AccountId, ProviderKind, Rail};
use crate::store::StoreError;
use crate::store::settle::FaultRules;

pub use account::{Account, AccountLimits, Accounts};
pub use database::Database;
use policies::Policies;

/// What a daemon works with. A loop that needs only a part of it takes that part. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    pub database: Database,
    pub clock: Clock,
    pub accounts: Accounts,
    pub settings: Arc<Settings>,
    pub state_counters: Arc<state_counters::StateCounters>,
    /// In every order id of this installation.
    pub tag: Arc<str>,
    policies: Policies,
}

/// The figures from the configuration that the loops need.
#[derive(Debug, Clone)]
pub struct Settings {
    pub worker_id: String,
    /// Jobs under way over all accounts.
    pub concurrency: usize,
    /// Jobs claimed by one statement.
    pub batch: usize,
    /// Outcomes settled by one statement.
    pub settle_batch: usize,
    pub lease: Duration,
    /// How long a statement may go without an answer: longer than the database's own timeouts.
    pub answer_timeout: Duration,
    /// Between two lines about a trouble with the database that lasts.
    pub trouble_interval: Duration,
    pub poll_interval: Duration,
    pub settle_linger: Duration,
    /// When an account pauses itself.
    pub faults: FaultRules,
    pub planner_interval: Duration,
    pub planner_horizon: Duration,
    pub planner_batch: usize,
    pub rescue_interval: Duration,
    pub heartbeat_interval: Duration,
    pub overdue: heartbeat::Overdue,
    pub snapshots: bloat::Rules,
    pub retention: retention::Settings,
    /// For new executions.
    pub policies: BTreeMap<(ProviderKind, Rail), Policy>,
}

impl Engine {
    pub fn new(
        pool: PgPool,
        clock: Clock,
        settings: Settings,
        accounts: Vec<Account>,
        tag: String,
    ) -> Self {
        Self {
            database: Database::new(pool, &settings),
            clock,
            accounts: accounts.into_iter().map(Arc::new).collect(),
            settings: Arc::new(settings),
            state_counters: Arc::default(),
            tag: tag.into(),
            policies: Policies::default(),
        }
    }

    /// The account with a number, if it is configured here.
    fn account(&self, id: AccountId) -> Option<&Account> {
        let mut accounts = self.accounts.iter();
        let found = accounts.find(|account| account.id == id);
        found.map(Arc::as_ref)
    }

    /// The policy that an execution was planned under.
    async fn policy(&self, id: i64) -> Result<Arc<Policy>, StoreError> {
        self.policies.get(&self.database, id).await
    }
}
