//! What was injected beside what it led to. The sandbox's ledger is the judge, and then the auditor.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use mandated::cli::Failure;
use mandated::cli::print::{Print, Table};
use mandated::domain::Timestamp;
use mandated::ops::audit::{AuditVerdict, audit};
use mandated::store::pool::DatabasePool;
use serde::Serialize;

use super::args::Chaos;
use super::director::ChaosLog;
use crate::figures::{self, EndTotal, StateTotal, Unfinished};
use crate::ledger_comparison::{Comparison, compare};
use crate::sandbox::{Fault, Rule, Sandbox, Violation};

/// How many counter-examples are printed of each kind.
const SHOWN: usize = 20;
/// The planner of the last hour may be at work.
const LATE: Duration = Duration::from_mins(30);

/// What must not have happened, and how often it did.
#[derive(Debug, Serialize)]
struct Zero {
    what: &'static str,
    times: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) holds: bool,
    /// The command that lives through it again.
    pub(super) replay: String,
    until: Timestamp,
    executions: i64,
    calls: u64,
    faults: BTreeMap<Fault, u64>,
    incidents: BTreeMap<&'static str, u64>,
    /// Incidents that found nothing to befall.
    not_injected: usize,
    zeros: Vec<Zero>,
    states: Vec<StateTotal>,
    ends: Vec<EndTotal>,
    unfinished: Vec<Unfinished>,
    ledger: Comparison,
    violations: Vec<Violation>,
    audit: AuditVerdict,
}

pub(super) async fn collect(
    chaos: &Chaos,
    pool: &DatabasePool,
    sandbox: &Sandbox,
    log: ChaosLog,
) -> Result<Report, Failure> {
    let ledger = sandbox.ledger();
    let comparison = compare(pool, &ledger).await?;
    let audit = audit(pool, log.until, LATE, &|_| {}).await?;
    let unfinished = figures::unfinished(pool).await?;
    let zeros = zeros(&ledger.violations, &comparison, &audit, &unfinished);
    let (executions, _) = figures::totals(pool).await?;
    let holds = zeros.iter().all(|zero| zero.times == 0) && audit.holds && log.left == 0;
    Ok(Report {
        holds,
        replay: replay(chaos),
        until: log.until,
        executions,
        calls: ledger.calls.values().sum(),
        faults: sandbox.faults(),
        incidents: log.incidents,
        not_injected: log.left,
        zeros,
        states: figures::by_state(pool).await?,
        ends: figures::by_end(pool).await?,
        unfinished,
        ledger: comparison,
        violations: ledger.violations,
        audit,
    })
}

/// Which guarantee a broken rule of the sandbox belongs to.
const fn kind(rule: Rule) -> &'static str {
    match rule {
        Rule::SecondDebit => DOUBLE,
        Rule::EarlyDebit
        | Rule::NoNotification
        | Rule::StaleNotification
        | Rule::PeakDebit
        | Rule::PeakNotification
        | Rule::NoCycle
        | Rule::CycleOver => EARLY,
        Rule::WrongAmount | Rule::OverMaximum => AMOUNT,
        Rule::OverBudget
        | Rule::SecondInPeriod
        | Rule::PresentedTooOften
        | Rule::PresentedTooSoon
        | Rule::DeclinedTooOften
        | Rule::RetryWhilePending
        | Rule::LookUpTooOften
        | Rule::LookUpTooSoon
        | Rule::RetriedToday
        | Rule::RetriesSpent => BUDGET,
        Rule::BadRequest => REQUEST,
    }
}

const DOUBLE: &str = "cycles debited twice";
const EARLY: &str = "debits or notifications too early, too late, or out of a window";
const BUDGET: &str = "attempts or look-ups over a budget";
const AMOUNT: &str = "wrong amounts";
const REQUEST: &str = "requests that the provider did not understand";
const LOST: &str = "debits of the provider that we do not know of, or the reverse";
const FORGOTTEN: &str = "cycles forgotten, or waiting without a reason";
const GUESSED: &str = "unknown outcomes that were guessed";
const OTHER: &str = "other rules of the auditor";

