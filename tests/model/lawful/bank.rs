//! The other side: a provider and the banks behind it, with a book of every order. It does what it is told, often too late or
//! without an answer, and now and then something by itself.

use std::time::Duration;

use chrono::TimeDelta;
use lab::seeded_rng::SeededRng;
use mandated::domain::outcome::{CallFailure, Counter};
use mandated::domain::{Class, Failure, Outcome, Timestamp};

/// How often something happens, in a thousand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chances {
    /// A debit goes through.
    pub(super) pays: u16,
    /// The provider tries a failed order again by itself.
    pub(super) silent: u16,
    /// An answer takes days.
    pub(super) late: u16,
    /// The answer to a call is lost.
    pub(super) lost: u16,
    /// A call does not leave.
    pub(super) not_sent: u16,
    /// All daemons are down for a while.
    pub(super) outage: u16,
    /// The worker dies or its lease ends, before or after any of its actions.
    pub(super) dies: u16,
    /// The answer to a debit is "pending".
    pub(super) pending: u16,
    /// The payer pauses the mandate, or somebody at the merchant does.
    pub(super) pauses: u16,
    /// A call is refused.
    pub(super) refuses: u16,
    /// An order that failed is collected days later.
    pub(super) after_all: u16,
}

impl Chances {
    /// Nothing goes wrong, and nobody has money.
    pub(super) const CALM: Self = Self {
        pays: 0,
        silent: 0,
        late: 0,
        lost: 0,
        not_sent: 0,
        outage: 0,
        dies: 0,
        pending: 500,
        pauses: 0,
        refuses: 0,
        after_all: 0,
    };
}

/// Where an order stands in the book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// Never heard of.
    Nowhere,
    /// Under way; what becomes of it is known to nobody yet.
    Working {
        until: Timestamp,
        charged: bool,
    },
    Failed(Class),
    Charged,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) stands: Stands,
    /// Silent ones included.
    pub(super) attempts: u16,
    /// When our own attempt failed; nobody can know when those failed that the provider makes by itself.
    pub(super) failed_at: Option<Timestamp>,
    pub(super) no_retry: bool,
    /// Whether it was collected long after it was dead.
    pub(super) after_all: bool,
    /// The wait that its answer asks for.
    pub(super) not_before: Option<Timestamp>,
    /// When the provider tries it again by itself, and until when it may do so.
    silent_at: Option<Timestamp>,
    pub(super) silent_until: Option<Timestamp>,
    /// Why our own attempt failed; those that the provider makes by itself fail for the same.
    cause: Option<Class>,
}

#[derive(Debug)]
pub(super) struct Bank {
    pub(super) rng: SeededRng,
    pub(super) chances: Chances,
    /// How long it goes on trying by itself.
    pub(super) horizon: Duration,
    /// Until when the payer has paused the mandate.
    pub(super) paused_until: Option<Timestamp>,
    /// The order that is collected although it is dead, and when.
    after_all: Option<(u16, Timestamp)>,
    /// By number, from 1.
    orders: Vec<Order>,
}

/// Why banks say no.
const CLASSES: [Class; 20] = [
    Class::Funds,
    Class::Funds,
    Class::Funds,
    Class::Funds,
    Class::Funds,
    Class::Funds,
    Class::Funds,
    Class::Funds,
    Class::Transient,
    Class::Limit,
    Class::Throttled,
    Class::CustomerStop,
    Class::Notification,
    Class::Unmapped,
    Class::AccountDead,
    Class::Funds,
    Class::Risk,
    Class::CustomerAction,
    Class::NothingToRetry,
    Class::Legal,
];

/// Why a provider does not take a call.
const REFUSALS: [Class; 14] = [
    Class::Funds,
    Class::Transient,
    Class::Transient,
    Class::Limit,
    Class::Throttled,
    Class::CustomerAction,
    Class::CustomerStop,
    Class::Risk,
    Class::OurRequest,
    Class::Notification,
    Class::NothingToRetry,
    Class::InFlight,
    Class::Unmapped,
    Class::Unmapped,
];

impl Bank {
    /// Whether something happens that does so often in a thousand cases.
    pub(super) fn happens(&mut self, per_mille: u16) -> bool {
        self.rng.per_mille(per_mille)
    }

