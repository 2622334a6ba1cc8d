//! Every loop of a daemon, started together and stopped together.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::cluster::Cluster;
use super::concurrency_limiter::ConcurrencyLimiter;
use super::heartbeat::{Heartbeat, HeartbeatTicker};
use super::job::FinishedJob;
use super::lane::Lane;
use super::planner::Planner;
use super::rescue::Rescuer;
use super::retention::Retention;
use super::unconfigured::Unconfigured;
use super::wake::{WakeNotifier, listen};
use super::{Database, Engine};
use crate::store::{self, StoreError};

/// What the process hears of every heartbeat, the failed ones too.
#[derive(Debug)]
pub struct Beat<'a> {
    /// How many answers wait to be settled.
    pub waiting: usize,
    pub heartbeat: Result<&'a Heartbeat, &'a StoreError>,
    /// Why nothing is planned or called, if nothing is.
    pub refusal: Option<&'static str>,
}

pub type OnHeartbeat = Arc<dyn Fn(&Beat<'_>) + Send + Sync>;

/// Longer than retention has ever to do in one turn; what is left is for the next.
const RETENTION: Duration = Duration::from_mins(15);

/// Between two looks at accounts that no daemon has: their cycles end within so long.
const UNCONFIGURED: Duration = Duration::from_mins(1);

/// A loop ended by itself: a bug. The others were drained; a new process starts with a clean head.
#[derive(Debug, thiserror::Error)]
#[error("a loop of the engine panicked")]
pub struct LoopPanicked;

/// Runs every loop until `draining`, then lets what is in flight end, at most until `aborted`.
pub async fn run(
    engine: Engine,
    draining: CancellationToken,
    aborted: CancellationToken,
    on_heartbeat: OnHeartbeat,
) -> Result<(), LoopPanicked> {
    let wake = WakeNotifier::default();
    let settings = &engine.settings;
    let (settler, done) = mpsc::channel(settings.concurrency.max(1));
    let backlog = settler.downgrade();
    let limiters = ConcurrencyLimiter::divide(settings.concurrency, engine.accounts.len());
    let cluster = Cluster::new(
        engine.database.clone(),
        engine.clock.clone(),
        Arc::clone(&engine.accounts),
        Arc::clone(&settings.worker_id),
    );
    let alone = CancellationToken::new();
    let mut loops = JoinSet::new();
    loops.spawn(cluster.run(alone.clone()));
    for (account, limiter) in engine.accounts.iter().zip(limiters) {
        let (worker, settler) = (engine.worker(account), settler.clone());
        let lane = Lane::new(worker, settings.lane, settler, wake.clone(), limiter);
        loops.spawn(lane.run(draining.clone(), aborted.clone()));
    }
    drop(settler);
    loops.spawn(engine.settler().run(done, wake.clone(), aborted.clone()));
    let database = engine.database.clone();
    loops.spawn(listen(database, wake.clone(), draining.clone()));
    let turns = |what, interval| Turns {
        database: engine.database.clone(),
        interval,
        draining: draining.clone(),
        what,
    };
    // Whatever retention has under way is not worth waiting for.
    let kept = turns("make and drop partitions", settings.retention.interval);
    let kept = keep_retention(engine.retention(), kept);
    loops.spawn(stopped_by(draining.clone(), Box::pin(kept)));
    let mut side = |task| loops.spawn(stopped_by(aborted.clone(), task));
    let planned = turns("plan", settings.planner.interval);
    side(Box::pin(plan(engine.planner(), wake, planned)));
    let rescued = turns("rescue the jobs of lost workers", settings.rescue_interval);
    side(Box::pin(rescue_lost(engine.rescuer(), rescued)));
    let ended = turns("end the cycles of accounts that nobody has", UNCONFIGURED);
    side(Box::pin(end_unconfigured(engine.unconfigured(), ended)));
    let beats = turns("take the pulse", settings.heartbeat.interval);
    side(Box::pin(beat(
        engine.heartbeat(),
        backlog,
        on_heartbeat,
        beats,
    )));
    let mut ended = Ok(());
    while let Some(result) = loops.join_next().await {
        if let Err(panic) = result {
            error!(error = %panic, "a loop of the engine panicked: the daemon drains and stops; start it again");
            draining.cancel();
            ended = Err(LoopPanicked);
        }
        if loops.len() == 1 {
            // The cluster: nothing is called any more.
            alone.cancel();
        }
    }
    ended
}

async fn stopped_by(stop: CancellationToken, task: BoxFuture<'static, ()>) {
    tokio::select! {
        () = task => {}
        () = stop.cancelled() => {}
    }
}

/// The turns of a loop.
struct Turns {
    database: Database,
    interval: Duration,
    draining: CancellationToken,
    what: &'static str,
}

impl Turns {
    /// When the whole database failed the next turn comes no later than this, however seldom the turns are. Not when
    /// somebody holds a lock: to wait for it again and again would keep those waiting who come behind.
    const RETRY: Duration = Duration::from_secs(10);

    /// Reports a turn and waits for the next one; false when there is none. One that failed is made up for by the next.
    async fn next(&self, result: Result<(), StoreError>) -> bool {
        let wait = match result {
            Ok(()) => {
                self.database.health.recovered(self.what);
                self.interval
            }
            Err(problem) if problem.kind().is_everywhere() => {
                self.database.failed(self.what, problem).await;
                self.interval.min(Self::RETRY)
            }
            Err(problem) => {
                self.database.failed(self.what, problem).await;
                self.interval
            }
        };
        tokio::select! {
            () = self.database.health.pause(wait) => {}
            () = self.draining.cancelled() => {}
        }
        !self.draining.is_cancelled()
    }
}

async fn plan(planner: Planner, wake: WakeNotifier, turns: Turns) {
    loop {
        // Two side by side: one thinks while Postgres writes what the other has thought of. They skip each other's mandates.
        let (one, other) = tokio::join!(
            plan_all(&planner, &wake, &turns),
            plan_all(&planner, &wake, &turns)
        );
        if !turns.next(one.and(other)).await {
            return;
        }
    }
}

/// Batch after batch, until nothing is due or the daemon stops.
async fn plan_all(planner: &Planner, wake: &WakeNotifier, turns: &Turns) -> Result<(), StoreError> {
    let tick = || turns.database.within(turns.what, planner.tick());
    while !turns.draining.is_cancelled() && tick().await? > 0 {
        wake.wake();
    }
    Ok(())
}

async fn rescue_lost(rescuer: Rescuer, turns: Turns) {
    loop {
        let result = turns.database.within(turns.what, rescuer.tick()).await;
        if !turns.next(result.map(drop)).await {
            return;
        }
    }
}

async fn end_unconfigured(unconfigured: Unconfigured, turns: Turns) {
    loop {
        let ended = store::within(RETENTION, turns.what, unconfigured.tick()).await;
        if !turns.next(ended.map(drop)).await {
            return;
        }
    }
}

async fn keep_retention(retention: Retention, turns: Turns) {
    loop {
        let kept = store::within(RETENTION, turns.what, retention.tick()).await;
        if !turns.next(kept).await {
            return;
        }
    }
}

async fn beat(
    mut heartbeat: HeartbeatTicker,
    backlog: mpsc::WeakSender<FinishedJob>,
    on_heartbeat: OnHeartbeat,
    turns: Turns,
) {
    let clock = heartbeat.clock.clone();
    loop {
        // The loops find it out too. But not all of them at once, and the first beat must not say ready before.
        let refusal = turns.database.check(&clock).await.err();
        let refusal = refusal.and_then(|problem| problem.stops_all_work());
        let waiting = backlog.upgrade().map_or(0, |sender| {
            sender.max_capacity().saturating_sub(sender.capacity())
        });
        let waiting = waiting.max(turns.database.health.kept());
        // The service manager wants to hear of it more often than a statement may take.
        let limit = turns.interval.saturating_mul(2).max(Turns::RETRY);
        let limit = limit.min(turns.database.answer_timeout);
        let heartbeat = store::within(limit, turns.what, heartbeat.tick(waiting)).await;
        on_heartbeat(&Beat {
            waiting,
            heartbeat: heartbeat.as_ref(),
            refusal,
        });
        if !turns.next(heartbeat.map(drop)).await {
            return;
        }
    }
}
