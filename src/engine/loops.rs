//! Every loop of a daemon, started together and stopped together.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::job::Done;
use super::lane::{Lane, chain};
use super::wake::{Wake, listen};
use super::{Engine, heartbeat, planner, rescue, retention, settler};
use crate::store::StoreError;
use crate::store::monitor::Pulse;

/// Hears of every heartbeat, the failed ones too.
pub type OnBeat = Arc<dyn Fn(Result<&Pulse, &StoreError>) + Send + Sync>;

/// A loop ended by itself: a bug. The others were drained; a new process starts with a clean head.
#[derive(Debug, thiserror::Error)]
#[error("a loop of the engine panicked")]
pub struct LoopPanicked;

/// Runs every loop until `draining`, then lets what is in flight end, at most until `aborted`.
pub async fn run(
    engine: Engine,
    draining: CancellationToken,
    aborted: CancellationToken,
    on_beat: OnBeat,
) -> Result<(), LoopPanicked> {
    let wake = Wake::default();
    let (settler, done) = mpsc::channel(engine.settings.concurrency.max(1));
    let backlog = settler.downgrade();
    let places = Arc::new(Semaphore::new(engine.settings.concurrency));
    let mut loops = JoinSet::new();
    for index in 0..engine.accounts.len() {
        let places = Arc::clone(&places);
        let lane = Lane::new(engine.clone(), index, settler.clone(), wake.clone(), places);
        loops.spawn(lane.run(draining.clone(), aborted.clone()));
    }
    drop(settler);
    loops.spawn(settler::run(engine.clone(), done, wake.clone(), aborted));
    loops.spawn(listen(engine.pool.clone(), wake.clone(), draining.clone()));
    loops.spawn(plan(engine.clone(), wake, draining.clone()));
    loops.spawn(rescue_lost(engine.clone(), draining.clone()));
    loops.spawn(keep_retention(engine.clone(), draining.clone()));
    loops.spawn(beat(engine, backlog, on_beat, draining.clone()));
    let mut ended = Ok(());
    while let Some(result) = loops.join_next().await {
        if let Err(panic) = result {
            error!(error = %panic, "a loop of the engine panicked: the daemon drains and stops; start it again");
            draining.cancel();
            ended = Err(LoopPanicked);
        }
    }
    ended
}

/// The turns of a loop.
struct Turns {
    interval: Duration,
    draining: CancellationToken,
    what: &'static str,
}

impl Turns {
    /// A turn that failed is logged, and made up for by the next one.
    fn report(&self, result: Result<(), StoreError>) {
        if let Err(problem) = result {
            warn!(error = %chain(&problem), "could not {}; tried again at the next turn", self.what);
        }
    }

    /// Waits for the next turn; false when there is none.
    async fn next(&self) -> bool {
        tokio::select! {
            () = tokio::time::sleep(self.interval) => {}
            () = self.draining.cancelled() => {}
        }
        !self.draining.is_cancelled()
    }
}

async fn plan(engine: Engine, wake: Wake, draining: CancellationToken) {
    let interval = engine.settings.planner_interval;
    let turns = Turns {
        interval,
        draining,
        what: "plan",
    };
    loop {
        turns.report(plan_all(&engine, &wake, &turns.draining).await);
        if !turns.next().await {
            return;
        }
    }
}

/// Batch after batch, until nothing is due or the daemon stops.
async fn plan_all(
    engine: &Engine,
    wake: &Wake,
    draining: &CancellationToken,
) -> Result<(), StoreError> {
    while !draining.is_cancelled() && planner::tick(engine).await? > 0 {
        wake.wake();
    }
    Ok(())
}

async fn rescue_lost(engine: Engine, draining: CancellationToken) {
    let interval = engine.settings.rescue_interval;
    let turns = Turns {
        interval,
        draining,
        what: "rescue the jobs of lost workers",
    };
    loop {
        turns.report(rescue::tick(&engine).await.map(|_| ()));
        if !turns.next().await {
            return;
        }
    }
}

async fn keep_retention(engine: Engine, draining: CancellationToken) {
    let interval = engine.settings.retention.interval;
    let turns = Turns {
        interval,
        draining,
        what: "make and drop partitions",
    };
    loop {
        turns.report(retention::tick(&engine).await);
        if !turns.next().await {
            return;
        }
    }
}

async fn beat(
    engine: Engine,
    backlog: mpsc::WeakSender<Done>,
    on_beat: OnBeat,
    draining: CancellationToken,
) {
    let interval = engine.settings.heartbeat_interval;
    let turns = Turns {
        interval,
        draining,
        what: "take the pulse",
    };
    loop {
        let waiting = backlog.upgrade().map_or(0, |sender| {
            sender.max_capacity().saturating_sub(sender.capacity())
        });
        let beat = heartbeat::tick(&engine, waiting).await;
        on_beat(beat.as_ref());
        turns.report(beat.map(|_| ()));
        if !turns.next().await {
            return;
        }
    }
}
