//! A registered mandate with everything that happened to it, and the presentation of one debit to its payer's bank.

use std::collections::{BTreeMap, VecDeque};

use chrono::{NaiveDate, TimeDelta};

use super::decline::Decline;
use super::draw::Draw;
use super::fault::{Call, Fault, Faults, Then};
use super::india;
use super::order::{Notification, Order};
use super::payer::{self, Presented, Profile, Reason};
use super::registration::Registration;
use super::signzy::Payment;
use crate::domain::{Amount, Instant, ProviderKind, Rail};

/// What the payers and the network are like in this world.
#[derive(Debug, Clone, Copy)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) profile: Profile,
    pub(super) faults: Faults,
}

/// Where a mandate stands, in the words of both providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Active,
    Paused,
    Revoked,
    OnHold,
    Cancelled,
    CustomerPaused,
    CustomerCancelled,
}

impl Status {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Paused => "PAUSED",
            Self::Revoked => "REVOKED",
            Self::OnHold => "ON_HOLD",
            Self::Cancelled => "CANCELLED",
            Self::CustomerPaused => "CUSTOMER_PAUSED",
            Self::CustomerCancelled => "CUSTOMER_CANCELLED",
        }
    }

    /// Why a bank declines a debit of a mandate that stands so.
    const fn reason(self) -> Option<Reason> {
        match self {
            Self::Active | Self::OnHold => None,
            Self::Paused | Self::CustomerPaused => Some(Reason::Paused),
            Self::Revoked | Self::Cancelled | Self::CustomerCancelled => Some(Reason::Revoked),
        }
    }
}

/// Who set an attempt off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A call of the merchant.
    Merchant,
    /// The provider, at the time that the merchant asked for.
    Schedule,
    /// The provider, of its own.
    Provider,
}

/// One presentation to the payer's bank, decided when it is made and known when it resolves.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) by: By,
    pub(super) at: Instant,
    pub(super) resolves_at: Instant,
    pub(super) answer: Result<(), Decline>,
    pub(super) resolved: bool,
    /// What turns out later, after a failure was shown.
    pub(super) later: Option<Later>,
    /// Whether the provider keeps retrying it.
    pub(super) silent: bool,
    /// What the failure does to the mandate.
    reason: Option<Reason>,
}

impl Attempt {
    fn paid(by: By, at: Instant, resolves_at: Instant) -> Self {
        Self {
            by,
            at,
            resolves_at,
            answer: Ok(()),
            resolved: false,
            later: None,
            silent: false,
            reason: None,
        }
    }

    /// What was lost turns up: from now on it shows.
    pub(super) fn turn_out(&mut self) {
        let Some(later) = self.later.take() else {
            return;
        };
        (self.reason, self.answer) = match later.failure {
            Some((reason, decline)) => (Some(reason), Err(decline)),
            None => (None, Ok(())),
        };
    }

    /// A presentation that never reached the bank; it is known at `resolves_at`.
    pub(super) fn refused(by: By, at: Instant, resolves_at: Instant, decline: Decline) -> Self {
        Self {
            answer: Err(decline),
            ..Self::paid(by, at, resolves_at)
        }
    }
}

/// What became of an attempt whose failure proved nothing.
#[derive(Debug, Clone)]
pub(super) struct Later {
    pub(super) at: Instant,
    /// Nothing if it was collected.
    failure: Option<(Reason, Decline)>,
}

/// A presentation that is over and done with for the payer's bank.
#[derive(Debug, Clone, Copy)]
pub(super) struct Past {
    pub(super) cycle: NaiveDate,
    pub(super) at: Instant,
    pub(super) resolves_at: Instant,
    pub(super) declined: bool,
}

