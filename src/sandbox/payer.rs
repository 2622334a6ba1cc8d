//! The payers and their banks: whether a presented debit goes through, and if not, why.
//!
//! An answer follows from the seed, the mandate, the cycle, how often the cycle has been presented, and the day and
//! the part of the day; never from order ids or from who asked first. So the same seed lives the same month.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::india;
use crate::domain::Instant;

/// Why a payer's bank says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The money is not there yet.
    LowBalance,
    /// The bank's systems are down.
    Technical,
    /// The account's limit for the day is used up.
    Limit,
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
    /// A code that no table has.
    Unmapped,
}

/// How many payers in a thousand have which trouble in a cycle; the rest pay at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    pub low_balance: u16,
    pub technical: u16,
    pub limit: u16,
    pub customer_stop: u16,
    pub revoked: u16,
    pub paused: u16,
    pub account_closed: u16,
    pub risk: u16,
    pub unmapped: u16,
    /// First notifications that fail.
    pub notification_fails: u16,
}

impl Profile {
    /// Everybody pays at once and every notification arrives.
    pub const PAYS: Self = Self {
        low_balance: 0,
        technical: 0,
        limit: 0,
        customer_stop: 0,
        revoked: 0,
        paused: 0,
        account_closed: 0,
        risk: 0,
        unmapped: 0,
        notification_fails: 0,
    };

    /// Seven in ten pay at once; most of the rest lack the money that day.
    pub const DEMO: Self = Self {
        low_balance: 190,
        technical: 50,
        limit: 18,
        customer_stop: 8,
        revoked: 8,
        paused: 6,
        account_closed: 8,
        risk: 6,
        unmapped: 6,
        notification_fails: 20,
    };

    fn trouble(&self, draw: Draw) -> Option<Reason> {
        let shares = [
            (self.low_balance, Reason::LowBalance),
            (self.technical, Reason::Technical),
            (self.limit, Reason::Limit),
            (self.customer_stop, Reason::CustomerStop),
            (self.revoked, Reason::Revoked),
            (self.paused, Reason::Paused),
            (self.account_closed, Reason::AccountClosed),
            (self.risk, Reason::Risk),
            (self.unmapped, Reason::Unmapped),
        ];
        let lot = draw.below(1000);
        let mut reached: u32 = 0;
        shares.into_iter().find_map(|(share, reason)| {
            reached = reached.saturating_add(u32::from(share));
            (lot < reached).then_some(reason)
        })
    }
}

/// A debit presented to the payer's bank.
#[derive(Debug, Clone, Copy)]
pub(super) struct Presented<'a> {
    pub(super) mandate_id: &'a str,
    pub(super) cycle: NaiveDate,
    /// Counted over the whole cycle, from 1.
    pub(super) number: u32,
    pub(super) at: Instant,
}

/// Nothing if the payer pays, else why not.
pub(super) fn answer(seed: u64, profile: &Profile, presented: &Presented<'_>) -> Option<Reason> {
    let draw = Draw::new(seed, "payer")
        .text(presented.mandate_id)
        .day(presented.cycle);
    let reason = profile.trouble(draw)?;
    let still = match reason {
        Reason::LowBalance => {
            money_arrives(draw.text("money"), presented.cycle).is_none_or(|at| presented.at < at)
        }
        Reason::Limit => india::day(presented.at) <= presented.cycle,
        Reason::Technical => presented.number <= lasting(draw.text("lasting")),
        Reason::CustomerStop
        | Reason::Revoked
        | Reason::Paused
        | Reason::AccountClosed
        | Reason::Risk
        | Reason::Unmapped => true,
    };
    still.then_some(reason)
}

/// Whether the `number`th notification of a cycle fails: now and then the first, rarely the next ones.
pub(super) fn notification_fails(seed: u64, profile: &Profile, presented: &Presented<'_>) -> bool {
    let draw = Draw::new(seed, "notification")
        .text(presented.mandate_id)
        .day(presented.cycle);
    let share = if presented.number <= 1 {
        profile.notification_fails
    } else {
        profile.notification_fails.checked_div(4).unwrap_or(0)
    };
    draw.number(u64::from(presented.number)).per_mille(share)
}

/// When a payer who lacks the money has it: always at the start of a part of the day. Some never do.
fn money_arrives(draw: Draw, cycle: NaiveDate) -> Option<Instant> {
    let day = |days| {
        cycle
            .checked_add_days(chrono::Days::new(days))
            .unwrap_or(NaiveDate::MAX)
    };
    match draw.below(100) {
        0..30 => Some(india::instant(cycle, 17, 0)),
        30..50 => Some(india::instant(day(1), 0, 0)),
        50..65 => Some(india::instant(day(2), 0, 0)),
        65..80 => Some(india::instant(payday(cycle), 0, 0)),
        _ => None,
    }
}

/// The first of the next month, or the seventh of this one.
fn payday(cycle: NaiveDate) -> NaiveDate {
    let seventh = cycle.with_day(7).filter(|seventh| *seventh > cycle);
    let first = cycle
        .with_day(1)
        .and_then(|first| first.checked_add_months(chrono::Months::new(1)));
    seventh.or(first).unwrap_or(NaiveDate::MAX)
}

/// For how many presentations a technical trouble lasts.
fn lasting(draw: Draw) -> u32 {
    match draw.below(10) {
        0..7 => 1,
        7..9 => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presented(mandate_id: &str, number: u32, at: Instant) -> Presented<'_> {
        let cycle = NaiveDate::from_ymd_opt(2026, 1, 5).unwrap();
        Presented {
            mandate_id,
            cycle,
            number,
            at,
        }
    }

    #[test]
    fn about_seven_in_ten_pay_at_once_and_part_of_the_rest_later() {
        let paid = |seed, number, at: Instant| -> Vec<bool> {
            (0..2_000)
                .map(|n| {
                    let id = format!("m{n}");
                    answer(seed, &Profile::DEMO, &presented(&id, number, at)).is_none()
                })
                .collect()
        };
        let noon = "2026-01-05T08:00:00Z".parse().unwrap();
        let count = |paid: &[bool]| paid.iter().filter(|paid| **paid).count();
        let first = paid(1, 1, noon);
        assert!((1_330..1_470).contains(&count(&first)), "{}", count(&first));
        let later = paid(1, 4, "2026-01-09T03:00:00Z".parse().unwrap());
        assert!(count(&later) > count(&first) + 200, "{}", count(&later));
        assert_eq!(first, paid(1, 1, noon));
        assert_ne!(first, paid(2, 1, noon));
    }

    #[test]
    fn within_a_part_of_the_day_nothing_changes() {
        for n in 0..500 {
            let id = format!("m{n}");
            let at =
                |text: &str| answer(3, &Profile::DEMO, &presented(&id, 1, text.parse().unwrap()));
            // 13:01 and 16:59 in India.
            assert_eq!(at("2026-01-05T07:31:00Z"), at("2026-01-05T11:29:00Z"));
        }
    }
}
