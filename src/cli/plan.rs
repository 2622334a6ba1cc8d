//! `plan`: a line for each coming cycle.

use std::io::{self, Write};

use super::print::times_and_amounts::local;
use super::print::{Format, Table, write_json};
use crate::domain::Timestamp;
use crate::ops::plan::Plan;

/// Prints the plan of a mandate.
pub fn write(plan: &Plan, reference: &str, format: Format, out: &mut dyn Write) -> io::Result<()> {
    let cycles = plan.cycles.as_deref();
    if format == Format::Json {
        let mut cycles = cycles.unwrap_or_default().iter();
        return cycles.try_for_each(|cycle| write_json(out, cycle));
    }
    let Some(cycles) = cycles else {
        return print_line!(
            out,
            "{reference} has no cycle to plan: it has ended, or you present its cycles"
        );
    };
    let at = |at: Option<Timestamp>, none: &str| {
        at.map_or_else(|| none.to_owned(), |at| local(at, plan.zone))
    };
    let mut shown = Table::new([
        "cycle",
        "notify at",
        "debit at",
        "window ends",
        "last safe start",
        "closes",
        "why",
    ]);
    for cycle in cycles {
        shown.row([
            cycle.cycle_on.to_string(),
            at(cycle.notify_at, "-"),
            at(cycle.debit_at, "no lawful time"),
            at(cycle.window_ends_at, "-"),
            at(cycle.last_safe_start, "-"),
            at(Some(cycle.closes_at), "-"),
            cycle.why.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    shown.write(out)?;
    if let Some(ceiling) = plan.approval_above {
        print_line!(
            out,
            "the payer must approve each debit: it is above the AFA ceiling of {ceiling}"
        )?;
    }
    if let Some(room) = &plan.short_room {
        print_line!(out, "{room}")?;
    }
    Ok(())
}
