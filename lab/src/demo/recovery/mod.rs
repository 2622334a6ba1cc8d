//! The recovery table: what became of the cycles whose first debit failed, and of the same cycles under "hourly 1+3".

mod table;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use mandated::domain::{Amount, Currency, Timestamp};
use serde::Serialize;

use crate::figures::CycleEnd;
use crate::sandbox::{Due, Hourly, Sandbox};

/// What a cycle that was collected at once is listed under, and one that nobody tried.
const AT_FIRST: &str = "(collected at first)";
const NOT_TRIED: &str = "(not tried)";

/// How the cycles went whose first failure had one class.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
struct EndCounts {
    cycles: u64,
    /// Not compared: open at the end of the run, or not wholly inside of it.
    left_out: u64,
    collected: u64,
    collected_minor: i64,
    given_up: u64,
    given_up_minor: i64,
    /// Presentations to the payer's bank, as the sandbox counted them.
    attempts: u64,
    hourly_collected: u64,
    hourly_attempts: u64,
}

/// One way of retrying, over all cycles that are compared.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
struct StrategyTotals {
    at_first: u64,
    recovered: u64,
    recovered_minor: i64,
    collected_minor: i64,
    attempts: u64,
    /// Cycles whose money was taken a second time.
    taken_twice: u64,
}

/// Both ways, and the cycles that they are compared on.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Recovery {
    by_first_failure: BTreeMap<String, EndCounts>,
    /// Compared: closed by us, and with all four hourly attempts within the run.
    cycles: u64,
    cycles_minor: i64,
    /// Not compared, because we have not done with them.
    still_open: u64,
    /// What hourly attempts had collected of those.
    still_open_hourly: u64,
    /// Not compared, because they were due before the run or within its last hours.
    outside: u64,
    ours: StrategyTotals,
    hourly: StrategyTotals,
}

/// One cycle, from both sides.
struct Seen<'a> {
    end: &'a CycleEnd,
    /// How often it was presented to the payer's bank.
    presented: u32,
    hourly: Hourly,
}

/// Asks the sandbox what it saw of every cycle and what hourly attempts would have made of it, and adds it up.
pub(super) fn measure(
    cycles: &[CycleEnd],
    sandbox: &Sandbox,
    run: (Timestamp, Timestamp),
) -> Recovery {
    let due: Vec<Due> = cycles.iter().filter_map(due).collect();
    let hourly = sandbox.hourly(&due);
    let seen = cycles.iter().zip(&due).zip(hourly);
    add_up(
        seen.map(|((end, due), hourly)| Seen {
            end,
            presented: sandbox.presented(&due.mandate_id, due.cycle),
            hourly,
        }),
        run,
    )
}

/// Every cycle has an amount above nothing and a currency: the database holds it to that.
fn due(end: &CycleEnd) -> Option<Due> {
    let currency = Currency::parse(&end.currency).ok()?;
    Some(Due {
        mandate_id: end.provider_mandate_id.clone(),
        cycle: end.cycle_on,
        amount: Amount::new(end.amount_minor, currency)?,
        debit_at: end.debit_at,
    })
}

fn add_up<'a>(
    cycles: impl Iterator<Item = Seen<'a>>,
    (from, until): (Timestamp, Timestamp),
) -> Recovery {
    let mut recovery = Recovery::default();
    for seen in cycles {
        let end = seen.end;
        let last_hourly = end.debit_at.checked_add_signed(TimeDelta::hours(3));
        let inside = end.debit_at >= from && last_hourly.is_some_and(|last| last <= until);
        let compared = inside && !end.open;
        recovery
            .by_first_failure
            .entry(listed_under(end).to_owned())
            .or_default()
            .add(&seen, compared);
        if !inside {
            add(&mut recovery.outside, 1);
        } else if end.open {
            add(&mut recovery.still_open, 1);
            add(
                &mut recovery.still_open_hourly,
                u64::from(seen.hourly.debits > 0),
            );
        } else {
            add(&mut recovery.cycles, 1);
            add_minor(&mut recovery.cycles_minor, end.amount_minor);
            let failed_first = end.class.is_some();
            recovery.ours.add(
                (end.charged, !failed_first, u64::from(seen.presented)),
                end.amount_minor,
            );
            let Hourly {
                attempts,
                at_first,
                debits,
            } = seen.hourly;
            recovery.hourly.add(
                (debits > 0, at_first, u64::from(attempts)),
                end.amount_minor,
            );
            add(&mut recovery.hourly.taken_twice, u64::from(debits > 1));
        }
    }
    recovery
}

fn listed_under(end: &CycleEnd) -> &str {
    match &end.class {
        Some(class) => class,
        None if end.charged => AT_FIRST,
        None => NOT_TRIED,
    }
}

