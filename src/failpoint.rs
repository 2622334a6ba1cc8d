//! Where a crash test kills or stops the process: before and after every await between claim and commit.
//!
//! Only debug builds have these points, and only in those that cargo builds for tests do they act: `fail/failpoints` is a feature of the
//! dev-dependency. A release build awaits the future and nothing else.
//!
//! `FAILPOINTS="settle.before=2*off->return"` kills at the third settlement, `return(stop)` stops there until SIGCONT. At the level
//! `trace` the log names every point that is passed: that is where a crash test has its points from.

use std::time::Duration;

use fail::{FailScenario, fail_point};
use rustix::process::{Signal, getpid, kill_process};
use tracing::trace;

/// Longer than it takes every thread to stop.
const STOPPING: Duration = Duration::from_secs(1);

/// Reads `FAILPOINTS`; what it asks for holds until the return value is dropped.
pub fn armed() -> Option<FailScenario<'static>> {
    (cfg!(debug_assertions) && fail::has_failpoints()).then(FailScenario::setup)
}

/// Awaits `future` between the points `NAME.before` and `NAME.after`.
pub async fn around<F: Future>(name: &'static str, future: F) -> F::Output {
    if cfg!(debug_assertions) {
        pass(name, "before");
    }
    let output = future.await;
    if cfg!(debug_assertions) {
        pass(name, "after");
    }
    output
}

fn pass(name: &str, edge: &str) {
    let point = format!("{name}.{edge}");
    trace!(point, "passed");
    let asked = || -> Option<Option<String>> {
        fail_point!(&point, Some);
        None
    };
    if let Some(how) = asked() {
        let signal = match how.as_deref() {
            Some("stop") => Signal::STOP,
            Some(_) | None => Signal::KILL,
        };
        if kill_process(getpid(), signal).is_err() {
            std::process::abort();
        }
        if signal == Signal::STOP {
            // A process is killed at once, but it stops when one of its threads hears of the signal: this one must not go on meanwhile.
            std::thread::sleep(STOPPING);
        }
    }
}
