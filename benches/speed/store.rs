//! Claim, intent, settle and ledger by the store's functions: alone, beside millions of rows, and beside a snapshot held open.

use mandated::domain::Rail;

use crate::Bench;
use crate::drain::{Drain, Side};
use crate::figures::{Figure, Floor, Goal, best};

const BARE: &str = "the same two statements, sent by a bare loop";
/// The best general job engine that we measured, without intents or a ledger: jobs a second on two cores.
const FASTEST_ENGINE: f64 = 55_000.0;

pub(crate) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let mut world = bench.world("store", Rail::Upi).await?;
    let (all, half) = (bench.sizes.rows, bench.sizes.half());
    for (batch, rows, floor_rows) in [(500, all, half), (100, half / 2, half / 2)] {
        let drain = bench.drain(batch);
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..bench.sizes.rounds {
            floor.push(drain.run(&mut world, floor_rows, Side::Floor).await?);
            ours.push(drain.run(&mut world, rows, Side::Ours).await?);
        }
        let rate = best(&ours);
        bench.figures.add(Figure::new(
            format!("claim, intent, settle, ledger: batches of {batch}"),
            rate,
            "/s",
            Some(Floor {
                what: BARE,
                value: best(&floor),
            }),
            Goal::Ratio(0.9),
        ))?;
        if batch == 500 {
            bench.store_rate = Some(rate);
            bench.figures.add(Figure::new(
                "the same against the fastest job engine",
                rate,
                "/s",
                None,
                Goal::AtLeast(FASTEST_ENGINE),
            ))?;
        }
    }
    bench.worlds.push(world);
    Ok(())
}

/// The snapshot is there before the first row is, and to the end.
pub(crate) async fn beside_a_snapshot(bench: &mut Bench) -> anyhow::Result<()> {
    let mut world = bench.world("snapshot", Rail::Upi).await?;
    let (drain, rows) = (bench.drain(500), bench.sizes.half());
    let (mut held, mut free) = (Vec::new(), Vec::new());
    for _ in 0..bench.sizes.rounds {
        free.push(drain.run(&mut world, rows, Side::Ours).await?);
        let snapshot = world.hold_snapshot().await?;
        held.push(drain.run(&mut world, rows, Side::Ours).await?);
        snapshot.rollback().await?;
    }
    bench.figures.add(Figure::new(
        "the same while a snapshot is held open",
        best(&held),
        "/s",
        Some(Floor {
            what: "no snapshot",
            value: best(&free),
        }),
        Goal::Ratio(0.9),
    ))?;
    bench.worlds.push(world);
    Ok(())
}

pub(crate) async fn beside_millions(bench: &mut Bench) -> anyhow::Result<()> {
    let mut large = bench.large().await?;
    let mut empty = bench.world("empty", Rail::Card).await?;
    let (drain, rows) = (bench.drain(500), bench.sizes.half());
    let (mut beside, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..bench.sizes.rounds {
        alone.push(drain.run(&mut empty, rows, Side::Ours).await?);
        beside.push(drain.run(&mut large, rows, Side::Ours).await?);
    }
    bench.figures.add(Figure::new(
        format!(
            "the same beside {} future jobs, and as many old attempts",
            large.filled
        ),
        best(&beside),
        "/s",
        Some(Floor {
            what: "empty tables",
            value: best(&alone),
        }),
        Goal::Ratio(0.9),
    ))?;
    bench.worlds.push(empty);
    bench.large = Some(large);
    Ok(())
}

impl Bench {
    pub(crate) fn drain(&self, batch: i64) -> Drain {
        Drain {
            batch,
            workers: self.sizes.workers,
        }
    }

    /// The database with millions of rows, full.
    pub(crate) async fn large(&mut self) -> anyhow::Result<crate::world::World> {
        let mut large = match self.large.take() {
            Some(large) => large,
            None => self.world("large", Rail::Card).await?,
        };
        large.fill_to(self.sizes.future).await?;
        Ok(large)
    }
}
