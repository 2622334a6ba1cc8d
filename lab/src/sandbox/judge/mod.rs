//! The rules, read from the circulars and the providers' pages and not from the engine: each breach is written down.
//!
//! Where the payer's bank would notice, it declines as well. Where it would not, the debit goes through: the worst
//! case is the one worth finding.

mod budgets;

use chrono::TimeDelta;

pub(super) use budgets::{look_up, signzy_retry};

use super::attempt::By;
use super::decline::Decline;
use super::ledger::{Debit, Ledger, Rule};
use super::mandate::Mandate;
use super::order::{Notice, Notification, Order};
use super::{ClockTime, india};
use mandated::domain::{Instant, Rail};

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
    if let Some((rule, detail)) = budgets::cycle(mandate, order, at) {
        breach(rule, detail);
    }
    let upi = match mandate.terms.rail {
        Rail::Upi => {
            if india::is_peak(at) {
                let detail = format!("presented at {} in India", ClockTime(at));
                breach(Rule::PeakDebit, detail);
            }
            true
        }
        Rail::Card => {
            if let Some(detail) = budgets::card(mandate, at) {
                breach(Rule::DeclinedTooOften, detail);
            }
            false
        }
        Rail::Enach => {
            if let Some((rule, detail)) = budgets::nach(mandate, order, at) {
                breach(rule, detail);
            }
            false
        }
    };
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

/// A notification that was asked for in peak hours, of a reference or with an order.
pub(super) fn notification(mandate: &Mandate, what: &str, now: Instant, ledger: &mut Ledger) {
    if mandate.terms.rail == Rail::Upi && india::is_peak(now) {
        let detail = format!(
            "notification {what} asked for at {} in India",
            ClockTime(now)
        );
        ledger.violation(now, (mandate.id(), None), Rule::PeakNotification, detail);
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