/// A mandate and its history.
#[derive(Debug)]
pub(super) struct Mandate {
    pub(super) terms: Registration,
    pub(super) status: Status,
    pub(super) paused_until: Option<Instant>,
    pub(super) orders: BTreeMap<String, Order>,
    pub(super) notifications: BTreeMap<String, Notification>,
    /// Signzy's, oldest first.
    pub(super) payments: Vec<Payment>,
    /// How many of Signzy's cycles have begun.
    pub(super) cycles_begun: usize,
    /// Signzy: cycles whose debit was moved by `nextScheduledOn`.
    pub(super) moved: BTreeMap<NaiveDate, NaiveDate>,
    /// Debits so far by cycle.
    pub(super) collected: BTreeMap<NaiveDate, u32>,
    /// UPI attempts so far by notification.
    pub(super) attempts_of: BTreeMap<String, u32>,
    /// Every presentation so far.
    pub(super) history: Vec<Past>,
    notified: BTreeMap<NaiveDate, u32>,
    closed: bool,
    calls: BTreeMap<Call, u32>,
    scripted_calls: BTreeMap<Call, VecDeque<Option<Fault>>>,
    scripted_attempts: VecDeque<Then>,
    scripted_notifications: VecDeque<bool>,
}

impl Mandate {
    pub(super) fn new(mut terms: Registration) -> Self {
        terms.cycle_days.sort_unstable();
        terms.cycle_days.dedup();
        Self {
            terms,
            status: Status::Active,
            paused_until: None,
            orders: BTreeMap::new(),
            notifications: BTreeMap::new(),
            payments: Vec::new(),
            cycles_begun: 0,
            moved: BTreeMap::new(),
            collected: BTreeMap::new(),
            attempts_of: BTreeMap::new(),
            history: Vec::new(),
            notified: BTreeMap::new(),
            closed: false,
            calls: BTreeMap::new(),
            scripted_calls: BTreeMap::new(),
            scripted_attempts: VecDeque::new(),
            scripted_notifications: VecDeque::new(),
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.terms.mandate_id
    }

    pub(super) fn draw(&self, world: &World, topic: &str) -> Draw {
        Draw::new(world.seed, topic).text(self.id())
    }

    /// A pause ends by itself.
    pub(super) fn wake(&mut self, now: Instant) {
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
            if matches!(self.status, Status::Paused | Status::CustomerPaused) {
                self.status = Status::Active;
            }
        }
    }

    pub(super) fn script(&mut self, call: Call, then: Then) {
        match (call, then) {
            (_, Then::Normal) => self.scripted_calls.entry(call).or_default().push_back(None),
            (_, then @ Then::Fault(Fault::LateSuccess | Fault::SilentRetry)) => {
                self.scripted_attempts.push_back(then);
            }
            (_, Then::Fault(fault)) => {
                self.scripted_calls
                    .entry(call)
                    .or_default()
                    .push_back(Some(fault));
            }
            (Call::Notify | Call::NotificationStatus, then) => {
                self.scripted_notifications.push_back(then == Then::Pays);
            }
            (_, then) => self.scripted_attempts.push_back(then),
        }
    }

    /// The fault of this call: scripted, or drawn.
    pub(super) fn fault(&mut self, world: &World, call: Call) -> Option<Fault> {
        let calls = self.calls.entry(call).or_default();
        *calls = calls.saturating_add(1);
        let number = u64::from(*calls);
        if let Some(scripted) = self
            .scripted_calls
            .get_mut(&call)
            .and_then(VecDeque::pop_front)
        {
            return scripted;
        }
        world.faults.of_call(
            call,
            self.draw(world, "fault").text(call.word()).number(number),
        )
    }

    /// Presents a debit of a cycle to the payer's bank.
    pub(super) fn present(
        &mut self,
        world: &World,
        (cycle, amount): (NaiveDate, Amount),
        by: By,
        at: Instant,
    ) -> Attempt {
        let attempt = self.attempt(world, (cycle, amount), by, at);
        self.history.push(Past {
            cycle,
            at,
            resolves_at: attempt.resolves_at,
            declined: attempt.answer.is_err(),
        });
        attempt
    }

