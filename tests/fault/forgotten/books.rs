//! What a database says was collected, held against the providers' own ledger.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};
use lab::sandbox::{Debit, Ledger, Rule};
use mandated::store::pool::DatabasePool;

use crate::support::scenario::{Flow, Payer, Scenario};

/// Whose cycles there are.
#[derive(Debug, Clone)]
pub(super) struct Payers(pub(super) Vec<Payer>);

/// A row of `debits`: whose it says it is.
#[derive(Debug, Clone, sqlx::FromRow)]
struct OurDebit {
    mandate_id: String,
    customer_id: String,
    order: String,
    /// Nothing where the provider's answer states none.
    amount_minor: Option<i64>,
    cycle_on: NaiveDate,
}

/// Where a cycle stands.
#[derive(Debug, Clone, sqlx::FromRow)]
struct Standing {
    mandate_id: String,
    cycle_on: NaiveDate,
    state: String,
    reason: String,
    waits: bool,
}

impl Payers {
    /// Asserts that nothing was collected twice, that every row of `debits` is the provider's own debit of the same customer, mandate,
    /// order and amount, and that every cycle up to a day is recorded, or visibly waits. Says where the cycles stand.
    pub(super) async fn hold(
        &self,
        pool: &DatabasePool,
        ledger: &Ledger,
        until: NaiveDate,
    ) -> Vec<String> {
        self.collected_once(ledger);
        let theirs = self.booked_where_it_belongs(pool, ledger).await;
        self.nothing_is_out_of_sight(pool, &theirs, until).await
    }

    /// By the judge, and by counting.
    fn collected_once(&self, ledger: &Ledger) {
        let mut collected = BTreeSet::new();
        for debit in &ledger.debits {
            let cycle = (debit.mandate_id.clone(), debit.cycle);
            assert!(collected.insert(cycle), "collected twice: {debit:?}");
            if let Some(payer) = self.payer(&debit.mandate_id) {
                assert_eq!(debit.amount_minor, i64::from(payer.rupees) * 100);
            }
        }
        let of_money = |rule: &Rule| match rule {
            Rule::SecondDebit
            | Rule::SecondInPeriod
            | Rule::EarlyDebit
            | Rule::NoNotification
            | Rule::StaleNotification
            | Rule::PeakDebit
            | Rule::NoCycle
            | Rule::CycleOver
            | Rule::WrongAmount
            | Rule::OverMaximum
            | Rule::RetryWhilePending
            | Rule::BadRequest => true,
            Rule::PeakNotification
            | Rule::OverBudget
            | Rule::PresentedTooOften
            | Rule::PresentedTooSoon
            | Rule::DeclinedTooOften
            | Rule::LookUpTooOften
            | Rule::LookUpTooSoon
            | Rule::RetriedToday
            | Rule::RetriesSpent => false,
        };
        let broken = ledger.violations.iter();
        let broken: Vec<_> = broken.filter(|one| of_money(&one.rule)).collect();
        assert!(broken.is_empty(), "{broken:#?}");
    }

    /// Each of our debits is one of theirs, and of no other; those of theirs that we have not.
    async fn booked_where_it_belongs(&self, pool: &DatabasePool, ledger: &Ledger) -> Vec<Debit> {
        let ours: Vec<OurDebit> = sqlx::query_as(
            "select m.provider_mandate_id as mandate_id, m.customer_id, d.amount_minor, d.cycle_on,
                    case m.provider when 'signzy' then coalesce(d.provider_txn, d.order_id) else d.order_id end as order
               from mandated.debits d join mandated.mandates m on m.id = d.mandate_id",
        )
        .fetch_all(pool)
        .await
        .unwrap();
        let mut theirs = ledger.debits.clone();
        theirs.retain(|debit| self.payer(&debit.mandate_id).is_some());
        for debit in ours {
            let payer = self.payer(&debit.mandate_id).unwrap();
            assert_eq!(debit.customer_id, format!("customer_{}", payer.reference));
            let same = theirs.iter().position(|other| {
                let Debit {
                    mandate_id,
                    order_id,
                    amount_minor,
                    cycle,
                    ..
                } = other;
                (
                    mandate_id,
                    order_id,
                    debit.amount_minor.unwrap_or(*amount_minor),
                    *cycle,
                ) == (
                    &debit.mandate_id,
                    &debit.order,
                    *amount_minor,
                    debit.cycle_on,
                )
            });
            let Some(same) = same else {
                let of_mandate = ledger.debits.iter();
                let of_mandate = of_mandate.filter(|one| one.mandate_id == debit.mandate_id);
                panic!(
                    "{debit:?} is not the provider's: {:#?}",
                    of_mandate.collect::<Vec<_>>()
                );
            };
            theirs.swap_remove(same);
        }
        theirs
    }

