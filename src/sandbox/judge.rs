//! The rules, read from the circulars and the providers' pages and not from the engine: each breach is written down.
//!
//! Where the payer's bank would notice, it declines as well. Where it would not, the debit goes through: the worst
//! case is the one worth finding.

use chrono::TimeDelta;

use super::decline::Decline;
use super::ledger::{Debit, Ledger, Rule};
use super::mandate::{By, Mandate};
use super::order::{Notice, Notification, Order};
use super::{ClockTime, india};
use crate::domain::{Instant, Rail};

/// Judges the presentation of an order to the payer's bank; a decline if the bank would not take it.
pub(super) fn presentation(
    mandate: &mut Mandate,
    order: &Order,
    (by, at): (By, Instant),
    ledger: &mut Ledger,
) -> Option<Decline> {
    // What the provider does of its own is not the merchant's doing.
    let judged = by != By::Provider;
    let mut breach = |rule, detail: String| {
        if judged {
            ledger.violation(at, (mandate.id(), Some(&order.id)), rule, detail);
        }
    };
    if mandate.terms.cycle_of(india::day(at)).is_none() {
        breach(
            Rule::NoCycle,
            format!("debited on {}, before the first cycle", india::day(at)),
        );
    }
    let upi = mandate.terms.rail == Rail::Upi;
    if upi && india::is_peak(at) {
        breach(
            Rule::PeakDebit,
            format!("presented at {} in India", ClockTime(at)),
        );
    }
    let notification = match &order.notice {
        Notice::Exempt => None,
        Notice::Missing => {
            breach(
                Rule::NoNotification,
                "presented without a notification".to_owned(),
            );
            return Some(Decline::not_notified());
        }
        Notice::Merchant(reference) => mandate.notifications.get(reference),
        Notice::Provider(notification) => Some(&**notification),
    };
    if let Some(notification) = notification
        && let Some((rule, detail, decline)) = notified(notification, order, by, at)
    {
        breach(rule, detail);
        return Some(decline);
    }
    if !upi {
        return None;
    }
    let key = notification.map_or_else(|| order.id.clone(), |known| known.reference.clone());
    let before = mandate.attempts_of.get(&key).copied().unwrap_or(0);
    if before >= 4 {
        breach(
            Rule::OverBudget,
            format!("{before} attempts were made for {key} already"),
        );
        return Some(Decline::attempts_exceeded());
    }
    mandate.attempts_of.insert(key, before.saturating_add(1));
    None
}

/// 24 to 48 h after a notification that arrived, for the amount that it named.
fn notified(
    notification: &Notification,
    order: &Order,
    by: By,
    at: Instant,
) -> Option<(Rule, String, Decline)> {
    let Some(delivered_at) = notification
        .delivered_at()
        .filter(|delivered| *delivered <= at)
    else {
        let detail = format!("notification {} was not delivered", notification.reference);
        return Some((Rule::NoNotification, detail, Decline::not_notified()));
    };
    let age = at.signed_duration_since(delivered_at);
    let told = |rule, decline| {
        let detail = format!(
            "presented {} h {} min after notification {} was delivered",
            age.num_hours(),
            age.num_minutes().checked_rem(60).unwrap_or(0),
            notification.reference
        );
        Some((rule, detail, decline))
    };
    if age < TimeDelta::hours(24) {
        return told(Rule::EarlyDebit, Decline::not_notified());
    }
    // A later `mandate.execution_date` is allowed; the 48 h are for those who debit by themselves.
    if age > TimeDelta::hours(48) && by == By::Merchant {
        return told(Rule::StaleNotification, Decline::not_notified());
    }
    if notification.amount != order.amount {
        let detail = format!(
            "debits {} where {} was notified",
            order.amount, notification.amount
        );
        return Some((Rule::WrongAmount, detail, Decline::other_amount()));
    }
    None
}

