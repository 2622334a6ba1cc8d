//! A debit that the payer was not notified of.
//!
//! RBI, "Digital Payments – E-mandate Framework, 2026": §6a wants a notification of cards and UPI, and §6d exempts
//! what replenishes `FASTag` and NCMC (also NPCI UPI OC-207). §2 does not name NACH: "not needed for eNACH" (Juspay,
//! "Payment methods in mandates"). Without one the payer's bank declines with NU, "Unable to notify the customer"
//! (NPCI, "UPI Error and Response Codes" 2.9).

use crate::facts::{Mandate, Notification, Presentation, Rail};
use crate::verdict::{Breach, Rule};

/// Whether the payer must be notified before a debit of the mandate.
pub(crate) fn is_wanted(mandate: &Mandate) -> bool {
    match mandate.rail {
        Rail::Upi | Rail::Card => !matches!(mandate.category.as_deref(), Some("fastag" | "ncmc")),
        Rail::Enach => false,
    }
}

/// `notification` is the one that the presentation names, if the provider knows it.
pub(crate) fn breach(
    mandate: &Mandate,
    presentation: &Presentation<'_>,
    notification: Option<&Notification>,
) -> Option<Breach> {
    let breach = |detail: String| Some(Breach::of(Rule::NoNotification, detail));
    match notification {
        Some(notification) => {
            let delivered = notification.delivered_at;
            if delivered.is_some_and(|delivered_at| delivered_at <= presentation.at) {
                return None;
            }
            let reference = &notification.reference;
            breach(format!("notification {reference} was not delivered"))
        }
        None if presentation.notification.is_none() && !is_wanted(mandate) => None,
        None => breach("presented without a notification".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::{mandate, notification, presentation};
    use super::*;

    #[test]
    fn upi_and_cards_want_a_notification_unless_they_replenish_fastag_or_ncmc() {
        for (rail, category, wanted) in [
            (Rail::Upi, None, true),
            (Rail::Card, Some("insurance"), true),
            (Rail::Upi, Some("fastag"), false),
            (Rail::Card, Some("ncmc"), false),
            (Rail::Enach, None, false),
        ] {
            let mandate = mandate(rail, category);
            let breach = breach(&mandate, &presentation(None, "05 08:30"), None);
            assert_eq!(
                breach.map(|breach| breach.rule),
                wanted.then_some(Rule::NoNotification),
                "{rail:?} {category:?}"
            );
        }
    }

    #[test]
    fn a_notification_that_nobody_knows_is_none_even_where_none_is_wanted() {
        let exempt = mandate(Rail::Enach, None);
        assert!(breach(&exempt, &presentation(Some("n9"), "05 08:30"), None).is_some());
    }

    #[test]
    fn a_notification_counts_once_it_was_delivered() {
        let mandate = mandate(Rail::Upi, None);
        for (delivered_at, missing) in [
            (None, true),
            (Some("05 08:31"), true),
            (Some("05 08:30"), false),
            (Some("04 07:00"), false),
        ] {
            let notification = notification("04 07:00", delivered_at);
            let presentation = presentation(Some("n1"), "05 08:30");
            let breach = breach(&mandate, &presentation, Some(&notification));
            assert_eq!(breach.is_some(), missing, "{delivered_at:?}");
        }
    }
}