    /// A time below so many minutes, to the second.
    pub(super) fn minutes(&mut self, below: u32) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.rng.below(below * 60)))
    }

    pub(super) const fn new(rng: SeededRng, chances: Chances, horizon: Duration) -> Self {
        Self {
            rng,
            chances,
            horizon,
            paused_until: None,
            after_all: None,
            orders: Vec::new(),
        }
    }

    pub(super) fn order(&self, number: u16) -> Order {
        let nowhere = Order {
            stands: Stands::Nowhere,
            attempts: 0,
            failed_at: None,
            no_retry: false,
            after_all: false,
            not_before: None,
            silent_at: None,
            silent_until: None,
            cause: None,
        };
        self.orders
            .get(usize::from(number) - 1)
            .copied()
            .unwrap_or(nowhere)
    }

    pub(super) fn orders(&self) -> &[Order] {
        &self.orders
    }

    fn put(&mut self, number: u16, order: Order) {
        let nowhere = self.order(u16::MAX);
        let index = usize::from(number) - 1;
        if self.orders.len() <= index {
            self.orders.resize(index + 1, nowhere);
        }
        self.orders[index] = order;
    }

    /// One attempt at a debit, at a time that may be still to come.
    pub(super) fn attempt(&mut self, number: u16, at: Timestamp) {
        let mut order = self.order(number);
        (order.silent_until, order.cause) = (None, None);
        self.put(number, order);
        self.begin_attempt(number, at);
    }

    fn begin_attempt(&mut self, number: u16, at: Timestamp) {
        let mut order = self.order(number);
        order.silent_at = None;
        let takes = if self.happens(self.chances.late) {
            self.minutes(3 * 24 * 60)
        } else {
            self.minutes(20)
        };
        order.attempts += 1;
        order.stands = Stands::Working {
            until: at + takes,
            charged: self.happens(self.chances.pays),
        };
        order.no_retry = self.happens(30);
        self.put(number, order);
    }

    /// Ends what is under way, for an answer in real time.
    pub(super) fn at_once(&mut self, number: u16, now: Timestamp) {
        let mut order = self.order(number);
        if let Stands::Working { charged, .. } = order.stands {
            let until = now;
            order.stands = Stands::Working { until, charged };
            self.put(number, order);
            self.pass(now);
        }
    }

    /// Lets time pass: what was under way ends, and what failed is now and then tried again by itself.
    pub(super) fn pass(&mut self, now: Timestamp) {
        self.collect_after_all(now);
        for number in 1..=u16::try_from(self.orders.len()).unwrap() {
            loop {
                let mut order = self.order(number);
                if let Some(again) = order.silent_at.filter(|at| *at <= now) {
                    self.begin_attempt(number, again);
                    continue;
                }
                let Stands::Working { until, charged } = order.stands else {
                    break;
                };
                if now < until {
                    break;
                }
                if charged {
                    order.stands = Stands::Charged;
                    self.put(number, order);
                    break;
                }
                let drawn = CLASSES[usize::try_from(self.rng.below(20)).unwrap()];
                let class = if let Some(cause) = order.cause {
                    cause
                } else if self.is_paused(until) {
                    Class::MandatePaused
                } else {
                    drawn
                };
                order.no_retry |= class == Class::NothingToRetry;
                if order.cause.replace(class).is_none() {
                    order.not_before = self.wait_asked_for(until);
                    order.failed_at = Some(until);
                }
                order.stands = Stands::Failed(class);
                self.put(number, order);
                if self.happens(self.chances.after_all)
                    && !order.no_retry
                    && !self.horizon.is_zero()
                {
                    self.after_all = Some((number, until + self.horizon + self.minutes(12 * 60)));
                }
                let silent = !self.horizon.is_zero()
                    && !order.no_retry
                    && order.attempts < 4
                    && self.happens(self.chances.silent);
                // Well inside its own horizon.
                let ends = *order
                    .silent_until
                    .get_or_insert(until + self.horizon * 4 / 5);
                let again = until + self.minutes(4 * 60);
                order.silent_at = Some(again).filter(|again| silent && *again < ends);
                self.put(number, order);
            }
        }
    }

    /// What nobody expects: an order is collected although it is dead.
    fn collect_after_all(&mut self, now: Timestamp) {
        let Some((number, _)) = self.after_all.filter(|(_, at)| *at <= now) else {
            return;
        };
        let mut order = self.order(number);
        let beside = self
            .orders
            .iter()
            .any(|order| matches!(order.stands, Stands::Charged | Stands::Working { .. }));
        if matches!(order.stands, Stands::Failed(_)) && !beside {
            let (until, charged) = (now + self.minutes(12 * 60), true);
            order.stands = if self.happens(500) {
                Stands::Working { until, charged }
            } else {
                Stands::Charged
            };
            order.after_all = true;
            self.put(number, order);
        }
        self.after_all = None;
    }

    pub(super) fn is_paused(&self, at: Timestamp) -> bool {
        self.paused_until.is_some_and(|until| at < until)
    }

    /// It has said that there is nothing to retry, and keeps to it.
    pub(super) fn never_retries(&mut self, number: u16) {
        let mut order = self.order(number);
        (order.no_retry, order.silent_at) = (true, None);
        self.put(number, order);
    }

    /// A call that is not taken, and why.
    pub(super) fn refusal(&mut self, now: Timestamp) -> Failure {
        let class = REFUSALS[usize::try_from(self.rng.below(14)).unwrap()];
        Failure {
            not_before: self.wait_asked_for(now),
            ..failure(class)
        }
    }

    fn wait_asked_for(&mut self, now: Timestamp) -> Option<Timestamp> {
        let asks = self.happens(100);
        asks.then(|| now + self.minutes(3 * 24 * 60))
    }

    /// Its id for the debit of an order, once it has tried it.
    pub(super) fn debit_ref(&self, number: u16) -> Option<String> {
        (self.order(number).attempts > 0).then(|| format!("txn-{number}"))
    }

    /// What a look-up of an order tells.
    pub(super) fn look(&mut self, number: u16) -> (Outcome, Counter) {
        let order = self.order(number);
        let counter = Counter {
            attempts: Some(i64::from(order.attempts)),
            no_retry_allowed: order.no_retry,
        };
        let outcome = match order.stands {
            Stands::Nowhere => Outcome::NotFound,
            // "Taking too long", in the words of a failure.
            Stands::Working { .. } if self.happens(150) => {
                Outcome::Failed(failure(Class::InFlight))
            }
            Stands::Working { .. } => Outcome::Pending,
            Stands::Failed(class) => Outcome::Failed(Failure {
                not_before: order.not_before,
                ..failure(class)
            }),
            Stands::Charged => Outcome::Charged {
                amount: None,
                txn: None,
            },
        };
        if self.happens(self.chances.lost / 4) {
            let why = "no answer".to_owned();
            return (
                Outcome::Call(CallFailure::Unknown { why }),
                Counter::default(),
            );
        }
        (outcome, counter)
    }
}

pub(super) fn failure(class: Class) -> Failure {
    Failure {
        class,
        code: None,
        message: None,
        rule: None,
        retry_after: None,
        not_before: None,
    }
}
