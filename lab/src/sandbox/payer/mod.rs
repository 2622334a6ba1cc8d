//! The payers and their banks: whether a presented debit goes through, and if not, why.
//!
//! An answer follows from the seed, the mandate, the cycle, the amount and the time; never from order ids or from who
//! asked first. So the same seed lives the same month, and another way of retrying can be tried on the same payers.

mod balance;
mod profile;

use chrono::{NaiveDate, TimeDelta, Timelike};
use judge::{Rail, Timestamp};
use serde::{Deserialize, Serialize};

pub use profile::{Population, Profile};

use super::india;
use crate::seeded_rng::SeededRng;

/// For how many hours a bank's trouble lasts.
const OUTAGE_HOURS: u32 = 3;

/// Why a payer's bank says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The money is not there yet.
    LowBalance,
    /// The bank's systems are down.
    Technical,
    /// The bank's answer is lost: what became of the money is known later.
    InFlight,
    /// The account's limit for the day is used up.
    Limit,
    /// The customer was asked to approve the amount and did not.
    NotApproved,
    /// The customer stopped this payment.
    CustomerStop,
    /// The customer ended the mandate.
    Revoked,
    /// The customer paused the mandate.
    Paused,
    /// The account is closed; so it stays.
    AccountClosed,
    /// Suspected fraud.
    Risk,
    /// A code that no table has, or one that names no cause.
    Unmapped,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::LowBalance,
        Self::Technical,
        Self::InFlight,
        Self::Limit,
        Self::NotApproved,
        Self::CustomerStop,
        Self::Revoked,
        Self::Paused,
        Self::AccountClosed,
        Self::Risk,
        Self::Unmapped,
    ];
}

/// A debit presented to the payer's bank.
#[derive(Debug, Clone, Copy)]
pub(super) struct Presented<'a> {
    pub(super) mandate_id: &'a str,
    pub(super) rail: Rail,
    pub(super) cycle: NaiveDate,
    pub(super) amount_minor: i64,
    /// Counted over the whole cycle, from 1.
    pub(super) number: u32,
    pub(super) at: Timestamp,
}

/// Nothing if the bank says that the payer pays, else why not.
pub(super) fn answer(seed: u64, profile: &Profile, presented: &Presented<'_>) -> Option<Reason> {
    outage(seed, profile, presented).or_else(|| truth(seed, profile, presented))
}

/// The same without the bank's own trouble: what becomes of the money when an answer is lost.
pub(super) fn truth(seed: u64, profile: &Profile, presented: &Presented<'_>) -> Option<Reason> {
    cycle_trouble(seed, profile, presented)
        .or_else(|| {
            SeededRng::about(seed, "limit")
                .text(presented.mandate_id)
                .day(india::day(presented.at))
                .per_mille(profile.limit)
                .then_some(Reason::Limit)
        })
        .or_else(|| {
            let holds = balance::holds(seed, profile, presented.mandate_id, presented.at);
            (holds < presented.amount_minor).then_some(Reason::LowBalance)
        })
}

/// A payer's bank is down for hours at a time. Only UPI has words for an answer that was lost.
fn outage(seed: u64, profile: &Profile, presented: &Presented<'_>) -> Option<Reason> {
    let local = india::local(presented.at);
    let span = local.hour().checked_div(OUTAGE_HOURS).unwrap_or(0);
    let mut rng = SeededRng::about(seed, "outage")
        .text(presented.mandate_id)
        .day(local.date())
        .number(u64::from(span));
    let lost = rng.text("lost").per_mille(profile.in_flight);
    let down = rng.per_mille(profile.technical);
    match presented.rail {
        Rail::Upi if lost => down.then_some(Reason::InFlight),
        Rail::Upi | Rail::Card | Rail::Enach => down.then_some(Reason::Technical),
    }
}

/// What stands in a cycle's way however often it is tried.
fn cycle_trouble(seed: u64, profile: &Profile, presented: &Presented<'_>) -> Option<Reason> {
    let lot = SeededRng::about(seed, "payer")
        .text(presented.mandate_id)
        .day(presented.cycle)
        .below(1000);
    let shares = [
        (profile.customer_stop, Reason::CustomerStop),
        (profile.revoked, Reason::Revoked),
        (profile.paused, Reason::Paused),
        (profile.account_closed, Reason::AccountClosed),
        (profile.risk, Reason::Risk),
        (profile.unmapped, Reason::Unmapped),
    ];
    let mut reached: u32 = 0;
    shares.into_iter().find_map(|(share, reason)| {
        reached = reached.saturating_add(u32::from(share));
        (lot < reached).then_some(reason)
    })
}

/// How a request for the payer's approval ends: after how long, and whether with a yes.
///
/// UPI: a collect request is good for five minutes ("UPI Autopay", Juspay). Cards: on the bank's page, within hours.
pub(super) fn approval(
    seed: u64,
    profile: &Profile,
    presented: &Presented<'_>,
) -> (TimeDelta, bool) {
    let mut rng = SeededRng::about(seed, "approval")
        .text(presented.mandate_id)
        .day(presented.cycle)
        .number(u64::from(presented.number));
    let after = match presented.rail {
        Rail::Upi => rng.text("time").minutes(1, 5),
        Rail::Card | Rail::Enach => rng.text("time").minutes(5, 600),
    };
    (after, rng.per_mille(profile.approves))
}

/// Whether the `number`th notification of a cycle fails: now and then the first, rarely the next ones.
pub(super) fn notification_fails(seed: u64, profile: &Profile, presented: &Presented<'_>) -> bool {
    let rng = SeededRng::about(seed, "notification")
        .text(presented.mandate_id)
        .day(presented.cycle);
    let share = if presented.number <= 1 {
        profile.notification_fails
    } else {
        profile.notification_fails.checked_div(4).unwrap_or(0)
    };
    rng.number(u64::from(presented.number)).per_mille(share)
}

#[cfg(test)]
mod tests;
