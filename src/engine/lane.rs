//! The worker pool of one account: claims as many jobs as it has free places, and sleeps until there is something to do.
//!
//! An account that is slow or paused holds up nobody else's debits: each has its own lane.

use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::Account;
use super::concurrency_limiter::ConcurrencyLimiter;
use super::job::{self, FinishedJob, Worker};
use super::log;
use super::log_values::chain;
use super::wake::WakeNotifier;
use crate::domain::Timestamp;
use crate::domain::backoff::backoff_delay;
use crate::failpoint::around;
use crate::provider::with_request_id;
use crate::store;
use crate::store::StoreError;
use crate::store::claim::{ClaimRequest, Claimed, claim_due};

/// How much it claims at once, for how long, and how often it looks for more.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Jobs claimed by one statement.
    pub batch: usize,
    pub lease: Duration,
    pub poll_interval: Duration,
}

/// One account's lane.
#[derive(Debug)]
pub struct Lane {
    worker: Worker,
    settings: Settings,
    settler: mpsc::Sender<FinishedJob>,
    wake: WakeNotifier,
    limiter: ConcurrencyLimiter,
    running: JoinSet<()>,
    cursor: ClaimCursor,
}

/// Where the next claim begins: where the last full one did. What became due before that meanwhile (a retry, a rescue, a late
/// commit) is found when it is forgotten: after a claim that was not full, and every few seconds.
#[derive(Debug, Default)]
struct ClaimCursor(Option<(Timestamp, tokio::time::Instant)>);

impl ClaimCursor {
    /// Long enough to spare a backlog most of its steps, short enough to keep nobody waiting.
    const KEPT: Duration = Duration::from_secs(2);

    fn get(&self, now: tokio::time::Instant) -> Option<Timestamp> {
        self.0
            .filter(|(_, noted)| now.duration_since(*noted) < Self::KEPT)
            .map(|(since, _)| since)
    }

    /// Notes when the first job of a full claim was due; after any other claim, nothing.
    fn note(&mut self, first: Option<Timestamp>, now: tokio::time::Instant) {
        let noted = match (self.get(now), self.0) {
            (Some(_), Some((_, noted))) => noted,
            (Some(_) | None, _) => now,
        };
        self.0 = first.map(|first| (first, noted));
    }
}

/// What a round of claiming came to.
enum Round {
    /// There may be more.
    Full,
    /// Nothing more is due.
    Exhausted,
}

impl Lane {
    pub fn new(
        worker: Worker,
        settings: Settings,
        settler: mpsc::Sender<FinishedJob>,
        wake: WakeNotifier,
        limiter: ConcurrencyLimiter,
    ) -> Self {
        Self {
            worker,
            settings,
            settler,
            wake,
            limiter,
            running: JoinSet::new(),
            cursor: ClaimCursor::default(),
        }
    }

