//! The other side: what a call does to the provider's ledger, and what the provider says when it is asked.

use mandated::domain::Step;

use super::protocol::{Broken, Protocol, Style};
use super::world::{Answer, Call, Outcome, Payment, Status, Task, World};

impl Protocol {
    /// Whether the verdict of the bank matters: the call makes or repeats a debit.
    pub(crate) fn is_processed(&self, world: &World, call: &Call) -> bool {
        match (self.style, call.step) {
            // The order id is the idempotency key.
            (Style::Juspay, Step::Execute) => world.order(call.cycle, call.order_no).is_none(),
            // On hold nothing is charged. Every other charge is a new payment: there is no key.
            (Style::Signzy, Step::Execute) => !is_on_hold(world),
            _ => self.retried(world, call).is_some_and(|index| {
                let payment = &world.payments[index];
                payment.status == Status::Failed && (self.style == Style::Signzy || !payment.closed)
            }),
        }
    }

    /// What a retry is about: an order by its id, or "the last failed payment" of the eMandate.
    fn retried(&self, world: &World, call: &Call) -> Option<usize> {
        match self.style {
            Style::Juspay => world.order(call.cycle, call.order_no),
            Style::Signzy => world.payments.len().checked_sub(1),
        }
    }

    /// The call arrives. `verdict` is what becomes of the debit, if it is processed.
    pub(crate) fn take(&self, world: &mut World, call: &Call, verdict: Status) -> Outcome {
        if self.is_processed(world, call) {
            let index = if call.step == Step::Execute {
                world.payments.push(Payment {
                    cycle: call.cycle,
                    order_no: call.order_no,
                    status: verdict,
                    attempts: 1,
                    closed: self.style == Style::Signzy,
                });
                world.payments.len() - 1
            } else {
                let index = self.retried(world, call).unwrap();
                world.payments[index].status = verdict;
                world.payments[index].attempts += 1;
                index
            };
            return said(world, index);
        }
        match (self.style, call.step) {
            (Style::Juspay, Step::Execute) => Outcome::Duplicate,
            (Style::Signzy, Step::Execute) => Outcome::Refused,
            _ => match self.retried(world, call) {
                Some(index)
                    if world.payments[index].status == Status::Pending
                        && self.broken != Some(Broken::NothingToRetryIsALie) =>
                {
                    Outcome::Pending(index)
                }
                // "No scheduled transactions found": it is collected, or will not be tried again.
                _ => Outcome::NothingToRetry,
            },
        }
    }

    /// What a look-up of an order finds.
    pub(crate) fn found(
        &self,
        world: &World,
        task: &Task,
        order_no: u8,
        payment: Option<usize>,
    ) -> Outcome {
        let counter = task
            .intent
            .filter(|intent| !intent.is_retry)
            .and_then(|intent| intent.counter);
        let index = match self.style {
            Style::Juspay => world.order(task.cycle, order_no),
            // The first payment after those that were there before the charge.
            Style::Signzy => payment.or(counter.filter(|before| *before < world.payments.len())),
        };
        index.map_or(Outcome::NotFound, |index| said(world, index))
    }

    /// An answer with what it says beside the outcome: the attempts on the order, for a charge that is not there the newest payment,
    /// and whether the provider has given the order up.
    pub(crate) fn says(&self, world: &World, outcome: Outcome) -> Answer {
        let found = match outcome {
            Outcome::Charged(index)
            | Outcome::Pending(index)
            | Outcome::Failed(index)
            | Outcome::FailedInDoubt(index) => Some(&world.payments[index]),
            _ => None,
        };
        let newest = || (self.style == Style::Signzy).then_some(world.payments.len());
        Answer {
            outcome,
            counter: found
                .map(|payment| match self.style {
                    Style::Juspay => usize::from(payment.attempts),
                    // `retryAttempts` leaves out the first.
                    Style::Signzy => usize::from(payment.attempts - 1),
                })
                .or_else(newest),
            no_retry: self.style == Style::Juspay && found.is_some_and(|payment| payment.closed),
        }
    }
}

/// A payment failed, and nobody took the eMandate off hold.
fn is_on_hold(world: &World) -> bool {
    let last = world.payments.last();
    last.is_some_and(|payment| payment.status == Status::Failed)
}

fn said(world: &World, index: usize) -> Outcome {
    match world.payments[index].status {
        Status::Charged => Outcome::Charged(index),
        Status::Pending => Outcome::Pending(index),
        Status::Failed => Outcome::Failed(index),
    }
}
