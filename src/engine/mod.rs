//! The loops that join the store, the providers and the core. All of them run in every daemon ([`loops::run`]).
//!
//! The way of one job: [`lane`] claims it (its intent is durable then), [`job`] asks the gate, makes the call and lets the core
//! decide, [`settler`] writes what follows, fenced by the lease. [`planner`] makes the jobs, [`rescue`] takes back those of lost
//! workers, [`retention`] makes and drops partitions, [`heartbeat`] says how it goes and what was [counted](tally), [`bloat`] who keeps dead rows, [`trouble`] what is
//! wrong with the database. Nobody is starved: the lanes share [`places`], and the daemons what an account allows ([`fleet`]).

pub mod bloat;
pub mod fleet;
pub mod heartbeat;
pub mod job;
pub mod lane;
pub mod log;
pub mod loops;
pub mod metrics;
pub mod places;
pub mod planner;
pub mod rescue;
pub mod retention;
pub mod settler;
pub mod simulation;
pub mod tally;
pub mod trouble;
pub mod wake;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use trouble::Troubles;

use crate::clock::Clock;
use crate::domain::classify::Classifier;
use crate::domain::policy::Policy;
use crate::domain::{AccountId, Instant, ProviderKind, Rail};
use crate::provider::Client;
use crate::store::settle::FaultRules;
use crate::store::{self, StoreError};
use chrono::TimeDelta;
use secrecy::SecretString;
use sqlx::PgPool;

/// What the loops share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    pub pool: PgPool,
    pub clock: Clock,
    pub settings: Arc<Settings>,
    pub accounts: Arc<Vec<Account>>,
    pub troubles: Arc<Troubles>,
    /// Policies never change once they have a number.
    policies: Arc<Mutex<HashMap<i64, Arc<Policy>>>>,
    /// When this process last said what waits for a person.
    warned_at: Arc<Mutex<Option<Instant>>>,
    /// What is known of the oldest snapshot.
    snapshots: Arc<Mutex<bloat::Watch>>,
    pub tally: Arc<tally::Tally>,
    /// In every order id of this installation.
    pub tag: Arc<str>,
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

/// One account: its client and its limits.
#[derive(Debug)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    client: RwLock<Arc<Client>>,
    pub timeout: Duration,
    /// Calls under way at once, by all daemons together.
    pub max_in_flight: usize,
    pub pause_after_refusal: Duration,
}

/// What an account allows, whoever calls it with which key.
#[derive(Debug, Clone, Copy)]
pub struct AccountLimits {
    pub timeout: Duration,
    pub max_in_flight: usize,
    pub pause_after_refusal: Duration,
}

impl Account {
    pub fn new(id: AccountId, name: String, client: Client, limits: AccountLimits) -> Self {
        Self {
            id,
            name,
            client: RwLock::new(Arc::new(client)),
            timeout: limits.timeout,
            max_in_flight: limits.max_in_flight,
            pause_after_refusal: limits.pause_after_refusal,
        }
    }

    /// As it is now: whoever makes several calls that belong together keeps it.
    pub fn client(&self) -> Arc<Client> {
        // What is behind a poisoned lock is whole: it is only ever replaced.
        let client = self.client.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&client)
    }

    /// From now on calls are made with this key, and their failures classified by these rules.
    pub fn renew(&self, api_key: SecretString, classifier: Arc<Classifier>) {
        let mut client = self.client.write().unwrap_or_else(PoisonError::into_inner);
        *client = Arc::new(client.with(api_key, classifier));
    }
}

/// How far this machine's clock may be from the database's. Between the 24 hours of the law and our 25 lies one.
const MAX_SKEW: TimeDelta = TimeDelta::minutes(5);

impl Engine {
    pub fn new(
        pool: PgPool,
        clock: Clock,
        settings: Settings,
        accounts: Vec<Account>,
        tag: String,
    ) -> Self {
        Self {
            pool,
            clock,
            troubles: Arc::new(Troubles::new(settings.trouble_interval)),
            settings: Arc::new(settings),
            accounts: Arc::new(accounts),
            policies: Arc::default(),
            warned_at: Arc::default(),
            snapshots: Arc::default(),
            tally: Arc::default(),
            tag: tag.into(),
        }
    }

    /// Waits no longer for a statement than it can take.
    fn within<'a, T: 'a>(
        &self,
        what: &'static str,
        statement: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> impl Future<Output = Result<T, StoreError>> + Send + 'a {
        // On the heap: every job under way carries the statements that it may come to.
        let statement = Box::pin(statement);
        let limit = self.settings.answer_timeout;
        async move { store::within(limit, what, statement).await }
    }

    /// A loop could not do its work: finds out why, and says it unless it is known.
    async fn failed(&self, name: &str, problem: StoreError) {
        let problem = store::explain(&self.pool, problem).await;
        self.troubles.failed(name, &problem);
    }

    /// Refuses to go on with a clock that nobody shares: it would debit early, call cycles over that have not begun, and
    /// delete what is young. Simulated time is nobody else's.
    async fn check_clock(&self) -> Result<(), StoreError> {
        if self.clock.is_simulated() {
            return Ok(());
        }
        let time = store::monitor::database_time(&self.pool);
        let theirs = self.within("ask the database for the time", time).await?;
        agree(self.clock.now(), theirs)
    }

    /// The policy that an execution was planned under.
    async fn policy(&self, id: i64) -> Result<Arc<Policy>, StoreError> {
        // A poisoned cache of immutable values is still a good cache.
        let cached = self
            .policies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned();
        if let Some(policy) = cached {
            return Ok(policy);
        }
        let read = async {
            let mut connection = store::planning::acquire(&self.pool).await?;
            store::policies::get(&mut connection, id).await
        };
        let policy = Arc::new(self.within("read the policy", read).await?);
        self.policies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, Arc::clone(&policy));
        Ok(policy)
    }
}

fn agree(ours: Instant, theirs: Instant) -> Result<(), StoreError> {
    if ours.signed_duration_since(theirs).abs() > MAX_SKEW {
        return Err(StoreError::Clocks { ours, theirs });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clocks_may_differ_by_minutes_and_no_more() {
        let theirs: Instant = "2026-01-31T00:30:00Z".parse().unwrap();
        for (ours, good) in [
            ("2026-01-31T00:30:00Z", true),
            ("2026-01-31T00:35:00Z", true),
            ("2026-01-31T00:25:00Z", true),
            ("2026-01-31T00:35:01Z", false),
            ("2026-01-31T00:24:59Z", false),
            ("2027-01-31T00:30:00Z", false),
        ] {
            assert_eq!(agree(ours.parse().unwrap(), theirs).is_ok(), good, "{ours}");
        }
    }
}
