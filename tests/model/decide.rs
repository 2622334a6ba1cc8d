//! What a worker makes of an answer: `domain::machine::decide` without its times, and with its own table of states.

use mandated::domain::state::apply;
use mandated::domain::{Event, State, Step};

use super::protocol::{Broken, Protocol, Style, holds};
use super::provider::said;
use super::world::{Failure, Outcome, Phase, Settlement, Status, Task, World};

impl Protocol {
    /// The look at the provider that a step begins with, or is.
    pub(crate) fn look(&self, world: &mut World, worker: usize, heard: bool) {
        let task = world.workers[worker].clone().unwrap();
        let found = if heard {
            self.found(world, task.cycle, &task.row)
        } else {
            Outcome::Unknown
        };
        let phase = match task.step {
            Step::Execute if !heard => self.not_processed(&task, Outcome::NotSent),
            Step::Execute if self.style == Style::Signzy => Phase::Read(world.payments.len()),
            Step::Execute => self.order_before(world, &task),
            Step::Retry => match found {
                Outcome::Failed(index) if self.is_retried(world, index) => {
                    Phase::Read(usize::from(world.payments[index].attempts))
                }
                Outcome::Unknown => self.not_processed(&task, Outcome::NotSent),
                _ => self.without_call(&task, found, world),
            },
            Step::Verify => self.verify(world, &task, heard),
            Step::Lookup | Step::Notify | Step::NotifyStatus => {
                self.decide(&task, found, Some(world))
            }
        };
        world.workers[worker].as_mut().unwrap().phase = phase;
    }

    fn is_retried(&self, world: &World, index: usize) -> bool {
        let payment = &world.payments[index];
        payment.attempts < self.max_attempts && (self.style == Style::Signzy || !payment.closed)
    }

    /// The counter is durable before the call, and only while the lease is.
    pub(crate) fn record(&self, world: &mut World, worker: usize) {
        let mut task = world.workers[worker].clone().unwrap();
        let Phase::Read(counter) = task.phase else {
            return;
        };
        let is_ours = holds(world, &task);
        if let Some(intent) = world.rows[task.cycle].intent.as_mut().filter(|_| is_ours) {
            intent.counter = Some(counter);
        }
        task.row.intent.as_mut().unwrap().counter = Some(counter);
        task.phase = Phase::Ready;
        world.workers[worker] = is_ours.then_some(task);
    }

    pub(crate) fn told(&self, world: &mut World, worker: usize, outcome: Outcome) {
        let task = world.workers[worker].clone().unwrap();
        world.workers[worker].as_mut().unwrap().phase = match outcome {
            Outcome::NotSent => self.not_processed(&task, outcome),
            _ => self.decide(&task, outcome, Some(world)),
        };
    }

    /// A new order is debited only while the one before it is dead.
    fn order_before(&self, world: &World, task: &Task) -> Phase {
        match world
            .order(task.cycle, task.row.order_no - 1)
            .map(|index| said(world, index))
        {
            Some(Outcome::Charged(index)) => {
                let mut said = keep(task, Outcome::Charged(index));
                said.closes_intent = true;
                said.collected = Some(index);
                said.step = None;
                settle(task, said, &[Event::NotProcessed, Event::Collected])
            }
            Some(Outcome::Pending(_)) => self.not_processed(task, Outcome::Gated),
            _ => Phase::Ready,
        }
    }

    /// What was read before a retry forbids it: judged as a look-up of an execution without an intent.
    fn without_call(&self, task: &Task, found: Outcome, world: &World) -> Phase {
        let mut without = task.clone();
        without.row.intent = None;
        without.row.state = State::Retrying;
        without.step = Step::Lookup;
        match self.decide(&without, found, Some(world)) {
            Phase::Decided(mut said) => {
                said.closes_intent = true;
                Phase::Decided(said)
            }
            other => other,
        }
    }

    /// The same call again: it is proven that this one was never processed.
    pub(crate) fn not_processed(&self, task: &Task, outcome: Outcome) -> Phase {
        let mut said = keep(task, outcome);
        let is_retry = task.row.intent.is_some_and(|intent| intent.is_retry);
        said.step = Some(if is_retry { Step::Retry } else { Step::Execute });
        said.closes_intent = true;
        settle(task, said, &[Event::NotProcessed])
    }

    pub(crate) fn decide(&self, task: &Task, outcome: Outcome, world: Option<&World>) -> Phase {
        let mut said = keep(task, outcome);
        said.step = Some(Step::Lookup);
        match outcome {
            Outcome::Charged(index) => {
                said.closes_intent = true;
                said.collected = Some(index);
                said.payment = Some(index).filter(|_| self.style == Style::Signzy);
                said.step = (task.row.order_no > 1).then_some(Step::Verify);
                settle(task, said, &[Event::Collected])
            }
            Outcome::Pending(index) => {
                said.payment = Some(index).filter(|_| self.style == Style::Signzy);
                settle(task, said, &[Event::Accepted])
            }
            Outcome::Failed(index) => self.failed(task, index, world.unwrap()),
            Outcome::NothingToRetry => self.end_of_order(task, said, true),
            Outcome::Refused if task.step == Step::Retry => self.end_of_order(task, said, false),
            Outcome::Refused => {
                said.closes_intent = true;
                said.step = Some(Step::Verify);
                settle(task, said, &[Event::GivenUp])
            }
            Outcome::NotFound => self.not_found(task, said),
            Outcome::Unknown if !task.step.moves_money() => settle(task, said, &[]),
            Outcome::Unknown | Outcome::Duplicate => settle(task, said, &[Event::Unproven]),
            Outcome::Gated | Outcome::NotSent => {
                said.step = Some(task.step);
                settle(task, said, &[])
            }
        }
    }

