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
use super::wake::{WakeNotifier, listen};
use super::{Database, Engine, planner, rescue, retention, settler};
use crate::store::{self, StoreError};

/// Hears of every heartbeat, the failed ones too, and how many answers wait to be settled.
pub type OnHeartbeat = Arc<dyn Fn(usize, Result<&Heartbeat, &StoreError>) + Send + Sync>;

/// Longer than retention has ever to do in one turn; what is left is for the next.
const RETENTION: Duration = Duration::from_mins(15);

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
    let (settler, done) = mpsc::channel(engine.settings.concurrency.max(1));
    let backlog = settler.downgrade();
    let limiters = ConcurrencyLimiter::divide(engine.settings.concurrency, engine.accounts.len());
    let (cluster, alone) = (Cluster::new(&engine), CancellationToken::new());
    let mut loops = JoinSet::new();
    loops.spawn(cluster.run(alone.clone()));
    for (account, limiter) in engine.accounts.iter().zip(limiters) {
        let (account, settler) = (Arc::clone(account), settler.clone());
        let lane = Lane::new(engine.clone(), account, settler, wake.clone(), limiter);
        loops.spawn(lane.run(draining.clone(), aborted.clone()));
    }
    drop(settler);
    loops.spawn(settler::run(
        engine.clone(),
        done,
        wake.clone(),
        aborted.clone(),
    ));
    let database = engine.database.clone();
    loops.spawn(listen(database, wake.clone(), draining.clone()));
    // Whatever retention has under way is not worth waiting for.
    let kept = keep_retention(engine.clone(), draining.clone());
    loops.spawn(stopped_by(draining.clone(), Box::pin(kept)));
    let mut side = |task| loops.spawn(stopped_by(aborted.clone(), task));
    side(Box::pin(plan(engine.clone(), wake, draining.clone())));
    side(Box::pin(rescue_lost(engine.clone(), draining.clone())));
    side(Box::pin(heartbeat(
        engine,
        backlog,
        on_heartbeat,
        draining.clone(),
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
    /// When the whole database was in trouble the next turn comes no later than this, however seldom the turns are. Not when
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

async fn plan(engine: Engine, wake: WakeNotifier, draining: CancellationToken) {
    let turns = Turns {
        database: engine.database.clone(),
        interval: engine.settings.planner_interval,
        draining,
        what: "plan",
    };
    loop {
        // Two side by side: one thinks while Postgres writes what the other has thought of. They skip each other's mandates.
        let (one, other) = tokio::join!(
            plan_all(&engine, &wake, &turns.draining),
            plan_all(&engine, &wake, &turns.draining)
        );
        if !turns.next(one.and(other)).await {
            return;
        }
    }
}

/// Batch after batch, until nothing is due or the daemon stops.
async fn plan_all(
    engine: &Engine,
    wake: &WakeNotifier,
    draining: &CancellationToken,
) -> Result<(), StoreError> {
    while !draining.is_cancelled()
        && engine
            .database
            .within("plan", planner::tick(engine))
            .await?
            > 0
    {
        wake.wake();
    }
    Ok(())
}

async fn rescue_lost(engine: Engine, draining: CancellationToken) {
    let turns = Turns {
        database: engine.database.clone(),
        interval: engine.settings.rescue_interval,
        draining,
        what: "rescue the jobs of lost workers",
    };
    loop {
        let rescued = turns
            .database
            .within(turns.what, rescue::tick(&engine))
            .await;
        if !turns.next(rescued.map(drop)).await {
            return;
        }
    }
}

async fn keep_retention(engine: Engine, draining: CancellationToken) {
    let turns = Turns {
        database: engine.database.clone(),
        interval: engine.settings.retention.interval,
        draining,
        what: "make and drop partitions",
    };
    loop {
        let kept = store::within(RETENTION, turns.what, retention::tick(&engine)).await;
        if !turns.next(kept).await {
            return;
        }
    }
}

async fn heartbeat(
    engine: Engine,
    backlog: mpsc::WeakSender<FinishedJob>,
    on_heartbeat: OnHeartbeat,
    draining: CancellationToken,
) {
    let turns = Turns {
        database: engine.database.clone(),
        interval: engine.settings.heartbeat_interval,
        draining,
        what: "take the pulse",
    };
    let mut heartbeat = HeartbeatTicker::new(engine);
    loop {
        let waiting = backlog.upgrade().map_or(0, |sender| {
            sender.max_capacity().saturating_sub(sender.capacity())
        });
        let waiting = waiting.max(turns.database.health.kept());
        // The service manager wants to hear of it more often than a statement may take.
        let limit = turns.interval.saturating_mul(2).max(Turns::RETRY);
        let limit = limit.min(turns.database.answer_timeout);
        let heartbeat = store::within(limit, turns.what, heartbeat.tick(waiting)).await;
        on_heartbeat(waiting, heartbeat.as_ref());
        if !turns.next(heartbeat.map(drop)).await {
            return;
        }
    }
}
