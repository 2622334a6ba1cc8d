//! One daemon of the chaos: the engine, the clock and the wire of its own that a process would have.

use std::sync::Arc;

use anyhow::Context;
use chrono::TimeDelta;
use mandated::cli::Failure;
use mandated::clock::Clock;
use mandated::compose::{self, engine};
use mandated::domain::Timestamp;
use mandated::engine::job::FinishedJob;
use mandated::engine::{Account, Engine};
use mandated::store::claim::Claimed;

use crate::environment;
use crate::postgres::Wire;
use crate::sandbox::Sandbox;

/// Longer than a call takes on a busy machine, and shorter than what the sandbox calls slow.
const TIMEOUT: &str = "2s";

/// What every daemon is started with.
#[derive(Debug)]
pub(super) struct ChaosEnvironment<'a> {
    pub(super) sandbox: &'a Sandbox,
    pub(super) postgres_port: u16,
    pub(super) database: String,
    pub(super) start: Timestamp,
}

impl ChaosEnvironment<'_> {
    /// The database at the far end of a wire.
    pub(super) fn url(&self, wire: &Wire) -> String {
        let (port, database) = (wire.port(), &self.database);
        format!("postgres://postgres@127.0.0.1:{port}/{database}?sslmode=disable")
    }
}

#[derive(Debug)]
pub(super) struct Daemon {
    /// The worker id, new with every process.
    pub(super) name: String,
    pub(super) engine: Engine,
    pub(super) wire: Wire,
    /// How far its clock is from the true time.
    pub(super) skew: TimeDelta,
    pub(super) frozen: Option<Frozen>,
}

/// What a daemon holds while it stands still.
#[derive(Debug)]
pub(super) struct Frozen {
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
    /// Claimed, and not called: the account's number in the engine, and the job.
    pub(super) claimed: Vec<(Arc<Account>, Claimed)>,
    /// Called, and not settled.
    pub(super) done: Vec<FinishedJob>,
}

impl Daemon {
    pub(super) async fn start(
        environment: &ChaosEnvironment<'_>,
        name: String,
    ) -> Result<Self, Failure> {
        let wire = Wire::lay(environment.postgres_port)
            .await
            .context("lay a wire to Postgres")?;
        let url = environment.url(&wire);
        let more = [
            ("WORKER__ID", name.as_str()),
            ("ACCOUNTS__JUSPAY_MAIN__TIMEOUT", TIMEOUT),
            ("ACCOUNTS__SIGNZY_MAIN__TIMEOUT", TIMEOUT),
        ];
        let config = environment::config(&url, environment.sandbox, environment.start, &more)?;
        let pool = compose::connect(&config).await?;
        let engine = engine::build(&config, pool, Clock::simulated(environment.start)).await?;
        Ok(Self {
            name,
            engine,
            wire,
            skew: TimeDelta::zero(),
            frozen: None,
        })
    }

    /// Lets its clock show what it shows at a true time.
    pub(super) fn look_at_the_clock(&self, now: Timestamp) {
        let shown = now.checked_add_signed(self.skew).unwrap_or(now);
        self.engine.clock.step_to(shown);
    }
}
