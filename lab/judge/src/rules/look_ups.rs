//! A UPI order that is looked up too soon or too often.
//!
//! NPCI/UPI/OC/215/2025-26 of 26 April 2025: ¶3, the first check of the status comes 90 s after the initiation or later;
//! ¶4, at most three checks, "preferably within 2 hours".

use chrono::TimeDelta;

use crate::facts::Timestamp;
use crate::verdict::{Breach, Rule};

const WAIT: TimeDelta = TimeDelta::seconds(90);
const MOST: usize = 3;
const WITHIN: TimeDelta = TimeDelta::hours(2);

/// Of a look-up of an order that the merchant last initiated at `initiated_at`.
pub(crate) fn too_soon(initiated_at: Option<Timestamp>, at: Timestamp) -> Option<Breach> {
    let age = at.signed_duration_since(initiated_at?);
    (age >= TimeDelta::zero() && age < WAIT).then(|| {
        let detail = format!("looked up {} s after it was presented", age.num_seconds());
        Breach::of(Rule::LookUpTooSoon, detail)
    })
}

/// Adds a look-up to those of the order, and forgets those that no longer count.
pub(crate) fn too_often(look_ups: &mut Vec<Timestamp>, at: Timestamp) -> Option<Breach> {
    let since = at.checked_sub_signed(WITHIN).unwrap_or(at);
    look_ups.retain(|look_up| *look_up > since);
    look_ups.push(at);
    let made = look_ups.len();
    (made > MOST).then(|| {
        let detail = format!("looked up {made} times within two hours");
        Breach::of(Rule::LookUpTooOften, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::at;
    use super::*;

    #[test]
    fn the_first_look_up_comes_90_seconds_after_the_initiation() {
        for (time, soon) in [
            ("05 08:30:00", true),
            ("05 08:31:29", true),
            ("05 08:31:30", false),
            // Callers' clocks may differ: a look-up before the initiation says nothing.
            ("05 08:29:59", false),
        ] {
            let breach = too_soon(Some(at("05 08:30")), at(time));
            assert_eq!(
                breach.map(|breach| breach.rule),
                soon.then_some(Rule::LookUpTooSoon),
                "{time}"
            );
        }
        assert_eq!(too_soon(None, at("05 08:30")), None);
    }

    #[test]
    fn an_order_is_looked_up_three_times_in_two_hours() {
        let mut look_ups = Vec::new();
        for (time, often) in [
            ("05 08:32", false),
            ("05 09:00", false),
            ("05 09:30", false),
            ("05 10:31", true),
            // Those of 08:32 and 09:00 are two hours ago.
            ("05 11:00", false),
            ("05 11:01", true),
        ] {
            let breach = too_often(&mut look_ups, at(time));
            assert_eq!(
                breach.map(|breach| breach.rule),
                often.then_some(Rule::LookUpTooOften),
                "{time}"
            );
        }
    }
}
