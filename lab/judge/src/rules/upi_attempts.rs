//! A fifth attempt by UPI.
//!
//! NPCI/UPI/OC/215A/2025-26, "Guidelines on usage of UPI API", autopay mandate execution: "Maximum of 1 attempt and 3
//! retries per mandate (per sequence number) shall be permitted". A sequence number is an execution: the attempts that
//! go by one notification, whoever makes them. The provider's own retries count. NPCI does not say whether another notification in the
//! same period begins another sequence: the narrower reading is that it does not, so a cycle has four attempts, whatever its orders.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::facts::Presentation;
use crate::record::Answered;
use crate::verdict::{Breach, Rule};

/// One attempt and three retries.
const MOST: u32 = 4;
const MOST_OF_CYCLE: usize = 4;

/// `attempts` are those made before, by notification.
pub(crate) fn breach(
    attempts: &BTreeMap<String, u32>,
    presentation: &Presentation<'_>,
) -> Option<Breach> {
    let execution = execution(presentation);
    let made = attempts.get(execution).copied().unwrap_or(0);
    (made >= MOST).then(|| {
        let detail = format!("{made} attempts were made for {execution} already");
        Breach::of(Rule::OverBudget, detail)
    })
}

/// `answers` are those to all presentations of the mandate so far.
pub(crate) fn of_cycle(answers: &[Answered], cycle: NaiveDate) -> Option<Breach> {
    let of_cycle = answers.iter().filter(|answer| answer.cycle == Some(cycle));
    let made = of_cycle.count();
    (made >= MOST_OF_CYCLE).then(|| {
        let detail = format!("{made} attempts were made in the cycle of {cycle} already");
        Breach::of(Rule::OverBudget, detail)
    })
}

/// Counts an attempt that reaches the payer's bank.
pub(crate) fn count(attempts: &mut BTreeMap<String, u32>, presentation: &Presentation<'_>) {
    let made = attempts
        .entry(execution(presentation).to_owned())
        .or_default();
    *made = made.saturating_add(1);
}

/// What is attempted: by one notification or, where none is wanted, for one order.
fn execution<'a>(presentation: &Presentation<'a>) -> &'a str {
    presentation.notification.unwrap_or(presentation.order_id)
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::{answered, day, presentation};
    use super::*;

    #[test]
    fn four_attempts_go_by_one_notification_and_a_fifth_does_not() {
        let mut attempts = BTreeMap::new();
        let first = presentation(Some("n1"), "05 08:30");
        for made in 0..MOST {
            assert_eq!(breach(&attempts, &first), None, "{made}");
            count(&mut attempts, &first);
        }
        let rule = breach(&attempts, &first).map(|breach| breach.rule);
        assert_eq!(rule, Some(Rule::OverBudget));
        // Another notification is another execution, and so is an order that needs none.
        assert_eq!(
            breach(&attempts, &presentation(Some("n2"), "05 08:30")),
            None
        );
        assert_eq!(breach(&attempts, &presentation(None, "05 08:30")), None);
    }

    #[test]
    fn a_cycle_has_four_attempts_whatever_its_orders() {
        let answers =
            ["05 08:30", "06 08:30", "07 08:30", "08 08:30"].map(|time| answered(time, time, true));
        assert_eq!(of_cycle(&answers[..3], day(5)), None);
        let fifth = of_cycle(&answers, day(5)).map(|breach| breach.rule);
        assert_eq!(fifth, Some(Rule::OverBudget));
        assert_eq!(of_cycle(&answers, day(20)), None, "another cycle's");
    }
}
