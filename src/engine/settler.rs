//! Writes what came of the jobs, many at a time. While the database is away it keeps trying: the answers are in its hands only.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::account_pause::pause_account;
use super::job::FinishedJob;
use super::last_commit::last_commit;
use super::log_values::chain;
use super::state_counters::StateCounters;
use super::wake::WakeNotifier;
use super::{Database, log};
use crate::clock::Clock;
use crate::domain::backoff::{after, backoff_delay};
use crate::failpoint::around;
use crate::store;
use crate::store::StoreError;
use crate::store::database_error_kind::DatabaseErrorKind;
use crate::store::settle::FaultRules;

/// What its failures are called.
const NAME: &str = "settle";
const LOCKED: &str = "settle what somebody has locked";

/// Between two looks at executions that somebody has locked.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The same, when the look is a wait.
const WAIT_AGAIN: Duration = Duration::from_secs(10);

/// What is under way when the daemon must stop at once may take so long.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How many answers it writes at once, and what it makes of those that have one reason.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Outcomes settled by one statement.
    pub batch: usize,
    pub linger: Duration,
    /// When an account pauses itself.
    pub faults: FaultRules,
}

#[derive(Debug)]
pub struct Settler {
    pub(super) worker_id: Arc<str>,
    pub(super) database: Database,
    pub(super) clock: Clock,
    pub(super) settings: Settings,
    /// How long a lane sleeps: for a step that is due before, it is woken.
    pub(super) poll_interval: Duration,
    pub(super) state_counters: Arc<StateCounters>,
}

/// The answers in the settler's hands.
#[derive(Debug, Default)]
struct Held {
    waiting: Vec<FinishedJob>,
    /// Those of executions that somebody has locked: they keep nobody else waiting.
    locked: Vec<FinishedJob>,
    look_at: Option<Instant>,
    /// How many of them were found by waiting for the lock, rather than by a look at their rows.
    found: usize,
    /// Whether an earlier try may have written some of them.
    unsure: bool,
}

impl Held {
    /// Waits for answers, or until what was locked is worth another look; false when neither will come.
    async fn take(&mut self, batch: usize, done: &mut mpsc::Receiver<FinishedJob>) -> bool {
        let batch = batch.max(1);
        let Some(look_at) = self.look_at.filter(|_| !self.locked.is_empty()) else {
            return around("take", done.recv_many(&mut self.waiting, batch)).await > 0;
        };
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(look_at) => {}
            received = around("take", done.recv_many(&mut self.waiting, batch)) => {
                if received == 0 {
                    tokio::time::sleep_until(look_at).await;
                }
            }
        }
        true
    }

    /// All answers that are not settled, those on their way here too.
    fn count(&self, done: &mpsc::Receiver<FinishedJob>) -> usize {
        let here = self.waiting.len().saturating_add(self.locked.len());
        here.saturating_add(done.len())
    }
}

/// Whether only some of a batch may be to blame: a lock, or more than one statement can do in its time.
fn is_of_some(problem: &StoreError) -> bool {
    matches!(
        problem.kind(),
        DatabaseErrorKind::Locked | DatabaseErrorKind::Slow
    )
}

impl Settler {
    /// Settles until every lane is gone and everything is written, or `aborted`.
    pub async fn run(
        self,
        mut done: mpsc::Receiver<FinishedJob>,
        wake: WakeNotifier,
        aborted: CancellationToken,
    ) {
        let mut held = Held::default();
        let ended = {
            let mut writing = pin!(self.write(&mut done, &mut held, &wake));
            tokio::select! {
                () = &mut writing => true,
                () = aborted.cancelled() => tokio::time::timeout(LAST_WORDS, writing).await.is_ok(),
            }
        };
        if ended {
            return;
        }
        while let Ok(left) = done.try_recv() {
            held.waiting.push(left);
        }
        for left in held.waiting.iter().chain(&held.locked) {
            error!(
                execution.id = left.claimed.execution.id.0,
                order.id = left.claimed.order_id,
                lease.token = left.claimed.token.0,
                "stopped before this answer could be settled; its lease runs out and it is reconciled"
            );
        }
    }