fn zeros(
    violations: &[Violation],
    ledger: &Comparison,
    audit: &AuditVerdict,
    unfinished: &[Unfinished],
) -> Vec<Zero> {
    let mut times = BTreeMap::new();
    let mut add = |what: &'static str, more: u64| {
        let sum: &mut u64 = times.entry(what).or_default();
        *sum = sum.saturating_add(more);
    };
    for violation in violations {
        add(kind(violation.rule), 1);
    }
    add(AMOUNT, ledger.other_amounts);
    let missing = ledger.unknown_to_us.saturating_add(ledger.unknown_to_them);
    add(LOST, missing.saturating_add(ledger.not_looked_at_yet));
    for rule in &audit.rules {
        let what = match rule.guarantee {
            "G1" => DOUBLE,
            "G2" | "G4" => EARLY,
            "G3" => AMOUNT,
            "G6" => GUESSED,
            "G7" => FORGOTTEN,
            _ => OTHER,
        };
        add(what, u64::try_from(rule.broken).unwrap_or(u64::MAX));
    }
    let silent = unfinished
        .iter()
        .filter(|one| one.reason.is_empty() || (one.state != "review" && one.next_at.is_none()));
    add(FORGOTTEN, u64::try_from(silent.count()).unwrap_or(u64::MAX));
    [
        DOUBLE, EARLY, BUDGET, AMOUNT, LOST, FORGOTTEN, GUESSED, REQUEST, OTHER,
    ]
    .into_iter()
    .map(|what| Zero {
        what,
        times: times.get(what).copied().unwrap_or(0),
    })
    .collect()
}

fn replay(chaos: &Chaos) -> String {
    let Chaos {
        seed,
        mandates,
        days,
        daemons,
        kills,
        freezes,
        restarts,
        restores,
        copies,
        lost_commits,
        cuts,
        clock_steps,
        slow,
        operator_requests,
        processes,
        daemon,
        hold: _,
    } = chaos;
    let processes = if *processes { " --processes" } else { "" };
    let daemon = daemon
        .as_ref()
        .map_or_else(String::new, |path| format!(" --daemon {}", path.display()));
    format!(
        "mandated-lab chaos --seed {seed} --mandates {mandates} --days {days} --daemons {daemons} --kills {kills} \
         --freezes {freezes} --restarts {restarts} \
         --restores {restores} --copies {copies} --lost-commits {lost_commits} --cuts {cuts} --clock-steps {clock_steps} --slow {slow} --operator-requests {operator_requests}{processes}{daemon}"
    )
}

