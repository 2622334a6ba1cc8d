//! Daemons, each a process, that collect what is due from the sandbox, another process.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use mandated::clock::Clock;
use mandated::domain::{Rail, Timestamp};

use crate::Bench;
use crate::calls;
use crate::figures::{Figure, Floor, Goal, Run};
use crate::process::{Process, Sandbox, daemon};
use crate::world::{Due, World};

/// How often we look whether all is done. When it was done, the rows say.
const LOOK: Duration = Duration::from_millis(100);
/// After so many looks, ten minutes, something waits that should not.
const PATIENCE: i64 = 6_000;

/// Daemons at work on a world.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) daemons: Vec<Process>,
}

impl Cluster {
    /// Starts them, and waits until they have nothing to do: the account is held, so that what is due waits for `release`.
    pub(crate) async fn start(
        world: &World,
        sandbox: &Sandbox,
        count: usize,
        in_flight: usize,
    ) -> anyhow::Result<Self> {
        world.hold().await?;
        world.unbind().await?;
        let mut daemons = Vec::new();
        for nth in 1..=count {
            let name = format!("daemon-{nth}");
            daemons.push(daemon(world, sandbox, &name, in_flight)?);
        }
        // Each has a connection of its own to listen on.
        loop {
            let listening: i64 = sqlx::query_scalar(
                "select count(*) from pg_stat_activity
                  where application_name like 'daemon-%' and datname = current_database() and query ilike 'listen%'",
            )
            .fetch_one(&world.pool)
            .await?;
            if usize::try_from(listening)? >= count {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(Self { daemons })
    }

    pub(crate) fn stop(self) -> anyhow::Result<()> {
        self.daemons.into_iter().try_for_each(Process::stop)
    }
}

impl World {
    /// Leaves it to the next daemon which sandbox the account belongs to: each round has another address.
    async fn unbind(&self) -> anyhow::Result<()> {
        sqlx::query(
            "update mandated.accounts set merchant = null, is_simulated = null, database = null",
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Pauses the account: nobody claims anything.
    async fn hold(&self) -> anyhow::Result<()> {
        sqlx::query(
            "update mandated.accounts set paused_until = now() + interval '1 day', pause_reason = 'the bench prepares'",
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Lets the daemons begin.
    pub(crate) async fn release(&self) -> anyhow::Result<Timestamp> {
        let began = Clock::System.now();
        for statement in [
            "update mandated.accounts set paused_until = null, pause_reason = null",
            "select pg_notify('mandated_jobs', '')",
        ] {
            sqlx::query(statement).execute(&self.pool).await?;
        }
        Ok(began)
    }

    /// Waits until all of them are done, and says how long that took.
    pub(crate) async fn done(&self, due: Due, began: Timestamp) -> anyhow::Result<Run> {
        Ok(self.done_in_looks(due, began).await?.0)
    }

    /// The same, and how often we looked.
    pub(crate) async fn done_in_looks(
        &self,
        due: Due,
        began: Timestamp,
    ) -> anyhow::Result<(Run, i64)> {
        let last = due.first.saturating_add(due.count);
        let mut looks: i64 = 0;
        loop {
            looks = looks.saturating_add(1);
            anyhow::ensure!(looks < PATIENCE, "the daemons leave jobs undone");
            let busy: bool = sqlx::query_scalar(
                "select exists (select from mandated.jobs where execution_id >= $1 and execution_id < $2)",
            )
            .bind(due.first)
            .bind(last)
            .fetch_one(&self.pool)
            .await?;
            if !busy {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        let ended: Timestamp =
            sqlx::query_scalar("select max(finished_at) from mandated.executions where id >= $1")
                .bind(due.first)
                .fetch_one(&self.pool)
                .await?;
        self.check(due).await?;
        let run = Run {
            count: due.count,
            took: ended.signed_duration_since(began).to_std()?,
        };
        Ok((run, looks))
    }
}

/// One, two and four daemons on one table.
pub(crate) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let mut world = bench.world("daemons", Rail::Card).await?;
    let (count, in_flight) = (bench.sizes.calls, bench.sizes.in_flight);
    let mut alone = None;
    for daemons in [1, 2, 4] {
        let sandbox = Sandbox::start()?;
        let cluster = Cluster::start(&world, &sandbox, daemons, in_flight).await?;
        let due = bench.collectable(&mut world, &sandbox, count).await?;
        let began = world.release().await?;
        let run = world.done(due, began).await?;
        cluster.stop()?;
        let (debits, second) = calls::ledger(&sandbox).await?;
        anyhow::ensure!(
            (i64::try_from(debits)?, second) == (count, 0),
            "the sandbox made {debits} debits for {count} executions, {second} of them the second of a cycle"
        );
        let rate = run.rate();
        let one = *alone.get_or_insert(rate);
        let (words, least) = shares(&world, due, daemons).await?;
        bench.figures.add(Figure::new(
            format!("daemons on one table: {daemons}, none done twice"),
            rate,
            "/s",
            (daemons > 1).then_some(Floor {
                what: "one daemon",
                value: one,
            }),
            Goal::Nothing,
        ))?;
        if daemons > 1 {
            bench.figures.add(Figure::new(
                format!("the least share of {daemons}, of the even one ({words})"),
                least,
                "",
                None,
                Goal::AtLeast(0.5),
            ))?;
        }
    }
    bench.worlds.push(world);
    Ok(())
}

/// What each of them did, and the least of it against an even share.
async fn shares(world: &World, due: Due, daemons: usize) -> anyhow::Result<(String, f64)> {
    let done: Vec<(String, i64)> = sqlx::query_as(
        "select worker_id, count(*) from mandated.attempts where execution_id >= $1 group by worker_id order by worker_id",
    )
    .bind(due.first)
    .fetch_all(&world.pool)
    .await?;
    let done: BTreeMap<String, i64> = done.into_iter().collect();
    let least = if done.len() < daemons {
        0
    } else {
        done.values().copied().min().context("nothing was done")?
    };
    let words: Vec<String> = done.values().map(i64::to_string).collect();
    let even = due.count as f64 / daemons as f64;
    Ok((words.join(" + "), least as f64 / even))
}
