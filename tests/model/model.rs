//! The model itself: what can happen in a state, and what comes of it.

use mandated::domain::Step;
use stateright::{Model, Property};

use super::properties;
use super::protocol::{Action, Protocol};
use super::world::{Due, Failure, Intent, Outcome, Payment, Phase, Status, Task, World};

/// How often the provider retries an order by itself.
const SILENT_ATTEMPTS: u8 = 1;

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(self.cycles)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for worker in 0..2 {
            self.worker_actions(world, worker, actions);
        }
        for (call, sent) in world.wire.iter().enumerate() {
            let is_heard = |task: &Task| task.token == sent.token && task.phase == Phase::Waiting;
            // What nobody hears is decided later, which is the same.
            actions.push(Action::Arrive {
                call,
                verdict: Status::Pending,
                heard: false,
            });
            if world.tasks().any(is_heard) {
                let verdicts = [Status::Pending, Status::Charged, Status::Failed];
                let known = if self.is_processed(world, sent) { 3 } else { 1 };
                let heard = |verdict: &Status| Action::Arrive {
                    call,
                    verdict: *verdict,
                    heard: true,
                };
                actions.extend(verdicts[..known].iter().map(heard));
                if known == 3 {
                    let verdict = Status::Pending;
                    actions.push(Action::ArriveInDoubt { call, verdict });
                }
                actions.push(Action::Refuse { call });
            }
            actions.push(Action::NeverArrive { call });
        }
        for (cycle, row) in world.rows.iter().enumerate() {
            if row.lease.is_some() {
                actions.push(Action::Rescue { cycle });
            } else if self.cycles_end && !row.over {
                actions.push(Action::CycleEnds { cycle });
            }
            let arrived =
                |intent: Intent| !world.wire.iter().any(|call| call.token == intent.opened_by);
            // A look-up is due after the lease, and the processing time counts from there.
            let is_due = row.columns.due == Due::AfterProcessing;
            if row.lease.is_none()
                && row
                    .intent
                    .is_some_and(|intent| (is_due || !intent.processed) && arrived(intent))
            {
                actions.push(Action::ProcessingTimePasses { cycle });
            }
            if row.lease.is_none() && row.columns.due == Due::AfterHorizon && world.is_quiet(cycle)
            {
                actions.push(Action::RetryHorizonPasses { cycle });
            }
        }
        for (index, payment) in world.payments.iter().enumerate() {
            for verdict in [Status::Charged, Status::Failed] {
                if payment.status == Status::Pending {
                    actions.push(Action::ProviderDecides {
                        payment: index,
                        verdict,
                    });
                }
            }
            if payment.status == Status::Failed
                && (!payment.closed || wakes(world, payment))
                && payment.attempts < self.max_attempts + SILENT_ATTEMPTS
            {
                actions.push(Action::ProviderRetries { payment: index });
            }
            if payment.status == Status::Failed && !payment.closed {
                actions.push(Action::ProviderGivesUp { payment: index });
            }
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        match action {
            Action::Claim { worker, cycle } => {
                let task = self.claim(&mut world, cycle);
                world.workers[worker] = Some(task);
            }
            Action::Look {
                worker,
                heard: true,
            } => self.look(&mut world, worker, false),
            Action::LookInDoubt { worker } => self.look(&mut world, worker, true),
            Action::ReadDebit { worker } => self.read_debit(&mut world, worker),
            Action::RecordCounter { worker } => self.record(&mut world, worker),
            Action::Send { worker } => self.send(&mut world, worker),
            Action::CouldNotSend { worker } => {
                self.unanswered(&mut world, worker, Outcome::NotSent);
            }
            Action::Look {
                worker,
                heard: false,
            }
            | Action::TimeOut { worker } => {
                self.unanswered(&mut world, worker, Outcome::Unknown);
            }
            Action::Arrive {
                call,
                verdict,
                heard,
            } => {
                let token = world.wire[call].token;
                let outcome = self.arrive(&mut world, call, Some(verdict));
                if heard {
                    self.answer_call(&mut world, token, outcome);
                }
            }
            Action::ArriveInDoubt { call, verdict } => {
                let token = world.wire[call].token;
                self.arrive(&mut world, call, Some(verdict));
                self.answer_call(&mut world, token, Outcome::RefusedInDoubt);
            }
            Action::Refuse { call } => {
                let token = world.wire[call].token;
                let outcome = self.arrive(&mut world, call, None);
                self.answer_call(&mut world, token, outcome);
            }
            Action::NeverArrive { call } => drop(world.wire.remove(call)),
            Action::Settle { worker, heard } => self.settle(&mut world, worker, heard),
            Action::Crash { worker } => world.workers[worker] = None,
            Action::Rescue { cycle } => self.rescue(&mut world.rows[cycle]),
            Action::ProcessingTimePasses { cycle } => {
                let row = &mut world.rows[cycle];
                row.intent.as_mut().unwrap().processed = true;
                row.columns.due = Due::Soon;
            }
            Action::RetryHorizonPasses { cycle } => horizon_passes(&mut world, cycle),
            Action::ProviderDecides { payment, verdict } => {
                world.payments[payment].status = verdict;
            }
            Action::ProviderGivesUp { payment } => world.payments[payment].closed = true,
            Action::CycleEnds { cycle } => world.rows[cycle].over = true,
            Action::ProviderRetries { payment } => {
                world.payments[payment].status = Status::Pending;
                world.payments[payment].attempts += 1;
            }
        }
        self.forget(&mut world);
        Some(world.normal())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::of(self)
    }
}

/// The failure of an order has outlived the provider's own retries.
fn horizon_passes(world: &mut World, cycle: usize) {
    let columns = &mut world.rows[cycle].columns;
    columns.failure = Failure::Outlived;
    columns.due = Due::Soon;
    let order_no = columns.order_no;
    if let Some(order) = world.order(cycle, order_no) {
        world.payments[order].closed = true;
    }
}

/// An order comes to life again while the one after it waits for its day, which can be weeks, and has not been made.
fn wakes(world: &World, payment: &Payment) -> bool {
    let row = &world.rows[payment.cycle];
    let next = payment.order_no + 1;
    let waits = row.columns.step == Some(Step::Execute) && row.lease.is_none();
    waits
        && next == row.columns.order_no
        && world.order(payment.cycle, next).is_none()
        && world.is_quiet(payment.cycle)
}
