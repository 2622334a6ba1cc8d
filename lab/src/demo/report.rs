//! The end of the demo: what was collected, retried and given up, the sandbox's ledger against ours, the auditor's verdict.

use std::collections::BTreeMap;
use std::io::{self, Write};

use mandated::cli::Failure;
use mandated::cli::print::{Print, Table};
use mandated::domain::{Amount, Currency, Timestamp};
use mandated::ops::audit::{AuditVerdict, audit};
use serde::Serialize;

use super::DemoEnvironment;
use super::args::Demo;
use super::recovery::{self, Recovery};
use crate::figures::{self, EndTotal, Spread, StateTotal};
use crate::ledger_comparison::{Comparison, compare};
use crate::sandbox::Violation;

/// Everything that the demo has to say; `--json` prints it as it is.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) holds: bool,
    seed: u64,
    mandates: u32,
    from: Timestamp,
    until: Timestamp,
    flows: Vec<Spread>,
    states: Vec<StateTotal>,
    recovery: Recovery,
    ends: Vec<EndTotal>,
    ledger: Comparison,
    violations: Vec<Violation>,
    audit: AuditVerdict,
}

/// Adds everything up.
pub(super) async fn collect(environment: &DemoEnvironment, demo: &Demo) -> Result<Report, Failure> {
    let (pool, ledger) = (
        &environment.engine.database.pool,
        environment.sandbox.ledger(),
    );
    let (from, until) = (environment.start, environment.end);
    let comparison = compare(pool, &ledger).await?;
    let late = environment.config.planner.interval.saturating_mul(2);
    let audit = audit(pool, until, late, &|_| {}).await?;
    let holds = audit.holds && comparison.differences.is_empty() && ledger.violations.is_empty();
    Ok(Report {
        holds,
        seed: demo.seed,
        mandates: demo.mandates,
        from,
        until,
        flows: figures::by_flow(pool).await?,
        states: figures::by_state(pool).await?,
        recovery: recovery::measure(
            &figures::cycles(pool).await?,
            &environment.sandbox,
            (from, until),
        ),
        ends: figures::by_end(pool).await?,
        ledger: comparison,
        violations: ledger.violations,
        audit,
    })
}

/// An amount of rupees as people write it.
pub(super) fn rupees(minor: i64) -> String {
    Amount::new(minor, Currency::INR).map_or_else(|| "-".to_owned(), Amount::decimal)
}

impl Report {
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.write_flows(out)?;
        self.write_states(out)?;
        self.recovery.write(out)?;
        self.write_ends(out)?;
        self.write_ledger(out)?;
        writeln!(out, "\nThe auditor")?;
        self.audit.write_text(&mut *out)?;
        let verdict = if self.holds {
            "everything holds"
        } else {
            "SOMETHING IS WRONG"
        };
        writeln!(out, "\n{verdict}")
    }

    fn write_flows(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "\nMandates, seed {}, from {} to {}",
            self.seed,
            self.from.date_naive(),
            self.until.date_naive()
        )?;
        let mut table = Table::new([
            "provider",
            "rail",
            "notify",
            "mandates",
            "cycles",
            "collected",
            "calls",
        ]);
        for column in 3..7 {
            table = table.right(column);
        }
        for flow in &self.flows {
            table.row([
                flow.provider.clone(),
                flow.rail.clone(),
                flow.notify.clone(),
                flow.mandates.to_string(),
                flow.executions.to_string(),
                flow.collected.to_string(),
                flow.attempts.to_string(),
            ]);
        }
        table.write(out)
    }

    fn write_states(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "\nWhere the cycles stand")?;
        let mut table = Table::new(["state", "cycles", "amount INR"])
            .right(1)
            .right(2);
        for total in &self.states {
            table.row([
                total.state.clone(),
                total.executions.to_string(),
                rupees(total.amount_minor),
            ]);
        }
        table.write(out)
    }

    fn write_ends(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "\nGiven up, and why")?;
        let mut table = Table::new(["state", "class", "cycles", "INR", "for example"])
            .right(2)
            .right(3);
        for total in &self.ends {
            table.row([
                total.state.clone(),
                total.class.clone().unwrap_or_else(|| "-".to_owned()),
                total.executions.to_string(),
                rupees(total.amount_minor),
                total.example.clone(),
            ]);
        }
        table.write(out)
    }

    fn write_ledger(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "\nThe sandbox's ledger against ours")?;
        let ledger = &self.ledger;
        let mut table = Table::new(["", "debits", "INR"]).right(1).right(2);
        let rows = [
            (
                "the sandbox debited",
                ledger.sandbox_debits,
                ledger.sandbox_minor,
            ),
            ("we have collected", ledger.our_debits, ledger.our_minor),
            (
                "debited, not looked at yet",
                ledger.not_looked_at_yet,
                ledger.not_looked_at_yet_minor,
            ),
        ];
        for (what, count, minor) in rows {
            table.row([what.to_owned(), count.to_string(), rupees(minor)]);
        }
        table.write(out)?;
        let explained = ledger
            .our_minor
            .saturating_add(ledger.not_looked_at_yet_minor);
        let difference = ledger.sandbox_minor.saturating_sub(explained);
        writeln!(
            out,
            "difference: {} paise, in {} debits",
            difference,
            ledger.differences.len()
        )?;
        for line in ledger.differences.iter().take(20) {
            writeln!(out, "  {line}")?;
        }
        let mut rules: BTreeMap<String, usize> = BTreeMap::new();
        for violation in &self.violations {
            let count = rules.entry(format!("{:?}", violation.rule)).or_default();
            *count = count.saturating_add(1);
        }
        writeln!(
            out,
            "rules that the sandbox saw broken: {}",
            self.violations.len()
        )?;
        for (rule, count) in rules {
            writeln!(out, "  {rule}: {count}")?;
        }
        for violation in self.violations.iter().take(10) {
            let order = violation.order_id.as_deref().unwrap_or("-");
            writeln!(
                out,
                "  {} {} {order}: {}",
                violation.at, violation.mandate_id, violation.detail
            )?;
        }
        Ok(())
    }
}
