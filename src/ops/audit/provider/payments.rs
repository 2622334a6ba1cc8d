//! Payments that the provider has of a mandate, and no execution here.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use futures::StreamExt;

use super::report::Comparison;
use super::{AT_ONCE, Question};
use crate::domain::{Mandate, Notify, Timestamp};
use crate::ops::OpsError;
use crate::ops::audit::calendar::period;
use crate::ops::audit::identity::{CycleName, IdOf};
use crate::provider::{Client, ListedPayment, PaymentsAnswer, PaymentsRequest, Provider};
use crate::store;
use crate::store::audit::payments::{
    AskedMandate, asked_mandates, has_owner, periods_with_execution,
};
use crate::store::pool::DatabasePool;

/// Every frequency that a mandate can have had; none for one with a cron expression.
const FREQUENCIES: [&str; 9] = [
    "onetime",
    "daily",
    "weekly",
    "fortnightly",
    "monthly",
    "bimonthly",
    "quarterly",
    "halfyearly",
    "yearly",
];
/// A cycle has no more orders.
const ORDERS: u32 = 4;

/// A cycle can still be collected for so long after its day.
const OPEN_AFTER: Days = Days::new(62);

const NOT_LISTED: &str = "its provider did not list its payments";

/// Asks about every mandate that may have been debited since then.
pub(super) async fn compare(
    pool: &DatabasePool,
    question: &Question<'_>,
    now: &(impl Fn() -> Timestamp + Sync),
    comparison: &mut Comparison,
) -> Result<(), OpsError> {
    let accounts: Vec<i16> = question.clients.keys().copied().collect();
    let mut after = 0;
    loop {
        let page = (after, question.mandate);
        let mandates = asked_mandates(pool, page, &accounts, question.since).await?;
        let Some(last) = mandates.last() else {
            return Ok(());
        };
        after = last.id;
        let mut results = futures::stream::iter(&mandates)
            .map(|mandate| unowned(pool, question, mandate, now()))
            .buffer_unordered(AT_ONCE);
        while let Some(result) = results.next().await {
            match result? {
                Listed::Nothing => comparison.payments_not_asked(),
                Listed::Compared(findings) => comparison.payments_compared(findings),
                Listed::NotAnswered => comparison.payments_not_listed(NOT_LISTED),
            }
        }
    }
}

/// What came of a mandate.
enum Listed<'a> {
    /// Its provider lists no payments, and no order of it can be forgotten as far as we know.
    Nothing,
    /// The mandate and what is wrong, of each payment that is nobody's.
    Compared(Vec<(&'a str, String)>),
    NotAnswered,
}

async fn unowned<'a>(
    pool: &DatabasePool,
    question: &Question<'_>,
    asked: &'a AskedMandate,
    now: Timestamp,
) -> Result<Listed<'a>, OpsError> {
    let Some(client) = question.clients.get(&asked.account_id) else {
        return Ok(Listed::Nothing);
    };
    let mut conn = store::planning::acquire(pool).await?;
    let Some(stored) = store::mandates::find(&mut conn, &asked.reference).await? else {
        return Ok(Listed::Nothing);
    };
    drop(conn);
    let zone = stored.mandate.terms.time_zone;
    let days = (
        asked.ours_since.with_timezone(&zone).date_naive(),
        now.with_timezone(&zone).date_naive(),
    );
    let lists = client.execute_needs_counter();
    let orders = if lists {
        Vec::new()
    } else {
        orders(pool, asked, days).await?
    };
    if !lists && orders.is_empty() {
        return Ok(Listed::Nothing);
    }
    let listed = list(client, &stored.mandate, (now, days.0), &orders).await;
    let Some(listed) = listed else {
        return Ok(Listed::NotAnswered);
    };
    let mut findings = Vec::new();
    let is_watched = stored.mandate.notify == Notify::Provider;
    for payment in listed {
        if is_watched && payment.day >= Some(days.1) {
            // The provider has made it ahead of its cycle.
            continue;
        }
        if !has_owner(pool, asked.id, &payment.id, (payment.day, lists)).await? {
            findings.push((asked.reference.as_str(), in_words(&payment)));
        }
    }
    Ok(Listed::Compared(findings))
}

async fn list(
    client: &Client,
    mandate: &Mandate,
    (at, since): (Timestamp, NaiveDate),
    orders: &[String],
) -> Option<Vec<ListedPayment>> {
    let request = PaymentsRequest {
        at,
        mandate,
        since,
        orders,
    };
    match client.payments(&request).await {
        PaymentsAnswer::Listed(listed) => Some(listed),
        PaymentsAnswer::Failed { .. } => None,
    }
}

/// The orders of periods that no execution has, under each schedule that the mandate can have had.
async fn orders(
    pool: &DatabasePool,
    asked: &AskedMandate,
    (first, last): (NaiveDate, NaiveDate),
) -> Result<Vec<String>, OpsError> {
    if !asked.may_be_forgotten {
        return Ok(Vec::new());
    }
    let first = first.checked_sub_days(OPEN_AFTER).unwrap_or(first);
    let days = first.iter_days().take_while(|day| *day <= last);
    let frequencies: &[&str] = if asked.is_new {
        &FREQUENCIES
    } else {
        &["aspresented"]
    };
    let names: BTreeSet<String> = days
        .flat_map(|day| {
            let of_day = frequencies.iter().map(move |word| period(Some(word), day));
            of_day.flatten()
        })
        .collect();
    let names: Vec<String> = names.into_iter().collect();
    let known = periods_with_execution(pool, asked.id, &names).await?;
    let missing = names.iter().filter(|name| !known.contains(name));
    let ids = missing.flat_map(|period| {
        let cycle = CycleName {
            provider: &asked.provider,
            mandate: &asked.provider_mandate_id,
            period,
        };
        (1..=ORDERS).map(move |number| cycle.id(IdOf::Order, number))
    });
    Ok(ids.collect())
}

fn in_words(payment: &ListedPayment) -> String {
    let ListedPayment {
        id,
        status,
        amount,
        day,
    } = payment;
    let amount = amount.map_or_else(
        || "an amount that is not stated".to_owned(),
        |amount| amount.to_string(),
    );
    let on = day.map_or_else(String::new, |day| format!(" on {day}"));
    format!("the provider has payment {id}{on}, {amount}, {status}: no execution here has it")
}