    /// Runs until `draining`, then lets what is in flight end, at most until `aborted`.
    pub async fn run(mut self, draining: CancellationToken, aborted: CancellationToken) {
        let mut failures = 0u16;
        while !draining.is_cancelled() {
            // Subscribed before the claim: a wake-up that comes during it is not lost.
            let mut receiver = self.wake.subscribe();
            let round = tokio::select! {
                round = self.round(&draining) => round,
                () = aborted.cancelled() => break,
            };
            match round {
                Ok(Round::Full) => failures = 0,
                Ok(Round::Exhausted) => {
                    failures = 0;
                    let wait = self.idle_wait().await;
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = receiver.woken() => {}
                        ended = self.running.join_next(), if !self.running.is_empty() => log_panic(ended),
                        () = draining.cancelled() => {}
                    }
                }
                Err(problem) => {
                    let pause = backoff_delay(
                        Duration::from_millis(500),
                        Duration::from_secs(30),
                        failures,
                    );
                    failures = failures.saturating_add(1);
                    self.worker.database.failed(&self.name(), problem).await;
                    tokio::select! {
                        () = self.worker.database.health.pause(pause) => {}
                        () = draining.cancelled() => {}
                    }
                }
            }
        }
        tokio::select! {
            () = finish(&mut self.running) => {}
            () = aborted.cancelled() => self.running.shutdown().await,
        }
    }

    /// What its failures are called.
    fn name(&self) -> String {
        format!("claim for {}", self.worker.account.name)
    }

    /// Claims once, for as many places as are free, and starts what it gets. Waits for a place, but not once it is `draining`.
    async fn round(&mut self, draining: &CancellationToken) -> Result<Round, StoreError> {
        while let Some(ended) = self.running.try_join_next() {
            log_panic(Some(ended));
        }
        // Subscribed before its share is read: what becomes of it meanwhile is not lost.
        let mut changes = self.worker.account.client().limiter().in_flight.subscribe();
        let free = at_once(&self.worker.account, self.settings.lease)
            .saturating_sub(self.running.len())
            .min(self.settings.batch);
        if free == 0 {
            // The end of any job makes room, or a larger share.
            tokio::select! {
                ended = self.running.join_next(), if !self.running.is_empty() => log_panic(ended),
                _ = changes.changed() => {}
                () = draining.cancelled() => {}
            }
            return Ok(Round::Full);
        }
        let permits = tokio::select! {
            permits = self.places(free) => permits,
            () = draining.cancelled() => return Ok(Round::Exhausted),
        };
        let limit = permits.len();
        if limit == 0 {
            return Ok(Round::Full);
        }
        let deadline = tokio::time::Instant::now().checked_add(self.settings.lease);
        let since = self.cursor.get(tokio::time::Instant::now());
        let claimed = claim(&self.worker, limit, since).await?;
        self.worker.database.health.recovered(&self.name());
        let full = claimed.len() == limit;
        let first = claimed.first().filter(|_| full).map(|first| first.run_at);
        self.cursor.note(first, tokio::time::Instant::now());
        for (job, permit) in claimed.into_iter().zip(permits) {
            self.start(job, permit, deadline);
        }
        Ok(if full { Round::Full } else { Round::Exhausted })
    }

    /// Places for jobs. While answers cannot be settled no more are asked for.
    async fn places(&mut self, wanted: usize) -> Vec<OwnedSemaphorePermit> {
        self.worker.database.health.room().await;
        self.reserve(wanted).await
    }

    /// Up to `wanted` places; none when one of its own jobs ends before there is any, for that may have left one.
    async fn reserve(&mut self, wanted: usize) -> Vec<OwnedSemaphorePermit> {
        let mut permits = self.limiter.try_acquire(wanted);
        if permits.is_empty() {
            tokio::select! {
                permit = self.limiter.acquire() => permits.extend(permit),
                ended = self.running.join_next(), if !self.running.is_empty() => log_panic(ended),
            }
        }
        permits
    }

    fn start(
        &mut self,
        claimed: Claimed,
        permit: OwnedSemaphorePermit,
        deadline: Option<tokio::time::Instant>,
    ) {
        let (worker, settler) = (self.worker.clone(), self.settler.clone());
        self.running.spawn(async move {
            if let Some(done) = work(&worker, claimed, deadline).await
                && let Err(mpsc::error::SendError(done)) =
                    around("hand_over", settler.send(done)).await
            {
                error!(
                    execution.id = done.claimed.execution.id.0,
                    lease.token = done.claimed.token.0,
                    "the settler is gone; the lease runs out and the job is reconciled"
                );
            }
            drop(permit);
        });
    }

    /// Until the next job is due, and no longer than the poll interval.
    async fn idle_wait(&self) -> Duration {
        let poll = self.settings.poll_interval;
        let database = &self.worker.database;
        let next = store::monitor::next_due(&database.pool, self.worker.account.id);
        let next = database.within("find the next due job", next);
        match around("next_due", next).await {
            Ok(Some(at)) => {
                let until = at
                    .signed_duration_since(self.worker.clock.now())
                    .to_std()
                    .unwrap_or(Duration::ZERO);
                // A due job that was not claimed belongs to a paused account or to somebody else: do not spin on it.
                if until.is_zero() {
                    poll
                } else {
                    until.min(poll)
                }
            }
            Ok(None) | Err(_) => poll,
        }
    }
}

