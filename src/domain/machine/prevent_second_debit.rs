//! What must be known before money may move: that the order before is dead, that the counter is recorded, that the order has failed.

use std::mem::replace;

use super::action::Action;
use super::decide::{
    Decision, call_not_made, decide, ends_the_cycle, next_lookup_at, next_window,
    stopped_by_order_before,
};
use super::input::Answer;
use super::lookup_purpose::LookupPurpose;
use super::{Machine, Phase};
use crate::domain::backoff::after;
use crate::domain::outcome::{CallFailure, Counter, Failure};
use crate::domain::reason::{CallCause, Cause, FailureWords, OrderCause};
use crate::domain::{Class, Outcome, State, Step, Timestamp};

impl Machine<'_> {
    pub(super) fn begin_execute(&mut self) -> Action {
        let before = self.order_no.saturating_sub(1);
        if self.job.execute_needs_counter {
            return self.look_up(self.order_no, LookupPurpose::Counter);
        }
        if before > 0 {
            // The answer is about another debit than the current order's.
            self.provider_ref = None;
            return self.look_up(before, LookupPurpose::OrderBefore);
        }
        let request = self.execute_request();
        self.send(request)
    }

    /// An order was looked up. The provider's word is as old as the question: nothing is proven by time that passed after it.
    pub(super) fn looked_up(
        &mut self,
        purpose: LookupPurpose,
        answer: &Answer,
        action_began_at: Timestamp,
    ) -> Action {
        // A later order has a debit and a budget of look-ups of its own.
        let is_later = matches!(purpose, LookupPurpose::LaterOrder(_));
        if !is_later {
            self.note_ref(answer.provider_ref.clone());
        }
        if !is_later && was_made(&answer.outcome) {
            self.execution.progress = self.execution.progress.with_lookup(action_began_at);
        }
        match purpose {
            LookupPurpose::OrderBefore => self.order_before(answer, action_began_at),
            LookupPurpose::Counter => self.counter_read(answer, action_began_at),
            LookupPurpose::BeforeRetry => self.order_read(answer, action_began_at),
            LookupPurpose::Outcome => {
                let decision = self.decide(self.job.step, answer, action_began_at);
                self.settle(decision)
            }
            LookupPurpose::Recheck(recheck) => self.rechecked(recheck, answer, action_began_at),
            LookupPurpose::LaterOrder(later) => self.later_order(later, answer, action_began_at),
        }
    }

    /// A new order is sent only while the one before it is dead.
    fn order_before(&mut self, answer: &Answer, action_began_at: Timestamp) -> Action {
        let before = self.order_no.saturating_sub(1);
        let found_ref = replace(&mut self.provider_ref, self.job.provider_ref.clone());
        let decision = match &answer.outcome {
            Outcome::Failed(failure) if failure.class.is_unproven() => {
                self.wait_for(before, action_began_at)
            }
            Outcome::Failed(failure) if self.is_new_stop(failure.class) => {
                stopped_by_order_before(&self.execution, failure, self.policy, action_began_at)
            }
            Outcome::Contradicted(_) => self.instead_of_call(answer, action_began_at),
            Outcome::Failed(_) | Outcome::Reversed(_) | Outcome::NotFound => {
                let request = self.execute_request();
                return self.after_later_orders(request, None);
            }
            Outcome::Charged { .. } => {
                (self.order_no, self.provider_ref) = (before, found_ref);
                let mut decision = self.instead_of_call(answer, action_began_at);
                if self.execution.progress.sent_at.is_none() {
                    // Nothing of the new order was sent, so there is nothing to recheck.
                    decision.next = None;
                }
                decision
            }
            Outcome::Call(_) => self.asked_again(answer, action_began_at),
            Outcome::Pending
            | Outcome::Refused(_)
            | Outcome::AlreadyExists
            | Outcome::Unrecognized(_) => self.wait_for(before, action_began_at),
        };
        self.settle(decision)
    }

    /// Another order than the current one could not be read: the call waits until it may be looked up again.
    pub(super) fn asked_again(&self, answer: &Answer, now: Timestamp) -> Decision {
        let mut decision = self.instead_of_call(answer, now);
        if let Some(next) = decision.next.as_mut() {
            next.span.opens = next_lookup_at(&self.execution, self.policy, next.span.opens);
            next.span.closes = None;
        }
        decision
    }

    /// The same call later: an order that is not proven dead is neither retried nor followed by a new one.
    pub(super) fn wait_for(&self, order_no: u16, now: Timestamp) -> Decision {
        let mut decision = self.not_made(CallCause::OrderNotDead { order_no }, now);
        let wanted = after(now, self.policy.lookup_every);
        let at = next_lookup_at(&self.execution, self.policy, wanted);
        let seed = self.execution.id.0;
        if let Some(next) = decision.next.as_mut()
            && let Some(span) =
                next_window(&self.policy.debit_windows, at, seed, self.policy.jitter)
        {
            next.span = span;
        }
        decision
    }

    /// The counter is recorded before a call that has no idempotency key, and only for an order that the provider does not have.
    fn counter_read(&mut self, answer: &Answer, action_began_at: Timestamp) -> Action {
        if let (Outcome::NotFound, Some(counter)) = (&answer.outcome, answer.counter.attempts) {
            self.phase = Phase::Recording(self.execute_request());
            return Action::RecordCounter(counter);
        }
        let decision = self.instead_of_call(answer, action_began_at);
        self.settle(decision)
    }

    /// A retry goes out only for an order that has failed, whose budget the provider's own silent retries have not used up.
    fn order_read(&mut self, answer: &Answer, action_began_at: Timestamp) -> Action {
        let claimed = &self.job.execution;
        let is_unproven =
            matches!(&answer.outcome, Outcome::Failed(failure) if failure.class.is_unproven());
        let allowed = matches!(answer.outcome, Outcome::Failed(_))
            && !answer.counter.no_retry_allowed
            && claimed.attempts(answer.counter) < claimed.progress.max_attempts(self.policy);
        let is_stopped = matches!(&answer.outcome, Outcome::Failed(failure) if self.is_stopped_by(failure.class));
        if is_unproven || is_stopped || !allowed {
            let decision = if is_unproven {
                self.wait_for(self.order_no, action_began_at)
            } else {
                self.instead_of_call(answer, action_began_at)
            };
            return self.settle(decision);
        }
        if let Outcome::Failed(failure) = &answer.outcome
            && let Some(counted) = claimed.counted_attempts(answer.counter)
            && counted > claimed.progress.debit_attempts
        {
            let decision = self.found_attempts(failure, counted, answer.counter, action_began_at);
            return self.settle(decision);
        }
        let counter = answer.counter.attempts;
        let counter = counter.unwrap_or_else(|| claimed.counter_of_ours());
        self.after_later_orders(self.retry_request(), Some(counter))
    }

    /// The provider counts attempts that this database did not make: its own silent retry, or the call of a database that this one is
    /// an older state of. The last of them counts as if it had just been seen to fail: it spends the budget, and the next try
    /// keeps its distance from it.
    fn found_attempts(
        &self,
        failure: &Failure,
        theirs: u16,
        counter: Counter,
        now: Timestamp,
    ) -> Decision {
        let mut seen = self.execution.clone();
        let known = seen.progress.debit_attempts;
        seen.progress.debit_attempts = theirs.saturating_sub(1);
        // As if the last of them had been under way until now: then its failure is news.
        seen.intent = None;
        seen.state = State::Pending;
        let outcome = Outcome::Failed(failure.clone());
        let mut decision = decide(&seen, Step::Lookup, &outcome, counter, self.policy, now);
        decision.intent_unused = true;
        decision.declined = theirs.saturating_sub(known);
        decision.reason.cause = Cause::from(OrderCause::FoundAttempts {
            words: FailureWords::from(failure),
            known,
            counted: theirs,
        });
        decision
    }

    /// Whether what was just read ends the cycle, whoever made the attempt that it is about: the provider's own retry may have met the
    /// payer's no.
    fn is_stopped_by(&self, class: Class) -> bool {
        ends_the_cycle(&self.execution, class, self.policy)
    }

    /// The same of the order before. That the mandate was paused then says nothing of today: its status is asked for. And what ended the
    /// cycle before a person had it begun anew is no news: without a class nothing has failed since.
    fn is_new_stop(&self, class: Class) -> bool {
        // It was taken back when the mandate was paused.
        let was_taken_back =
            class == Class::PayeeSide && self.execution.class == Some(Class::MandatePaused);
        let is_of_today = class != Class::MandatePaused && !was_taken_back;
        is_of_today && self.execution.class.is_some() && self.is_stopped_by(class)
    }

    /// What was read before a call forbids it, or could not be read. The call is not made.
    pub(super) fn instead_of_call(&self, answer: &Answer, now: Timestamp) -> Decision {
        let Outcome::Call(failure) = &answer.outcome else {
            // Nothing was sent under this intent: what was read is judged as a look-up of an execution without one.
            let mut without = self.execution.clone();
            without.intent = None;
            without.state = State::Retrying;
            let (outcome, counter) = (&answer.outcome, answer.counter);
            let mut decision = decide(&without, Step::Lookup, outcome, counter, self.policy, now);
            decision.intent_unused = true;
            return decision;
        };
        // It says nothing about the order: the call is still due, a little later.
        match failure {
            CallFailure::Unknown { .. } => self.not_made(CallCause::LookupUnanswered, now),
            CallFailure::NotSent { .. }
            | CallFailure::AccountRefused { .. }
            | CallFailure::Throttled { .. } => self.decide(self.job.step, answer, now),
        }
    }

    fn not_made(&self, why: CallCause, now: Timestamp) -> Decision {
        call_not_made(&self.execution, self.job.step, why, self.policy, now)
    }

    fn decide(&self, step: Step, answer: &Answer, now: Timestamp) -> Decision {
        let (outcome, counter): (_, Counter) = (&answer.outcome, answer.counter);
        decide(&self.execution, step, outcome, counter, self.policy, now)
    }
}

/// Whether a look-up reached the provider, so that the rail's budget counts it.
const fn was_made(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Call(CallFailure::NotSent { .. } | CallFailure::Throttled { .. }) => false,
        Outcome::Charged { .. }
        | Outcome::Pending
        | Outcome::Failed(_)
        | Outcome::Refused(_)
        | Outcome::AlreadyExists
        | Outcome::NotFound
        | Outcome::Reversed(_)
        | Outcome::Unrecognized(_)
        | Outcome::Contradicted(_)
        | Outcome::Call(CallFailure::Unknown { .. } | CallFailure::AccountRefused { .. }) => true,
    }
}
