//! Writes what came of the jobs, many at a time. While the database is away it keeps trying: the answers are in its hands only.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::job::Done;
use super::lane::{chain, millis};
use super::wake::Wake;
use super::{Engine, log};
use crate::domain::decide::AccountPause;
use crate::domain::retry::backoff_delay;
use crate::failpoint::around;
use crate::store;
use crate::store::StoreError;

/// Settles until every lane is gone and everything is written, or `aborted`.
pub async fn run(
    engine: Engine,
    mut done: mpsc::Receiver<Done>,
    wake: Wake,
    aborted: CancellationToken,
) {
    let batch = engine.settings.settle_batch.max(1);
    let mut waiting = Vec::with_capacity(batch);
    loop {
        if around("take", done.recv_many(&mut waiting, batch)).await == 0 {
            return;
        }
        linger(&engine, &mut done, &mut waiting).await;
        let mut failures = 0u16;
        while let Err(problem) = settle(&engine, &waiting).await {
            let pause = backoff_delay(
                Duration::from_millis(200),
                Duration::from_secs(10),
                failures,
            );
            failures = failures.saturating_add(1);
            warn!(waiting = waiting.len(), error = %chain(&problem), retry_in_ms = millis(pause),
                  "could not settle; the answers are kept and tried again");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = aborted.cancelled() => {
                    error!(waiting = waiting.len(), "stopped before the answers could be settled; their leases run out and they are reconciled");
                    return;
                }
            }
        }
        let soon = engine.clock.now().checked_add_signed(
            chrono::TimeDelta::from_std(engine.settings.poll_interval).unwrap_or_default(),
        );
        if waiting
            .iter()
            .any(|done| done.settlement.run_at.is_some_and(|at| Some(at) <= soon))
        {
            wake.wake();
        }
        waiting.clear();
    }
}

/// Waits a moment for more, so that a busy daemon writes full batches.
async fn linger(engine: &Engine, done: &mut mpsc::Receiver<Done>, waiting: &mut Vec<Done>) {
    let until = tokio::time::Instant::now().checked_add(engine.settings.settle_linger);
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

/// Settles one batch and says in the log what came of each.
///
/// What the database refuses to hold is left to its lease, alone: it must not keep the others from being settled.
pub async fn settle(engine: &Engine, batch: &[Done]) -> Result<(), StoreError> {
    for done in batch {
        // First, for it may be tried again as often as needed.
        if let Some(pause) = done.decision.account {
            pause_account(engine, done, pause).await?;
        }
    }
    for part in one_of_each(batch) {
        match settle_together(engine, &part).await {
            Err(problem) if problem.is_about_the_data() => {
                for done in part {
                    settle_alone(engine, done).await?;
                }
            }
            result => result?,
        }
    }
    Ok(())
}

/// Parts in which no execution is twice: a lease that was lost and won again can leave two settlements, of which one holds.
fn one_of_each(batch: &[Done]) -> Vec<Vec<&Done>> {
    let mut parts = Vec::new();
    let mut rest: Vec<&Done> = batch.iter().collect();
    while !rest.is_empty() {
        let mut seen = HashSet::with_capacity(rest.len());
        let (part, twice) = rest
            .into_iter()
            .partition(|done| seen.insert(done.claimed.execution.id));
        parts.push(part);
        rest = twice;
    }
    parts
}

async fn settle_alone(engine: &Engine, done: &Done) -> Result<(), StoreError> {
    match settle_together(engine, &[done]).await {
        Err(problem) if problem.is_about_the_data() => {
            error!(execution.id = done.claimed.execution.id.0, lease.token = done.claimed.token.0, error = %chain(&problem),
                   "the database refuses what came of this job; it is left to its lease, and will be tried again: report this");
            Ok(())
        }
        result => result,
    }
}

async fn settle_together(engine: &Engine, batch: &[&Done]) -> Result<(), StoreError> {
    let now = engine.clock.now();
    let settlements: Vec<_> = batch.iter().map(|done| done.settlement.clone()).collect();
    let attempts: Vec<_> = batch
        .iter()
        .flat_map(|done| done.attempts.iter().cloned())
        .collect();
    let written = store::settle::settle(
        &engine.pool,
        &settlements,
        &attempts,
        now,
        &engine.settings.worker_id,
        engine.settings.faults,
    )
    .await?;
    for account in &written.paused {
        log::account_paused(engine, account);
    }
    for done in batch {
        match written.executions.get(&done.claimed.execution.id) {
            Some(settled) => log::transition(engine, done, settled),
            None => log::lease_lost(engine, done),
        }
    }
    Ok(())
}

/// Pauses the account everywhere. Of the many calls that find out at the same time, one says so.
async fn pause_account(
    engine: &Engine,
    done: &Done,
    pause: AccountPause,
) -> Result<(), StoreError> {
    let id = done.claimed.execution.id;
    let Some(account) = engine
        .accounts
        .iter()
        .find(|account| account.name == done.account)
    else {
        return Ok(());
    };
    let now = engine.clock.now();
    match pause {
        AccountPause::Refused => {
            let pause_for =
                chrono::TimeDelta::from_std(account.pause_after_refusal).unwrap_or_default();
            let until = now.checked_add_signed(pause_for).unwrap_or(now);
            if store::accounts::pause(&engine.pool, account.id, until, &done.decision.reason, now)
                .await?
            {
                error!(account = account.name, execution.id = id.0, paused_until = %until.to_rfc3339(), reason = done.decision.reason,
                       "the provider refuses the account's credentials: correct accounts.{}.api_key and restart; all of its calls wait", account.name);
            }
        }
        AccountPause::Throttled { until } => {
            if store::accounts::pause(&engine.pool, account.id, until, &done.decision.reason, now)
                .await?
            {
                warn!(account = account.name, execution.id = id.0, paused_until = %until.to_rfc3339(), "the provider throttles the account; its calls wait");
            }
        }
    }
    Ok(())
}
