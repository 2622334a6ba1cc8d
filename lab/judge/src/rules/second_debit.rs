//! A second debit for one cycle.
//!
//! Razorpay, "Execute subsequent payments" (UPI): "NPCI allows only one successful debit on a token per billing cycle".
//! `LotusPay`, "Mandate frequencies" (NACH): a frequency is a limit of successful debits; failed ones do not count.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::verdict::{Breach, Rule};

/// Counts a debit, and says whether its cycle had one.
pub(crate) fn breach(collected: &mut BTreeMap<NaiveDate, u32>, cycle: NaiveDate) -> Option<Breach> {
    let debits = collected.entry(cycle).or_default();
    *debits = debits.saturating_add(1);
    (*debits > 1).then(|| {
        let detail = format!("debit number {debits} of the cycle of {cycle}");
        Breach::of(Rule::SecondDebit, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::day;
    use super::*;

    #[test]
    fn each_cycle_has_one_debit() {
        let mut collected = BTreeMap::new();
        for (cycle, second) in [(5, false), (20, false), (5, true), (5, true)] {
            let breach = breach(&mut collected, day(cycle));
            assert_eq!(
                breach.map(|breach| breach.rule),
                second.then_some(Rule::SecondDebit)
            );
        }
        assert_eq!(collected.get(&day(5)), Some(&3));
    }
}
