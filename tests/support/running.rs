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
const DEADLINE: Duration = Duration::from_mins(10);
/// How long nothing moves before the clock does, though something is due: it waits for the clock, or for a lease that nobody holds.
const STANDSTILL: Duration = Duration::from_millis(500);

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

/// Lets time pass until only so many cycles are not collected. The clock stands still while daemons are at work: on a slow machine they
/// would miss their cycles. When nothing moves any more, leases that nobody works under end at once.
pub(crate) async fn collected_but(world: &World, left: i64) {
    let (mut before, mut moved_at) = (None, Instant::now());
    until("everything is collected", async || {
        let now = world.clock.now();
        let sql = "select (select count(*) from mandated.executions where state <> 'charged'),
                          (select count(*) from mandated.jobs where lease_token is not null or run_at <= $1),
                          (select count(*) from mandated.attempts)";
        let counts: sqlx::Result<(i64, i64, i64)> =
            sqlx::query_as(sql).bind(now).fetch_one(world.pool()).await;
        // The first connections after a crash may be dead ones.
        let Ok(counts) = counts else {
            return false;
        };
        let (open, due, _) = counts;
        if before.replace(counts) != Some(counts) {
            moved_at = Instant::now();
        }
        let stands_still = moved_at.elapsed() > STANDSTILL;
        if stands_still {
            let lapsed = "update mandated.jobs set lease_until = now() - interval '1 second'
                           where lease_token is not null and lease_until < now() + interval '3 seconds'";
            drop(sqlx::query(lapsed).execute(world.pool()).await);
        }
        if due == 0 || stands_still {
            world.clock.advance_to(now + chrono::TimeDelta::minutes(10));
            moved_at = Instant::now();
        }
        open == left
    })
    .await;
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
