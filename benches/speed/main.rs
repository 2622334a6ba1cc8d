//! How fast it is, as a ratio to a floor measured in the same run on the same machine, and whether every guarantee held meanwhile.
//!
//! Everything runs on a private Postgres with fsync on, as it would with money. `cargo bench -- --help` lists what can be left out.

#![expect(clippy::float_arithmetic, reason = "rates and ratios")]
#![expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "rates and ratios of counts far below 2^52"
)]

mod bloat;
mod calls;
mod cluster;
mod cost;
mod drain;
mod engine;
mod figures;
mod filler;
mod floor;
mod import;
mod latency;
mod machine;
mod pgbench;
mod planning;
mod process;
mod sizes;
mod store;
mod verdict;
mod world;

use std::io::Write;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use mandated::clock::Clock;
use mandated::domain::Rail;

use crate::figures::Figures;
use crate::machine::Server;
use crate::process::SANDBOX;
use crate::sizes::{Part, Sizes};
use crate::world::World;

/// What the measurements share.
pub(crate) struct Bench {
    sizes: Sizes,
    server: Server,
    figures: Figures,
    /// Every database that the auditor has to look at in the end.
    worlds: Vec<World>,
    /// The one with millions of rows, from the first who asks for it.
    large: Option<World>,
    /// What the store did in batches of 500, once it is measured.
    store_rate: Option<f64>,
}

fn main() -> anyhow::Result<()> {
    // An error says that it is installed, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == SANDBOX)
    {
        let sandbox = lab::cli::run(lab::cli::Cli::parse());
        return runtime.block_on(sandbox).map_err(|failure| failure.error);
    }
    let held = runtime.block_on(measure(Sizes::parse()))?;
    anyhow::ensure!(held, "a guarantee does not hold");
    Ok(())
}

async fn measure(sizes: Sizes) -> anyhow::Result<bool> {
    say("a private Postgres that syncs to disk")?;
    let server = Server::start().await?;
    let machine = server.describe().await?;
    writeln!(std::io::stderr(), "{machine}")?;
    let mut bench = Bench {
        sizes: sizes.scaled(),
        server,
        figures: Figures::default(),
        worlds: Vec::new(),
        large: None,
        store_rate: None,
    };
    for part in Part::ALL {
        if !bench.sizes.wants(*part) {
            continue;
        }
        say(part.words())?;
        let began = Instant::now();
        Box::pin(bench.part(*part)).await?;
        writeln!(
            std::io::stderr(),
            "    took {:.0} s",
            began.elapsed().as_secs_f64()
        )?;
    }
    say("the auditor reads what was done")?;
    let held = verdict::run(&mut bench).await?;
    let out = &mut std::io::stdout();
    writeln!(out, "{}", bench.sizes)?;
    bench.figures.write(&machine, out)?;
    bench.figures.save(&machine)?;
    Ok(held)
}

impl Bench {
    async fn part(&mut self, part: Part) -> anyhow::Result<()> {
        match part {
            Part::Store => store::run(self).await,
            Part::Pgbench => pgbench::run(self).await,
            Part::Engine => engine::run(self).await,
            Part::Snapshot => store::beside_a_snapshot(self).await,
            Part::Daemons => cluster::run(self).await,
            Part::Planner => planning::run(self).await,
            Part::Import => import::run(self).await,
            Part::Cost => cost::run(self).await,
            Part::Large => store::beside_millions(self).await,
            Part::Latency => latency::run(self).await,
            Part::Bloat => bloat::run(self).await,
        }
    }

    /// A database of its own.
    async fn world(&self, name: &str, rail: Rail) -> anyhow::Result<World> {
        let world = World::new(&self.server.postgres, name, rail, Clock::System);
        Box::pin(world).await
    }
}

/// What is under way, for whoever waits.
fn say(what: &str) -> std::io::Result<()> {
    writeln!(std::io::stderr(), "==> {what}")
}
