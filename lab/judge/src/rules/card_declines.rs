//! A card that is debited again after too many declines.
//!
//! Visa, "Core Rules", Table 7-2, as acquirers publish it (Worldpay, Dintero, Adyen): 15 declined attempts of a card in
//! 30 days. Visa has raised it to 20 since, which not each acquirer follows: the stricter one is judged by.

use chrono::TimeDelta;

use crate::calendar::india;
use crate::facts::Timestamp;
use crate::record::Answered;
use crate::verdict::{Breach, Rule};

const MOST: usize = 15;

/// `answers` are those to all presentations of the mandate so far.
pub(crate) fn breach(answers: &[Answered], at: Timestamp) -> Option<Breach> {
    let from = india::after(at, TimeDelta::days(-30));
    let declined = answers
        .iter()
        .filter(|answer| answer.declined && answer.presented_at > from)
        .count();
    (declined >= MOST).then(|| {
        let detail = format!("declined {declined} times in the last 30 days");
        Breach::of(Rule::DeclinedTooOften, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::{answered, at};
    use super::*;

    #[test]
    fn a_card_is_declined_fifteen_times_in_thirty_days_and_no_more() {
        let declined = answered("01 08:00", "01 08:00", true);
        let paid = answered("01 08:00", "01 08:00", false);
        for (answers, time, expected) in [
            ([declined; 14].to_vec(), "20 08:30", None),
            (
                [declined; 15].to_vec(),
                "20 08:30",
                Some(Rule::DeclinedTooOften),
            ),
            ([paid; 15].to_vec(), "20 08:30", None),
            // The fifteen are thirty days ago.
            (
                [declined; 15].to_vec(),
                "31 07:59",
                Some(Rule::DeclinedTooOften),
            ),
            ([declined; 15].to_vec(), "31 08:00", None),
        ] {
            let breach = breach(&answers, at(time));
            assert_eq!(breach.map(|breach| breach.rule), expected, "{time}");
        }
    }
}
