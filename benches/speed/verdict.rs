//! The auditor reads every database that the bench has worked on.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use mandated::cli::print::Print;
use mandated::ops::audit::audit;

use crate::Bench;
use crate::world::World;

/// As `mandated audit` has it.
const LATE: Duration = Duration::from_mins(15);

/// An audit keeps one core busy.
const AT_ONCE: usize = 2;

/// Whether every guarantee holds in all of them.
pub(crate) async fn run(bench: &mut Bench) -> anyhow::Result<bool> {
    let mut worlds = std::mem::take(&mut bench.worlds);
    worlds.extend(bench.large.take());
    let (mut lines, mut all) = (Vec::new(), true);
    let mut audits = stream::iter(&worlds).map(one).buffered(AT_ONCE);
    while let Some(audited) = audits.next().await {
        let (line, holds) = audited?;
        crate::say(&line)?;
        lines.push(line);
        all &= holds;
    }
    bench.figures.add_audits(lines, all);
    Ok(all)
}

async fn one(world: &World) -> anyhow::Result<(String, bool)> {
    world.remove_filler().await?;
    let began = Instant::now();
    let verdict = audit(&world.pool, world.clock.now(), LATE, &|_| {}).await?;
    let took = began.elapsed().as_secs_f64();
    if !verdict.holds {
        verdict.write_text(&mut std::io::stderr())?;
    }
    let executions: i64 = sqlx::query_scalar("select count(*) from mandated.executions")
        .fetch_one(&world.pool)
        .await?;
    let said = if verdict.holds {
        "every guarantee holds"
    } else {
        "GUARANTEES ARE BROKEN"
    };
    let without = if world.filled > 0 {
        ", the rows that were not worked on left out"
    } else {
        ""
    };
    let line = format!(
        "audit of {}: {said} ({} rules, {executions} executions, {took:.0} s{without})",
        world.name,
        verdict.rules.len()
    );
    Ok((line, verdict.holds))
}
