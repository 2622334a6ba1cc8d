//! A debit that comes too late after the payer was notified.
//!
//! Juspay, "Notification API": "at least 24 hours and no more than 48 hours before execution"; Juspay, "UPI merchant
//! stack, mandate notification": outside of it the payer's PSP or the issuer "can fail the mandate execution". No
//! circular names an upper bound. It is for those who debit by themselves: a later `mandate.execution_date`, at which
//! Juspay debits, is allowed.

use chrono::TimeDelta;

use super::early_debit::after_delivery;
use crate::facts::{Presentation, Presenter, Timestamp};
use crate::verdict::{Breach, Rule};

/// How long a notification is good for.
const VALID_FOR: TimeDelta = TimeDelta::hours(48);

pub(crate) fn breach(presentation: &Presentation<'_>, delivered_at: Timestamp) -> Option<Breach> {
    let age = presentation.at.signed_duration_since(delivered_at);
    (age > VALID_FOR && presentation.by == Presenter::Merchant).then(|| {
        let detail = after_delivery(presentation, age);
        Breach::of(Rule::StaleNotification, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::{at, presentation};
    use super::*;

    #[test]
    fn a_notification_is_good_for_48_hours_where_the_merchant_debits() {
        for (presented, by, stale) in [
            ("06 07:00", Presenter::Merchant, false),
            ("06 07:01", Presenter::Merchant, true),
            ("09 07:00", Presenter::Schedule, false),
            ("09 07:00", Presenter::Provider, false),
        ] {
            let presentation = Presentation {
                by,
                ..presentation(Some("n1"), presented)
            };
            let breach = breach(&presentation, at("04 07:00"));
            assert_eq!(
                breach.map(|breach| breach.rule),
                stale.then_some(Rule::StaleNotification),
                "{presented} {by:?}"
            );
        }
    }
}
