//! What a worker does: it drives the product's own machine. It has in its memory what it has heard, and the machine is made anew of
//! that for each answer, from the row as it was claimed.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use mandated::domain::machine::{self, Abandoned, Input, Job, Machine, Request};
use mandated::domain::outcome::{CallFailure, Counter};
use mandated::domain::{self, Class, Step};

use super::protocol::{Protocol, Style};
use super::times;
use super::world::{Answer, Columns, Heard, Intent, Outcome, Phase, Proof, Settlement, Task};

/// All that an answer of the machine depends on: the row as it was claimed, whether the claim opened its intent, whether the cycle has
/// ended, and what was heard.
type Question = (Columns, Option<Intent>, bool, bool, Vec<Heard>);

/// The machine's answers so far. It always gives the same one, so it is asked once.
pub(crate) type Known = Mutex<HashMap<Question, Phase>>;

impl Protocol {
    /// What the machine wants next of a worker.
    pub(crate) fn phase(&self, task: &Task) -> Phase {
        let nameless = |intent: Intent| Intent {
            opened_by: 0,
            ..intent
        };
        let question = (
            task.columns.clone(),
            task.intent.map(nameless),
            task.opened(),
            task.over,
            task.heard.clone(),
        );
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(phase) = known().get(&question) {
            return phase.clone();
        }
        let phase = self.ask(task);
        known().insert(question, phase.clone());
        phase
    }

    fn ask(&self, task: &Task) -> Phase {
        let mut machine = Machine::new(self.job(task), self.policy, times::time_of(0));
        let claimed = [Input::Claimed];
        let inputs = task.heard.iter().map(|heard| self.input(*heard));
        let actions = claimed.into_iter().chain(inputs).enumerate();
        let last = actions
            .map(|(nth, input)| machine.next(input, times::time_of(nth)))
            .last();
        match last.unwrap() {
            machine::Action::LookUp {
                order_no,
                provider_ref,
            } => Phase::LookUp {
                order_no: u8::try_from(order_no).unwrap(),
                payment: provider_ref.map(|payment| payment.parse().unwrap()),
            },
            machine::Action::ReadDebit => Phase::ReadDebit,
            machine::Action::RecordCounter(counter) => {
                Phase::Record(usize::try_from(counter).unwrap())
            }
            machine::Action::Send { request, .. } => match request {
                Request::Execute { .. } => Phase::Ready(Step::Execute),
                Request::Retry(_) => Phase::Ready(Step::Retry),
                Request::Notify { .. } => Phase::Illegal,
            },
            machine::Action::Settle(conclusion) => {
                Phase::Decided(self.settlement(task, &conclusion))
            }
            machine::Action::Abandon(Abandoned::LeaseLost) => Phase::Gone,
            machine::Action::LookUpMandate
            | machine::Action::AskNotification
            | machine::Action::Abandon(_) => Phase::Illegal,
        }
    }

    fn job(&self, task: &Task) -> Job {
        Job {
            step: task.step(),
            execution: times::execution(self, task),
            opened: task.opened(),
            run_before: None,
            provider_ref: task.columns.payment.map(|payment| payment.to_string()),
            next_scheduled_on: None,
            execute_needs_counter: self.execute_needs_counter,
        }
    }

    fn input(&self, heard: Heard) -> Input {
        match heard {
            Heard::Recorded => Input::CounterRecorded,
            Heard::LeaseLost => Input::LeaseLost,
            Heard::Debit(order_no) => Input::DebitRead(order_no.map(u16::from)),
            Heard::Answer(answer) => Input::Answered(self.answer(answer)),
        }
    }

    fn answer(&self, answer: Answer) -> machine::Answer {
        let (outcome, found) = match answer.outcome {
            Outcome::Charged(index) => {
                let (amount, txn) = (None, None);
                (domain::Outcome::Charged { amount, txn }, Some(index))
            }
            Outcome::Pending(index) => (domain::Outcome::Pending, Some(index)),
            Outcome::Failed(index) => (domain::Outcome::Failed(failure(Class::Funds)), Some(index)),
            // Of a class that the policy does not retry.
            Outcome::Refused => (domain::Outcome::Refused(failure(Class::Limit)), None),
            Outcome::NothingToRetry => (
                domain::Outcome::Refused(failure(Class::NothingToRetry)),
                None,
            ),
            Outcome::FailedInDoubt(index) => (
                domain::Outcome::Failed(failure(Class::InFlight)),
                Some(index),
            ),
            Outcome::RefusedInDoubt => (
                domain::Outcome::Refused(failure(Class::AlreadyCollected)),
                None,
            ),
            Outcome::Duplicate => (domain::Outcome::AlreadyExists, None),
            Outcome::NotFound => (domain::Outcome::NotFound, None),
            Outcome::Unknown | Outcome::NoCall => {
                let why = String::new();
                (domain::Outcome::Call(CallFailure::Unknown { why }), None)
            }
            Outcome::NotSent => {
                let why = String::new();
                (domain::Outcome::Call(CallFailure::NotSent { why }), None)
            }
        };
        machine::Answer {
            outcome,
            counter: Counter {
                attempts: answer
                    .counter
                    .map(|counter| i64::try_from(counter).unwrap()),
                no_retry_allowed: answer.no_retry,
            },
            provider_ref: found
                .filter(|_| self.style == Style::Signzy)
                .map(|index| index.to_string()),
        }
    }

    /// The only place that reads a conclusion, but for its times.
    fn settlement(&self, task: &Task, conclusion: &machine::Conclusion) -> Settlement {
        let columns = times::columns(self, task, conclusion);
        let answers = task.heard.iter().rev().filter_map(|heard| match heard {
            Heard::Answer(answer) => Some(answer.outcome),
            Heard::Recorded | Heard::LeaseLost | Heard::Debit(_) => None,
        });
        let outcome = answers.clone().next().unwrap_or(Outcome::NoCall);
        let proof = |order_no| Proof {
            order_no: u8::try_from(order_no).unwrap(),
            payment: columns.payment,
        };
        Settlement {
            outcome,
            closes_intent: conclusion.transition.closes_intent,
            collected: conclusion.debited_order.map(proof),
            columns,
        }
    }
}

fn failure(class: Class) -> domain::Failure {
    domain::Failure {
        class,
        code: None,
        message: None,
        rule: None,
        retry_after: None,
        not_before: None,
    }
}
