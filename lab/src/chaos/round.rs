//! One round of one daemon: claim, calls, settlement, and whatever comes between them.

use std::sync::Arc;

use chrono::TimeDelta;
use mandated::cli::Failure;
use mandated::domain::{AccountId, Step};
use mandated::engine::job::FinishedJob;
use mandated::engine::{Account, lane, log_values};
use mandated::store::claim::Claimed;

use super::daemon::{Daemon, Frozen};
use super::director::{Director, LostWorker};
use super::incident::{Incident, Moment, Statement};
use crate::sandbox::{Call, Fault, Then};

/// A settlement that fails so often in a row will never succeed.
const ATTEMPTS: usize = 20;

impl Director<'_> {
    /// Claims what is due and does it. Whether anything happened.
    pub(super) async fn round(&mut self, due: &[AccountId]) -> Result<bool, Failure> {
        let Some(index) = self.somebody() else {
            return Ok(false);
        };
        let claimed = self.claim(index, due).await?;
        if claimed.is_empty() {
            return Ok(false);
        }
        // Somebody wants something while the jobs are held.
        self.submit_operator_requests().await?;
        let incident = self.incident(|incident| match incident {
            Incident::Kill(_) | Incident::Freeze(..) | Incident::Restart(_) | Incident::Slow => {
                true
            }
            Incident::Dump(_)
            | Incident::Restore(_)
            | Incident::Copy
            | Incident::FallBehind(_)
            | Incident::FailOver(_)
            | Incident::Cut(..)
            | Incident::ClockStep(_)
            | Incident::OperatorRequest(..)
            | Incident::PauseRail(..) => false,
        });
        match incident {
            Some(Incident::Kill(Moment::Calling)) => {
                self.kill_while_calling(index, claimed).await?;
            }
            Some(Incident::Kill(Moment::Answered)) => {
                self.call(index, claimed).await;
                self.replace(index, None).await?;
            }
            Some(Incident::Kill(Moment::Settling(cut))) => {
                let mut done = self.call(index, claimed).await;
                if let Some(daemon) = self.daemons.get(index) {
                    daemon.wire.cut(cut);
                    // The answer never comes: that is an error, and nobody is left to read it.
                    drop(daemon.engine.settler().settle(&mut done, false).await);
                }
                self.replace(index, None).await?;
            }
            Some(Incident::Freeze(moment, length)) => {
                self.freeze(index, claimed, moment, length).await;
            }
            Some(Incident::Restart(moment)) => self.restart(index, claimed, moment).await?,
            Some(Incident::Slow) => {
                self.slow(&claimed)?;
                let done = self.call(index, claimed).await;
                self.settle(index, done, false).await?;
            }
            Some(
                Incident::Dump(_)
                | Incident::Restore(_)
                | Incident::Copy
                | Incident::FallBehind(_)
                | Incident::FailOver(_)
                | Incident::Cut(..)
                | Incident::ClockStep(_)
                | Incident::OperatorRequest(..)
                | Incident::PauseRail(..),
            )
            | None => {
                let done = self.call(index, claimed).await;
                self.cut(index, Statement::Settle);
                self.settle(index, done, false).await?;
            }
        }
        Ok(true)
    }

    /// The jobs that a daemon gets, each with its account.
    async fn claim(
        &mut self,
        index: usize,
        due: &[AccountId],
    ) -> Result<Vec<(Arc<Account>, Claimed)>, Failure> {
        self.cut(index, Statement::Claim);
        let Some(daemon) = self.daemons.get(index) else {
            return Ok(Vec::new());
        };
        let (mut all, mut problem) = (Vec::new(), None);
        for account in daemon.engine.accounts.iter() {
            if !due.contains(&account.id) {
                continue;
            }
            let limit = account.max_in_flight.min(daemon.engine.settings.lane.batch);
            match lane::claim(&daemon.engine.worker(account), limit, None).await {
                Ok(claimed) => {
                    all.extend(claimed.into_iter().map(|job| (Arc::clone(account), job)));
                }
                Err(error) => problem = Some(error),
            }
        }
        if let Some(problem) = problem {
            // It may have leased jobs that it never heard of.
            let worker = daemon.name.clone();
            self.survived(&problem)?;
            self.lose(worker);
        }
        Ok(all)
    }

    fn lose(&mut self, worker: String) {
        let at = self.now;
        self.lost.push(LostWorker {
            worker,
            at,
            ended: false,
            late: None,
        });
    }

    /// Makes the calls, one after the other. What could not be done is left to its lease.
    async fn call(
        &mut self,
        index: usize,
        claimed: Vec<(Arc<Account>, Claimed)>,
    ) -> Vec<FinishedJob> {
        let Some(daemon) = self.daemons.get(index) else {
            return Vec::new();
        };
        let mut done = Vec::with_capacity(claimed.len());
        let mut left = false;
        for (account, job) in claimed {
            let deadline =
                tokio::time::Instant::now().checked_add(daemon.engine.settings.lane.lease);
            match Box::pin(lane::work(&daemon.engine.worker(&account), job, deadline)).await {
                Some(one) => done.push(one),
                None => left = true,
            }
        }
        if left {
            let worker = daemon.name.clone();
            self.lose(worker);
        }
        done.sort_by_key(|done| done.claimed.execution.id);
        done
    }

    /// Settles, and tries again as the settler does, until it is written.
    /// `unsure` says that it was tried before.
    async fn settle(
        &mut self,
        index: usize,
        mut done: Vec<FinishedJob>,
        unsure: bool,
    ) -> Result<(), Failure> {
        let batch = self
            .daemons
            .get(index)
            .map_or(1, |daemon| daemon.engine.settings.settler.batch.max(1));
        while !done.is_empty() {
            let mut part: Vec<FinishedJob> = done.drain(..batch.min(done.len())).collect();
            let (mut last, mut unsure) = (None, unsure);
            for _ in 0..ATTEMPTS {
                let Some(daemon) = self.daemons.get(index) else {
                    return Ok(());
                };
                last = daemon
                    .engine
                    .settler()
                    .settle(&mut part, unsure)
                    .await
                    .err();
                unsure = true;
                match &last {
                    None => break,
                    Some(problem) => self.survived(problem)?,
                }
            }
            if let Some(problem) = last {
                return Err(Failure::from(anyhow::anyhow!(
                    "at {}, a settlement failed {ATTEMPTS} times: {}",
                    self.now,
                    log_values::chain(&problem)
                )));
            }
        }
        Ok(())
    }

    /// Some calls were made, the rest were not, and of one of those the request is on its way.
    async fn kill_while_calling(
        &mut self,
        index: usize,
        mut claimed: Vec<(Arc<Account>, Claimed)>,
    ) -> Result<(), Failure> {
        let made = self.up_to(claimed.len());
        let rest = claimed.split_off(made);
        self.call(index, claimed).await;
        let late = rest
            .into_iter()
            .find(|(_, job)| job.opened && matches!(job.step, Step::Execute | Step::Retry));
        self.replace(index, late).await
    }

    /// A number up to, and including, a limit.
    fn up_to(&mut self, limit: usize) -> usize {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX).saturating_add(1);
        usize::try_from(self.rng.below(limit)).unwrap_or(0)
    }

    /// Another process in the place of a killed one.
    async fn replace(
        &mut self,
        index: usize,
        late: Option<(Arc<Account>, Claimed)>,
    ) -> Result<(), Failure> {
        let fresh = self.start_daemon().await?;
        let Some(slot) = self.daemons.get_mut(index) else {
            return Ok(());
        };
        let Daemon { name, engine, .. } = std::mem::replace(slot, fresh);
        self.lost.push(LostWorker {
            worker: name,
            at: self.now,
            ended: false,
            late: late.map(|(account, job)| (engine.worker(&account), job)),
        });
        Ok(())
    }

    /// The daemon stands still with what it holds. Its leases end meanwhile.
    async fn freeze(
        &mut self,
        index: usize,
        claimed: Vec<(Arc<Account>, Claimed)>,
        moment: Moment,
        length: TimeDelta,
    ) {
        let (claimed, done) = match moment {
            Moment::Calling => {
                let mut claimed = claimed;
                let made = self.up_to(claimed.len());
                let rest = claimed.split_off(made);
                (rest, self.call(index, claimed).await)
            }
            Moment::Answered | Moment::Settling(_) => (Vec::new(), self.call(index, claimed).await),
        };
        let since = self.now;
        let Some(daemon) = self.daemons.get_mut(index) else {
            return;
        };
        let worker = daemon.name.clone();
        daemon.frozen = Some(Frozen {
            since,
            until: since.checked_add_signed(length).unwrap_or(since),
            claimed,
            done,
        });
        self.lose(worker);
    }

    /// Wakes the daemons whose time has come: they know nothing of the time that passed.
    pub(super) async fn wake(&mut self) -> Result<(), Failure> {
        for index in 0..self.daemons.len() {
            let now = self.now;
            let Some(daemon) = self.daemons.get_mut(index) else {
                continue;
            };
            if daemon
                .frozen
                .as_ref()
                .is_none_or(|frozen| frozen.until > now)
            {
                continue;
            }
            let Some(frozen) = daemon.frozen.take() else {
                continue;
            };
            daemon.look_at_the_clock(now);
            let mut done = frozen.done;
            for (account, job) in frozen.claimed {
                // On its own clock the lease is over: no call that moves money may begin.
                let deadline = Some(tokio::time::Instant::now());
                done.extend(
                    Box::pin(lane::work(&daemon.engine.worker(&account), job, deadline)).await,
                );
            }
            let held = format!("{} since {}", daemon.name, frozen.since);
            self.settle(index, done, false)
                .await
                .map_err(|failure| Failure {
                    error: failure.error.context(format!("wake {held}")),
                    ..failure
                })?;
        }
        Ok(())
    }

    /// Postgres is killed before the calls or after them, and is back when it has been missed.
    async fn restart(
        &mut self,
        index: usize,
        claimed: Vec<(Arc<Account>, Claimed)>,
        moment: Moment,
    ) -> Result<(), Failure> {
        let failed = |error| Failure::hinted(error, "look at the private Postgres");
        if moment == Moment::Calling {
            self.postgres.stop_hard().map_err(failed)?;
        }
        let mut done = self.call(index, claimed).await;
        if moment != Moment::Calling {
            self.postgres.stop_hard().map_err(failed)?;
        }
        if let Some(daemon) = self.daemons.get(index)
            && let Err(problem) = daemon.engine.settler().settle(&mut done, false).await
        {
            self.survived(&problem)?;
        }
        self.postgres.restart().map_err(failed)?;
        self.settle(index, done, true).await
    }

    /// The provider does the first of these calls, and takes longer for the answer than anybody waits.
    fn slow(&mut self, claimed: &[(Arc<Account>, Claimed)]) -> Result<(), Failure> {
        let Some((_, job)) = claimed.first() else {
            return Ok(());
        };
        let call = match job.step {
            Step::Notify => Call::Notify,
            Step::NotifyStatus => Call::NotificationStatus,
            Step::Execute => Call::Execute,
            Step::Retry => Call::Retry,
            Step::Lookup | Step::Recheck => Call::OrderStatus,
        };
        let mandate = &job.mandate.provider_mandate_id;
        self.environment
            .sandbox
            .script(mandate, call, Then::Fault(Fault::Slow))
            .map_err(|error| Failure::hinted(error, "the sandbox knows another file of mandates"))
    }
}
