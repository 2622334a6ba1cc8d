//! Our side: claim and settlement, as `src/store/claim.sql` and `settle.sql` have them, and the interpreter of the machine, as
//! `src/engine/job` has it. The decisions between them are the machine's, in `machine.rs`, and the rescue is the product's own.

use std::time::Duration;

use mandated::domain::machine::rescue::{LostJob, RescuedJob, rescue};
use mandated::domain::policy::Policy;
use mandated::domain::{State, Step};

use super::machine::Known;
use super::times::{self, LEASE_OVER, PROCESSING};
use super::world::{
    Answer, Due, Heard, Intent, Outcome, Phase, Row, Settlement, Status, Task, World,
};

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
                // In a recheck the product takes it for "not collected".
                if task.step() != Step::Recheck && self.is_open(world, worker) {
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
        let step = row.columns.step.unwrap();
        let begins = matches!(
            row.columns.state,
            State::Planned | State::Notified | State::Retrying
        );
        let has_budget = row.columns.tried < self.max_attempts;
        let opened = step.moves_money() && begins && has_budget && row.debit.is_none() && !blocked;
        let intent = Intent {
            is_retry: step == Step::Retry,
            opened_by: token,
            counter: None,
            processed: false,
        };
        row.lease = Some(token);
        if row.columns.due == Due::DaysLater {
            row.columns.due = Due::Soon;
            let orders = world.payments.iter_mut();
            orders
                .filter(|order| order.cycle == cycle)
                .for_each(|order| order.closed = true);
        }
        if opened && !self.is(Broken::NoIntent) {
            row.intent = Some(intent);
        }
        let intent = row.intent.or(opened.then_some(intent));
        let mut columns = row.columns.clone();
        if intent.is_some() && begins {
            columns.state = State::Executing;
        }
        let mut task = Task {
            cycle,
            token,
            columns,
            intent,
            over: row.over,
            heard: Vec::new(),
            phase: Phase::Gone,
        };
        task.phase = self.phase(&task);
        task
    }

    /// An action came to something: the machine says what is next.
    pub(crate) fn hear(&self, world: &mut World, worker: usize, heard: Heard) {
        let task = world.workers[worker].as_mut().unwrap();
        task.heard.push(heard);
        task.phase = self.phase(task);
        if task.phase == Phase::Gone {
            world.workers[worker] = None;
        }
    }

    pub(crate) fn unanswered(&self, world: &mut World, worker: usize, outcome: Outcome) {
        let answer = Answer {
            outcome,
            counter: None,
            no_retry: false,
        };
        self.hear(world, worker, Heard::Answer(answer));
    }

    pub(crate) fn look(&self, world: &mut World, worker: usize, in_doubt: bool) {
        let outcome = match self.seen(world, worker) {
            Outcome::Charged(index) | Outcome::Pending(index) if in_doubt => {
                Outcome::FailedInDoubt(index)
            }
            plain => plain,
        };
        let answer = self.says(world, outcome);
        self.hear(world, worker, Heard::Answer(answer));
    }

    /// What the look-up finds that a worker is about to make.
    fn seen(&self, world: &World, worker: usize) -> Outcome {
        let task = world.workers[worker].as_ref().unwrap();
        match task.phase {
            Phase::LookUp { order_no, payment } => self.found(world, task, order_no, payment),
            _ => Outcome::NoCall,
        }
    }

    /// Whether that order is collected, or can be at any moment.
    fn is_open(&self, world: &World, worker: usize) -> bool {
        let seen = self.seen(world, worker);
        matches!(seen, Outcome::Charged(_) | Outcome::Pending(_))
    }

    pub(crate) fn read_debit(&self, world: &mut World, worker: usize) {
        let cycle = world.workers[worker].as_ref().unwrap().cycle;
        let debit = world.rows[cycle].debit;
        let order_no = debit.map(|index| world.payments[index].order_no);
        self.hear(world, worker, Heard::Debit(order_no));
    }

    /// The counter is durable before the call, and only while the lease is.
    pub(crate) fn record(&self, world: &mut World, worker: usize) {
        let task = world.workers[worker].as_ref().unwrap();
        let Phase::Record(counter) = task.phase else {
            return;
        };
        let is_ours = holds(world, task);
        let row = &mut world.rows[task.cycle];
        if let Some(intent) = row.intent.as_mut().filter(|_| is_ours) {
            intent.counter = Some(counter);
        }
        let heard = if is_ours {
            Heard::Recorded
        } else {
            Heard::LeaseLost
        };
        self.hear(world, worker, heard);
    }

    /// A call arrives. `verdict` is what becomes of the debit; nothing for a refusal.
    pub(crate) fn arrive(
        &self,
        world: &mut World,
        call: usize,
        verdict: Option<Status>,
    ) -> Outcome {
        let call = world.wire.remove(call);
        verdict.map_or(Outcome::Refused, |verdict| self.take(world, &call, verdict))
    }

    /// The answer to a call.
    pub(crate) fn answer_call(&self, world: &mut World, token: u8, outcome: Outcome) {
        let waits = |task: &Task| task.token == token && task.phase == Phase::Waiting;
        let worker = (0..2).find(|worker| world.workers[*worker].as_ref().is_some_and(waits));
        if let Some(worker) = worker {
            let answer = self.says(world, outcome);
            self.hear(world, worker, Heard::Answer(answer));
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
        let Settlement {
            columns,
            closes_intent,
            collected,
            ..
        } = said;
        let proven = collected.map(|proof| {
            let known = match self.style {
                Style::Juspay => world.order(task.cycle, proof.order_no),
                Style::Signzy => proof.payment,
            };
            // A debit that the provider does not have.
            known.unwrap_or(usize::MAX)
        });
        let row = &mut world.rows[task.cycle];
        row.lease = None;
        row.columns = columns;
        if closes_intent {
            row.intent = None;
        }
        match (proven, row.debit) {
            (Some(payment), None) => row.debit = Some(payment),
            // Refund due.
            (Some(payment), Some(before)) if payment != before => row.columns.state = State::Review,
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
                self.has_key(task) && matches!(task.phase, Phase::LookUp { .. } | Phase::Ready(_));
            // It ends by itself, or a property shows that it does not.
            let knows = task.heard.contains(&Heard::LeaseLost);
            let has_proof = matches!(&task.phase, Phase::Decided(said) if said.collected.is_some());
            if !holds(world, task) && !may_send && !has_proof && !knows {
                world.workers[worker] = None;
            }
        }
    }

    /// Nothing of the lost worker is asked: what is committed says how the job goes on.
    pub(crate) fn rescue(&self, row: &mut Row) {
        row.lease = None;
        let step = row.columns.step.unwrap();
        if self.is(Broken::RescueRepeats) && step.moves_money() {
            // The claim would refuse a second intent.
            row.intent = None;
            return;
        }
        let lost = LostJob {
            step,
            run_at: LEASE_OVER - PROCESSING,
            run_before: None,
            intent_opened_at: row.intent.map(|_| LEASE_OVER - PROCESSING),
            order_no: u16::from(row.columns.order_no),
            lookup_times: [None; 3],
            undelivered_at: None,
        };
        let processing = if self.is(Broken::RescueHurries) {
            Duration::ZERO
        } else {
            self.policy.processing_time
        };
        let RescuedJob { step, run_at, .. } = rescue(lost, LEASE_OVER, processing);
        row.columns.step = Some(step);
        if run_at >= LEASE_OVER + PROCESSING {
            row.columns.due = Due::AfterProcessing;
        }
    }
}

/// Whether the worker still has the lease.
pub(crate) fn holds(world: &World, task: &Task) -> bool {
    world.rows[task.cycle].lease == Some(task.token)
}