    /// What they collected and we have not booked waits for a person or for its next step, and so does what was not collected.
    async fn nothing_is_out_of_sight(
        &self,
        pool: &DatabasePool,
        theirs: &[Debit],
        until: NaiveDate,
    ) -> Vec<String> {
        let standings: Vec<Standing> = sqlx::query_as(
            "select m.provider_mandate_id as mandate_id, e.cycle_on, s.state, s.reason,
                    s.reason <> '' and (s.state = 'review' or j.run_at is not null) as waits
               from mandated.executions e join mandated.mandates m on m.id = e.mandate_id
               join mandated.execution_status s on s.id = e.id
               left join mandated.jobs j on j.execution_id = e.id",
        )
        .fetch_all(pool)
        .await
        .unwrap();
        let standings = standings.into_iter();
        let mut standings: BTreeMap<_, _> = standings
            .map(|one| ((one.mandate_id.clone(), one.cycle_on), one))
            .collect();
        for debit in theirs {
            let cycle = (debit.mandate_id.clone(), debit.cycle);
            let standing = standings.get(&cycle);
            assert!(
                standing.is_some_and(|standing| standing.waits),
                "{debit:?} is not booked, and its cycle does not wait: {standing:?}"
            );
        }
        let mut ends: BTreeMap<String, usize> = BTreeMap::new();
        for payer in &self.0 {
            for cycle in cycles(payer, until) {
                let standing = standings.remove(&(payer.reference.clone(), cycle));
                let standing = standing
                    .unwrap_or_else(|| panic!("{payer:?}: nothing is known of the cycle {cycle}"));
                let is_over = ["charged", "failed", "skipped", "expired"];
                assert!(
                    is_over.contains(&standing.state.as_str()) || standing.waits,
                    "{cycle} of {}: {}, {}",
                    payer.reference,
                    standing.state,
                    standing.reason
                );
                let end = format!("{:?} {}", payer.flow, standing.state);
                *ends.entry(end).or_default() += 1;
            }
        }
        let ends = ends.iter();
        ends.map(|(end, times)| format!("{end}: {times}")).collect()
    }

    /// How many debits the providers made for the mandates of a flow.
    pub(super) fn collected(&self, ledger: &Ledger, flow: Flow) -> u64 {
        let is_of_flow = |debit: &&Debit| {
            let payer = self.payer(&debit.mandate_id);
            payer.is_some_and(|payer| payer.flow == flow)
        };
        let debits = ledger.debits.iter().filter(is_of_flow);
        u64::try_from(debits.count()).unwrap()
    }

    /// All but those of a file.
    pub(super) fn without(&self, scenario: &Scenario) -> Self {
        let is_other = |payer: &&Payer| {
            let mut others = scenario.payers.iter();
            others.all(|other| other.reference != payer.reference)
        };
        Self(self.0.iter().filter(is_other).cloned().collect())
    }

    /// Nobody, if it is a mandate of another database.
    fn payer(&self, mandate_id: &str) -> Option<&Payer> {
        let mut payers = self.0.iter();
        payers.find(|payer| payer.reference == mandate_id)
    }
}

/// Every cycle of these mandates that has begun by a time: whose, and its day.
pub(super) fn cycles_until(scenario: &Scenario, time: &str) -> Vec<(String, String)> {
    let until = time[..10].parse().unwrap();
    let payers = scenario.payers.iter();
    let each = payers.flat_map(|payer| {
        let days = cycles(payer, until).into_iter();
        days.map(|day| (payer.reference.clone(), day.to_string()))
    });
    each.collect()
}

/// The days of a payer's cycles, by counting weeks.
fn cycles(payer: &Payer, until: NaiveDate) -> Vec<NaiveDate> {
    let day = |text: &str| -> NaiveDate { text.parse().unwrap() };
    let last = day(&payer.ends_on).min(until);
    let mut cycles = vec![day(&payer.starts_on)];
    while let Some(next) = cycles.last().map(|last| *last + Days::new(7)) {
        if next > last {
            break;
        }
        cycles.push(next);
    }
    cycles
}
