//! Daemons that really run, and conditions that are waited for.

use std::sync::{Arc, Weak};
use std::time::Duration;

use mandated::engine::Engine;
use mandated::engine::loops::{LoopPanicked, OnHeartbeat, run};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::due::{execute, scalar};
use super::world::{World, at};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(3);

/// An engine with all of its loops.
pub(crate) struct Running {
    draining: CancellationToken,
    aborted: CancellationToken,
    /// Gone with the loop of the heartbeat.
    beats: Weak<()>,
    task: JoinHandle<Result<(), LoopPanicked>>,
}

impl Running {
    pub(crate) fn start(engine: Engine) -> Self {
        let (draining, aborted) = (CancellationToken::new(), CancellationToken::new());
        let beats = Arc::new(());
        let gone = Arc::downgrade(&beats);
        let on_heartbeat: OnHeartbeat = Arc::new(move |_| _ = &beats);
        let task = tokio::spawn(run(engine, draining.clone(), aborted.clone(), on_heartbeat));
        Self {
            draining,
            aborted,
            beats: gone,
            task,
        }
    }

    /// The first signal: what is under way ends, and nothing new begins.
    pub(crate) async fn drain(self) {
        self.draining.cancel();
        self.ended().await;
    }

    /// The first signal, and what is under way has not ended: the loops have heard of it.
    pub(crate) async fn begin_to_drain(&self) {
        self.draining.cancel();
        until("the loops drain", async || self.beats.strong_count() == 0).await;
        assert!(!self.task.is_finished(), "nothing was under way");
    }

    /// The second signal: stop at once.
    pub(crate) async fn abort(self) {
        self.draining.cancel();
        self.aborted.cancel();
        self.ended().await;
    }

    async fn ended(self) {
        let ended = tokio::time::timeout(DEADLINE, self.task).await;
        ended
            .expect("the engine ends")
            .expect("the engine does not panic")
            .expect("no loop panics");
    }
}

/// Waits until a condition holds, and fails with `what` when it never does.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every debit is due now, at seven on the 5th.
pub(crate) async fn all_due(world: &World) {
    world.clock.advance_to(at("05 07:00"));
    // A daemon that runs already plans too: what it has under way is not there yet.
    let mandates: i64 = scalar(world.pool(), "select count(*) from mandated.mandates").await;
    until("every cycle is planned", async || {
        world.engine.planner().tick().await.unwrap();
        scalar::<i64>(world.pool(), "select count(*) from mandated.jobs").await == mandates
    })
    .await;
    execute(
        world.pool(),
        "update mandated.jobs set run_at = '2027-02-05T01:30Z'",
    )
    .await;
}
