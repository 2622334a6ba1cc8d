//! The daemon with its loops, as a process, against the sandbox, another process.
//!
//! The mandates are on cards, which pay at once. UPI takes minutes, and nobody may ask before 90 seconds are over.

use mandated::domain::Rail;

use crate::Bench;
use crate::calls;
use crate::cluster::Cluster;
use crate::figures::{Figure, Floor, Goal, best};
use crate::process::Sandbox;
use crate::world::{Due, When, World};

/// The floor's mandates are nobody else's.
const FLOOR: i64 = 500_000_001;

pub(crate) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let mut world = bench.world("engine", Rail::Card).await?;
    let (count, in_flight) = (bench.sizes.calls, bench.sizes.in_flight);
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..bench.sizes.rounds {
        let sandbox = Sandbox::start()?;
        let bare = Due {
            first: FLOOR,
            count,
        };
        calls::prepare(&sandbox, bare).await?;
        floor.push(calls::debit_all(&sandbox, bare, in_flight).await?);
        drop(sandbox);
        // As empty for us as it was for the floor.
        let sandbox = Sandbox::start()?;
        let cluster = Cluster::start(&world, &sandbox, 1, in_flight).await?;
        let due = bench.collectable(&mut world, &sandbox, count).await?;
        let began = world.release().await?;
        ours.push(world.done(due, began).await?);
        cluster.stop()?;
    }
    bench.figures.add(Figure::new(
        format!("the daemon, over HTTP to the sandbox: {in_flight} calls at once"),
        best(&ours),
        "/s",
        Some(Floor {
            what: "the same requests from a bare reqwest loop",
            value: best(&floor),
        }),
        Goal::Ratio(0.5),
    ))?;
    bench.worlds.push(world);
    Ok(())
}

impl Bench {
    /// Executions that are due, and that the sandbox knows of.
    pub(crate) async fn collectable(
        &self,
        world: &mut World,
        sandbox: &Sandbox,
        count: i64,
    ) -> anyhow::Result<Due> {
        let due = world.add_due(count, When::Backlog).await?;
        calls::prepare(sandbox, due).await?;
        world.settle_down().await?;
        Ok(due)
    }
}
