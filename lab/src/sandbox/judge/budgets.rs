//! How often and how soon: what the rails, the networks and Signzy allow for a cycle, an order or a card.

use chrono::{Days, TimeDelta};
use mandated::domain::{Instant, Rail};

use crate::sandbox::attempt::By;
use crate::sandbox::india;
use crate::sandbox::ledger::{Ledger, Rule};
use crate::sandbox::mandate::Mandate;
use crate::sandbox::order::Order;

/// An order belongs to the cycle in which it was first presented: "avoid creating subsequent debits on the last day of
/// the billing cycle" (Razorpay).
pub(super) fn cycle(mandate: &Mandate, order: &Order, at: Instant) -> Option<(Rule, String)> {
    let (began, now) = (order.cycle?, mandate.terms.cycle_of(india::day(at))?);
    // Where the merchant presents the cycles there is no telling when one ends.
    let over = began < now && !mandate.terms.cycle_days.is_empty();
    over.then(|| {
        let detail = format!("a debit of the cycle of {began}, in that of {now}");
        (Rule::CycleOver, detail)
    })
}

/// NPCI/2023-24/NACH/007: one presentation and two more, each three days after the return.
pub(super) fn nach(mandate: &Mandate, order: &Order, at: Instant) -> Option<(Rule, String)> {
    let before: Vec<_> = mandate
        .history
        .iter()
        .filter(|past| Some(past.cycle) == order.cycle)
        .collect();
    if before.len() >= 3 {
        let detail = format!("presented {} times in this cycle already", before.len());
        return Some((Rule::PresentedTooOften, detail));
    }
    let returned = before.iter().map(|past| past.resolves_at).max()?;
    let allowed = india::day(returned).checked_add_days(Days::new(3))?;
    (india::day(at) < allowed).then(|| {
        let detail = format!("presented again before {allowed}, three days after the return");
        (Rule::PresentedTooSoon, detail)
    })
}

/// Visa: 15 declined attempts in 30 days; newer pages say 20. The stricter of the networks' limits.
pub(super) fn card(mandate: &Mandate, at: Instant) -> Option<String> {
    let from = india::after(at, TimeDelta::days(-30));
    let declined = mandate.history.iter().filter(|past| past.declined);
    let recent = declined.filter(|past| past.at > from).count();
    (recent >= 15).then(|| format!("declined {recent} times in the last 30 days"))
}

/// NPCI/UPI/OC/215/2025-26: the first check 90 s after the initiation, at most three within two hours.
pub(in super::super) fn look_up(
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

/// Cashfree, "Retry Subscription Charge": one a day, three for a failed payment, not once its cycle is over. Why not,
/// if not.
pub(in super::super) fn signzy_retry(
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
