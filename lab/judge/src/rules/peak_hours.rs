//! A UPI debit or a UPI notification in peak hours.
//!
//! NPCI/UPI/OC/215A/2025-26, "Guidelines on usage of UPI API": autopay executions are "to be initiated in non-peak
//! hours". The notification is an API that the customer does not initiate either (`ValCust`), and "during peak hours, UPI
//! members are required to restrict non-customer-initiated APIs".

use crate::calendar::india::{self, ClockTime};
use crate::facts::{Notification, Rail, Timestamp};
use crate::verdict::{Breach, Rule};

/// Of a debit by UPI.
pub(crate) fn of_debit(at: Timestamp) -> Option<Breach> {
    india::is_peak(at).then(|| {
        let detail = format!("presented at {} in India", ClockTime(at));
        Breach::of(Rule::PeakDebit, detail)
    })
}

/// Of a notification, on any rail.
pub(crate) fn of_notification(rail: Rail, notification: &Notification) -> Option<Breach> {
    let Notification {
        reference,
        requested_at,
        ..
    } = notification;
    (rail == Rail::Upi && india::is_peak(*requested_at)).then(|| {
        let clock = ClockTime(*requested_at);
        let detail = format!("notification {reference} asked for at {clock} in India");
        Breach::of(Rule::PeakNotification, detail)
    })
}

#[cfg(test)]
mod tests {
    use super::super::test_facts::{at, notification};
    use super::*;

    const HOURS: [(&str, bool); 8] = [
        ("05 09:59", false),
        ("05 10:00", true),
        ("05 12:59", true),
        ("05 13:00", false),
        ("05 16:59", false),
        ("05 17:00", true),
        ("05 21:29", true),
        ("05 21:30", false),
    ];

    #[test]
    fn upi_is_debited_outside_of_peak_hours() {
        for (time, peak) in HOURS {
            let breach = of_debit(at(time));
            assert_eq!(
                breach.map(|breach| breach.rule),
                peak.then_some(Rule::PeakDebit),
                "{time}"
            );
        }
    }

    #[test]
    fn upi_notifications_keep_to_the_same_hours_and_other_rails_to_none() {
        for (time, peak) in HOURS {
            let notification = notification(time, Some(time));
            let rule = of_notification(Rail::Upi, &notification).map(|breach| breach.rule);
            assert_eq!(rule, peak.then_some(Rule::PeakNotification), "{time}");
            assert_eq!(of_notification(Rail::Card, &notification), None);
            assert_eq!(of_notification(Rail::Enach, &notification), None);
        }
    }
}
