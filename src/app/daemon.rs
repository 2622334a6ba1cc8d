//! `mandated run`: the daemon.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::reload::Reload;
use super::{Failure, engine};
use crate::admin::http::{ListenError, Listener, Readiness, readiness};
use crate::config::Config;
use crate::domain::retry::backoff_delay;
use crate::engine::database_health::DatabaseHealth;
use crate::engine::loops::{self, OnBeat};
use crate::engine::metrics::Metrics;
use crate::engine::{Engine, simulation};
use crate::lifecycle::Lifecycle;
use crate::store::StoreError;
use crate::telemetry::{self, Destination};

/// What the health of the start are called.
const NAME: &str = "start";

/// Runs until a signal, or until simulated time is over.
pub(super) async fn run(config: &Config, file: Option<PathBuf>) -> Result<(), Failure> {
    let filter = telemetry::init(&config.log, Destination::Stdout).context("set up the log")?;
    if config.accounts.is_empty() {
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
    let mut hangups = signal(SignalKind::hangup()).context("listen to SIGHUP")?;
    let (readiness, ready) = readiness();
    let mut side = tokio::task::JoinSet::new();
    let metrics = Metrics::default();
    side.spawn(listener.serve(ready, metrics.handle(), lifecycle.aborted()));
    let waiting = "waiting for the database".to_owned();
    readiness.send_replace(Readiness::NotReady(waiting));
    let Some(engine) = start(config, &lifecycle).await? else {
        info!("stopped before the database was there");
        return Ok(());
    };
    info!(
        service.version = env!("CARGO_PKG_VERSION"),
        worker.id = engine.settings.worker_id.as_str(),
        accounts = engine.accounts.len(),
        simulated = engine.clock.is_simulated(),
        "running"
    );
    let mut reload = Reload::new(engine.clone(), filter, file, config);
    side.spawn(async move {
        while hangups.recv().await.is_some() {
            reload.again();
        }
        Ok(())
    });
    readiness.send_replace(if engine.clock.is_simulated() {
        // Simulated time has no heartbeats.
        Readiness::Ready
    } else {
        for_now()
    });
    side.spawn(until_it_stops(readiness.clone(), lifecycle.draining()));
    lifecycle.ready();
    let worker = engine.settings.worker_id.clone();
    if engine.clock.is_simulated() {
        let limits = simulation::Limits {
            until: config.clock.end,
            step: config.clock.step,
        };
        simulation::run(&engine, limits, &lifecycle.draining(), |_| {}).await?;
    } else {
        let on_beat = on_beat(Arc::clone(&lifecycle), readiness, metrics);
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

/// The longest that one try to start may take.
const START_TRY: Duration = Duration::from_mins(1);

/// Opens the database and builds the engine. What passes by itself (a server that is not up yet) is waited for; what is wrong for
/// good (the password, the schema) is an error. Nothing when the daemon is told to stop meanwhile.
async fn start(config: &Config, lifecycle: &Lifecycle) -> Result<Option<Engine>, Failure> {
    let (health, draining) = (DatabaseHealth::new(engine::TROUBLE), lifecycle.draining());
    let mut failures = 0u16;
    loop {
        let started = tokio::select! {
            started = tokio::time::timeout(START_TRY, build(config)) => started,
            () = draining.cancelled() => return Ok(None),
        };
        let failure = match started {
            Ok(Ok(engine)) => {
                health.recovered(NAME);
                return Ok(Some(engine));
            }
            Ok(Err(failure)) => failure,
            Err(_) => Failure::from(StoreError::NoAnswer {
                what: "read the schema and register the accounts",
                after: START_TRY,
                waiting_for_a_replica: 0,
            }),
        };
        match failure.error.downcast_ref::<StoreError>() {
            Some(problem) if problem.kind().passes() => health.failed(NAME, problem),
            Some(_) | None => return Err(failure),
        }
        lifecycle.waiting(START_TRY.saturating_mul(2));
        let pause = backoff_delay(
            Duration::from_millis(500),
            Duration::from_secs(10),
            failures,
        );
        failures = failures.saturating_add(1);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = draining.cancelled() => return Ok(None),
        }
    }
}

async fn build(config: &Config) -> Result<Engine, Failure> {
    let pool = engine::connect_checked(config).await?;
    engine::build(config, pool, engine::clock(config)).await
}

/// A daemon of which no heartbeat is heard for so long does not work, whatever it said before.
const HEARD: Duration = Duration::from_mins(1);

/// Nobody should wait for a daemon that claims nothing more.
async fn until_it_stops(
    readiness: watch::Sender<Readiness>,
    draining: CancellationToken,
) -> Result<(), ListenError> {
    draining.cancelled().await;
    readiness.send_replace(Readiness::NotReady("stopping".to_owned()));
    Ok(())
}

fn for_now() -> Readiness {
    tokio::time::Instant::now()
        .checked_add(HEARD)
        .map_or(Readiness::Ready, Readiness::ReadyUntil)
}

/// Every heartbeat keeps the service manager's watchdog quiet, the failed ones too: a daemon that waits for its database holds
/// answers that a restart would drop. One that fails makes the daemon not ready.
fn on_beat(
    lifecycle: Arc<Lifecycle>,
    readiness: watch::Sender<Readiness>,
    metrics: Metrics,
) -> OnBeat {
    Arc::new(move |waiting, beat| {
        lifecycle.alive();
        metrics.record_backlog(waiting);
        let state = match beat {
            Ok(beat) => {
                metrics.record(beat);
                for_now()
            }
            Err(_) => Readiness::NotReady("the database does not answer".to_owned()),
        };
        readiness.send_replace(state);
    })
}
