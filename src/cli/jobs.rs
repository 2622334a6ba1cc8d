//! `jobs`: what is due, leased and late.

use std::io::{self, Write};

use super::print::times_and_amounts::{age, utc};
use super::print::{Print, Table};
use crate::ops::jobs::Jobs;

impl Print for Jobs {
    /// Counts by account and step, then the jobs that have been due the longest.
    fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.counts.is_empty() {
            return print_line!(out, "no jobs");
        }
        let mut shown = Table::new([
            "account",
            "step",
            "due",
            "oldest due",
            "leased",
            "lease over",
            "waiting",
            "next at",
            "paused until",
        ])
        .right(2)
        .right(3)
        .right(4)
        .right(5)
        .right(6);
        for row in &self.counts {
            shown.row([
                row.account.clone(),
                row.step.clone(),
                row.due.to_string(),
                row.oldest_due_at
                    .map_or_else(|| "-".to_owned(), |at| age(at, self.now)),
                row.leased.to_string(),
                row.overdue.to_string(),
                row.waiting.to_string(),
                utc(row.next_at),
                utc(row.paused_until),
            ]);
        }
        shown.write(out)?;
        if self.late.is_empty() {
            return Ok(());
        }
        print_line!(out)?;
        let mut shown = Table::new([
            "late by",
            "execution",
            "ref",
            "cycle",
            "account",
            "step",
            "held by",
        ])
        .right(0)
        .right(1);
        for row in &self.late {
            shown.row([
                age(row.run_at, self.now),
                row.execution_id.to_string(),
                row.mandate_ref.clone(),
                row.cycle_on.to_string(),
                row.account.clone(),
                row.step.clone(),
                row.worker_id.clone().unwrap_or_else(|| "-".to_owned()),
            ]);
        }
        shown.write(out)
    }
}
