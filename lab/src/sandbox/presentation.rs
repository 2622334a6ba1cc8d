//! The presentation of one debit to the payer's bank: what the bank makes of it.

use chrono::NaiveDate;
use judge::{Presenter, Rail, Timestamp};
use mandated::domain::Amount;

use super::attempt::{Attempt, Later, Past};
use super::decline::Decline;
use super::fault::{Fault, Then};
use super::india;
use super::mandate::{Mandate, World};
use super::payer::{self, Presented, Reason};
use crate::seeded_rng::SeededRng;

impl Mandate {
    /// Presents a debit of a cycle to the payer's bank.
    pub(super) fn present(
        &mut self,
        world: &World,
        (cycle, amount): (NaiveDate, Amount),
        by: Presenter,
        at: Timestamp,
    ) -> Attempt {
        let attempt = self.attempt(world, (cycle, amount), by, at);
        self.history.push(Past {
            cycle,
            late_success: attempt.later.as_ref().is_some_and(Later::is_success),
            silent_retry: attempt.silent,
        });
        attempt
    }

    fn attempt(
        &mut self,
        world: &World,
        (cycle, amount): (NaiveDate, Amount),
        by: Presenter,
        at: Timestamp,
    ) -> Attempt {
        let number = self.presented(cycle).saturating_add(1);
        let mut presented = Presented {
            mandate_id: &self.terms.mandate_id,
            rail: self.terms.rail,
            cycle,
            amount_minor: amount.minor(),
            number,
            at,
        };
        let mut approved = true;
        if self.terms.wants_approval(amount) {
            let (after, yes) = payer::approval(world.seed, &world.profile, &presented);
            presented.at = india::after(at, after);
            approved = yes;
        }
        let rng = SeededRng::about(world.seed, "attempt")
            .text(presented.mandate_id)
            .day(cycle)
            .number(u64::from(number));
        let resolves_at = self.resolves_at(presented.at, rng.text("time"));
        let mut attempt = Attempt::paid(at, resolves_at);
        let script = match self.status.reason() {
            Some(reason) => Then::Declines(reason),
            None => self.scripted_attempts.pop_front().unwrap_or(Then::Normal),
        };
        let mut late_success = false;
        attempt.reason = match script {
            Then::Pays => None,
            Then::Declines(reason) => Some(reason),
            Then::DeclinesWith(decline) => {
                attempt.answer = Err(*decline);
                return attempt;
            }
            Then::Fault(fault) => {
                late_success = fault == Fault::LateSuccess;
                attempt.silent = fault == Fault::SilentRetry;
                Some(Reason::Technical)
            }
            Then::Normal if !approved => Some(Reason::NotApproved),
            Then::Normal if self.closed => Some(Reason::AccountClosed),
            Then::Normal => {
                let reason = payer::answer(world.seed, &world.profile, &presented);
                (late_success, attempt.silent) = in_store(world, reason, by, &rng);
                reason
            }
        };
        let truth = if late_success {
            Some(None)
        } else {
            (attempt.reason == Some(Reason::InFlight))
                .then(|| payer::truth(world.seed, &world.profile, &presented))
        };
        let written = |reason| {
            (
                reason,
                Decline::of(reason, presented.rail, rng.text("code")),
            )
        };
        attempt.later = truth.map(|reason| Later {
            at: india::after(resolves_at, rng.text("late").minutes(30, 480)),
            failure: reason.map(written),
        });
        if let Some((_, decline)) = attempt.reason.map(written) {
            attempt.answer = Err(decline);
        }
        attempt
    }

    /// How many presentations turned out to be collected, and how many the provider was to repeat by itself.
    pub(super) fn surprises(&self) -> (u64, u64) {
        let count = |which: fn(&&Past) -> bool| {
            u64::try_from(self.history.iter().filter(which).count()).unwrap_or(u64::MAX)
        };
        (
            count(|past| past.late_success),
            count(|past| past.silent_retry),
        )
    }

    /// How often a cycle was presented.
    pub(super) fn presented(&self, cycle: NaiveDate) -> u32 {
        let of_cycle = self.history.iter().filter(|past| past.cycle == cycle);
        u32::try_from(of_cycle.count()).unwrap_or(u32::MAX)
    }

    /// Cards answer at once, UPI within the hour, NACH on the next day.
    fn resolves_at(&self, at: Timestamp, mut rng: SeededRng) -> Timestamp {
        match self.terms.rail {
            Rail::Card => at,
            Rail::Upi => india::after(at, rng.minutes(2, 40)),
            Rail::Enach => {
                let morning = india::time(india::next_day(india::day(at)), 10, 0);
                india::after(morning, rng.minutes(0, 120))
            }
        }
    }
}

/// Whether a failure turns out to be a late success, and whether the provider retries it. What is in store for an
/// order is fixed by the attempts that somebody asked for.
fn in_store(world: &World, reason: Option<Reason>, by: Presenter, rng: &SeededRng) -> (bool, bool) {
    let drawn = |fault: &str, share| by != Presenter::Provider && rng.text(fault).per_mille(share);
    let technical = reason == Some(Reason::Technical);
    let passing = technical || reason == Some(Reason::LowBalance);
    (
        technical && drawn("late success", world.faults.late_success),
        passing && drawn("silent retry", world.faults.silent_retry),
    )
}
