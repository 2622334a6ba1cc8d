//! The protocol of one job, from its claim to its settlement, as a state machine without I/O.
//!
//! A worker asks [`Machine::next`] for the next [`Action`], carries it out, and hands the result back as an [`Input`]. Time is an
//! argument. The machine lives as long as one lease: all that survives a crash is in the row.
//!
//! The way of each step:
//!
//! | step | actions before the settlement |
//! |---|---|
//! | `notify`, `notify_status` | the call |
//! | `execute` with an idempotency key | the first order: the call; another: look up the order before it and those after it; the call |
//! | `execute` without one | look the order up for its counter; record the counter; the call |
//! | `retry` | look the order up, and those after it; record the counter; the call |
//! | `lookup` | look the order up |
//! | `recheck` | read which order has the debit; look up each of the others |
//!
//! `gate` comes first in every case: it may end the job before any call, or ask the provider about a paused mandate.
//!
//! When the answer to a call that moves money is lost, the intent stays open and the next step is `lookup`: `decide::unproven` says
//! when, or [`rescue`] where the worker was lost too. `decide` then judges the order, a retry by the counter that was recorded
//! before it (`decide::retry`, `lost_retry`): not before the provider's processing time is over.

mod action;
pub mod decide;
pub(in crate::domain) mod gate;
mod input;
mod later_orders;
mod lookup_purpose;
mod prevent_second_debit;
mod recheck;
pub mod recover;
mod request;
pub mod rescue;
mod send;
mod transition;
mod verdict;

use std::mem::replace;

use chrono::NaiveDate;

use crate::domain::outcome::{CallFailure, NotificationOutcome};
use crate::domain::policy::Policy;
use crate::domain::{Execution, MandateStatus, NotificationState, Step, Timestamp};

pub use action::{Abandoned, Action, Conclusion};
use decide::notification::decide_notification;
use decide::{Decision, decide};
pub use gate::end_unconfigured;
use gate::{Gate, gate, mandate_answered};
pub use input::{Answer, Input};
use lookup_purpose::LookupPurpose;
pub use request::{Notice, Request, RetryRequest};
pub use transition::{Transition, transition};
pub use verdict::{Collection, Verdict};

/// A claimed job, as far as the protocol depends on it. All of it is in the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The next thing to do.
    pub step: Step,
    /// The execution as it was claimed.
    pub execution: Execution,
    /// Whether this claim opened the intent.
    pub opened: bool,
    /// The end of the window that the job was planned into.
    pub run_before: Option<Timestamp>,
    /// The provider's id for the current debit, if an answer has named it.
    pub provider_ref: Option<String>,
    /// The day of the next cycle, where the provider debits by its own schedule and a retry tells it when to go on.
    pub next_scheduled_on: Option<NaiveDate>,
    /// Whether the provider's execute call has no idempotency key, so that its counter is recorded before the call.
    pub execute_needs_counter: bool,
}

/// Where the machine stands: which result it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    New,
    AskingMandate,
    /// A notification, or the question about one, is under way.
    Notifying,
    LookingUp(LookupPurpose),
    ReadingDebit,
    Recording(Request),
    /// A call that moves money is under way.
    Calling,
    Over,
}

/// The machine of one job under one lease.
#[derive(Debug, Clone)]
pub struct Machine<'a> {
    job: Job,
    policy: &'a Policy,
    /// The execution with what this job has found out so far.
    execution: Execution,
    phase: Phase,
    /// When the action under way was begun.
    action_began_at: Timestamp,
    /// The order that the last answer was about.
    order_no: u16,
    /// The provider's id for the debit of that order.
    provider_ref: Option<String>,
}

impl<'a> Machine<'a> {
    /// The machine of a job that was claimed at `now`. Its first input is [`Input::Claimed`].
    pub fn new(job: Job, policy: &'a Policy, now: Timestamp) -> Self {
        Self {
            execution: job.execution.clone(),
            order_no: job.execution.progress.order_no,
            provider_ref: job.provider_ref.clone(),
            phase: Phase::New,
            action_began_at: now,
            job,
            policy,
        }
    }

    /// A machine in the middle of its step's call, to ask what an answer leads to. Nothing that comes before the call is done.
    pub fn in_call(job: Job, policy: &'a Policy, now: Timestamp) -> Self {
        let phase = match job.step {
            Step::Notify | Step::NotifyStatus => Phase::Notifying,
            Step::Execute | Step::Retry => Phase::Calling,
            Step::Lookup | Step::Recheck => Phase::LookingUp(LookupPurpose::Outcome),
        };
        Self {
            phase,
            ..Self::new(job, policy, now)
        }
    }

