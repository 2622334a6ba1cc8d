//! The loops that join the store, the providers and the core. All of them run in every daemon.
//!
//! The way of one job: [`lane`] claims it (its intent is durable then), [`job`] asks the gate, makes the call and lets the core
//! decide, [`settler`] writes what follows, fenced by the lease. [`planner`] makes the jobs, [`rescue`] takes back those of lost
//! workers, [`retention`] makes and drops partitions, [`heartbeat`] says how it goes.

pub mod heartbeat;
pub mod job;
pub mod lane;
pub mod log;
pub mod planner;
pub mod rescue;
pub mod retention;
pub mod settler;
pub mod simulation;
pub mod wake;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use sqlx::PgPool;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use self::lane::Lane;
use self::wake::Wake;
use crate::clock::Clock;
use crate::domain::policy::Policy;
use crate::domain::{AccountId, Instant, ProviderKind, Rail};
use crate::provider::Client;
use crate::store::monitor::Pulse;
use crate::store::{self, StoreError};

/// What the loops share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    pub pool: PgPool,
    pub clock: Clock,
    pub settings: Arc<Settings>,
    pub accounts: Arc<Vec<Account>>,
    /// Policies never change once they have a number.
    policies: Arc<Mutex<HashMap<i64, Arc<Policy>>>>,
    /// In every order id of this installation.
    pub tag: Arc<str>,
}

/// The figures from the configuration that the loops need.
#[derive(Debug, Clone)]
pub struct Settings {
    pub worker_id: String,
    /// Calls in flight over all accounts.
    pub concurrency: usize,
    /// Jobs claimed by one statement.
    pub batch: usize,
    /// Outcomes settled by one statement.
    pub settle_batch: usize,
    pub lease: Duration,
    pub poll_interval: Duration,
    pub settle_linger: Duration,
    pub planner_interval: Duration,
    pub planner_horizon: Duration,
    pub planner_batch: usize,
    pub rescue_interval: Duration,
    pub heartbeat_interval: Duration,
    pub retention: retention::Settings,
    /// For new executions.
    pub policies: BTreeMap<(ProviderKind, Rail), Policy>,
}

/// One account: its client and its limits.
#[derive(Debug)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub client: Client,
    pub timeout: Duration,
    pub max_in_flight: usize,
    pub pause_after_refusal: Duration,
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
            settings: Arc::new(settings),
            accounts: Arc::new(accounts),
            policies: Arc::default(),
            tag: tag.into(),
        }
    }

    /// Refuses to go on with a clock that nobody shares: it would debit early, call cycles over that have not begun, and
    /// delete what is young. Simulated time is nobody else's.
    async fn check_clock(&self) -> Result<(), StoreError> {
        if self.clock.is_simulated() {
            return Ok(());
        }
        let theirs = store::monitor::database_time(&self.pool).await?;
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
        let mut connection = store::planning::acquire(&self.pool).await?;
        let policy = Arc::new(store::policies::get(&mut connection, id).await?);
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

/// Hears of every heartbeat, the failed ones too.
pub type OnBeat = Arc<dyn Fn(Result<&Pulse, &StoreError>) + Send + Sync>;

/// Runs every loop until `draining`, then lets what is in flight end, at most until `aborted`.
pub async fn run(
    engine: Engine,
    draining: CancellationToken,
    aborted: CancellationToken,
    on_beat: OnBeat,
) {
    let wake = Wake::default();
    let (settler, done) = mpsc::channel(engine.settings.concurrency.max(1));
    let backlog = settler.downgrade();
    let places = Arc::new(Semaphore::new(engine.settings.concurrency));
    let mut loops = JoinSet::new();
    loops.spawn(wake::listen(
        engine.pool.clone(),
        wake.clone(),
        draining.clone(),
    ));
    for index in 0..engine.accounts.len() {
        let lane = Lane::new(
            engine.clone(),
            index,
            settler.clone(),
            wake.clone(),
            Arc::clone(&places),
        );
        loops.spawn(lane.run(draining.clone(), aborted.clone()));
    }
    drop(settler);
    loops.spawn(settler::run(
        engine.clone(),
        done,
        wake.clone(),
        aborted.clone(),
    ));
    loops.spawn(every(
        engine.settings.planner_interval,
        draining.clone(),
        "plan",
        {
            let (engine, wake, draining) = (engine.clone(), wake.clone(), draining.clone());
            move || {
                let (engine, wake) = (engine.clone(), wake.clone());
                let draining = draining.clone();
                async move {
                    while !draining.is_cancelled() && planner::tick(&engine).await? > 0 {
                        wake.wake();
                    }
                    Ok(())
                }
            }
        },
    ));
    loops.spawn(every(
        engine.settings.rescue_interval,
        draining.clone(),
        "rescue",
        {
            let engine = engine.clone();
            move || {
                let engine = engine.clone();
                async move { rescue::tick(&engine).await.map(|_| ()) }
            }
        },
    ));
    loops.spawn(every(
        engine.settings.retention.interval,
        draining.clone(),
        "keep the retention",
        {
            let engine = engine.clone();
            move || {
                let engine = engine.clone();
                async move { retention::tick(&engine).await }
            }
        },
    ));
    loops.spawn(every(
        engine.settings.heartbeat_interval,
        draining.clone(),
        "take the pulse",
        move || {
            let (engine, backlog, on_beat) =
                (engine.clone(), backlog.clone(), Arc::clone(&on_beat));
            async move {
                let waiting = backlog.upgrade().map_or(0, |sender| {
                    sender.max_capacity().saturating_sub(sender.capacity())
                });
                let beat = heartbeat::tick(&engine, waiting).await;
                on_beat(beat.as_ref());
                beat.map(|_| ())
            }
        },
    ));
    while let Some(ended) = loops.join_next().await {
        if let Err(panic) = ended {
            error!(error = %panic, "a loop of the engine panicked; the others go on, restart this daemon");
        }
    }
}

/// Calls `tick` again and again until `draining`. A turn that fails is logged and tried again at the next one.
async fn every<F, Fut>(
    interval: Duration,
    draining: CancellationToken,
    what: &'static str,
    mut tick: F,
) where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<(), StoreError>>,
{
    while !draining.is_cancelled() {
        if let Err(problem) = tick().await {
            warn!(error = %lane::chain(&problem), "could not {what}; tried again at the next turn");
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = draining.cancelled() => {}
        }
    }
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
