//! A NACH debit that is presented too often, or too soon after a return.
//!
//! NPCI/2023-24/NACH/007 of 18 August 2023 (as in `LotusPay`, "Penalty charges for high percentage of returns"): one
//! presentation and two re-presentations, each "only after 3 days from the date of a return". Another order for the same
//! cycle is a presentation like any other.

use chrono::{Days, NaiveDate};

use crate::calendar::india;
use crate::facts::Timestamp;
use crate::record::Answered;
use crate::verdict::{Breach, Rule};

/// One presentation and two more.
const MOST: usize = 3;

/// From the day of a return to the next presentation.
const AFTER_RETURN: Days = Days::new(3);

/// `answers` are those to all presentations of the mandate so far.
pub(crate) fn breach(answers: &[Answered], cycle: NaiveDate, at: Timestamp) -> Option<Breach> {
    let of_cycle = || answers.iter().filter(|answer| answer.cycle == Some(cycle));
    let made = of_cycle().count();
    if made >= MOST {
        let detail = format!("presented {made} times in this cycle already");
        return Some(Breach::of(Rule::PresentedTooOften, detail));
    }
    let returned = of_cycle().map(|answer| answer.known_at).max()?;
    let allowed = india::day(returned).checked_add_days(AFTER_RETURN)?;
    (india::day(at) < allowed).then(|| {
        let detail = format!("presented again before {allowed}, three days after the return");
        Breach::of(Rule::PresentedTooSoon, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::{answered, at, day};
    use super::*;

    #[test]
    fn a_cycle_has_three_presentations_each_three_days_after_a_return() {
        let first = answered("05 05:30", "06 10:30", true);
        let second = answered("09 05:30", "10 10:30", true);
        let third = answered("13 05:30", "14 10:30", true);
        let before: [&[Answered]; 4] = [&[], &[first], &[first, second], &[first, second, third]];
        for (made, time, expected) in [
            (0, "05 05:30", None),
            (1, "08 23:59", Some(Rule::PresentedTooSoon)),
            (1, "09 00:00", None),
            (2, "12 23:59", Some(Rule::PresentedTooSoon)),
            (2, "13 00:00", None),
            (3, "18 05:30", Some(Rule::PresentedTooOften)),
        ] {
            let breach = breach(before[made], day(5), at(time));
            assert_eq!(breach.map(|breach| breach.rule), expected, "{made} {time}");
        }
        // Each cycle has its own three.
        assert_eq!(breach(before[3], day(20), at("20 05:30")), None);
    }
}