    /// The next action, now that the last one came to `input`.
    pub fn next(&mut self, input: Input, now: Timestamp) -> Action {
        let action_began_at = replace(&mut self.action_began_at, now);
        let phase = replace(&mut self.phase, Phase::Over);
        match (input.by_record(&self.execution, self.policy), phase) {
            (Input::Claimed, Phase::New) => self.claimed(),
            (Input::MandateAnswered(status), Phase::AskingMandate) => {
                self.settle(self.mandate_answered(status, action_began_at))
            }
            (Input::NotificationAnswered(outcome), Phase::Notifying) => {
                self.notification_answered(&outcome, action_began_at)
            }
            (Input::Answered(answer), Phase::LookingUp(purpose)) => {
                self.looked_up(purpose, &answer, action_began_at)
            }
            (Input::Answered(answer), Phase::Calling) => self.called(answer),
            (Input::DebitRead(order_no), Phase::ReadingDebit) => self.recheck(order_no),
            (Input::CounterRecorded, Phase::Recording(request)) => self.send(request),
            (Input::LeaseLost, Phase::Recording(_)) => Action::Abandon(Abandoned::LeaseLost),
            (
                Input::LeaseNearlyOver,
                Phase::New | Phase::Notifying | Phase::Calling | Phase::Recording(_),
            ) => Action::Abandon(Abandoned::LeaseNearlyOver),
            (
                Input::LeaseOver,
                Phase::AskingMandate
                | Phase::Notifying
                | Phase::LookingUp(_)
                | Phase::Calling
                | Phase::ReadingDebit
                | Phase::Recording(_)
                | Phase::New,
            ) => Action::Abandon(Abandoned::LeaseOver),
            (
                Input::Claimed
                | Input::MandateAnswered(_)
                | Input::NotificationAnswered(_)
                | Input::Answered(_)
                | Input::DebitRead(_)
                | Input::CounterRecorded
                | Input::LeaseLost
                | Input::LeaseNearlyOver
                | Input::LeaseOver,
                Phase::New
                | Phase::AskingMandate
                | Phase::Notifying
                | Phase::LookingUp(_)
                | Phase::ReadingDebit
                | Phase::Recording(_)
                | Phase::Calling
                | Phase::Over,
            ) => Action::Abandon(Abandoned::OutOfOrder),
        }
    }

    /// May the step be done now? If so, its first action.
    fn claimed(&mut self) -> Action {
        let (execution, step, now) = (&self.execution, self.job.step, self.action_began_at);
        match gate(execution, step, self.job.opened, self.policy, now) {
            Gate::Refused(decision) => return self.settle(*decision),
            Gate::LookUpMandate => {
                self.phase = Phase::AskingMandate;
                return Action::LookUpMandate;
            }
            Gate::Go => {}
        }
        match step {
            Step::Notify => self.send(self.notify_request()),
            Step::NotifyStatus => {
                self.phase = Phase::Notifying;
                Action::AskNotification
            }
            Step::Execute => self.begin_execute(),
            Step::Retry => self.look_up(self.order_no, LookupPurpose::BeforeRetry),
            Step::Lookup => self.look_up(self.order_no, LookupPurpose::Outcome),
            Step::Recheck => {
                self.phase = Phase::ReadingDebit;
                Action::ReadDebit
            }
        }
    }

    fn look_up(&mut self, order_no: u16, purpose: LookupPurpose) -> Action {
        self.phase = Phase::LookingUp(purpose);
        Action::LookUp {
            order_no,
            provider_ref: self.provider_ref.clone(),
        }
    }

    fn mandate_answered(
        &self,
        status: Option<MandateStatus>,
        action_began_at: Timestamp,
    ) -> Decision {
        let (execution, step) = (&self.execution, self.job.step);
        mandate_answered(execution, step, status, self.policy, action_began_at)
    }

    fn notification_answered(
        &mut self,
        outcome: &NotificationOutcome,
        action_began_at: Timestamp,
    ) -> Action {
        let (execution, step) = (&self.execution, self.job.step);
        let decision = decide_notification(execution, step, outcome, self.policy, action_began_at);
        self.settle_notification(decision, notification_state(outcome))
    }

    /// A call that moves money was answered, or was not. Whatever counts from the call counts from its answer.
    fn called(&mut self, answer: Answer) -> Action {
        self.note_ref(answer.provider_ref);
        let (execution, step, now) = (&self.execution, self.job.step, self.action_began_at);
        let (outcome, counter) = (&answer.outcome, answer.counter);
        let decision = decide(execution, step, outcome, counter, self.policy, now);
        self.settle(decision)
    }

    fn note_ref(&mut self, provider_ref: Option<String>) {
        if provider_ref.is_some() {
            self.provider_ref = provider_ref;
        }
    }

    fn settle(&mut self, decision: Decision) -> Action {
        self.settle_notification(decision, None)
    }

    fn settle_notification(
        &mut self,
        decision: Decision,
        notification: Option<NotificationState>,
    ) -> Action {
        let transition = match transition(&self.job.execution, &decision) {
            Ok(transition) => transition,
            Err(illegal) => return Action::Abandon(Abandoned::Illegal(illegal)),
        };
        // A new order has no debit of the provider's yet.
        let same_order = decision.progress.order_no == self.job.execution.progress.order_no;
        Action::Settle(Box::new(Conclusion {
            provider_ref: self.provider_ref.take().filter(|_| same_order),
            debited_order: transition.collected.map(|_| self.order_no),
            notification,
            transition,
            decision,
        }))
    }
}

/// Where a notification stands by an answer about it. Nothing is known of one that the provider does not have, or that did not leave.
const fn notification_state(outcome: &NotificationOutcome) -> Option<NotificationState> {
    match outcome {
        NotificationOutcome::Delivered => Some(NotificationState::Delivered),
        NotificationOutcome::Pending
        | NotificationOutcome::AlreadyExists
        | NotificationOutcome::Call(CallFailure::Unknown { .. }) => {
            Some(NotificationState::Requested)
        }
        NotificationOutcome::Failed(_) => Some(NotificationState::Failed),
        NotificationOutcome::NotFound
        | NotificationOutcome::Call(
            CallFailure::NotSent { .. }
            | CallFailure::AccountRefused { .. }
            | CallFailure::Throttled { .. },
        ) => None,
    }
}
