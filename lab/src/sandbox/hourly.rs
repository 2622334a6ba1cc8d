//! "Hourly 1 + 3": the same cycles of the same payers, tried at the debit time and one, two and three hours later.
//!
//! That is Cashfree's automatic retry on UPI ("Subscriptions, raise charge"); for cards and eNACH, which it does
//! not retry, and which would not answer within the hour, it is the naive thing to do and no more. It is given every
//! advantage: it is tried in peak hours too, every notification is delivered, no call fails, and what the bank says is
//! known at once. It asks nothing about the cause, and takes a lost answer for a failure.

use std::collections::BTreeSet;

use chrono::{NaiveDate, TimeDelta};
use judge::Timestamp;
use mandated::domain::Amount;

use super::mandate::{Mandate, World};
use super::payer::{self, Presented, Reason};
use super::{Sandbox, india};

/// One try and three retries.
const ATTEMPTS: u32 = 4;

/// A cycle of a mandate, and when it was due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub mandate_id: String,
    pub cycle: NaiveDate,
    pub amount: Amount,
    pub debit_at: Timestamp,
}

/// What hourly attempts make of a cycle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hourly {
    pub attempts: u32,
    /// Whether the first one took the money.
    pub at_first: bool,
    /// How often the money was taken: twice, if an answer was lost and the next try paid.
    pub debits: u32,
}

impl Sandbox {
    /// What hourly attempts would make of cycles, which are in the order of time. A mandate that is not known pays nothing.
    pub fn hourly(&self, cycles: &[Due]) -> Vec<Hourly> {
        let state = self.shared.state();
        let mut ended = BTreeSet::new();
        let tried = cycles.iter().map(|due| {
            let Some(mandate) = state.mandates.get(&due.mandate_id) else {
                return Hourly::default();
            };
            tried(&state.world, mandate, due, &mut ended)
        });
        tried.collect()
    }
}

fn tried<'a>(
    world: &World,
    mandate: &Mandate,
    due: &'a Due,
    ended: &mut BTreeSet<&'a str>,
) -> Hourly {
    let mut hourly = Hourly::default();
    for number in 1..=ATTEMPTS {
        hourly.attempts = number;
        let hours = TimeDelta::hours(i64::from(number.saturating_sub(1)));
        let mut presented = Presented {
            mandate_id: &due.mandate_id,
            rail: mandate.terms.rail,
            cycle: due.cycle,
            amount_minor: due.amount.minor(),
            number,
            at: india::after(due.debit_at, hours),
        };
        let answer = bank(
            world,
            (mandate, due),
            &mut presented,
            ended.contains(due.mandate_id.as_str()),
        );
        let taken = match answer {
            None => true,
            Some(Reason::InFlight) => {
                payer::truth(world.seed, &world.profile, &presented).is_none()
            }
            Some(Reason::Revoked | Reason::AccountClosed) => {
                ended.insert(&due.mandate_id);
                false
            }
            Some(
                Reason::LowBalance
                | Reason::Technical
                | Reason::Limit
                | Reason::NotApproved
                | Reason::CustomerStop
                | Reason::Paused
                | Reason::Risk
                | Reason::Unmapped,
            ) => false,
        };
        hourly.debits = hourly.debits.saturating_add(u32::from(taken));
        hourly.at_first |= taken && number == 1;
        if answer.is_none() {
            break;
        }
    }
    hourly
}

fn bank(
    world: &World,
    (mandate, due): (&Mandate, &Due),
    presented: &mut Presented<'_>,
    ended: bool,
) -> Option<Reason> {
    if ended {
        return Some(Reason::Revoked);
    }
    if mandate.terms.wants_approval(due.amount) {
        let (after, approved) = payer::approval(world.seed, &world.profile, presented);
        presented.at = india::after(presented.at, after);
        if !approved {
            return Some(Reason::NotApproved);
        }
    }
    payer::answer(world.seed, &world.profile, presented)
}
