//! What can happen to our side of the protocol, and what can be taken away from it.

use std::time::Duration;

use mandated::domain::Step;
use mandated::domain::policy::Policy;

use super::machine::Known;
use super::times::{self, PROCESSING};
use super::world::{Due, Phase, Status, Task, World};

/// As many calls on their way as there are workers: more would need a third to be lost at the same time.
const MOST_CALLS: usize = 2;

/// How a provider tells two calls apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// The order id is the idempotency key; the provider retries failed orders by itself for a while.
    Juspay,
    /// No key: what was there before is read and recorded; one payment list for all cycles of a mandate.
    Signzy,
}

/// What holds the protocol, taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Settle without the token.
    NoFence,
    /// Rescue gives the same step out again.
    RescueRepeats,
    /// Rescue has a lost call looked up at once.
    RescueHurries,
    /// The claim opens no intent.
    NoIntent,
    /// "Not found" is believed at once: the policy's processing time is zero.
    NotFoundIsBelieved,
    /// A new order as soon as the old one failed: the policy's retry horizon is zero.
    HastyOrder,
    /// The charge goes out without a counter, as if it had a key.
    NoCounter,
    /// The claim opens an intent beside another of the mandate.
    TwoIntents,
    /// A call without a key may leave after its lease.
    LateWithoutKey,
    /// The provider says that there is nothing to retry of an order that it is retrying.
    NothingToRetryIsALie,
}

#[derive(Clone, Copy)]
pub(crate) struct Protocol {
    pub style: Style,
    pub cycles: usize,
    /// How often an order is tried by us.
    pub max_attempts: u8,
    pub max_orders: u8,
    pub broken: Option<Broken>,
    /// Whether cycles end before they are collected.
    pub cycles_end: bool,
    pub execute_needs_counter: bool,
    /// It lives as long as the tests.
    pub policy: &'static Policy,
    pub known: &'static Known,
}

/// One thing that happens. `heard` says whether the answer of the database or the provider came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Claim {
        worker: usize,
        cycle: usize,
    },
    Look {
        worker: usize,
        heard: bool,
    },
    ReadDebit {
        worker: usize,
    },
    RecordCounter {
        worker: usize,
    },
    Send {
        worker: usize,
    },
    CouldNotSend {
        worker: usize,
    },
    Arrive {
        call: usize,
        verdict: Status,
        heard: bool,
    },
    /// The provider has the order, and speaks of a failure with which money may have moved.
    LookInDoubt {
        worker: usize,
    },
    ArriveInDoubt {
        call: usize,
        verdict: Status,
    },
    /// A documented 4xx: not processed.
    Refuse {
        call: usize,
    },
    NeverArrive {
        call: usize,
    },
    TimeOut {
        worker: usize,
    },
    Settle {
        worker: usize,
        heard: bool,
    },
    Crash {
        worker: usize,
    },
    /// The lease runs out, whatever its worker is doing, and the job is taken back.
    Rescue {
        cycle: usize,
    },
    ProcessingTimePasses {
        cycle: usize,
    },
    RetryHorizonPasses {
        cycle: usize,
    },
    ProviderDecides {
        payment: usize,
        verdict: Status,
    },
    ProviderRetries {
        payment: usize,
    },
    /// The provider says that it will not retry the order any more.
    ProviderGivesUp {
        payment: usize,
    },
    CycleEnds {
        cycle: usize,
    },
}

impl Protocol {
    pub(crate) fn new(
        style: Style,
        cycles: usize,
        max_orders: u8,
        max_attempts: u8,
        broken: Option<Broken>,
    ) -> Self {
        let horizon = match broken {
            Some(Broken::HastyOrder) => Duration::ZERO,
            _ => times::horizon(style),
        };
        let processing = match broken {
            Some(Broken::NotFoundIsBelieved) => Duration::ZERO,
            _ => PROCESSING,
        };
        let policy = times::policy(max_orders, max_attempts, horizon, processing);
        Self {
            style,
            cycles,
            max_attempts,
            max_orders,
            broken,
            cycles_end: false,
            execute_needs_counter: style == Style::Signzy && broken != Some(Broken::NoCounter),
            policy: Box::leak(Box::new(policy)),
            known: Box::leak(Box::default()),
        }
    }

    pub(crate) fn is(&self, broken: Broken) -> bool {
        self.broken == Some(broken)
    }

    pub(crate) fn worker_actions(&self, world: &World, worker: usize, actions: &mut Vec<Action>) {
        let Some(task) = &world.workers[worker] else {
            for cycle in 0..self.cycles {
                // Idle workers are alike.
                if (worker == 0 || world.workers[0].is_some()) && self.may_claim(world, cycle) {
                    actions.push(Action::Claim { worker, cycle });
                }
            }
            return;
        };
        actions.push(Action::Crash { worker });
        let both = [true, false];
        match &task.phase {
            Phase::LookUp { .. } => {
                actions.extend(both.map(|heard| Action::Look { worker, heard }));
                if self.is_open(world, worker) {
                    actions.push(Action::LookInDoubt { worker });
                }
            }
            Phase::ReadDebit => actions.push(Action::ReadDebit { worker }),
            Phase::Record(_) => actions.push(Action::RecordCounter { worker }),
            Phase::Ready(_) => {
                actions.push(Action::CouldNotSend { worker });
                if world.wire.len() < MOST_CALLS && self.may_send(world, task) {
                    actions.push(Action::Send { worker });
                }
            }
            Phase::Waiting => actions.push(Action::TimeOut { worker }),
            Phase::Decided(_) => {
                actions.extend(both.map(|heard| Action::Settle { worker, heard }));
            }
            Phase::Gone | Phase::Illegal => {}
        }
    }

    /// What has not left by the end of the lease never does, but for a process that is stopped in the instant before the first
    /// byte. Only an order id makes that harmless.
    fn may_send(&self, world: &World, task: &Task) -> bool {
        holds(world, task) || self.has_key(task) || self.is(Broken::LateWithoutKey)
    }

    pub(crate) fn has_key(&self, task: &Task) -> bool {
        self.style == Style::Juspay && task.step() == Step::Execute
    }

    pub(crate) fn may_claim(&self, world: &World, cycle: usize) -> bool {
        let row = &world.rows[cycle];
        let is_due = match row.columns.due {
            Due::Soon => true,
            Due::AfterProcessing | Due::AfterHorizon => false,
            Due::DaysLater => world.is_quiet(cycle),
        };
        row.columns.step.is_some() && is_due && row.lease.is_none()
    }
}

/// Whether the worker still has the lease.
pub(crate) fn holds(world: &World, task: &Task) -> bool {
    world.rows[task.cycle].lease == Some(task.token)
}