    async fn write(
        &self,
        done: &mut mpsc::Receiver<FinishedJob>,
        held: &mut Held,
        wake: &WakeNotifier,
    ) {
        while held.take(self.settings.batch, done).await {
            self.linger(done, &mut held.waiting).await;
            let is_due_soon = self.is_due_soon(&held.waiting);
            let mut failures = 0u16;
            while let Err(problem) = self.settle_free(held).await {
                held.unsure |= problem.kind().may_be_done();
                self.database.health.keep(held.count(done), true);
                self.database.failed(NAME, problem).await;
                let pause = backoff_delay(
                    Duration::from_millis(200),
                    Duration::from_secs(10),
                    failures,
                );
                failures = failures.saturating_add(1);
                self.database.health.pause(pause).await;
            }
            // What waits twice is more likely a locked table than two locked rows.
            let too_many = held.found > 1 || held.locked.len() >= self.settings.batch;
            self.database.health.recovered(NAME);
            self.database.health.keep(held.locked.len(), too_many);
            if held.locked.is_empty() {
                self.database.health.recovered(LOCKED);
                held.unsure = false;
            }
            if is_due_soon {
                wake.wake();
            }
        }
    }

    /// Whether a next step is due so soon that a lane should not sleep through it.
    fn is_due_soon(&self, waiting: &[FinishedJob]) -> bool {
        let soon = after(self.clock.now(), self.poll_interval);
        let mut next = waiting.iter().filter_map(|done| done.settlement.next);
        next.any(|next| next.run_at <= soon)
    }

