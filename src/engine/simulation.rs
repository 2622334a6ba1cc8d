//! The engine on a simulated clock: everything that is due now is done, then the clock jumps to the next thing.
//!
//! It uses the same claim, job and settle as the lanes, one batch after the other, so that the same start gives the same end.

use std::time::Duration;

use chrono::{Datelike, TimeDelta};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::job::FinishedJob;
use super::{Engine, lane};
use crate::domain::{AccountId, Timestamp};
use crate::store;
use crate::store::StoreError;

/// How far a simulation goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Where it ends; without an end it goes on as long as there is something to do.
    pub until: Option<Timestamp>,
    /// Jumps land on multiples of it, so that what is due close together is done together.
    pub step: Duration,
}

/// Runs to the end, or until `draining`. `progress` hears of every jump, and of every wait.
pub async fn run(
    engine: &Engine,
    limits: Limits,
    draining: &CancellationToken,
    mut progress: impl FnMut(Timestamp),
) -> Result<(), StoreError> {
    let (planner, rescuer, retention) = (engine.planner(), engine.rescuer(), engine.retention());
    let unconfigured = engine.unconfigured();
    // A job that none of our accounts has would be due for ever.
    let ours: Vec<AccountId> = engine.accounts.iter().map(|account| account.id).collect();
    let mut day = None;
    while !draining.is_cancelled() {
        let now = engine.clock.now();
        if day != Some(now.ordinal()) {
            day = Some(now.ordinal());
            retention.tick().await?;
            unconfigured.tick().await?;
        }
        let upcoming_work =
            store::monitor::upcoming_work(&engine.database.pool, Some(&ours), now).await?;
        if upcoming_work.plan_at.is_some_and(|at| at <= now) {
            while !draining.is_cancelled() && planner.tick().await? > 0 {}
        } else if !upcoming_work.due.is_empty() {
            round(engine, &upcoming_work.due).await?;
        } else if upcoming_work.leased {
            // A worker was lost, or another daemon is at it: let real time pass for the lease.
            rescuer.tick().await?;
            progress(now);
            tokio::time::sleep(Duration::from_millis(20)).await;
        } else {
            let Some(next) = upcoming_work
                .job_at
                .into_iter()
                .chain(upcoming_work.plan_at)
                .min()
            else {
                return Ok(());
            };
            let next = round_up(next, limits.step);
            let end = limits.until.filter(|end| next > *end);
            engine.clock.advance_to(end.unwrap_or(next));
            progress(engine.clock.now());
            if end.is_some() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Claims and does one batch of each of the accounts that have jobs due.
async fn round(engine: &Engine, due: &[AccountId]) -> Result<(), StoreError> {
    let mut running: JoinSet<Option<FinishedJob>> = JoinSet::new();
    for account in engine.accounts.iter() {
        if !due.contains(&account.id) {
            continue;
        }
        let limit = account.max_in_flight.min(engine.settings.lane.batch);
        let worker = engine.worker(account);
        let deadline = tokio::time::Instant::now().checked_add(worker.lease);
        for claimed in lane::claim(&worker, limit, None).await? {
            let worker = worker.clone();
            running.spawn(async move { lane::work(&worker, claimed, deadline).await });
        }
    }
    let mut done: Vec<FinishedJob> = running.join_all().await.into_iter().flatten().collect();
    let settler = engine.settler();
    done.sort_by_key(|done| done.claimed.execution.id);
    while !done.is_empty() {
        let rest = done.split_off(done.len().min(engine.settings.settler.batch.max(1)));
        settler.settle(&mut done, false).await?;
        done = rest;
    }
    Ok(())
}

/// The next multiple of `step`.
pub fn round_up(at: Timestamp, step: Duration) -> Timestamp {
    let step = i64::try_from(step.as_micros()).unwrap_or(0).max(1);
    let over = at.timestamp_micros().checked_rem(step).unwrap_or(0);
    if over == 0 {
        return at;
    }
    at.checked_add_signed(TimeDelta::microseconds(step.saturating_sub(over)))
        .unwrap_or(at)
}
