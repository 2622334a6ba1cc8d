//! The import of a file with a million mandates, and the memory that it takes.

use std::fmt::Write as _;
use std::io::Write;
use std::time::Instant;

use anyhow::Context;
use chrono::Days;
use mandated::clock::Clock;
use mandated::domain::Rail;

use crate::Bench;
use crate::figures::{Figure, Goal, Run};
use crate::process::{importer, watch};

/// As the daemon's.
const MEMORY_MB: f64 = 64.0;

pub(crate) async fn run(bench: &mut Bench) -> anyhow::Result<()> {
    let world = bench.world("import", Rail::Upi).await?;
    let count = bench.sizes.mandates;
    let mut file = tempfile::NamedTempFile::new()?;
    write(&mut file, count)?;
    let path = file.path().to_str().context("the file's name")?;
    let started = Instant::now();
    let memory = watch(importer(&world, path)?).await?;
    let took = started.elapsed();
    let there: i64 = sqlx::query_scalar("select count(*) from mandated.mandates")
        .fetch_one(&world.pool)
        .await?;
    anyhow::ensure!(there == count, "{there} of {count} mandates were imported");
    bench.figures.add(Figure::new(
        format!("mandates imported from a CSV of {count}"),
        Run { count, took }.rate(),
        "/s",
        None,
        Goal::Nothing,
    ))?;
    bench.figures.add(Figure::new(
        "the import's memory, at most",
        memory,
        "MB",
        None,
        Goal::AtMost(MEMORY_MB),
    ))?;
    bench.worlds.push(world);
    Ok(())
}

/// Their first cycle is next month: nobody plans here, and the auditor would miss what is due.
fn write(file: &mut impl Write, count: i64) -> anyhow::Result<()> {
    let today = Clock::System.now().date_naive();
    let mut text = String::from(
        "ref,account,mandate_id,customer_id,rail,notify,amount,max_amount,frequency,starts_on,debit_at\n",
    );
    for id in 1..=count {
        let days = u64::try_from(id)?.checked_rem(28).unwrap_or(0);
        let starts_on = today.checked_add_days(Days::new(days.saturating_add(35)));
        let starts_on = starts_on.context("next month")?;
        writeln!(
            text,
            "subscription-{id},juspay_main,mandate-{id},customer-{id},upi,separate,499.00,5000.00,monthly,{starts_on},06:00"
        )?;
        if text.len() > 1024 * 1024 {
            file.write_all(text.as_bytes())?;
            text.clear();
        }
    }
    file.write_all(text.as_bytes())?;
    Ok(file.flush()?)
}