/// Writes a debit down, and whether it is the second of its cycle or above the mandate's maximum.
pub(super) fn book(mandate: &mut Mandate, debit: Debit, ledger: &mut Ledger) {
    let collected = mandate.collected.entry(debit.cycle).or_default();
    *collected = collected.saturating_add(1);
    let about = (debit.mandate_id.as_str(), Some(debit.order_id.as_str()));
    if *collected > 1 {
        let detail = format!("debit number {collected} of the cycle of {}", debit.cycle);
        ledger.violation(debit.at, about, Rule::SecondDebit, detail);
    }
    if mandate
        .terms
        .max_amount
        .is_some_and(|most| debit.amount_minor > most.minor())
    {
        let detail = format!("{} minor units of {}", debit.amount_minor, debit.currency);
        ledger.violation(debit.at, about, Rule::OverMaximum, detail);
    }
    ledger.debits.push(debit);
}

/// NPCI/UPI/OC/215/2025-26: the first check 90 s after the initiation, at most three within two hours.
pub(super) fn look_up(
    rail: Rail,
    mandate_id: &str,
    order: &mut Order,
    now: Instant,
    ledger: &mut Ledger,
) {
    if rail != Rail::Upi {
        return;
    }
    let about = (mandate_id, Some(order.id.as_str()));
    let presented = order
        .attempts
        .iter()
        .rev()
        .find(|attempt| attempt.by != By::Provider);
    if let Some(attempt) = presented {
        let age = now.signed_duration_since(attempt.at);
        if age >= TimeDelta::zero() && age < TimeDelta::seconds(90) {
            let detail = format!("looked up {} s after it was presented", age.num_seconds());
            ledger.violation(now, about, Rule::LookUpTooSoon, detail);
        }
    }
    let horizon = india::after(now, TimeDelta::hours(-2));
    order.lookups.retain(|at| *at > horizon);
    order.lookups.push(now);
    if order.lookups.len() > 3 {
        let detail = format!("looked up {} times within two hours", order.lookups.len());
        ledger.violation(now, about, Rule::LookUpTooOften, detail);
    }
}

/// `mandate.execution_date` leaves the payer at least 24 h.
pub(super) fn execution_date(
    mandate: &Mandate,
    order: &Order,
    (asked, delivered): (Instant, Instant),
    ledger: &mut Ledger,
) {
    let notice = asked.signed_duration_since(delivered);
    if notice < TimeDelta::hours(24) {
        let detail = format!(
            "execution_date is {} min after the notification",
            notice.num_minutes()
        );
        ledger.violation(
            order.created_at,
            (mandate.id(), Some(&order.id)),
            Rule::EarlyDebit,
            detail,
        );
    }
}

/// Cashfree, "Retry Subscription Charge": one a day, three for a failed payment, not once its cycle is over. Why not,
/// if not.
pub(super) fn signzy_retry(
    mandate: &Mandate,
    index: usize,
    now: Instant,
    ledger: &mut Ledger,
) -> Option<&'static str> {
    let payment = mandate.payments.get(index)?;
    let today = india::day(now);
    let id = payment.id.to_string();
    let mut breach = |rule, detail: String| {
        ledger.violation(now, (mandate.id(), Some(&id)), rule, detail);
    };
    if payment.retried.contains(&today) {
        breach(Rule::RetriedToday, format!("retried on {today} already"));
        return Some("Only one retry is allowed per day");
    }
    if payment.status() == "PENDING" {
        breach(
            Rule::RetryWhilePending,
            "the payment is still under way".to_owned(),
        );
        return Some("Payment is pending");
    }
    if payment.retried.len() >= 3 {
        breach(Rule::RetriesSpent, "retried three times already".to_owned());
        return Some("Maximum retries are done for this cycle");
    }
    if payment.status() != "FAILED" {
        return Some("There is no failed payment to retry");
    }
    (mandate.terms.cycle_of(today) != Some(payment.cycle))
        .then_some("The cycle of the payment is over")
}
