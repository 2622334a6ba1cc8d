//! A debit that comes too early after the payer was notified.
//!
//! RBI, "Digital Payments – E-mandate Framework, 2026", §6a: the issuer sends the pre-transaction notification "at
//! least 24 hours prior to the actual charge / debit". NPCI UPI OC-149, code NU: the payee's PSP initiates it "prior
//! 24hrs of the subsequent execution". The 24 hours count from the delivery, not from the request.

use chrono::TimeDelta;

use crate::facts::{Presentation, Scheduled, Timestamp};
use crate::verdict::{Breach, Rule};

/// What the payer is left with between the notification and the debit.
const NOTICE: TimeDelta = TimeDelta::hours(24);

/// A presentation within 24 hours of the delivery.
pub(crate) fn breach(presentation: &Presentation<'_>, delivered_at: Timestamp) -> Option<Breach> {
    let age = presentation.at.signed_duration_since(delivered_at);
    (age < NOTICE).then(|| {
        let detail = after_delivery(presentation, age);
        Breach::of(Rule::EarlyDebit, detail)
    })
}

/// Juspay, "Mandate Execution API", `mandate.execution_date`: a date that the merchant chooses leaves the payer the
/// same 24 hours.
pub(crate) fn by_execution_date(
    scheduled: &Scheduled<'_>,
    delivered_at: Timestamp,
) -> Option<Breach> {
    let notice = scheduled.execution_date.signed_duration_since(delivered_at);
    (notice < NOTICE).then(|| {
        let detail = format!(
            "execution_date is {} min after the notification",
            notice.num_minutes()
        );
        Breach::of(Rule::EarlyDebit, detail)
    })
}

/// How long after the delivery an order is presented, in words.
pub(super) fn after_delivery(presentation: &Presentation<'_>, age: TimeDelta) -> String {
    format!(
        "presented {} h {} min after notification {} was delivered",
        age.num_hours(),
        age.num_minutes().checked_rem(60).unwrap_or(0),
        presentation.notification.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::{at, presentation};
    use super::*;

    #[test]
    fn a_debit_is_early_until_24_hours_after_the_delivery() {
        for (presented, early) in [
            ("05 09:00", true),
            ("05 09:09", true),
            ("05 09:10", false),
            ("06 09:10", false),
        ] {
            let breach = breach(&presentation(Some("n1"), presented), at("04 09:10"));
            assert_eq!(
                breach.map(|breach| breach.rule),
                early.then_some(Rule::EarlyDebit),
                "{presented}"
            );
        }
    }

    #[test]
    fn the_detail_says_how_early() {
        let breach = breach(&presentation(Some("n1"), "05 08:05"), at("04 09:00"));
        assert_eq!(
            breach.unwrap().detail,
            "presented 23 h 5 min after notification n1 was delivered"
        );
    }

    #[test]
    fn an_execution_date_leaves_24_hours() {
        for (execution_date, early) in [("05 08:59", true), ("05 09:00", false)] {
            let scheduled = Scheduled {
                order_id: "o1",
                notification: "n1",
                execution_date: at(execution_date),
                at: at("04 08:50"),
            };
            let breach = by_execution_date(&scheduled, at("04 09:00"));
            assert_eq!(breach.is_some(), early, "{execution_date}");
        }
    }
}
