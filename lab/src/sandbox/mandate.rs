//! A registered mandate with everything that happened to it.

use std::collections::{BTreeMap, VecDeque};

use chrono::{NaiveDate, TimeDelta};
use judge::{Judge, Timestamp};
use mandated::domain::ProviderKind;

use super::attempt::{Attempt, Past};
use super::fault::{Call, Fault, Faults, Then};
use super::notice::Notification;
use super::order::Order;
use super::payer::{self, Presented, Profile, Reason};
use super::payment::Payment;
use super::registration::Registration;
use super::{facts, india};
use crate::seeded_rng::SeededRng;

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
    pub(super) const fn reason(self) -> Option<Reason> {
        match self {
            Self::Active | Self::OnHold => None,
            Self::Paused | Self::CustomerPaused => Some(Reason::Paused),
            Self::Revoked | Self::Cancelled | Self::CustomerCancelled => Some(Reason::Revoked),
        }
    }
}

/// A mandate and its history.
#[derive(Debug)]
pub(super) struct Mandate {
    pub(super) terms: Registration,
    pub(super) status: Status,
    pub(super) paused_until: Option<Timestamp>,
    pub(super) orders: BTreeMap<String, Order>,
    pub(super) notifications: BTreeMap<String, Notification>,
    /// Signzy's, oldest first.
    pub(super) payments: Vec<Payment>,
    /// How many of Signzy's cycles have begun.
    pub(super) cycles_begun: usize,
    /// Signzy: cycles whose debit was moved by `nextScheduledOn`.
    pub(super) moved: BTreeMap<NaiveDate, NaiveDate>,
    /// Is told what the merchant does to it.
    pub(super) judge: Judge,
    /// Every presentation so far.
    pub(super) history: Vec<Past>,
    notified: BTreeMap<NaiveDate, u32>,
    pub(super) closed: bool,
    calls: BTreeMap<Call, u32>,
    scripted_calls: BTreeMap<Call, VecDeque<Option<Fault>>>,
    pub(super) scripted_attempts: VecDeque<Then>,
    scripted_notifications: VecDeque<bool>,
}

impl Mandate {
    pub(super) fn new(mut terms: Registration) -> Self {
        terms.cycle_days.sort_unstable();
        terms.cycle_days.dedup();
        Self {
            judge: Judge::of(facts::mandate(&terms)),
            terms,
            status: Status::Active,
            paused_until: None,
            orders: BTreeMap::new(),
            notifications: BTreeMap::new(),
            payments: Vec::new(),
            cycles_begun: 0,
            moved: BTreeMap::new(),
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

    pub(super) fn rng(&self, world: &World, topic: &str) -> SeededRng {
        SeededRng::about(world.seed, topic).text(self.id())
    }

    /// A pause ends by itself.
    pub(super) fn wake(&mut self, now: Timestamp) {
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
            self.rng(world, "fault").text(call.word()).number(number),
        )
    }

    /// What a failure does to the mandate, once it is known.
    pub(super) fn suffer(&mut self, attempt: &Attempt, at: Timestamp) {
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
        debit_at: Timestamp,
        now: Timestamp,
    ) -> (Timestamp, bool) {
        let day = india::day(debit_at);
        let cycle = self.judge.cycle_of(day).unwrap_or(day);
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
        let mut rng = self
            .rng(world, "notification time")
            .day(cycle)
            .number(u64::from(presented.number));
        // Some gateways answer at once, some within minutes.
        // One number decides both: the figures in the documents come from it.
        let settles_at = if rng.clone().below(2) == 0 {
            now
        } else {
            india::after(now, rng.minutes(1, 10))
        };
        let delivered = self.scripted_notifications.pop_front().unwrap_or(!fails);
        (settles_at, delivered)
    }
}
