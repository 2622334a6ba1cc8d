//! Why the daemon did not start, or did not end as it should.

use crate::compose::ComposeError;
use crate::engine::loops::LoopPanicked;
use crate::lifecycle::SignalError;
use crate::store::StoreError;
use crate::telemetry::TelemetryError;

use super::listener::ListenError;

#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    #[error("set up the log")]
    Log(#[from] TelemetryError),
    #[error("no account is configured: there is nothing to run")]
    NoAccount,
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("listen to signals")]
    Signals(#[from] SignalError),
    #[error("listen to SIGHUP")]
    Hangups(#[source] std::io::Error),
    #[error(transparent)]
    Start(#[from] ComposeError),
    /// Only where time is simulated, and only what does not pass by itself.
    #[error(transparent)]
    Simulation(#[from] StoreError),
    #[error("run the engine")]
    Engine(#[from] LoopPanicked),
    #[error("stopped before everything under way had ended")]
    Aborted,
}