    fn not_found(&self, task: &Task, said: Settlement) -> Phase {
        let believed = self.is(Broken::NotFoundIsBelieved);
        match task.row.intent {
            Some(intent) if task.row.state != State::Pending && (intent.processed || believed) => {
                self.not_processed(task, Outcome::NotFound)
            }
            _ if task.row.state == State::Retrying => settle(task, said, &[]),
            _ => settle(task, said, &[Event::Unproven]),
        }
    }

    fn failed(&self, task: &Task, index: usize, world: &World) -> Phase {
        let payment = &world.payments[index];
        let mut said = keep(task, Outcome::Failed(index));
        said.payment = Some(index).filter(|_| self.style == Style::Signzy);
        // A retry whose answer was lost: the counter shows whether it happened, once it must have.
        let intent = task
            .row
            .intent
            .filter(|intent| intent.is_retry && task.step == Step::Lookup);
        if let Some(intent) = intent {
            let moved = intent
                .counter
                .is_none_or(|before| usize::from(payment.attempts) > before);
            if !intent.processed && !self.is(Broken::NotFoundIsBelieved) {
                said.step = Some(Step::Lookup);
                return settle(task, said, &[Event::Unproven]);
            }
            if !moved {
                return self.not_processed(task, said.outcome);
            }
        }
        said.closes_intent = true;
        let is_news = task.row.intent.is_some() || task.row.state == State::Pending;
        if is_news {
            said.failure = Failure::Seen;
        }
        if is_news && self.is_retried(world, index) && !self.is(Broken::HastyOrder) {
            said.step = Some(Step::Retry);
            return settle(task, said, &[Event::Declined]);
        }
        // Signzy retries nothing by itself.
        let is_dead = self.style == Style::Signzy || self.is(Broken::HastyOrder);
        self.end_of_order(task, said, is_dead)
    }

    /// A new order, or the end, when the old one is dead; until then it is looked at once more.
    fn end_of_order(&self, task: &Task, mut said: Settlement, is_dead: bool) -> Phase {
        said.closes_intent = true;
        if !is_dead && said.failure != Failure::Outlived {
            said.failure = Failure::Seen;
            said.step = Some(Step::Lookup);
            return settle(task, said, &[Event::Declined]);
        }
        if task.row.order_no >= self.max_orders {
            said.step = Some(Step::Verify);
            return settle(task, said, &[Event::GivenUp]);
        }
        said.order_no = task.row.order_no + 1;
        said.failure = Failure::None;
        said.payment = None;
        said.step = Some(Step::Execute);
        if task.row.state == State::Retrying && task.row.intent.is_none() {
            settle(task, said, &[Event::Renewed])
        } else {
            settle(task, said, &[Event::Declined, Event::Renewed])
        }
    }

    /// The second look at every order of a finished execution.
    fn verify(&self, world: &World, task: &Task, heard: bool) -> Phase {
        let mut said = keep(task, Outcome::NotFound);
        said.step = Some(Step::Verify);
        if !heard {
            said.outcome = Outcome::Unknown;
            return settle(task, said, &[]);
        }
        let is_ours = |index: &usize| match (self.style, task.row.payment) {
            (Style::Juspay, _) => world.payments[*index].cycle == task.cycle,
            (Style::Signzy, known) => known == Some(*index),
        };
        let orders: Vec<usize> = (0..world.payments.len()).filter(is_ours).collect();
        let with = |status| {
            orders
                .iter()
                .find(|index| world.payments[**index].status == status)
        };
        if let Some(index) = with(Status::Charged).filter(|index| task.row.debit != Some(**index)) {
            said.outcome = Outcome::Charged(*index);
            said.collected = Some(*index);
            said.step = None;
            let is_second = task.row.state == State::Charged;
            let event = if is_second {
                Event::ReviewNeeded
            } else {
                Event::Collected
            };
            return settle(task, said, &[event]);
        }
        if with(Status::Pending).is_none() {
            said.step = None;
        }
        settle(task, said, &[])
    }
}

/// Everything as it was.
fn keep(task: &Task, outcome: Outcome) -> Settlement {
    Settlement {
        outcome,
        state: task.row.state,
        step: None,
        closes_intent: false,
        order_no: task.row.order_no,
        payment: task.row.payment,
        failure: task.row.failure,
        collected: None,
    }
}

/// The state comes from the table that the product has.
fn settle(task: &Task, mut said: Settlement, events: &[Event]) -> Phase {
    let state = events
        .iter()
        .try_fold(task.row.state, |state, event| apply(state, *event));
    match state {
        Ok(state) => {
            said.state = state;
            Phase::Decided(said)
        }
        Err(_) => Phase::Illegal,
    }
}
