//! Our side, as `src/store/claim.sql`, `settle.sql`, `store/rescue.rs` and `engine/job/debit.rs` have it, and what can happen to it.

use mandated::domain::{State, Step};

use super::world::{Failure, Intent, Outcome, Phase, Row, Status, Task, World};

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
    /// The claim opens no intent.
    NoIntent,
    /// "Not found" is believed before the processing time is over.
    NotFoundIsBelieved,
    /// A new order as soon as the old one failed.
    HastyOrder,
    /// The charge goes out without a counter.
    NoCounter,
    /// The claim opens an intent beside another of the mandate.
    TwoIntents,
    /// A call without a key may leave after its lease.
    LateWithoutKey,
    /// The provider says that there is nothing to retry of an order that it is retrying.
    NothingToRetryIsALie,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Protocol {
    pub style: Style,
    pub cycles: usize,
    pub max_orders: u8,
    /// How often an order is tried at our wish.
    pub max_attempts: u8,
    pub broken: Option<Broken>,
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
}

impl Protocol {
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
            Phase::Claimed => actions.extend(both.map(|heard| Action::Look { worker, heard })),
            Phase::Read(_) => actions.push(Action::RecordCounter { worker }),
            Phase::Ready => {
                actions.push(Action::CouldNotSend { worker });
                if world.wire.len() < MOST_CALLS && self.may_send(world, task) {
                    actions.push(Action::Send { worker });
                }
            }
            Phase::Waiting => actions.push(Action::TimeOut { worker }),
            Phase::Decided(_) => {
                actions.extend(both.map(|heard| Action::Settle { worker, heard }));
            }
            Phase::Illegal => {}
        }
    }

    /// What has not left by the end of the lease never does, but for a process that is stopped in the instant before the first
    /// byte. Only an order id makes that harmless.
    fn may_send(&self, world: &World, task: &Task) -> bool {
        holds(world, task) || self.has_key(task) || self.is(Broken::LateWithoutKey)
    }

    fn has_key(&self, task: &Task) -> bool {
        self.style == Style::Juspay && task.step == Step::Execute
    }

    pub(crate) fn may_claim(&self, world: &World, cycle: usize) -> bool {
        let row = &world.rows[cycle];
        let is_due = match row.step {
            // A day later: nothing is stopped for that long and goes on as if nothing had been.
            Some(Step::Verify) => world.is_quiet(cycle),
            Some(Step::Lookup) => !waits_for_horizon(row),
            Some(_) => true,
            None => false,
        };
        is_due && row.lease.is_none()
    }

    /// One statement: the lease, and the intent of a step that moves money.
    pub(crate) fn claim(&self, world: &mut World, cycle: usize) -> Task {
        let token = world.next_token();
        let is_taken = |row: &Row| row.intent.is_some();
        let blocked = if self.is(Broken::TwoIntents) {
            is_taken(&world.rows[cycle])
        } else {
            world.rows.iter().any(is_taken)
        };
        let row = &mut world.rows[cycle];
        let step = row.step.unwrap();
        let begins = matches!(
            row.state,
            State::Planned | State::Notified | State::Retrying
        );
        let opened = step.moves_money() && begins && row.debit.is_none() && !blocked;
        let intent = Intent {
            is_retry: step == Step::Retry,
            opened_by: token,
            counter: None,
            processed: false,
        };
        row.lease = Some(token);
        if step == Step::Verify {
            // A day is longer than any provider retries by itself.
            let orders = world.payments.iter_mut();
            orders
                .filter(|order| order.cycle == cycle)
                .for_each(|order| order.closed = true);
        }
        if opened && !self.is(Broken::NoIntent) {
            row.intent = Some(intent);
        }
        let mut row = row.clone();
        row.intent = row.intent.or(opened.then_some(intent));
        if row.intent.is_some() && begins {
            row.state = State::Executing;
        }
        let mut task = Task {
            cycle,
            token,
            step,
            row,
            phase: Phase::Claimed,
        };
        task.phase = self.gate(&task, opened);
        task
    }

    fn gate(&self, task: &Task, opened: bool) -> Phase {
        if task.step.moves_money() && !opened {
            return self.decide(task, Outcome::Gated, None);
        }
        match (task.step, task.row.intent) {
            (Step::Execute, _) if self.is(Broken::NoCounter) => Phase::Ready,
            (Step::Execute, _) if self.style == Style::Juspay && task.row.order_no == 1 => {
                Phase::Ready
            }
            // The counter was never recorded, so the call was never made.
            (Step::Lookup, Some(intent))
                if intent.counter.is_none() && (intent.is_retry || self.style == Style::Signzy) =>
            {
                self.not_processed(task, Outcome::Gated)
            }
            _ => Phase::Claimed,
        }
    }

    pub(crate) fn arrive(
        &self,
        world: &mut World,
        call: usize,
        verdict: Option<Status>,
        heard: bool,
    ) {
        let call = world.wire.remove(call);
        let outcome = match verdict {
            Some(verdict) => self.take(world, &call, verdict),
            None => Outcome::Refused,
        };
        let waits = |task: &Task| task.token == call.token && task.phase == Phase::Waiting;
        let Some(worker) = (0..2).find(|worker| world.workers[*worker].as_ref().is_some_and(waits))
        else {
            return;
        };
        if heard {
            let task = world.workers[worker].clone().unwrap();
            world.workers[worker].as_mut().unwrap().phase =
                self.decide(&task, outcome, Some(world));
        }
    }

    pub(crate) fn settle(&self, world: &mut World, worker: usize, heard: bool) {
        let task = world.workers[worker].clone().unwrap();
        if heard {
            world.workers[worker] = None;
        }
        let Phase::Decided(said) = task.phase.clone() else {
            return;
        };
        if !holds(world, &task) {
            if !self.is(Broken::NoFence) {
                return;
            }
            world.trespassed = true;
        }
        let row = &mut world.rows[task.cycle];
        row.lease = None;
        row.state = said.state;
        row.step = said.step;
        row.order_no = said.order_no;
        row.payment = said.payment;
        row.failure = said.failure;
        if said.closes_intent {
            row.intent = None;
        }
        match (said.collected, row.debit) {
            (Some(payment), None) => row.debit = Some(payment),
            // Refund due.
            (Some(payment), Some(before)) if payment != before => row.state = State::Review,
            _ => {}
        }
    }

    /// A worker that has lost its lease is as good as crashed, unless it may still send: the fence refuses whatever it decides. Those
    /// that hold a proof of a collection are kept, for the fence to refuse; without the fence all of them are.
    pub(crate) fn forget(&self, world: &mut World) {
        if self.is(Broken::NoFence) || self.is(Broken::LateWithoutKey) {
            return;
        }
        for worker in 0..2 {
            let Some(task) = &world.workers[worker] else {
                continue;
            };
            let may_send =
                self.has_key(task) && matches!(task.phase, Phase::Claimed | Phase::Ready);
            let has_proof = matches!(&task.phase, Phase::Decided(said) if said.collected.is_some());
            if !holds(world, task) && !may_send && !has_proof {
                world.workers[worker] = None;
            }
        }
    }

    pub(crate) fn rescue(&self, row: &mut Row) {
        let moves_money = row.step.is_some_and(Step::moves_money);
        if row.intent.is_some() && moves_money && !self.is(Broken::RescueRepeats) {
            row.step = Some(Step::Lookup);
        }
        if self.is(Broken::RescueRepeats) && moves_money {
            // The claim would refuse a second intent.
            row.intent = None;
        }
        row.lease = None;
    }
}

/// Whether the worker still has the lease.
pub(crate) fn holds(world: &World, task: &Task) -> bool {
    world.rows[task.cycle].lease == Some(task.token)
}

/// The look-up that proves an order dead waits until the provider's own retries are over.
pub(crate) fn waits_for_horizon(row: &Row) -> bool {
    row.state == State::Retrying && row.intent.is_none() && row.failure == Failure::Seen
}
