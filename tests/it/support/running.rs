//! Daemons that really run, and conditions that are waited for.

use std::sync::Arc;
use std::time::Duration;

use mandated::engine::Engine;
use mandated::engine::loops::{LoopPanicked, OnBeat, run};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);

/// An engine with all of its loops.
pub(crate) struct Running {
    draining: CancellationToken,
    aborted: CancellationToken,
    task: JoinHandle<Result<(), LoopPanicked>>,
}

impl Running {
    pub(crate) fn start(engine: Engine) -> Self {
        let (draining, aborted) = (CancellationToken::new(), CancellationToken::new());
        let on_beat: OnBeat = Arc::new(|_| {});
        let task = tokio::spawn(run(engine, draining.clone(), aborted.clone(), on_beat));
        Self {
            draining,
            aborted,
            task,
        }
    }

    /// The first signal: what is under way ends, and nothing new begins.
    pub(crate) async fn drain(self) {
        self.draining.cancel();
        self.ended().await;
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
