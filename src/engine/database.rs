//! The database as the loops use it: every statement ends in time, and what is wrong with it is known.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::clock_health::ClockHealth;
use super::database_health::DatabaseHealth;
use crate::clock::Clock;
use crate::domain::Timestamp;
use crate::store::monitor::{LastCommit, ServerState};
use crate::store::pool::{DatabasePool, OneServer};
use crate::store::{self, StoreError};

/// How the database is used.
#[derive(Debug, Clone, Copy)]
pub struct DatabaseSettings {
    /// How long a statement may go without an answer: longer than the database's own timeouts.
    pub answer_timeout: Duration,
    /// Between two lines about a failure that lasts.
    pub failure_log_interval: Duration,
    /// Whether a fail-over loses no commit.
    pub synchronous_failover: bool,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    pub pool: DatabasePool,
    /// How long a statement may go without an answer.
    pub answer_timeout: Duration,
    pub health: Arc<DatabaseHealth>,
    clocks: Arc<ClockHealth>,
    memory: Arc<Memory>,
}

/// What this process knows of the database, to find out that it has become another one.
#[derive(Debug, Default)]
struct Memory {
    /// Whether a fail-over loses no commit.
    synchronous_failover: bool,
    /// The timeline of the first answer.
    timeline: OnceLock<String>,
    last_commit: Mutex<Option<LastCommit>>,
    has_forgotten: AtomicBool,
    /// Whether the database itself says so by now.
    is_kept: AtomicBool,
}

impl Database {
    pub fn new(pool: DatabasePool, settings: DatabaseSettings) -> Self {
        Self {
            pool,
            answer_timeout: settings.answer_timeout,
            health: Arc::new(DatabaseHealth::new(settings.failure_log_interval)),
            clocks: Arc::default(),
            memory: Arc::new(Memory {
                synchronous_failover: settings.synchronous_failover,
                ..Memory::default()
            }),
        }
    }

    /// Remembers which server this is, so that a fail-over is noticed by who has done nothing before it.
    pub async fn recognize(&self) -> Result<(), StoreError> {
        let state = store::monitor::server_state(&self.pool, None);
        let state = self.within("ask which server this is", state).await?;
        self.memory.check(None, &state)
    }

    /// Remembers what was committed last. A database that has lost any of our commits has lost this one.
    pub(super) fn committed(&self, last: Option<LastCommit>) {
        let mut remembered = self
            .memory
            .last_commit
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *remembered = last.or(*remembered);
    }

    /// Waits no longer for a statement than it can take.
    pub(super) fn within<'a, T: 'a>(
        &self,
        what: &'static str,
        statement: impl Future<Output = Result<T, StoreError>> + Send + 'a,
    ) -> impl Future<Output = Result<T, StoreError>> + Send + 'a {
        // On the heap: every job under way carries the statements that it may come to.
        let statement = Box::pin(statement);
        let limit = self.answer_timeout;
        async move { store::within(limit, what, statement).await }
    }

    /// A loop could not do its work: finds out why, and says it unless it is known.
    pub(super) async fn failed(&self, name: &str, problem: StoreError) {
        let problem = store::explain(&self.pool, problem).await;
        if let StoreError::Clocks { .. } = problem {
            // The database answers. What is wrong was said when it began.
            self.health.recovered(name);
            return;
        }
        self.health.failed(name, &problem);
    }

    /// Refuses to go on with a clock that nobody shares: it would debit early, call cycles over that have not begun, and
    /// delete what is young. Simulated time is nobody else's. And refuses a database that has forgotten what was committed: it would
    /// send again what was sent.
    pub(super) async fn check(&self, clock: &Clock) -> Result<(), StoreError> {
        self.checked(clock).await.map(drop)
    }

    /// The same, with the connection that was asked: what is done on it is done by the server that has answered. Around a fail-over another
    /// connection may lead to another one.
    pub(super) async fn checked(&self, clock: &Clock) -> Result<OneServer, StoreError> {
        let what = "ask the database for the time";
        let last = *self
            .memory
            .last_commit
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let asked = async {
            let mut server = self.pool.one_server().await?;
            let state = store::monitor::server_state(server.connection(), last).await?;
            Ok((server, state))
        };
        let (server, state) = self.within(what, asked).await?;
        if let Err(problem) = self.memory.check(last, &state) {
            // It is marked on whichever connection is free, and this may be the last one.
            drop(server);
            self.keep_in_mind(&problem, clock.now()).await?;
            return Err(problem);
        }
        if !clock.is_simulated() {
            self.clocks.compare(clock.now(), state.now)?;
        }
        Ok(server)
    }
}

impl Database {
    /// The next process does not know what this one has committed. Where nothing else tells it that the database has forgotten, as when
    /// only the rows were put back, its accounts must be recovered all the same.
    async fn keep_in_mind(&self, problem: &StoreError, now: Timestamp) -> Result<(), StoreError> {
        let is_forgetful = matches!(problem, StoreError::Forgotten { .. });
        if !is_forgetful || self.memory.is_kept.load(Ordering::Relaxed) {
            return Ok(());
        }
        let marking = store::recovery::mark_all(&self.pool, now);
        self.within("mark the accounts as recovering", marking)
            .await?;
        self.memory.is_kept.store(true, Ordering::Relaxed);
        Ok(())
    }
}

impl Memory {
    fn check(&self, last: Option<LastCommit>, state: &ServerState) -> Result<(), StoreError> {
        if let Some(LastCommit {
            execution,
            token,
            at,
        }) = last
            && (!state.remembers || self.has_forgotten.load(Ordering::Relaxed))
        {
            self.has_forgotten.store(true, Ordering::Relaxed);
            return Err(StoreError::Forgotten {
                execution,
                token,
                at,
            });
        }
        let before = self.timeline.get_or_init(|| state.timeline.clone());
        if *before != state.timeline && !self.synchronous_failover {
            return Err(StoreError::FailedOver {
                before: before.clone(),
                now: state.timeline.clone(),
            });
        }
        Ok(())
    }
}