    /// Waits a moment for more, so that a busy daemon writes full batches.
    async fn linger(&self, done: &mut mpsc::Receiver<FinishedJob>, waiting: &mut Vec<FinishedJob>) {
        let until = Instant::now().checked_add(self.settings.linger);
        let Some(until) = until else { return };
        while waiting.len() < self.settings.batch {
            let room = self.settings.batch.saturating_sub(waiting.len());
            let more = tokio::time::timeout_at(until, done.recv_many(waiting, room));
            match around("linger", more).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// Settles what nobody has locked. The rest is set aside and looked at now and then.
    async fn settle_free(&self, held: &mut Held) -> Result<(), StoreError> {
        if held.look_at.is_some_and(|at| at <= Instant::now()) {
            held.waiting.append(&mut held.locked);
            held.found = 0;
            return self.settle_apart(held).await;
        }
        match self.settle(&mut held.waiting, held.unsure).await {
            Err(problem) if is_of_some(&problem) => self.settle_apart(held).await,
            result => result,
        }
    }

    /// Sets aside what somebody has locked, and settles the others one at a time; of locks that are found only then one is waited for.
    async fn settle_apart(&self, held: &mut Held) -> Result<(), StoreError> {
        let id = |done: &FinishedJob| done.claimed.execution.id;
        let ids: Vec<_> = held.waiting.iter().map(id).collect();
        let what = "find the executions that nobody has locked";
        let free = self
            .database
            .within(what, store::settled::free(&self.database.pool, &ids))
            .await?;
        held.waiting.sort_by_key(|done| !free.contains(&id(done)));
        let locked = held
            .waiting
            .partition_point(|done| free.contains(&id(done)));
        held.locked.extend(held.waiting.drain(locked..));
        // However this ends, what is set aside is looked at again.
        held.look_at = Instant::now().checked_add(WAIT_AGAIN);
        let mut waited = false;
        while !held.waiting.is_empty() {
            match self.settle_first(&mut held.waiting, 1, held.unsure).await {
                Err(problem) if is_of_some(&problem) && !waited => {
                    waited = true;
                    held.found = held.found.saturating_add(1);
                    held.locked.push(held.waiting.remove(0));
                }
                result => result?,
            }
        }
        held.look_at = None;
        if !held.locked.is_empty() {
            let pause = if held.found == 0 {
                LOOK_AGAIN
            } else {
                WAIT_AGAIN
            };
            held.look_at = Instant::now().checked_add(pause);
            let executions = held.locked.iter().map(|done| id(done).to_string());
            let executions = executions.collect::<Vec<_>>().join(", ");
            let problem = StoreError::Locked { executions };
            self.database.health.failed(LOCKED, &problem);
        }
        Ok(())
    }

    /// Settles a batch, takes out what is written, and says in the log what came of each.
    ///
    /// What the database refuses to hold is left to its lease, alone: it must not keep the others from being settled.
    pub async fn settle(
        &self,
        waiting: &mut Vec<FinishedJob>,
        unsure: bool,
    ) -> Result<(), StoreError> {
        while !waiting.is_empty() {
            // A lease that was lost and won again can leave two settlements of an execution, of which one holds: not in one statement.
            let mut seen = HashSet::with_capacity(waiting.len());
            let (mut first, mut again): (Vec<_>, Vec<_>) = std::mem::take(waiting)
                .into_iter()
                .partition(|done: &FinishedJob| seen.insert(done.claimed.execution.id));
            waiting.append(&mut first);
            waiting.append(&mut again);
            self.settle_first(waiting, seen.len(), unsure).await?;
        }
        Ok(())
    }

    /// Settles the first so many, each of another execution, and takes them out.
    async fn settle_first(
        &self,
        waiting: &mut Vec<FinishedJob>,
        count: usize,
        unsure: bool,
    ) -> Result<(), StoreError> {
        let mut unsure_of_pause = unsure;
        for done in waiting.iter_mut().take(count) {
            // First, and once it is written not again.
            if let Some(pause) = done.decision.account {
                pause_account(
                    &self.database,
                    done,
                    pause,
                    self.clock.now(),
                    unsure_of_pause,
                )
                .await?;
                done.decision.account = None;
                unsure_of_pause = false;
            }
        }
        match self
            .settle_together(waiting.get(..count).unwrap_or_default(), unsure)
            .await
        {
            Err(problem) if problem.is_about_the_data() => {
                for _ in 0..count {
                    self.settle_alone(waiting, unsure).await?;
                }
            }
            result => {
                result?;
                waiting.drain(..count);
            }
        }
        Ok(())
    }

    async fn settle_alone(
        &self,
        waiting: &mut Vec<FinishedJob>,
        unsure: bool,
    ) -> Result<(), StoreError> {
        let Some(done) = waiting.first() else {
            return Ok(());
        };
        match self
            .settle_together(std::slice::from_ref(done), unsure)
            .await
        {
            Err(problem) if problem.is_about_the_data() => {
                error!(execution.id = done.claimed.execution.id.0, lease.token = done.claimed.token.0, error = %chain(&problem),
                       "the database refuses what came of this job; it is left to its lease, and will be tried again: report this");
            }
            result => result?,
        }
        waiting.remove(0);
        Ok(())
    }

    async fn settle_together(&self, batch: &[FinishedJob], unsure: bool) -> Result<(), StoreError> {
        let now = self.clock.now();
        let settlements: Vec<_> = batch.iter().map(|done| done.settlement.clone()).collect();
        let attempts = batch.iter().flat_map(|done| done.attempts.iter().cloned());
        let attempts: Vec<_> = attempts.collect();
        let worker = &self.worker_id;
        let (pool, faults) = (&self.database.pool, self.settings.faults);
        let settling = store::settle::settle(pool, &settlements, &attempts, now, worker, faults);
        let written = self.database.within("settle jobs", settling).await?;
        let before = if unsure && written.executions.len() < batch.len() {
            let before = store::settled::settled_before(pool, &settlements, worker);
            let what = "find what was settled before";
            self.database.within(what, before).await?
        } else {
            HashMap::new()
        };
        self.database
            .committed(last_commit(batch, &written.executions));
        for account in &written.paused {
            let mut accounts = batch.iter().map(|done| &done.account);
            let paused = accounts.find(|paused| paused.id == account.id);
            log::account_paused(worker, paused.map(|paused| paused.name.as_str()), account);
        }
        for done in batch {
            let id = done.claimed.execution.id;
            match written.executions.get(&id).or_else(|| before.get(&id)) {
                Some(settled) => {
                    if settled.state != done.settlement.from_state {
                        self.state_counters.count(settled.state);
                    }
                    log::transition(worker, done, settled);
                    log::mandate_ended(worker, done);
                }
                // Without a call there is nothing that could prove it.
                None if unsure && done.attempts.is_empty() => log::settled_or_lost(worker, done),
                None => log::lease_lost(worker, done),
            }
        }
        Ok(())
    }
}
