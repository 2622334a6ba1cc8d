//! The recovery table as people read it.

use std::cmp::Ordering;
use std::io::{self, Write};

use mandated::cli::print::Table;

use super::{EndCounts, Recovery, StrategyTotals};
use crate::demo::report::rupees;

impl EndCounts {
    fn cells(&self, class: &str) -> [String; 11] {
        [
            class.to_owned(),
            self.cycles.to_string(),
            self.left_out.to_string(),
            self.collected.to_string(),
            rupees(self.collected_minor),
            self.given_up.to_string(),
            rupees(self.given_up_minor),
            self.attempts.to_string(),
            tenths(self.attempts, self.collected),
            self.hourly_collected.to_string(),
            self.hourly_attempts.to_string(),
        ]
    }
}

impl StrategyTotals {
    fn cells(&self, name: &str, cycles: u64) -> [String; 11] {
        let collected = self.at_first.saturating_add(self.recovered);
        let failed_first = cycles.saturating_sub(self.at_first);
        [
            name.to_owned(),
            self.at_first.to_string(),
            failed_first.to_string(),
            self.recovered.to_string(),
            percent(self.recovered, failed_first),
            rupees(self.recovered_minor),
            collected.to_string(),
            percent(collected, cycles),
            rupees(self.collected_minor),
            self.attempts.to_string(),
            tenths(self.attempts, cycles),
        ]
    }
}

/// A share in per cent, with one digit.
fn percent(part: u64, whole: u64) -> String {
    let share = tenths(part.saturating_mul(100), whole);
    if share == "-" { share } else { share + " %" }
}

/// A ratio with one digit, rounded down.
fn tenths(part: u64, whole: u64) -> String {
    let Some(tenths) = part.saturating_mul(10).checked_div(whole) else {
        return "-".to_owned();
    };
    let (number, digit) = (tenths.checked_div(10), tenths.checked_rem(10));
    format!("{}.{}", number.unwrap_or(0), digit.unwrap_or(0))
}

/// A table whose columns but the first are numbers.
fn numbers(headers: [&str; 11]) -> Table {
    (1..headers.len()).fold(Table::new(headers), Table::right)
}

impl Recovery {
    pub(in crate::demo) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "\nRecovery, by why a cycle failed at first")?;
        let mut table = numbers([
            "first failure",
            "cycles",
            "left out",
            "collected",
            "INR",
            "given up",
            "INR",
            "attempts",
            "per collected",
            "hourly 1+3",
            "attempts",
        ]);
        let mut classes: Vec<_> = self.by_first_failure.iter().collect();
        classes.sort_by_key(|(class, ends)| (std::cmp::Reverse(ends.cycles), *class));
        for (class, ends) in &classes {
            table.row(ends.cells(class));
        }
        let total = classes
            .iter()
            .fold(EndCounts::default(), |sum, (_, ends)| sum.plus(ends));
        table.row(total.cells("all"));
        table.write(out)?;
        self.write_ways(out)
    }

    fn write_ways(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(
            out,
            "\nThe same {} cycles, INR {}, under \"hourly 1+3\": tried at the debit time and 1, 2 and 3 hours later",
            self.cycles,
            rupees(self.cycles_minor)
        )?;
        let mut table = numbers([
            "",
            "at first",
            "failed",
            "recovered",
            "of failed",
            "INR",
            "collected",
            "of all",
            "INR",
            "attempts",
            "per cycle",
        ]);
        table.row(self.ours.cells("mandated", self.cycles));
        table.row(self.hourly.cells("hourly 1+3", self.cycles));
        table.write(out)?;
        let more = self
            .ours
            .collected_minor
            .saturating_sub(self.hourly.collected_minor);
        writeln!(
            out,
            "difference: {more} INR collected; hourly attempts took the money of {twice} cycles twice",
            more = signed_rupees(more),
            twice = self.hourly.taken_twice,
        )?;
        writeln!(
            out,
            "left out: {} cycles still open (hourly attempts had collected {} of them), {} due before the run or in its last 3 hours",
            self.still_open, self.still_open_hourly, self.outside
        )
    }
}

/// With its sign, so that a difference reads as one.
fn signed_rupees(minor: i64) -> String {
    match minor.cmp(&0) {
        Ordering::Less => format!("-{}", rupees(minor.saturating_abs())),
        Ordering::Equal => "0.00".to_owned(),
        Ordering::Greater => format!("+{}", rupees(minor)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_have_one_digit_and_none_of_nothing() {
        assert_eq!(tenths(7, 2), "3.5");
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(1, 0), "-");
        assert_eq!(signed_rupees(-150), "-1.50");
    }
}
