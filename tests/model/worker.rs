//! What a worker does between claim and settlement, as the interpreter of `src/engine/job` has it: it carries out what the machine wants,
//! and hands the result back.

use super::protocol::{Protocol, holds};
use super::world::{Answer, Call, Heard, Outcome, Phase, Status, Task, World};

impl Protocol {
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
    pub(crate) fn is_open(&self, world: &World, worker: usize) -> bool {
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

    /// The first byte leaves.
    pub(crate) fn send(&self, world: &mut World, worker: usize) {
        let task = world.workers[worker].as_mut().unwrap();
        let Phase::Ready(step) = task.phase else {
            return;
        };
        task.phase = Phase::Waiting;
        let (cycle, order_no, token) = (task.cycle, task.columns.order_no, task.token);
        world.wire.push(Call {
            cycle,
            order_no,
            step,
            token,
            late: world.rows[cycle].lease != Some(token),
        });
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
}
