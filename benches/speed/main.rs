//! How fast it is: jobs a second, each as a ratio to something measured in the same run on the same machine.
//!
//! Everything runs on a private Postgres with fsync on, as it would with money. `cargo bench -- --help` lists the sizes.

#![expect(clippy::float_arithmetic, reason = "rates and ratios")]
#![expect(
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "rates and ratios of counts far below 2^52"
)]

mod drain;
mod figures;
mod planning;
mod world;

use std::io::Write;

use anyhow::Context;
use clap::Parser;
use mandated::sandbox::postgres::PrivatePostgres;

use crate::drain::{Drain, Side};
use crate::figures::{Figure, Figures, best};
use crate::world::World;

/// What to measure, and how much of it.
#[derive(Debug, Parser)]
struct Sizes {
    /// Jobs claimed and settled in each run
    #[arg(long, default_value_t = 20_000)]
    rows: i64,
    /// Future jobs, and old attempts, beside them
    #[arg(long, default_value_t = 1_000_000)]
    future: i64,
    /// Mandates due for planning
    #[arg(long, default_value_t = 100_000)]
    mandates: i64,
    /// Jobs claimed, and settled, by one statement
    #[arg(long, default_value_t = 500)]
    batch: i64,
    /// Workers that claim and settle at the same time
    #[arg(long, default_value_t = 4)]
    workers: usize,
    /// Runs of each kind, taken in turn; the best of each counts
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// What cargo says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(measure(&Sizes::parse()))
}

async fn measure(sizes: &Sizes) -> anyhow::Result<()> {
    let out = &mut std::io::stdout();
    say("starting a private Postgres that syncs to disk")?;
    let postgres = PrivatePostgres::start(true)?;
    let drain = Drain {
        batch: sizes.batch,
        workers: sizes.workers,
    };
    let mut figures = Figures::default();
    let mut empty = World::new(&postgres, "empty").await?;
    writeln!(out, "{}", empty.settings().await?)?;
    writeln!(
        out,
        "batches of {}, {} workers, the best of {} runs each",
        sizes.batch, sizes.workers, sizes.rounds
    )?;

    say("claim and settle against the same statements sent by a bare loop")?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..sizes.rounds {
        floor.push(drain.run(&mut empty, sizes.rows, Side::Floor).await?);
        ours.push(drain.run(&mut empty, sizes.rows, Side::Ours).await?);
    }
    figures.add(Figure {
        what: "claim, intent, settle, ledger; floor: the same SQL, bare",
        ours: best(&ours),
        floor: Some(best(&floor)),
        goal: "0.90",
    });

    say("the same beside future jobs and old attempts")?;
    let mut loaded = World::new(&postgres, "loaded").await?;
    loaded.add_history(sizes.future).await?;
    let (mut beside, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..sizes.rounds {
        alone.push(drain.run(&mut empty, sizes.rows, Side::Ours).await?);
        beside.push(drain.run(&mut loaded, sizes.rows, Side::Ours).await?);
    }
    figures.add(Figure {
        what: "beside future jobs and old attempts; floor: empty tables",
        ours: best(&beside),
        floor: Some(best(&alone)),
        goal: "0.90",
    });

    say("the same with a snapshot held open")?;
    let (mut held, mut free) = (Vec::new(), Vec::new());
    for _ in 0..sizes.rounds {
        free.push(drain.run(&mut empty, sizes.rows, Side::Ours).await?);
        let snapshot = empty.hold_snapshot().await?;
        held.push(drain.run(&mut empty, sizes.rows, Side::Ours).await?);
        snapshot.rollback().await?;
    }
    figures.add(Figure {
        what: "a snapshot held open; floor: none",
        ours: best(&held),
        floor: Some(best(&free)),
        goal: "0.90",
    });

    say("the planner")?;
    let mut world = World::new(&postgres, "planning").await?;
    figures.add(Figure {
        what: "mandates planned",
        ours: planning::run(&mut world, sizes.mandates).await?,
        floor: None,
        goal: "16,667/s",
    });
    figures.write(out)?;
    Ok(())
}

/// What is under way, for whoever waits.
fn say(what: &str) -> std::io::Result<()> {
    writeln!(std::io::stderr(), "==> {what}")
}
