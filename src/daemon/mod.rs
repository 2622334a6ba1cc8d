//! `mandated run`: the life of the daemon, from its start over its signals to its end.

mod error;
pub mod listener;
mod reload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::compose::{self, ComposeError};
use crate::config::Config;
use crate::domain::backoff::backoff_delay;
use crate::engine::database_health::DatabaseHealth;
use crate::engine::loops::{self, OnHeartbeat};
use crate::engine::metrics::Metrics;
use crate::engine::{Engine, simulation};
use crate::lifecycle::Lifecycle;
use crate::store::StoreError;
use crate::telemetry::{self, Destination};

pub use error::DaemonError;
use listener::{ListenError, Listener, Readiness, readiness};
use reload::Reload;

/// The database's health at the start is logged under this name.
const NAME: &str = "start";
/// And while simulated time passes under this one.
const SIMULATION: &str = "simulate";

/// Runs until a signal, or until simulated time is over.
pub async fn run(config: &Config, file: Option<PathBuf>) -> Result<(), DaemonError> {
    let filter = telemetry::init(&config.log, Destination::Stdout)?;
    if config.accounts.is_empty() {
        return Err(DaemonError::NoAccount);
    }
    let listener = Listener::bind(&config.listen).await?;
    let lifecycle = Arc::new(Lifecycle::start(config.worker.drain_timeout)?);
    let mut hangups = signal(SignalKind::hangup()).map_err(DaemonError::Hangups)?;
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
        worker.id = &*engine.settings.worker_id,
        accounts = engine.accounts.len(),
        simulated = engine.clock.is_simulated(),
        "running"
    );
    let worker = Arc::clone(&engine.settings.worker_id);
    let accounts = Arc::clone(&engine.accounts);
    let mut reload = Reload::new(accounts, engine.key_probe(), worker, filter, file, config);
    side.spawn(async move {
        while hangups.recv().await.is_some() {
            reload.again().await;
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
    let worker = Arc::clone(&engine.settings.worker_id);
    if engine.clock.is_simulated() {
        let limits = simulation::Limits {
            until: config.clock.end,
            step: config.clock.step,
        };
        // Simulated time has no heartbeats, which say it otherwise.
        engine.heartbeat().warn_at_start().await?;
        simulate(&engine, limits, &lifecycle).await?;
    } else {
        let on_heartbeat = on_heartbeat(Arc::clone(&lifecycle), readiness, metrics);
        loops::run(
            engine,
            lifecycle.draining(),
            lifecycle.aborted(),
            on_heartbeat,
        )
        .await?;
    }
    if lifecycle.aborted().is_cancelled() {
        warn!(
            worker.id = &*worker,
            "stopped with work under way; its leases run out and it is reconciled"
        );
        return Err(DaemonError::Aborted);
    }
    info!(worker.id = &*worker, "stopped cleanly");
    Ok(())
}

/// Between two tries of a simulation whose database is away.
const SIMULATION_RETRY: Duration = Duration::from_secs(1);

/// Runs to the end of simulated time. A failure of the database that passes is waited for, as it is in real time; what was under
/// way then is reconciled when its lease is over.
async fn simulate(
    engine: &Engine,
    limits: simulation::Limits,
    lifecycle: &Lifecycle,
) -> Result<(), StoreError> {
    let (health, draining) = (&engine.database.health, lifecycle.draining());
    loop {
        let recovered = |_| health.recovered(SIMULATION);
        match simulation::run(engine, limits, &draining, recovered).await {
            Ok(()) => return Ok(()),
            Err(problem) if problem.kind().passes() => health.failed(SIMULATION, &problem),
            Err(problem) => return Err(problem),
        }
        tokio::select! {
            () = tokio::time::sleep(SIMULATION_RETRY) => {}
            () = draining.cancelled() => return Ok(()),
        }
    }
}

/// The longest that one try to start may take.
const START_TRY: Duration = Duration::from_mins(1);

/// Opens the database and builds the engine. What passes by itself (a server that is not up yet) is waited for; what is wrong for
/// good (the password, the schema) is an error. Nothing when the daemon is told to stop meanwhile.
async fn start(config: &Config, lifecycle: &Lifecycle) -> Result<Option<Engine>, ComposeError> {
    let (health, draining) = (
        DatabaseHealth::new(compose::engine::FAILURE_LOG_INTERVAL),
        lifecycle.draining(),
    );
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
            Err(_) => ComposeError::from(StoreError::NoAnswer {
                what: "read the schema and register the accounts",
                after: START_TRY,
                waiting_for_a_replica: 0,
            }),
        };
        match &failure {
            ComposeError::Connect(problem) | ComposeError::Store(problem)
                if problem.kind().passes() =>
            {
                health.failed(NAME, problem);
            }
            ComposeError::Connect(_)
            | ComposeError::Tls(_)
            | ComposeError::Pooler(_)
            | ComposeError::NoDirectUrl
            | ComposeError::Store(_)
            | ComposeError::DatabaseUrl(_)
            | ComposeError::ReadRules { .. }
            | ComposeError::Rules(_)
            | ComposeError::Client { .. } => return Err(failure),
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

async fn build(config: &Config) -> Result<Engine, ComposeError> {
    let pool = compose::connect_daemon(config).await?;
    compose::engine::build(config, pool, compose::clock(config)).await
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
/// answers that a restart would drop. One that fails makes the daemon not ready, and so does a reason to do nothing at all.
fn on_heartbeat(
    lifecycle: Arc<Lifecycle>,
    readiness: watch::Sender<Readiness>,
    metrics: Metrics,
) -> OnHeartbeat {
    Arc::new(move |beat| {
        lifecycle.alive();
        metrics.record_backlog(beat.waiting);
        if let Ok(heartbeat) = beat.heartbeat {
            metrics.record(heartbeat);
        }
        let why_not = match (beat.refusal, beat.heartbeat) {
            (Some(refusal), _) => Some(refusal),
            (None, Err(_)) => Some("the database does not answer"),
            (None, Ok(_)) => None,
        };
        readiness
            .send_replace(why_not.map_or_else(for_now, |why| Readiness::NotReady(why.to_owned())));
    })
}
