//! `mandated demo`: a private Postgres, the sandbox, a thousand mandates and 35 days, in seconds.
//!
//! It uses what the daemon uses: the import, the planner, the claim, the clients, the settlement. Only the clock is another.

mod mandates;
mod recovery;
mod report;

use std::io::{IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use chrono::{DateTime, Days, SecondsFormat};
use indicatif::{ProgressBar, ProgressStyle};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

use super::{Failure, engine, import};
use crate::cli::Demo;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{Instant, ProviderKind};
use crate::engine::{Engine, retention, simulation};
use crate::sandbox::postgres::PrivatePostgres;
use crate::sandbox::{self, Credentials, Faults, Options, Sandbox};
use crate::store;

/// The 28th of January 2027, midnight in India: the days after it have a 31st, and a February in which it is missing.
const START: &str = "2027-01-28T00:00:00+05:30";
/// Simulated time moves in multiples of this.
const STEP: Duration = Duration::from_mins(5);
/// Days between two lines of progress where there is no bar.
const TELL_EVERY: u64 = 5;
const API_KEY: &str = "demo-key";
const MERCHANT: &str = "demo_merchant";

/// Lives through the demo and prints what came of it.
pub(super) async fn run(demo: &Demo, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let started = tokio::time::Instant::now();
    let teller = Teller { silent: json };
    let stage = Stage::set(demo, &teller).await?;
    stage.live(demo, &teller).await?;
    let report = report::collect(&stage, demo).await?;
    if json {
        serde_json::to_writer(&mut *out, &report).context("write the report")?;
        writeln!(out).context("write the report")?;
    } else {
        report.write(out).context("write the report")?;
    }
    let seconds = started.elapsed().as_secs_f64();
    teller.say(&format!("{} days lived in {seconds:.1} s", demo.days))?;
    stage.sandbox.stop().await;
    stage.engine.pool.close().await;
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
struct Stage {
    start: Instant,
    end: Instant,
    sandbox: Sandbox,
    config: Config,
    engine: Engine,
    /// Stops when it is dropped.
    _postgres: PrivatePostgres,
}

impl Stage {
    async fn set(demo: &Demo, teller: &Teller) -> Result<Self, Failure> {
        let (start, end) = days(demo.days)?;
        teller.say("starting a private Postgres")?;
        let hint = "install Postgres 15 or later (`make demo` does), so that initdb is found";
        let postgres =
            PrivatePostgres::start(false).map_err(|error| Failure::hinted(error, hint))?;
        postgres
            .create_database("demo")
            .await
            .map_err(|error| Failure::hinted(error, hint))?;
        teller
            .say("starting the sandbox: both providers on loopback, with a ledger of their own")?;
        let sandbox = start_sandbox(demo, start).await?;
        let config = config(&postgres.url("demo"), &sandbox, start)?;
        let pool = engine::connect(&config).await?;
        let ahead = i32::try_from(config.retention.partitions_ahead).unwrap_or(i32::MAX);
        store::migrate::migrate(&pool, start, ahead).await?;
        store::report::set_tag(&pool, &tag(demo.seed)).await?;
        let engine = engine::build(&config, pool, Clock::simulated(start)).await?;
        let stage = Self {
            start,
            end,
            sandbox,
            config,
            engine,
            _postgres: postgres,
        };
        teller.say(&format!("importing {} mandates", demo.mandates))?;
        stage.import(demo).await?;
        Ok(stage)
    }

    /// The same file for both sides.
    async fn import(&self, demo: &Demo) -> Result<(), Failure> {
        let file = mandates::csv(demo.seed, demo.mandates);
        // The sandbox's Signzy debits every cycle that it knows: none before the demo begins.
        let first_cycles = self
            .start
            .with_timezone(&chrono_tz::Asia::Kolkata)
            .date_naive();
        let name = Path::new("the demo's mandates");
        let known = sandbox::parse_mandates(name, &file, "signzy_main", first_cycles)
            .context("read the mandates for the sandbox")?;
        self.sandbox.register(known);
        let (config, pool) = (&self.config, &self.engine.pool);
        let report = import::import(config, pool, file.as_bytes(), self.start, false).await?;
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
        retention::tick(&self.engine).await?;
        self.sandbox.settle(self.end);
        Ok(())
    }
}

fn days(count: u32) -> Result<(Instant, Instant), anyhow::Error> {
    let start = DateTime::parse_from_rfc3339(START)
        .context("read the demo's start")?
        .to_utc();
    let end = start
        .checked_add_days(Days::new(u64::from(count)))
        .context("add the demo's days")?;
    Ok((start, end))
}

fn days_between(start: Instant, now: Instant) -> u64 {
    u64::try_from(now.signed_duration_since(start).num_days()).unwrap_or(0)
}

/// The order ids of one seed are the same in every run: four characters of it.
fn tag(seed: u64) -> String {
    let digits = format!("{:04}", seed.checked_rem(10_000).unwrap_or(0));
    format!("d{}", digits.get(1..).unwrap_or("000"))
}

async fn start_sandbox(demo: &Demo, start: Instant) -> Result<Sandbox, anyhow::Error> {
    sandbox::start(Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        seed: demo.seed,
        profile: demo.profile.profile(),
        faults: Faults::DEMO,
        juspay: Credentials {
            merchant_id: MERCHANT.to_owned(),
            api_key: API_KEY.to_owned(),
        },
        signzy_key: API_KEY.to_owned(),
        clock: Clock::simulated(start),
    })
    .await
    .context("start the sandbox")
}

/// The configuration that a daemon would have, written the way an operator would: as variables.
fn config(database: &str, sandbox: &Sandbox, start: Instant) -> Result<Config, Failure> {
    let mut variables = vec![
        ("DATABASE__URL".to_owned(), database.to_owned()),
        ("CLOCK__MODE".to_owned(), "simulated".to_owned()),
        (
            "CLOCK__START".to_owned(),
            start.to_rfc3339_opts(SecondsFormat::Secs, true),
        ),
        ("WORKER__ID".to_owned(), "demo".to_owned()),
    ];
    for (name, provider) in [
        ("JUSPAY_MAIN", ProviderKind::Juspay),
        ("SIGNZY_MAIN", ProviderKind::Signzy),
    ] {
        let mut set =
            |key: &str, value: String| variables.push((format!("ACCOUNTS__{name}__{key}"), value));
        set("PROVIDER", provider.to_string());
        set("BASE_URL", sandbox.base_url(provider).to_string());
        set("API_KEY", API_KEY.to_owned());
        set("TPS", "100000".to_owned());
        set("MAX_IN_FLIGHT", "200".to_owned());
        set("TIMEOUT", "5s".to_owned());
        if provider == ProviderKind::Juspay {
            set("MERCHANT_ID", MERCHANT.to_owned());
        }
    }
    let variables = variables
        .into_iter()
        .map(|(key, value)| (format!("MANDATED__{key}"), value));
    let config = Config::load_with(None, variables)
        .map_err(|error| Failure::from(anyhow::Error::from(error)))?;
    if config.database.url.expose_secret().is_empty() {
        return Err(Failure::from(anyhow::anyhow!("the demo has no database")));
    }
    Ok(config)
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