impl Report {
    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.write_injected(out)?;
        let mut table = Table::new(["what must not happen", "times"]);
        for zero in &self.zeros {
            table.row([zero.what.to_owned(), zero.times.to_string()]);
        }
        writeln!(out)?;
        table.write(out)?;
        self.write_ends(out)?;
        for violation in self.violations.iter().take(SHOWN) {
            writeln!(out, "  {violation:?}")?;
        }
        for difference in self.ledger.differences.iter().take(SHOWN) {
            writeln!(out, "  {difference}")?;
        }
        if !self.audit.holds {
            self.audit.write_text(out)?;
        }
        let verdict = self.verdict();
        writeln!(out, "\n{verdict}; the same again: {}", self.replay)
    }

    pub(super) fn verdict(&self) -> &'static str {
        let broken = !self.audit.holds || self.zeros.iter().any(|zero| zero.times > 0);
        if broken {
            "A GUARANTEE WAS BROKEN"
        } else if self.not_injected > 0 {
            "NOT EVERYTHING WAS INJECTED: more days or more mandates give it more to befall"
        } else {
            "every guarantee held"
        }
    }

    fn write_injected(&self, out: &mut impl Write) -> io::Result<()> {
        let of_calls = |fault: &Fault| !matches!(fault, Fault::LateSuccess | Fault::SilentRetry);
        let faulty: u64 = self
            .faults
            .iter()
            .filter(|(fault, _)| of_calls(fault))
            .map(|(_, times)| times)
            .sum();
        let share = faulty
            .saturating_mul(1_000)
            .checked_div(self.calls)
            .unwrap_or(0);
        let mut table = Table::new(["what was injected", "times"]);
        table.row(["executions".to_owned(), self.executions.to_string()]);
        table.row(["calls to providers".to_owned(), self.calls.to_string()]);
        table.row([
            "of them faulty".to_owned(),
            format!("{faulty} ({}.{} %)", share / 10, share % 10),
        ]);
        for (fault, times) in &self.faults {
            table.row([format!("  {}", fault.words()), times.to_string()]);
        }
        for (words, times) in &self.incidents {
            table.row([(*words).to_owned(), times.to_string()]);
        }
        if self.not_injected > 0 {
            table.row(["left over".to_owned(), self.not_injected.to_string()]);
        }
        table.write(out)
    }

    fn write_ends(&self, out: &mut impl Write) -> io::Result<()> {
        let mut table = Table::new(["how the cycles ended", "why", "cycles", "for example"]);
        for state in self.states.iter().filter(|state| state.state == "charged") {
            table.row([
                state.state.clone(),
                String::new(),
                state.executions.to_string(),
                String::new(),
            ]);
        }
        for end in &self.ends {
            table.row([
                end.state.clone(),
                end.class.clone().unwrap_or_default(),
                end.executions.to_string(),
                end.example.clone(),
            ]);
        }
        writeln!(out)?;
        table.write(out)?;
        writeln!(out, "\nnot at their end: {}", self.unfinished.len())?;
        for one in self.unfinished.iter().take(SHOWN) {
            let next = match (&one.next_step, one.next_at) {
                (Some(step), Some(at)) => format!("{step} at {at}"),
                (_, _) => "a person decides".to_owned(),
            };
            writeln!(
                out,
                "  execution {}: {}, {}; {next}",
                one.execution_id, one.state, one.reason
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> (Comparison, AuditVerdict) {
        let verdict = AuditVerdict {
            holds: true,
            rules: Vec::new(),
        };
        (Comparison::default(), verdict)
    }

    fn broken(zeros: &[Zero]) -> Vec<&'static str> {
        let broken = zeros.iter().filter(|zero| zero.times > 0);
        broken.map(|zero| zero.what).collect()
    }

    #[test]
    fn what_the_sandbox_saw_broken_is_no_zero_any_more() {
        let (ledger, audit) = sound();
        assert_eq!(broken(&zeros(&[], &ledger, &audit, &[])), [""; 0]);
        for (rule, what) in [
            (Rule::SecondDebit, DOUBLE),
            (Rule::EarlyDebit, EARLY),
            (Rule::PeakDebit, EARLY),
            (Rule::OverBudget, BUDGET),
            (Rule::WrongAmount, AMOUNT),
            (Rule::BadRequest, REQUEST),
        ] {
            let violation = Violation {
                at: Timestamp::default(),
                mandate_id: "m1".to_owned(),
                order_id: None,
                rule,
                detail: String::new(),
            };
            assert_eq!(broken(&zeros(&[violation], &ledger, &audit, &[])), [what]);
        }
    }

    #[test]
    fn what_one_ledger_has_alone_is_no_zero_any_more() {
        let (mut ledger, audit) = sound();
        ledger.unknown_to_us = 1;
        assert_eq!(broken(&zeros(&[], &ledger, &audit, &[])), [LOST]);
        ledger.other_amounts = 1;
        assert_eq!(broken(&zeros(&[], &ledger, &audit, &[])), [AMOUNT, LOST]);
    }

    #[test]
    fn what_waits_needs_a_reason_and_a_next_step_or_a_person() {
        let (ledger, audit) = sound();
        let waiting = |state: &str, reason: &str, next_at| Unfinished {
            execution_id: 1,
            state: state.to_owned(),
            reason: reason.to_owned(),
            next_step: None,
            next_at,
        };
        let at = Some(Timestamp::default());
        for (one, sound) in [
            (waiting("unknown", "not proven", at), true),
            (waiting("review", "a person", None), true),
            (waiting("unknown", "not proven", None), false),
            (waiting("pending", "", at), false),
        ] {
            let found = zeros(&[], &ledger, &audit, &[one]);
            assert_eq!(broken(&found).is_empty(), sound);
        }
    }
}
