//! `audit`: every rule with its verdict, the counter-examples, and what the providers say of the same orders.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;

use super::Failure;
use super::print::{Format, Print, ProgressBar, Table};
use crate::clock::Clock;
use crate::compose::{self, DatabasePool};
use crate::config::Config;
use crate::ops::audit::provider::{Case, Cases, Comparison, compare_configured};
use crate::ops::audit::{AuditVerdict, Finding, audit};

/// A planner that is this late has forgotten a mandate, or is down.
const LATE: Duration = Duration::from_mins(15);

/// What to audit.
#[derive(Debug, Args)]
pub struct Audit {
    /// Ask the providers about the orders of recent executions too, and compare.
    ///
    /// A question is a look-up and counts as one: it is asked only of orders that no worker holds and whose look-ups are not spent.
    #[arg(long)]
    pub provider: bool,
    /// Of the orders to ask about: those of executions that changed within this long.
    #[arg(long, requires = "provider", value_name = "DURATION", default_value = "7days", value_parser = humantime::parse_duration)]
    pub since: Duration,
    /// Of the orders to ask about: those of this mandate.
    #[arg(long, requires = "provider", value_name = "REF")]
    pub mandate: Option<String>,
}

/// A broken guarantee is a failure, and so is a provider that says something else, or nothing.
pub(super) async fn run(
    config: &Config,
    asked: &Audit,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let pool = compose::connect_checked(config).await?;
    let clock = compose::clock(config);
    // First: what the providers answer is kept, and the auditor reads it with its own eyes.
    let comparison = if asked.provider {
        Some(ask(config, &pool, &clock, asked).await)
    } else {
        None
    };
    let bar = ProgressBar::of("rows");
    let verdict = audit(&pool, clock.now(), LATE, &|progress| bar.show(progress)).await?;
    drop(bar);
    verdict.write(out, format)?;
    let agrees = match comparison {
        Some(comparison) => judge(&comparison?, format, out),
        None => Ok(()),
    };
    if verdict.holds {
        return agrees;
    }
    Err(Failure::anyhow(
        anyhow!("a guarantee is broken"),
        "stop the daemons, and look at the counter-examples with `mandated executions show ID`",
    ))
}

async fn ask(
    config: &Config,
    pool: &DatabasePool,
    clock: &Clock,
    asked: &Audit,
) -> Result<Comparison, Failure> {
    let bar = ProgressBar::of("executions asked about");
    let (mandate, show) = (asked.mandate.as_deref(), |progress| bar.show(progress));
    Ok(compare_configured(config, pool, clock, asked.since, mandate, &show).await?)
}

fn judge(comparison: &Comparison, format: Format, out: &mut dyn Write) -> Result<(), Failure> {
    comparison.write(out, format)?;
    if !comparison.agrees() {
        return Err(Failure::anyhow(
            anyhow!("a provider contradicts our record"),
            "look at the executions with `mandated executions show ID`, and at the orders in the provider's dashboard",
        ));
    }
    if !comparison.is_answered() {
        return Err(Failure::anyhow(
            anyhow!("not every question was answered"),
            "nothing is proven of what was not answered: run it again later",
        ));
    }
    Ok(())
}

impl Print for AuditVerdict {
    /// Every rule, then the counter-examples.
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut shown = Table::new(["", "rule", "verdict"]);
        for judgement in &self.rules {
            let verdict = match judgement.broken {
                0 => "holds".to_owned(),
                broken => format!("BROKEN {broken}"),
            };
            shown.row([judgement.guarantee, judgement.rule, &verdict]);
        }
        shown.write(out)?;
        for judgement in self.rules.iter().filter(|judgement| judgement.broken > 0) {
            print_line!(out)?;
            print_line!(
                out,
                "{} {}, broken {} times:",
                judgement.guarantee,
                judgement.rule,
                judgement.broken
            )?;
            for Finding {
                execution_id,
                mandate_id,
                detail,
                ..
            } in &judgement.examples
            {
                let subject = match (execution_id, mandate_id) {
                    (Some(id), _) => format!("execution {id}: "),
                    (None, Some(id)) => format!("mandate {id}: "),
                    (None, None) => String::new(),
                };
                print_line!(out, "  {subject}{detail}")?;
            }
        }
        let verdict = if self.holds {
            "Every guarantee holds."
        } else {
            "GUARANTEES ARE BROKEN."
        };
        print_line!(out)?;
        print_line!(out, "{verdict}")
    }
}

impl Print for Comparison {
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self {
            executions,
            compared,
            not_compared,
            mandates_compared,
            mandates_without_list,
            findings,
            open,
            not_asked,
            not_answered,
        } = self;
        print_line!(out)?;
        print_line!(
            out,
            "{compared} of {executions} executions compared with their providers, {not_compared} not; \
             the payments of {mandates_compared} mandates compared, of {mandates_without_list} no list is to be had"
        )?;
        if findings.count > 0 {
            print_line!(out)?;
            print_line!(out, "contradicted {} times:", findings.count)?;
            write_cases(findings, out)?;
        }
        if open.count > 0 {
            let count = open.count;
            print_line!(out)?;
            print_line!(
                out,
                "{count} decided there and open here, which is no contradiction:"
            )?;
            write_cases(open, out)?;
        }
        for (what, reasons) in [("not asked", not_asked), ("not answered", not_answered)] {
            for (why, count) in reasons {
                print_line!(out, "{what}: {count}, {why}")?;
            }
        }
        let verdict = match (self.agrees(), *compared, *not_compared) {
            (false, _, _) => "THE PROVIDER CONTRADICTS OUR RECORD.".to_owned(),
            (true, 0, _) => "Nothing was compared.".to_owned(),
            (true, _, 0) => "The providers say the same of all executions.".to_owned(),
            (true, compared, rest) => format!(
                "Nothing contradicts in the {compared} that were compared. Of the other {rest} nothing is proven."
            ),
        };
        print_line!(out)?;
        print_line!(out, "{verdict}")
    }
}

fn write_cases(cases: &Cases, out: &mut dyn Write) -> io::Result<()> {
    for Case {
        execution_id,
        mandate_ref,
        guarantee,
        detail,
    } in &cases.examples
    {
        let subject = match (execution_id, mandate_ref) {
            (Some(id), _) => format!("execution {id}"),
            (None, Some(reference)) => format!("mandate {reference}"),
            (None, None) => String::new(),
        };
        let guarantee = guarantee.map_or_else(String::new, |guarantee| format!("{guarantee} "));
        print_line!(out, "  {guarantee}{subject}: {detail}")?;
    }
    Ok(())
}