    fn attempt(
        &mut self,
        world: &World,
        (cycle, amount): (NaiveDate, Amount),
        by: By,
        at: Instant,
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
        let draw = Draw::new(world.seed, "attempt")
            .text(presented.mandate_id)
            .day(cycle)
            .number(u64::from(number));
        let resolves_at = self.resolves_at(presented.at, draw.text("time"));
        let mut attempt = Attempt::paid(by, at, resolves_at);
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
                (late_success, attempt.silent) = in_store(world, reason, by, draw);
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
                Decline::of(reason, presented.rail, draw.text("code")),
            )
        };
        attempt.later = truth.map(|reason| Later {
            at: india::after(resolves_at, draw.text("late").minutes(30, 480)),
            failure: reason.map(written),
        });
        if let Some((_, decline)) = attempt.reason.map(written) {
            attempt.answer = Err(decline);
        }
        attempt
    }

    /// How often a cycle was presented.
    pub(super) fn presented(&self, cycle: NaiveDate) -> u32 {
        let of_cycle = self.history.iter().filter(|past| past.cycle == cycle);
        u32::try_from(of_cycle.count()).unwrap_or(u32::MAX)
    }

    /// Cards answer at once, UPI within the hour, NACH on the next day.
    fn resolves_at(&self, at: Instant, draw: Draw) -> Instant {
        match self.terms.rail {
            Rail::Card => at,
            Rail::Upi => india::after(at, draw.minutes(2, 40)),
            Rail::Enach => {
                let morning = india::instant(india::next_day(india::day(at)), 10, 0);
                india::after(morning, draw.minutes(0, 120))
            }
        }
    }

    /// What a failure does to the mandate, once it is known.
    pub(super) fn suffer(&mut self, attempt: &Attempt, at: Instant) {
        let signzy = self.terms.provider == ProviderKind::Signzy;
        match attempt.reason {
            Some(Reason::Revoked) => {
                self.status = if signzy {
                    Status::CustomerCancelled
                } else {
                    Status::Revoked
                };
            }
            Some(Reason::Paused) if self.status == Status::Active => {
                self.status = if signzy {
                    Status::CustomerPaused
                } else {
                    Status::Paused
                };
                self.paused_until = Some(india::after(at, TimeDelta::days(7)));
            }
            Some(Reason::AccountClosed) => self.closed = true,
            Some(
                Reason::Paused
                | Reason::LowBalance
                | Reason::Technical
                | Reason::InFlight
                | Reason::Limit
                | Reason::NotApproved
                | Reason::CustomerStop
                | Reason::Risk
                | Reason::Unmapped,
            )
            | None => {}
        }
    }

    /// Notifies the payer of a debit on `debit_at`; whether and when that arrives.
    pub(super) fn notify(
        &mut self,
        world: &World,
        debit_at: Instant,
        now: Instant,
    ) -> (Instant, bool) {
        let day = india::day(debit_at);
        let cycle = self.terms.cycle_of(day).unwrap_or(day);
        let number = self.notified.entry(cycle).or_default();
        *number = number.saturating_add(1);
        let presented = Presented {
            mandate_id: &self.terms.mandate_id,
            rail: self.terms.rail,
            cycle,
            amount_minor: 0,
            number: *number,
            at: now,
        };
        let fails = payer::notification_fails(world.seed, &world.profile, &presented);
        let draw = self
            .draw(world, "notification time")
            .day(cycle)
            .number(u64::from(presented.number));
        // Some gateways answer at once, some within minutes.
        let settles_at = if draw.below(2) == 0 {
            now
        } else {
            india::after(now, draw.minutes(1, 10))
        };
        let delivered = self.scripted_notifications.pop_front().unwrap_or(!fails);
        (settles_at, delivered)
    }
}

/// Whether a failure turns out to be a late success, and whether the provider retries it. What is in store for an
/// order is fixed by the attempts that somebody asked for.
fn in_store(world: &World, reason: Option<Reason>, by: By, draw: Draw) -> (bool, bool) {
    let drawn = |fault: &str, share| by != By::Provider && draw.text(fault).per_mille(share);
    let technical = reason == Some(Reason::Technical);
    let passing = technical || reason == Some(Reason::LowBalance);
    (
        technical && drawn("late success", world.faults.late_success),
        passing && drawn("silent retry", world.faults.silent_retry),
    )
}
