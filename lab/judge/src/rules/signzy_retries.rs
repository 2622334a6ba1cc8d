//! A retry that Signzy does not allow.
//!
//! Signzy, "Retry Payment", which republishes Cashfree, "Retry Subscription Charge": one retry a day, three for a failed
//! payment within its cycle, and none of a payment that has not failed. Days are India's.

use chrono::NaiveDate;

use crate::calendar::india;
use crate::facts::PaymentRetry;
use crate::verdict::{Breach, RetryRefusal, Rule};

const MOST: usize = 3;

/// `retried` are the days on which the payment was retried before.
pub(crate) fn refusal(
    retried: &[NaiveDate],
    retry: &PaymentRetry<'_>,
) -> Option<(RetryRefusal, Breach)> {
    let today = india::day(retry.at);
    let (refusal, rule, detail) = if retried.contains(&today) {
        let detail = format!("retried on {today} already");
        (RetryRefusal::RetriedToday, Rule::RetriedToday, detail)
    } else if retry.pending {
        let detail = "the payment is still under way".to_owned();
        (RetryRefusal::StillPending, Rule::RetryWhilePending, detail)
    } else if retried.len() >= MOST {
        let detail = format!("retried {} times already", retried.len());
        (RetryRefusal::RetriesSpent, Rule::RetriesSpent, detail)
    } else {
        return None;
    };
    Some((refusal, Breach::of(rule, detail)))
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::{at, day};
    use super::*;

    #[test]
    fn a_failed_payment_is_retried_once_a_day_and_three_times() {
        for (days, pending, time, expected) in [
            (&[][..], false, "06 15:00", None),
            (&[6][..], false, "06 23:59", Some(Rule::RetriedToday)),
            (&[6][..], false, "07 00:00", None),
            (&[6][..], true, "07 00:00", Some(Rule::RetryWhilePending)),
            (&[6, 7][..], false, "08 15:00", None),
            (&[6, 7, 8][..], false, "09 15:00", Some(Rule::RetriesSpent)),
        ] {
            let retried: Vec<_> = days.iter().copied().map(day).collect();
            let retry = PaymentRetry {
                payment_id: "p1",
                pending,
                at: at(time),
            };
            let rule = refusal(&retried, &retry).map(|(_, breach)| breach.rule);
            assert_eq!(rule, expected, "{days:?} {time}");
        }
    }
}