fn add(sum: &mut u64, more: u64) {
    *sum = sum.saturating_add(more);
}

fn add_minor(sum: &mut i64, more: i64) {
    *sum = sum.saturating_add(more);
}

impl EndCounts {
    fn add(&mut self, seen: &Seen<'_>, compared: bool) {
        add(&mut self.cycles, 1);
        if !compared {
            add(&mut self.left_out, 1);
            return;
        }
        let (count, minor) = if seen.end.charged {
            (&mut self.collected, &mut self.collected_minor)
        } else {
            (&mut self.given_up, &mut self.given_up_minor)
        };
        add(count, 1);
        add_minor(minor, seen.end.amount_minor);
        add(&mut self.attempts, u64::from(seen.presented));
        add(
            &mut self.hourly_collected,
            u64::from(seen.hourly.debits > 0),
        );
        add(&mut self.hourly_attempts, u64::from(seen.hourly.attempts));
    }

    fn plus(self, other: &Self) -> Self {
        Self {
            cycles: self.cycles.saturating_add(other.cycles),
            left_out: self.left_out.saturating_add(other.left_out),
            collected: self.collected.saturating_add(other.collected),
            collected_minor: self.collected_minor.saturating_add(other.collected_minor),
            given_up: self.given_up.saturating_add(other.given_up),
            given_up_minor: self.given_up_minor.saturating_add(other.given_up_minor),
            attempts: self.attempts.saturating_add(other.attempts),
            hourly_collected: self.hourly_collected.saturating_add(other.hourly_collected),
            hourly_attempts: self.hourly_attempts.saturating_add(other.hourly_attempts),
        }
    }
}

impl StrategyTotals {
    fn add(&mut self, (collected, at_first, attempts): (bool, bool, u64), minor: i64) {
        add(&mut self.attempts, attempts);
        if !collected {
            return;
        }
        add_minor(&mut self.collected_minor, minor);
        if at_first {
            add(&mut self.at_first, 1);
        } else {
            add(&mut self.recovered, 1);
            add_minor(&mut self.recovered_minor, minor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(day: u32, charged: bool, open: bool, class: Option<&str>) -> CycleEnd {
        CycleEnd {
            provider_mandate_id: "m1".to_owned(),
            cycle_on: chrono::NaiveDate::from_ymd_opt(2027, 2, day).unwrap(),
            debit_at: format!("2027-02-{day:02}T03:00:00Z").parse().unwrap(),
            amount_minor: 50_000,
            currency: "INR".to_owned(),
            charged,
            open,
            class: class.map(str::to_owned),
        }
    }

    #[test]
    fn both_ways_are_compared_on_the_cycles_that_both_have_done_with() {
        let hourly = |attempts, at_first, debits| Hourly {
            attempts,
            at_first,
            debits,
        };
        let cycles = [
            (end(5, true, false, None), 1, hourly(1, true, 1)),
            (end(6, true, false, Some("funds")), 3, hourly(4, false, 0)),
            (end(7, false, false, Some("funds")), 4, hourly(2, false, 1)),
            (
                end(8, true, false, Some("transient")),
                2,
                hourly(2, true, 2),
            ),
            (end(9, false, false, None), 0, hourly(4, false, 0)),
            // Open; before the run; less than three hours before its end.
            (end(10, false, true, Some("funds")), 2, hourly(1, true, 1)),
            (end(4, true, false, None), 1, hourly(1, true, 1)),
            (end(12, true, false, None), 1, hourly(1, true, 1)),
        ];
        let run = (
            "2027-02-05T00:00:00Z".parse().unwrap(),
            "2027-02-12T05:59:59Z".parse().unwrap(),
        );
        let seen = cycles.iter().map(|(end, presented, hourly)| Seen {
            end,
            presented: *presented,
            hourly: *hourly,
        });
        let recovery = add_up(seen, run);
        assert_eq!((recovery.cycles, recovery.still_open), (5, 1));
        assert_eq!((recovery.still_open_hourly, recovery.outside), (1, 2));
        let (ours, hourly) = (recovery.ours, recovery.hourly);
        assert_eq!((ours.at_first, ours.recovered, ours.attempts), (1, 2, 10));
        assert_eq!(
            (ours.recovered_minor, ours.collected_minor),
            (100_000, 150_000)
        );
        assert_eq!((hourly.at_first, hourly.recovered), (2, 1));
        assert_eq!((hourly.attempts, hourly.taken_twice), (13, 1));
        let mut text = Vec::new();
        recovery.write(&mut text).unwrap();
        insta::assert_snapshot!(String::from_utf8(text).unwrap());
    }
}
