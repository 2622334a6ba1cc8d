//! G1 and G2 as far as they need a hash or a calendar: periods, orders, references and payments are those of their cycle, derived again
//! from what everybody can know of it. Read a page at a time; of a mandate's debits the payments are remembered, and no more.

use std::collections::BTreeMap;

use chrono::{NaiveDate, TimeDelta};
use sqlx::PgConnection;

use super::Rules;
use super::calendar::period;
use super::identity::{CycleName, IdOf};
use crate::domain::Timestamp;
use crate::ops::OpsError;
use crate::ops::error::step;
use crate::store::audit::names::{self, NamedDebit, NamedExecution, NamedNotification};
use crate::store::audit::{Finding, Range};

const ORDERS: (&str, &str) = (
    "G1",
    "an order is called as its cycle's registration, period and number are",
);
const PERIODS: (&str, &str) = ("G1", "a period of a mandate has at most one debit");
const PAYMENTS: (&str, &str) = ("G1", "a payment of the provider is one debit's");
const NOTIFICATIONS: (&str, &str) = (
    "G2",
    "a notification is its own execution's, and delivered when an answer says so",
);

const PAGE: i64 = 2_000;
/// An answer and its settlement have one time; two workers' clocks may differ.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The rules hold unless something is found.
pub(super) fn announce(rules: &mut Rules) {
    for (guarantee, rule) in [ORDERS, PERIODS, PAYMENTS, NOTIFICATIONS] {
        rules.of(guarantee, rule);
    }
}

/// Executions and their notifications.
pub(super) async fn executions(
    conn: &mut PgConnection,
    range: Range,
    rules: &mut Rules,
) -> Result<(), OpsError> {
    let mut after = range.after;
    loop {
        let page = names::executions(conn, range, after, PAGE)
            .await
            .map_err(step("read what executions are called"))?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for execution in &page {
            if let Some(detail) = misnamed(execution) {
                let ids = (Some(execution.id), execution.mandate_id);
                add(rules, ORDERS, ids, detail);
            }
        }
    }
    Ok(())
}

/// Notifications, of those alone whose request is still in the history.
pub(super) async fn notifications(
    conn: &mut PgConnection,
    range: Range,
    history_from: Timestamp,
    rules: &mut Rules,
) -> Result<(), OpsError> {
    let mut after = (range.after, i16::MAX);
    loop {
        let page = names::notifications(conn, range, after, PAGE)
            .await
            .map_err(step("read what notifications are called"))?;
        let Some(last) = page.last() else { break };
        after = (last.execution_id, last.notification_no);
        for notification in &page {
            let is_kept = notification.requested_at >= history_from;
            if let Some(detail) = not_its_own(notification, is_kept) {
                let ids = (Some(notification.execution_id), notification.of_mandate);
                add(rules, NOTIFICATIONS, ids, detail);
            }
        }
    }
    Ok(())
}

/// Debits, with or without their executions.
pub(super) async fn debits(
    conn: &mut PgConnection,
    range: Range,
    rules: &mut Rules,
) -> Result<(), OpsError> {
    let mut after = (range.after, NaiveDate::MAX);
    let mut seen = SeenDebits::default();
    loop {
        let page = names::debits(conn, range, after, PAGE)
            .await
            .map_err(step("read what debits are called"))?;
        let Some(last) = page.last() else { break };
        after = (last.mandate_id, last.cycle_on);
        for debit in &page {
            for (rule, detail) in seen.look_at(debit) {
                add(
                    rules,
                    rule,
                    (Some(debit.execution_id), debit.mandate_id),
                    detail,
                );
            }
        }
    }
    Ok(())
}

fn add(
    rules: &mut Rules,
    rule: (&'static str, &'static str),
    ids: (Option<i64>, i64),
    detail: String,
) {
    rules.of(rule.0, rule.1).add(Finding {
        execution_id: ids.0,
        mandate_id: Some(ids.1),
        detail,
        total: 1,
    });
}

