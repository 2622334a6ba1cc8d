//! `mandated-lab chaos`: weeks of collections in which everything goes wrong that a seed can think of, and the zeros that must remain.
//!
//! Several daemons share a private Postgres and the sandbox, all in this process, one step after the other, so that a seed gives the
//! same run again. Each has its own connections, clock and worker id, and uses what a real one uses: planner, claim, clients,
//! settlement, rescue. A killed one loses what it held, and its leases end when their time has passed on the simulated clock.
//! With `--processes` they are processes, and the machine decides about the order of events.

mod args;
mod daemon;
mod director;
mod forgotten;
mod incident;
mod older;
mod operator;
mod processes;
mod report;
mod round;

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use mandated::cli::Failure;
use mandated::compose;
use mandated::ops::import::import_configured;
use mandated::store;

use crate::environment;
use crate::population::{self, Season};
use crate::sandbox::{self, Faults, Population};
pub use args::Chaos;
use director::{Director, Lived};
use processes::Processes;

const DATABASE: &str = "chaos";

/// Lives through the chaos, and prints what was injected and what it led to.
pub async fn run(chaos: &Chaos, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let started = tokio::time::Instant::now();
    let (start, end) = environment::days(chaos.days)?;
    let mut postgres = environment::postgres(DATABASE).await?;
    let sandbox = environment::sandbox(chaos.seed, Population::Demo, Faults::CHAOS, start).await?;
    let url = postgres.url(DATABASE);
    let config = environment::config(&url, &sandbox, start, &[])?;
    let pool = compose::connect(&config).await?;
    let ahead = i32::try_from(config.retention.partitions_ahead).unwrap_or(i32::MAX);
    store::migrate::migrate(&pool, start, ahead).await?;
    compose::register_accounts(&config, &pool).await?;

    let last = end.with_timezone(&chrono_tz::Asia::Kolkata).date_naive();
    let file = population::csv(chaos.seed, chaos.mandates, Season::Weeks { last });
    let first = start.with_timezone(&chrono_tz::Asia::Kolkata).date_naive();
    let name = Path::new("the mandates of the chaos");
    let known = sandbox::parse_mandates(name, &file, "signzy_main", first)
        .context("read the mandates for the sandbox")?;
    sandbox.register(known);
    let imported = import_configured(&config, &pool, file.as_bytes(), start, false, &|_| {})
        .await
        .context("import the mandates")?;
    if imported.invalid > 0 {
        return Err(Failure::from(anyhow::anyhow!(
            "its own mandates were not imported: {imported:?}"
        )));
    }

    let environment = daemon::ChaosEnvironment {
        sandbox: &sandbox,
        postgres_port: postgres.port(),
        database: DATABASE.to_owned(),
        start,
    };
    let Lived {
        log,
        pool,
        database,
    } = if chaos.processes {
        let processes = Processes::new(chaos, environment, &mut postgres, pool.clone(), end)?;
        Lived {
            log: processes.live(chaos.daemons).await?,
            pool,
            database: DATABASE.to_owned(),
        }
    } else {
        let director = Director::new(
            chaos,
            environment,
            &mut postgres,
            pool.clone(),
            (start, end),
        )
        .await?;
        director.live(json).await?
    };
    let report = report::collect(chaos, &pool, &sandbox, log).await?;
    if json {
        serde_json::to_writer(&mut *out, &report).context("write the report")?;
        writeln!(out).context("write the report")?;
    } else {
        report.write(out).context("write the report")?;
        let seconds = started.elapsed().as_secs_f64();
        writeln!(std::io::stderr(), "lived in {seconds:.1} s").context("write the time")?;
    }
    if chaos.hold {
        let url = postgres.url(&database);
        writeln!(std::io::stderr(), "look into {url} until Ctrl-C").context("write the address")?;
        tokio::signal::ctrl_c().await.context("wait for Ctrl-C")?;
    }
    pool.close().await;
    sandbox.stop().await;
    if report.holds {
        Ok(())
    } else {
        Err(Failure::anyhow(
            anyhow::anyhow!("{}: see the report", report.verdict()),
            &format!("live through it again with `{}`", report.replay),
        ))
    }
}
