//! `mandated run`: the daemon.

use std::sync::Arc;

use anyhow::Context;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{Failure, engine};
use crate::admin::http::{Listener, Readiness, readiness};
use crate::config::Config;
use crate::engine::loops::{self, OnBeat};
use crate::engine::simulation;
use crate::lifecycle::Lifecycle;
use crate::telemetry::{self, Destination};

/// Runs until a signal, or until simulated time is over.
pub(super) async fn run(config: &Config) -> Result<(), Failure> {
    telemetry::init(&config.log, Destination::Stdout).context("set up the log")?;
    let pool = engine::connect_checked(config).await?;
    let engine = engine::build(config, pool, engine::clock(config)).await?;
    if engine.accounts.is_empty() {
        let error = anyhow::anyhow!("no account is configured: there is nothing to run");
        return Err(Failure::config(
            error,
            "add a table [accounts.NAME]; config/production.example.toml shows one",
        ));
    }
    let listener = Listener::bind(&config.listen).await.map_err(|error| {
        Failure::hinted(
            error,
            "stop what uses the port, or set listen.address to a free one",
        )
    })?;
    let lifecycle =
        Arc::new(Lifecycle::start(config.worker.drain_timeout).context("listen to signals")?);
    let (readiness, ready) = readiness();
    let mut side = tokio::task::JoinSet::new();
    side.spawn(listener.serve(ready, lifecycle.aborted()));
    info!(
        service.version = env!("CARGO_PKG_VERSION"),
        worker.id = engine.settings.worker_id.as_str(),
        accounts = engine.accounts.len(),
        simulated = engine.clock.is_simulated(),
        "running"
    );
    readiness.send_replace(Readiness::Ready);
    lifecycle.ready();
    let worker = engine.settings.worker_id.clone();
    if engine.clock.is_simulated() {
        let limits = simulation::Limits {
            until: config.clock.end,
            step: config.clock.step,
        };
        simulation::run(&engine, limits, &lifecycle.draining(), |_| {}).await?;
    } else {
        let on_beat = on_beat(Arc::clone(&lifecycle), readiness);
        loops::run(engine, lifecycle.draining(), lifecycle.aborted(), on_beat)
            .await
            .context("run the engine")?;
    }
    if lifecycle.aborted().is_cancelled() {
        warn!(
            worker.id = worker,
            "stopped with work under way; its leases run out and it is reconciled"
        );
        return Err(Failure::anyhow(
            anyhow::anyhow!("stopped before everything under way had ended"),
            "nothing is lost: what was open is reconciled by the next daemon",
        ));
    }
    info!(worker.id = worker, "stopped cleanly");
    Ok(())
}

/// A heartbeat that works keeps the service manager's watchdog quiet; one that does not makes the daemon not ready.
fn on_beat(lifecycle: Arc<Lifecycle>, readiness: watch::Sender<Readiness>) -> OnBeat {
    Arc::new(move |beat| {
        let state = match beat {
            Ok(_) => {
                lifecycle.alive();
                Readiness::Ready
            }
            Err(_) => Readiness::NotReady("the database does not answer".to_owned()),
        };
        readiness.send_replace(state);
    })
}
