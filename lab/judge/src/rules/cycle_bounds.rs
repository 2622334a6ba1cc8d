//! A debit outside of the cycle that it is for: before the first one, or in the next one.
//!
//! NPCI, NACH reject code 28: the date is before the start of the mandate. Razorpay, "Execute subsequent payments"
//! (UPI): "avoid creating subsequent debits on the last day of the billing cycle"; what is not collected by then "falls
//! into the next billing cycle and will fail".

use chrono::NaiveDate;

use crate::calendar::{Cycles, india};
use crate::facts::Timestamp;
use crate::verdict::{Breach, Rule};

/// Of a debit before the mandate's first cycle.
pub(crate) fn before_the_first(cycles: &Cycles, at: Timestamp) -> Option<Breach> {
    let day = india::day(at);
    cycles.of(day).is_none().then(|| {
        let detail = format!("debited on {day}, before the first cycle");
        Breach::of(Rule::NoCycle, detail)
    })
}

/// Of an order that was first presented in the cycle `began`.
pub(crate) fn over(cycles: &Cycles, began: NaiveDate, at: Timestamp) -> Option<Breach> {
    let now = cycles.of(india::day(at))?;
    // Where the merchant presents the cycles there is no telling when one ends.
    let over = began < now && !cycles.are_presented();
    over.then(|| {
        let detail = format!("a debit of the cycle of {began}, in that of {now}");
        Breach::of(Rule::CycleOver, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::{at, day};
    use super::*;

    #[test]
    fn nothing_is_debited_before_the_first_cycle() {
        let cycles = Cycles::on(vec![day(5), day(20)]);
        for (time, before) in [("04 23:59", true), ("05 00:00", false), ("31 00:00", false)] {
            let breach = before_the_first(&cycles, at(time));
            assert_eq!(
                breach.map(|breach| breach.rule),
                before.then_some(Rule::NoCycle),
                "{time}"
            );
        }
        let presented = Cycles::on(Vec::new());
        assert_eq!(before_the_first(&presented, at("01 00:00")), None);
    }

    #[test]
    fn an_order_is_not_debited_in_the_next_cycle() {
        let cycles = Cycles::on(vec![day(5), day(20)]);
        for (time, is_over) in [("05 00:00", false), ("19 23:59", false), ("20 00:00", true)] {
            let breach = over(&cycles, day(5), at(time));
            assert_eq!(
                breach.map(|breach| breach.rule),
                is_over.then_some(Rule::CycleOver),
                "{time}"
            );
        }
        let presented = Cycles::on(Vec::new());
        assert_eq!(over(&presented, day(5), at("31 00:00")), None);
    }
}
