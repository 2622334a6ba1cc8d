//! The database as the loops use it: every statement ends in time, and what is wrong with it is known.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing::warn;

use super::clock_health::ClockHealth;
use super::database_health::DatabaseHealth;
use crate::clock::Clock;
use crate::domain::Timestamp;
use crate::store::environment::{DatabaseIdentity, Heartbeat};
use crate::store::monitor::{LastCommit, LastWritten, ServerState};
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
    /// Which one the first answer was of, and whichever was followed since.
    identity: Mutex<Option<DatabaseIdentity>>,
    last_commit: Mutex<Option<LastCommit>>,
    /// The last heartbeat that this process has committed. An idle daemon writes nothing else.
    heartbeat: Mutex<Option<Heartbeat>>,
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

    /// Remembers which database this is, so that a daemon that has committed nothing yet notices another one in its place.
    pub async fn recognize(&self) -> Result<(), StoreError> {
        let nothing = LastWritten::default();
        let state = store::monitor::server_state(&self.pool, nothing);
        let state = self.within("ask which server this is", state).await?;
        self.memory.check(nothing, &state).map(drop)
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
        let (server, followed) = self.asked(clock).await?;
        match followed {
            None => Ok(server),
            Some((before, now)) => {
                self.follow(server, before, now).await?;
                match self.asked(clock).await? {
                    (server, None) => Ok(server),
                    (_, Some((before, now))) => Err(failed_over(&before, &now)),
                }
            }
        }
    }

    /// Asks the database whether it is the one that it was; both, if it has taken over from the one before.
    async fn asked(&self, clock: &Clock) -> Result<(OneServer, Option<Takeover>), StoreError> {
        let commit = self.memory.last_commit.lock();
        let last = LastWritten {
            commit: *commit.unwrap_or_else(PoisonError::into_inner),
            heartbeat: *self.memory.heartbeat(),
        };
        let asked = async {
            let mut server = self.pool.one_server().await?;
            let state = store::monitor::server_state(server.connection(), last).await?;
            Ok((server, state))
        };
        let (server, state) = self.within("ask the database for the time", asked).await?;
        match self.memory.check(last, &state) {
            Ok(before) => {
                if !clock.is_simulated() {
                    self.clocks.compare(clock.now(), state.now)?;
                }
                Ok((server, before.map(|before| (before, state.database))))
            }
            Err(problem) => {
                // It is marked on whichever connection is free, and this may be the last one.
                drop(server);
                self.keep_in_mind(&problem, clock.now()).await?;
                Err(problem)
            }
        }
    }

    /// Goes on at a server that has taken over, if what this daemon has written last is there.
    async fn follow(
        &self,
        mut server: OneServer,
        before: DatabaseIdentity,
        now: DatabaseIdentity,
    ) -> Result<(), StoreError> {
        let heartbeat = *self.memory.heartbeat();
        let following = async {
            let connection = server.connection();
            let accounts = store::environment::follow(connection, &before, &now, heartbeat).await?;
            server.end().await?;
            Ok(accounts)
        };
        let what = "bind the accounts to the server that has taken over";
        let Some(accounts) = self.within(what, following).await? else {
            return Err(failed_over(&before, &now));
        };
        if !accounts.is_empty() {
            let accounts = accounts.join(", ");
            warn!(%accounts, before = before.timeline, now = now.timeline,
                "the database has failed over, and database.synchronous_failover says that no commit was lost: the accounts are bound to its new timeline");
        }
        *self.memory.identity() = Some(now);
        Ok(())
    }

    /// Remembers its last heartbeat: a server that takes over without it has lost commits.
    pub(super) fn beaten(&self, heartbeat: Heartbeat) {
        *self.memory.heartbeat() = Some(heartbeat);
    }

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
    /// The database before, if this one has taken over from it, and may have lost nothing.
    fn check(
        &self,
        last: LastWritten,
        state: &ServerState,
    ) -> Result<Option<DatabaseIdentity>, StoreError> {
        let now = &state.database;
        let before = self.identity().get_or_insert_with(|| now.clone()).clone();
        if before.identity != now.identity {
            return Err(StoreError::Replaced {
                before: before.to_string(),
                now: now.to_string(),
            });
        }
        if before.timeline > now.timeline {
            // The server that was replaced still lives. It has nothing of what came after, and has not forgotten it.
            return Err(failed_over(&before, now));
        }
        let has_forgotten = self.has_forgotten.load(Ordering::Relaxed);
        if let Some(what) = forgotten(last, state, has_forgotten) {
            self.has_forgotten.store(true, Ordering::Relaxed);
            return Err(StoreError::Forgotten { what });
        }
        if before.timeline == now.timeline {
            return Ok(None);
        }
        if self.synchronous_failover {
            return Ok(Some(before));
        }
        Err(failed_over(&before, now))
    }

    fn identity(&self) -> MutexGuard<'_, Option<DatabaseIdentity>> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heartbeat(&self) -> MutexGuard<'_, Option<Heartbeat>> {
        self.heartbeat
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last write of this daemon that the database no longer has. Once the database has forgotten one, it names the last write each time.
fn forgotten(last: LastWritten, state: &ServerState, has_forgotten: bool) -> Option<String> {
    if let Some(LastCommit {
        execution,
        token,
        at,
    }) = last.commit
        && (!state.remembers || has_forgotten)
    {
        return Some(format!(
            "what this daemon settled at {at} (execution {execution}, lease {token})"
        ));
    }
    let heartbeat = last.heartbeat?;
    (!state.remembers_heartbeat || has_forgotten).then(|| {
        format!(
            "heartbeat {} of this daemon ({})",
            heartbeat.beats, heartbeat.daemon
        )
    })
}

/// The database before, and the one that has taken over from it.
type Takeover = (DatabaseIdentity, DatabaseIdentity);

fn failed_over(before: &DatabaseIdentity, now: &DatabaseIdentity) -> StoreError {
    StoreError::FailedOver {
        before: before.timeline.clone(),
        now: now.timeline.clone(),
    }
}
