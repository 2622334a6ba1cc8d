//! Writes what came of the jobs, many at a time. While the database is away it keeps trying: the answers are in its hands only.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::job::FinishedJob;
use super::log_values::chain;
use super::wake::WakeNotifier;
use super::{Engine, log};
use crate::domain::backoff::backoff_delay;
use crate::domain::machine::decide::AccountPause;
use crate::failpoint::around;
use crate::store;
use crate::store::StoreError;
use crate::store::accounts::Pause;
use crate::store::database_error_kind::DatabaseErrorKind;

/// What its troubles are called.
const NAME: &str = "settle";
const LOCKED: &str = "settle what somebody has locked";

/// Between two looks at executions that somebody has locked.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The same, when the look is a wait.
const WAIT_AGAIN: Duration = Duration::from_secs(10);

/// What is under way when the daemon must stop at once may take so long.
const LAST_WORDS: Duration = Duration::from_secs(1);

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

/// Settles until every lane is gone and everything is written, or `aborted`.
pub async fn run(
    engine: Engine,
    mut done: mpsc::Receiver<FinishedJob>,
    wake: WakeNotifier,
    aborted: CancellationToken,
) {
    let mut held = Held::default();
    let ended = {
        let mut writing = pin!(write(&engine, &mut done, &mut held, &wake));
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
    engine: &Engine,
    done: &mut mpsc::Receiver<FinishedJob>,
    held: &mut Held,
    wake: &WakeNotifier,
) {
    while held.take(engine, done).await {
        linger(engine, done, &mut held.waiting).await;
        let is_due_soon = is_due_soon(engine, &held.waiting);
        let mut failures = 0u16;
        while let Err(problem) = settle_free(engine, held).await {
            held.unsure |= problem.kind().may_be_done();
            engine.database.health.keep(held.count(done), true);
            engine.database.failed(NAME, problem).await;
            let pause = backoff_delay(
                Duration::from_millis(200),
                Duration::from_secs(10),
                failures,
            );
            failures = failures.saturating_add(1);
            engine.database.health.pause(pause).await;
        }
        // What waits twice is more likely a locked table than two locked rows.
        let too_many = held.found > 1 || held.locked.len() >= engine.settings.settle_batch;
        engine.database.health.recovered(NAME);
        engine.database.health.keep(held.locked.len(), too_many);
        if held.locked.is_empty() {
            engine.database.health.recovered(LOCKED);
            held.unsure = false;
        }
        if is_due_soon {
            wake.wake();
        }
    }
}

impl Held {
    /// Waits for answers, or until what was locked is worth another look; false when neither will come.
    async fn take(&mut self, engine: &Engine, done: &mut mpsc::Receiver<FinishedJob>) -> bool {
        let batch = engine.settings.settle_batch.max(1);
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

/// Whether a next step is due so soon that a lane should not sleep through it.
fn is_due_soon(engine: &Engine, waiting: &[FinishedJob]) -> bool {
    let soon = engine.clock.now().checked_add_signed(
        chrono::TimeDelta::from_std(engine.settings.poll_interval).unwrap_or_default(),
    );
    waiting
        .iter()
        .filter_map(|done| done.settlement.next)
        .any(|next| Some(next.run_at) <= soon)
}

/// Waits a moment for more, so that a busy daemon writes full batches.
async fn linger(
    engine: &Engine,
    done: &mut mpsc::Receiver<FinishedJob>,
    waiting: &mut Vec<FinishedJob>,
) {
    let until = Instant::now().checked_add(engine.settings.settle_linger);
    let Some(until) = until else { return };
    while waiting.len() < engine.settings.settle_batch {
        let room = engine.settings.settle_batch.saturating_sub(waiting.len());
        let more = tokio::time::timeout_at(until, done.recv_many(waiting, room));
        match around("linger", more).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// Settles what nobody has locked. The rest is set aside and looked at now and then.
async fn settle_free(engine: &Engine, held: &mut Held) -> Result<(), StoreError> {
    if held.look_at.is_some_and(|at| at <= Instant::now()) {
        held.waiting.append(&mut held.locked);
        held.found = 0;
        return settle_apart(engine, held).await;
    }
    match settle(engine, &mut held.waiting, held.unsure).await {
        Err(problem) if is_of_some(&problem) => settle_apart(engine, held).await,
        result => result,
    }
}

/// Whether only some of a batch may be to blame: a lock, or more than one statement can do in its time.
fn is_of_some(problem: &StoreError) -> bool {
    matches!(
        problem.kind(),
        DatabaseErrorKind::Locked | DatabaseErrorKind::Slow
    )
}

/// Sets aside what somebody has locked, and settles the others one at a time; of locks that are found only then one is waited for.
async fn settle_apart(engine: &Engine, held: &mut Held) -> Result<(), StoreError> {
    let id = |done: &FinishedJob| done.claimed.execution.id;
    let ids: Vec<_> = held.waiting.iter().map(id).collect();
    let what = "find the executions that nobody has locked";
    let free = engine
        .database
        .within(what, store::settled::free(&engine.database.pool, &ids))
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
        match settle_first(engine, &mut held.waiting, 1, held.unsure).await {
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
        engine.database.health.failed(LOCKED, &problem);
    }
    Ok(())
}

/// Settles a batch, takes out what is written, and says in the log what came of each.
///
/// What the database refuses to hold is left to its lease, alone: it must not keep the others from being settled.
pub async fn settle(
    engine: &Engine,
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
        settle_first(engine, waiting, seen.len(), unsure).await?;
    }
    Ok(())
}

/// Settles the first so many, each of another execution, and takes them out.
async fn settle_first(
    engine: &Engine,
    waiting: &mut Vec<FinishedJob>,
    count: usize,
    unsure: bool,
) -> Result<(), StoreError> {
    let mut unsure_of_pause = unsure;
    for done in waiting.iter_mut().take(count) {
        // First, and once it is written not again.
        if let Some(pause) = done.decision.account {
            pause_account(engine, done, pause, unsure_of_pause).await?;
            done.decision.account = None;
            unsure_of_pause = false;
        }
    }
    match settle_together(engine, waiting.get(..count).unwrap_or_default(), unsure).await {
        Err(problem) if problem.is_about_the_data() => {
            for _ in 0..count {
                settle_alone(engine, waiting, unsure).await?;
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
    engine: &Engine,
    waiting: &mut Vec<FinishedJob>,
    unsure: bool,
) -> Result<(), StoreError> {
    let Some(done) = waiting.first() else {
        return Ok(());
    };
    match settle_together(engine, std::slice::from_ref(done), unsure).await {
        Err(problem) if problem.is_about_the_data() => {
            error!(execution.id = done.claimed.execution.id.0, lease.token = done.claimed.token.0, error = %chain(&problem),
                   "the database refuses what came of this job; it is left to its lease, and will be tried again: report this");
        }
        result => result?,
    }
    waiting.remove(0);
    Ok(())
}

async fn settle_together(
    engine: &Engine,
    batch: &[FinishedJob],
    unsure: bool,
) -> Result<(), StoreError> {
    let now = engine.clock.now();
    let settlements: Vec<_> = batch.iter().map(|done| done.settlement.clone()).collect();
    let attempts: Vec<_> = batch
        .iter()
        .flat_map(|done| done.attempts.iter().cloned())
        .collect();
    let worker = &engine.settings.worker_id;
    let faults = engine.settings.faults;
    let settling = store::settle::settle(
        &engine.database.pool,
        &settlements,
        &attempts,
        now,
        worker,
        faults,
    );
    let written = engine.database.within("settle jobs", settling).await?;
    let before = if unsure && written.executions.len() < batch.len() {
        let before = store::settled::settled_before(&engine.database.pool, &settlements, worker);
        engine
            .database
            .within("find what was settled before", before)
            .await?
    } else {
        HashMap::new()
    };
    for account in &written.paused {
        log::account_paused(engine, account);
    }
    for done in batch {
        let id = done.claimed.execution.id;
        match written.executions.get(&id).or_else(|| before.get(&id)) {
            Some(settled) => log::transition(engine, done, settled),
            // Without a call there is nothing that could prove it.
            None if unsure && done.attempts.is_empty() => log::settled_or_lost(engine, done),
            None => log::lease_lost(engine, done),
        }
    }
    Ok(())
}

/// Pauses the account everywhere. Of the many calls that find out at the same time, one says so.
async fn pause_account(
    engine: &Engine,
    done: &FinishedJob,
    pause: AccountPause,
    unsure: bool,
) -> Result<(), StoreError> {
    let id = done.claimed.execution.id;
    let Some(account) = engine
        .accounts
        .iter()
        .find(|account| account.name == done.account)
    else {
        return Ok(());
    };
    let (now, pool) = (engine.clock.now(), &engine.database.pool);
    let reason = &done.settlement.reason;
    let what = "pause the account";
    match pause {
        AccountPause::Refused => {
            let pause_for =
                chrono::TimeDelta::from_std(account.pause_after_refusal).unwrap_or_default();
            // Counted from the answer: what was refused before an outage says nothing about the time after it.
            let until = done.at.checked_add_signed(pause_for).unwrap_or(now);
            let paused =
                store::accounts::pause(pool, account.id, Pause::Refused, until, reason, now);
            // Said twice is better than not at all: the answer to the try that paused it may be lost.
            if engine.database.within(what, paused).await? || unsure {
                error!(account = account.name, execution.id = id.0, paused_until = %until.to_rfc3339(), reason,
                       "the provider refuses the account's credentials: correct accounts.{}.api_key, then send SIGHUP; all of its calls wait", account.name);
            }
        }
        AccountPause::Throttled { until } => {
            let paused =
                store::accounts::pause(pool, account.id, Pause::Throttled, until, reason, now);
            if engine.database.within(what, paused).await? {
                warn!(account = account.name, execution.id = id.0, paused_until = %until.to_rfc3339(), "the provider throttles the account; its calls wait");
            }
        }
    }
    Ok(())
}
