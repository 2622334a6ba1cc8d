//! `mandated-lab demo`: a private Postgres, the sandbox, a thousand mandates and 35 days, in seconds.
//!
//! It uses what the daemon uses: the import, the planner, the claim, the clients, the settlement. Only the clock is another.

mod args;
mod recovery;
mod report;

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use mandated::cli::Failure;
use mandated::clock::Clock;
use mandated::compose::{self, engine};
use mandated::config::Config;
use mandated::domain::Timestamp;
use mandated::engine::{Engine, simulation};
use mandated::ops::import::import_configured;
use mandated::store;
use tokio_util::sync::CancellationToken;

use crate::environment;
use crate::population::{self, Season};
use crate::postgres::PrivatePostgres;
use crate::sandbox::{self, Faults, Sandbox};
pub use args::Demo;

/// Simulated time moves in multiples of this.
const STEP: Duration = Duration::from_mins(15);
/// Days between two lines of progress where there is no bar.
const TELL_EVERY: u64 = 5;

/// Lives through the demo and prints what came of it.
pub async fn run(demo: &Demo, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let started = tokio::time::Instant::now();
    let teller = Teller { silent: json };
    let environment = DemoEnvironment::set(demo, &teller).await?;
    environment.live(demo, &teller).await?;
    let report = report::collect(&environment, demo).await?;
    if json {
        serde_json::to_writer(&mut *out, &report).context("write the report")?;
        writeln!(out).context("write the report")?;
    } else {
        report.write(out).context("write the report")?;
    }
    let seconds = started.elapsed().as_secs_f64();
    teller.say(&format!("{} days lived in {seconds:.1} s", demo.days))?;
    environment.sandbox.stop().await;
    environment.engine.database.pool.close().await;
    if report.holds {
        Ok(())
    } else {
        Err(Failure::from(anyhow::anyhow!(
            "the demo found a mismatch: see the report"
        )))
    }
}

/// Says on standard error how far it is.
struct Teller {
    silent: bool,
}

impl Teller {
    fn say(&self, text: &str) -> Result<(), anyhow::Error> {
        if self.silent {
            return Ok(());
        }
        writeln!(std::io::stderr(), "{text}").context("write the progress")
    }
}

/// Everything that the demo plays on.
struct DemoEnvironment {
    start: Timestamp,
    end: Timestamp,
    sandbox: Sandbox,
    config: Config,
    engine: Engine,
    /// Stops when it is dropped.
    _postgres: PrivatePostgres,
}

impl DemoEnvironment {
    async fn set(demo: &Demo, teller: &Teller) -> Result<Self, Failure> {
        let (start, end) = environment::days(demo.days)?;
        teller.say("starting a private Postgres")?;
        let postgres = environment::postgres("demo").await?;
        teller
            .say("starting the sandbox: both providers on loopback, with a ledger of their own")?;
        let sandbox = environment::sandbox(demo.seed, demo.profile, Faults::DEMO, start).await?;
        let more = [
            ("WORKER__ID", "demo"),
            ("ACCOUNTS__JUSPAY_MAIN__TIMEOUT", "5s"),
            ("ACCOUNTS__SIGNZY_MAIN__TIMEOUT", "5s"),
        ];
        let config = environment::config(&postgres.url("demo"), &sandbox, start, &more)?;
        let pool = compose::connect(&config).await?;
        let ahead = i32::try_from(config.retention.partitions_ahead).unwrap_or(i32::MAX);
        store::migrate::migrate(&pool, start, ahead).await?;
        let engine = engine::build(&config, pool, Clock::simulated(start)).await?;
        let environment = Self {
            start,
            end,
            sandbox,
            config,
            engine,
            _postgres: postgres,
        };
        teller.say(&format!("importing {} mandates", demo.mandates))?;
        environment.import(demo).await?;
        Ok(environment)
    }

    /// The same file for both sides.
    async fn import(&self, demo: &Demo) -> Result<(), Failure> {
        let file = population::csv(demo.seed, demo.mandates, Season::Months);
        // The sandbox's Signzy debits every cycle that it knows: none before the demo begins.
        let first_cycles = self
            .start
            .with_timezone(&chrono_tz::Asia::Kolkata)
            .date_naive();
        let name = Path::new("the demo's mandates");
        let known = sandbox::parse_mandates(name, &file, "signzy_main", first_cycles)
            .context("read the mandates for the sandbox")?;
        self.sandbox.register(known);
        let (config, pool) = (&self.config, &self.engine.database.pool);
        let report = import_configured(config, pool, file.as_bytes(), self.start, false, &|_| {})
            .await
            .context("import the mandates")?;
        if report.invalid > 0 || report.imported != u64::from(demo.mandates) {
            return Err(Failure::from(anyhow::anyhow!(
                "the demo's own mandates were not imported: {report:?}"
            )));
        }
        Ok(())
    }

    /// Until the last day, and then everything that the providers do by themselves up to it.
    async fn live(&self, demo: &Demo, teller: &Teller) -> Result<(), Failure> {
        let bar = progress(demo.days);
        let limits = simulation::Limits {
            until: Some(self.end),
            step: STEP,
        };
        let mut told = Ok(0_u64);
        simulation::run(&self.engine, limits, &CancellationToken::new(), |now| {
            let day = days_between(self.start, now);
            bar.set_position(day);
            if let Ok(last) = told
                && bar.is_hidden()
                && day >= last.saturating_add(TELL_EVERY)
            {
                told = teller
                    .say(&format!("day {day} of {}", demo.days))
                    .map(|()| day);
            }
        })
        .await?;
        told?;
        bar.finish_and_clear();
        self.engine.retention().tick().await?;
        self.sandbox.settle(self.end);
        Ok(())
    }
}

fn days_between(start: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.signed_duration_since(start).num_days()).unwrap_or(0)
}

/// A bar of days on a terminal; hidden otherwise.
fn progress(days: u32) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("day {pos:>2} of {len} [{bar:35}] {elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(u64::from(days)).with_style(style)
}