/// How many jobs of an account may be under way: no more than there may be calls, and no more than come to their turn in the first
/// tenth of their leases. What cannot be called soon is for whoever can.
fn at_once(account: &Account, lease: Duration) -> usize {
    let client = account.client();
    let limiter = client.limiter();
    let soon = lease.checked_div(10).unwrap_or_default();
    let in_time = limiter.rate.calls_in(soon).max(1);
    account
        .max_in_flight
        .min(limiter.in_flight.max())
        .min(in_time)
}

/// Claims up to `limit` jobs of an account; only those that were due from `since` on. Nothing where the clock is wrong, or where the
/// database is no more the one that this process has written to.
pub async fn claim(
    worker: &Worker,
    limit: usize,
    since: Option<Timestamp>,
) -> Result<Vec<Claimed>, StoreError> {
    let (account, database) = (&worker.account, &worker.database);
    // What is claimed is claimed by the server that was just asked what it remembers.
    let mut server = around("claim.clock", database.checked(&worker.clock)).await?;
    let now = worker.clock.now();
    let request = ClaimRequest {
        account: account.id,
        now,
        limit: i64::try_from(limit).unwrap_or(i64::MAX),
        lease: worker.lease,
        worker: &worker.id,
        since,
    };
    let claiming = async {
        let claimed = claim_due(server.connection(), &request).await?;
        server.end().await?;
        Ok(claimed)
    };
    // One that was given up can have been done: its leases run out, and no call was made under them.
    let claimed = database.within("claim due jobs", claiming).await?;
    if !claimed.is_empty() {
        debug!(account = account.name, claimed = claimed.len(), "claimed");
        for job in claimed.iter().filter(|job| job.opened) {
            log::started(&worker.id, account, job, now);
        }
    }
    Ok(claimed)
}

/// Does a job; one that cannot be done is logged here, and left to its lease.
pub async fn work(
    worker: &Worker,
    claimed: Claimed,
    deadline: Option<tokio::time::Instant>,
) -> Option<FinishedJob> {
    let (execution, step, token) = (claimed.execution.id, claimed.step, claimed.token);
    let id = job::request_id(worker, claimed.token);
    // On the heap: it is large, and every lane hands many of them on.
    let run = Box::pin(job::run(worker, claimed, deadline?));
    match with_request_id(id, run).await {
        Ok(done) => Some(done),
        Err(problem) => {
            warn!(execution.id = execution.0, step = step.as_str(), lease.token = token.0, account = worker.account.name,
                  error = %chain(&problem), "left to rescue");
            None
        }
    }
}

async fn finish(running: &mut JoinSet<()>) {
    while let Some(ended) = running.join_next().await {
        log_panic(Some(ended));
    }
}

/// A job that panics is said to have done so, or it would be leased and rescued for ever without a word.
fn log_panic(ended: Option<Result<(), JoinError>>) {
    if let Some(Err(panic)) = ended {
        error!(error = %panic, "a job panicked; its lease runs out and it is reconciled");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_is_begun_again_every_few_seconds_and_after_a_claim_that_was_not_full() {
        let start = tokio::time::Instant::now();
        let after = |seconds| start.checked_add(Duration::from_secs(seconds)).unwrap();
        let [six, seven] = [6 * 3600, 7 * 3600].map(|at| Timestamp::from_timestamp(at, 0).unwrap());
        let mut cursor = ClaimCursor::default();
        assert_eq!(cursor.get(start), None);
        cursor.note(Some(six), start);
        assert_eq!(cursor.get(after(1)), Some(six));
        cursor.note(Some(seven), after(1));
        assert_eq!(cursor.get(after(1)), Some(seven));
        assert_eq!(cursor.get(after(2)), None, "counted from the first of them");
        cursor.note(Some(six), after(2));
        assert_eq!(cursor.get(after(3)), Some(six));
        cursor.note(None, after(3));
        assert_eq!(cursor.get(after(3)), None);
    }
}