fn misnamed(execution: &NamedExecution) -> Option<String> {
    let derived = period(execution.frequency.as_deref(), execution.cycle_on)?;
    if derived != execution.period {
        return Some(format!(
            "cycle {} lies in the period {derived}, and is called {}",
            execution.cycle_on, execution.period
        ));
    }
    let cycle = CycleName {
        provider: &execution.provider,
        mandate: &execution.provider_mandate_id,
        period: &derived,
    };
    let is_nth = |of, id: &str, nth: i16| {
        let number = cycle.number_of(of, id, nth);
        number.is_some() && number == u32::try_from(nth).ok()
    };
    let (order, nth) = (&execution.order_id, execution.order_no);
    if !is_nth(IdOf::Order, order, nth) {
        return Some(format!("order {order} is not order {nth} of {derived}"));
    }
    let (reference, nth) = (
        execution.notification_ref.as_ref()?,
        execution.notification_no,
    );
    (!is_nth(IdOf::Notification, reference, nth))
        .then(|| format!("reference {reference} is not notification {nth} of {derived}"))
}

fn not_its_own(notification: &NamedNotification, is_kept: bool) -> Option<String> {
    let (reference, nth) = (&notification.reference, notification.notification_no);
    let cycle = CycleName {
        provider: &notification.provider,
        mandate: &notification.provider_mandate_id,
        period: &notification.period,
    };
    let number = cycle.number_of(IdOf::Notification, reference, nth);
    if number.is_none() || number != u32::try_from(nth).ok() {
        return Some(format!(
            "reference {reference} is not notification {nth} of {}",
            notification.period
        ));
    }
    if notification.mandate_id != notification.of_mandate {
        let (other, own) = (notification.mandate_id, notification.of_mandate);
        return Some(format!(
            "notification {reference} is mandate {other}'s, and its execution mandate {own}'s"
        ));
    }
    let delivered = notification.delivered_at?;
    if notification.is_current && notification.execution_delivered_at != Some(delivered) {
        let other = notification.execution_delivered_at;
        return Some(format!(
            "notification {reference} was delivered at {delivered}, and its execution says {}",
            other.map_or_else(|| "never".to_owned(), |at| at.to_string())
        ));
    }
    match notification.said_at {
        None if is_kept => Some(format!(
            "notification {reference} was delivered at {delivered}, and no answer says so"
        )),
        Some(said)
            if delivered
                .checked_add_signed(TOLERANCE)
                .is_some_and(|late| late < said) =>
        {
            Some(format!(
                "notification {reference} was delivered at {delivered}, and the first answer that says so is of {said}"
            ))
        }
        None | Some(_) => None,
    }
}

/// The debits of the mandate that the reading has come to.
#[derive(Default)]
struct SeenDebits {
    mandate_id: i64,
    periods: Option<(String, NaiveDate)>,
    /// The provider's payments, each with the cycle that it collected.
    payments: BTreeMap<String, NaiveDate>,
}

impl SeenDebits {
    fn look_at(&mut self, debit: &NamedDebit) -> Vec<((&'static str, &'static str), String)> {
        if self.mandate_id != debit.mandate_id {
            *self = Self {
                mandate_id: debit.mandate_id,
                ..Self::default()
            };
        }
        let mut found = Vec::new();
        let cycle_on = debit.cycle_on;
        if let Some(derived) = period(debit.frequency.as_deref(), cycle_on) {
            let cycle = CycleName {
                provider: &debit.provider,
                mandate: &debit.provider_mandate_id,
                period: &derived,
            };
            if cycle.number_of(IdOf::Order, &debit.order_id, 1).is_none() {
                let detail = format!("the debit's order {} is none of {derived}", debit.order_id);
                found.push((ORDERS, detail));
            }
            if let Some((before, on)) = &self.periods
                && *before == derived
            {
                let detail =
                    format!("the cycles {on} and {cycle_on} of {derived} have a debit each");
                found.push((PERIODS, detail));
            }
            self.periods = Some((derived, cycle_on));
        }
        if let Some(payment) = &debit.provider_txn
            && let Some(other) = self.payments.insert(payment.clone(), cycle_on)
        {
            let detail =
                format!("payment {payment} is booked on the cycles {other} and {cycle_on}");
            found.push((PAYMENTS, detail));
        }
        found
    }
}
