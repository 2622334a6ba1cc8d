//! How the daemon ends. The first SIGTERM or SIGINT drains: nothing new is claimed, calls under way end and are
//! settled. The second one, or the drain deadline, aborts: leases and intents in the database do the rest.
//!
//! Draining can also start from inside, when a loop failed: cancel [`Lifecycle::draining`].

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// The two tokens that everything in the daemon listens to. Dropping it stops listening to signals.
#[derive(Debug)]
pub struct Lifecycle {
    draining: CancellationToken,
    aborted: CancellationToken,
    /// Keeps the task that waits for signals; dropped with it.
    _supervisor: JoinSet<()>,
}

#[derive(Debug, thiserror::Error)]
#[error("listen to SIGTERM and SIGINT")]
pub struct SignalError(#[from] std::io::Error);

impl Lifecycle {
    /// Listens to signals from now on.
    pub fn start(drain_timeout: Duration) -> Result<Self, SignalError> {
        let signals = Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        };
        Ok(Self::supervised(signals, drain_timeout))
    }

    /// Listens to nothing: for tests and the demo. Both tokens can be cancelled by hand.
    pub fn manual() -> Self {
        Self {
            draining: CancellationToken::new(),
            aborted: CancellationToken::new(),
            _supervisor: JoinSet::new(),
        }
    }

    fn supervised(stops: impl Stops, drain_timeout: Duration) -> Self {
        let (draining, aborted) = (CancellationToken::new(), CancellationToken::new());
        let mut supervisor = JoinSet::new();
        supervisor.spawn(supervise(
            stops,
            drain_timeout,
            draining.clone(),
            aborted.clone(),
        ));
        Self {
            draining,
            aborted,
            _supervisor: supervisor,
        }
    }

    /// Cancelled when nothing new may be started.
    pub fn draining(&self) -> CancellationToken {
        self.draining.clone()
    }

    /// Cancelled when even what was started must stop.
    pub fn aborted(&self) -> CancellationToken {
        self.aborted.clone()
    }

    /// Tells the service manager that the daemon is up.
    pub fn ready(&self) {
        tell(&[NotifyState::Status("running"), NotifyState::Ready]);
    }

    /// Tells the service manager that the daemon still waits for something before it is up, and will for so long at most before
    /// it says so again.
    pub fn waiting(&self, at_most: Duration) {
        let micros = u32::try_from(at_most.as_micros()).unwrap_or(u32::MAX);
        let status = NotifyState::Status("waiting for the database");
        tell(&[status, NotifyState::ExtendTimeoutUsec(micros)]);
    }

    /// Tells the service manager that the loops turn. To be called by a loop, so that a daemon that stands still
    /// is restarted.
    pub fn alive(&self) {
        tell(&[NotifyState::Watchdog]);
    }
}

/// Where requests to stop come from.
trait Stops: Send + 'static {
    /// Waits for the next one, and names it.
    fn next(&mut self) -> impl Future<Output = &'static str> + Send;
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops for Signals {
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

async fn supervise(
    mut stops: impl Stops,
    drain_timeout: Duration,
    draining: CancellationToken,
    aborted: CancellationToken,
) {
    tokio::select! {
        signal = stops.next() => {
            info!(signal, drain_timeout_ms = millis(drain_timeout), "stopping: calls under way \
             may end, a second signal stops at once");
        }
        () = draining.cancelled() => {}
    }
    tell(&[NotifyState::Stopping]);
    draining.cancel();
    tokio::select! {
        signal = stops.next() => warn!(signal, "second signal: stopping at once, open leases \
         will be rescued"),
        () = tokio::time::sleep(drain_timeout) => {
            warn!(drain_timeout_ms = millis(drain_timeout), "the drain deadline passed: stopping \
             at once, open leases will be rescued");
        }
    }
    aborted.cancel();
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Without systemd this does nothing.
fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        debug!(%error, "the service manager was not told");
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    struct Channel(mpsc::Receiver<&'static str>);

    impl Stops for Channel {
        async fn next(&mut self) -> &'static str {
            match self.0.recv().await {
                Some(signal) => signal,
                None => std::future::pending().await,
            }
        }
    }

    const LONG: Duration = Duration::from_hours(1);

    fn lifecycle(drain_timeout: Duration) -> (mpsc::Sender<&'static str>, Lifecycle) {
        let (sender, receiver) = mpsc::channel(4);
        (
            sender,
            Lifecycle::supervised(Channel(receiver), drain_timeout),
        )
    }

    async fn soon(token: CancellationToken) {
        tokio::time::timeout(Duration::from_secs(10), token.cancelled())
            .await
            .expect("the token is never cancelled");
    }

    #[tokio::test]
    async fn the_first_signal_drains_and_the_second_aborts() {
        let (signals, lifecycle) = lifecycle(LONG);
        signals.send("SIGTERM").await.unwrap();
        soon(lifecycle.draining()).await;
        assert!(!lifecycle.aborted().is_cancelled());
        signals.send("SIGINT").await.unwrap();
        soon(lifecycle.aborted()).await;
    }

    #[tokio::test]
    async fn the_drain_deadline_aborts() {
        let (signals, lifecycle) = lifecycle(Duration::from_millis(1));
        signals.send("SIGTERM").await.unwrap();
        soon(lifecycle.aborted()).await;
        assert!(lifecycle.draining().is_cancelled());
    }

    #[tokio::test]
    async fn draining_from_inside_has_the_same_deadline() {
        let (_signals, lifecycle) = lifecycle(Duration::from_millis(1));
        assert!(!lifecycle.aborted().is_cancelled());
        lifecycle.draining().cancel();
        soon(lifecycle.aborted()).await;
    }

    #[tokio::test]
    async fn a_real_signal_drains() {
        use rustix::process::{Signal, getpid, kill_process};
        let lifecycle = Lifecycle::start(LONG).unwrap();
        kill_process(getpid(), Signal::TERM).unwrap();
        soon(lifecycle.draining()).await;
        assert!(!lifecycle.aborted().is_cancelled());
        kill_process(getpid(), Signal::INT).unwrap();
        soon(lifecycle.aborted()).await;
    }
}
