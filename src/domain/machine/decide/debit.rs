//! What follows from a debit, a look-up or a retry that did not fail: collected, not found, not processed, given back.

use std::time::Duration;

use super::timing::{next_lookup_at, next_window, scheduled_lookup_at};
use super::{AccountPause, Context, Decision, NextStep, unchanged};
use crate::domain::backoff::{after, backoff_delay};
use crate::domain::machine::verdict::{Collection, Verdict};
use crate::domain::outcome::{CallFailure, Failure};
use crate::domain::reason::{CallCause, Doubt, OrderCause, Then};
use crate::domain::window::Span;
use crate::domain::{Amount, Contradiction, State, Step, Timestamp};

/// Between two attempts of a call that did not get through.
const CALL_BACKOFF: (Duration, Duration) = (Duration::from_secs(30), Duration::from_mins(30));

impl Context<'_> {
    /// Collected: the end, unless the answer names another amount than the order's.
    pub(super) fn charged(self, amount: Option<Amount>) -> Decision {
        let due = self.execution.amount;
        if let Some(contradiction) = Contradiction::of_amounts(amount, due) {
            return self.contradicted(contradiction);
        }
        let mut decision = unchanged(self.execution, None, OrderCause::Collected);
        decision.class = None;
        if self.step.moves_money() {
            decision.progress.sent_at = Some(self.now);
        }
        // The provider's silent attempts before the one that went through.
        let (tried, before) = (
            self.execution.attempts(self.counter),
            self.execution.progress.debit_attempts,
        );
        decision.declined = tried.saturating_sub(before).saturating_sub(1);
        decision.verdict = Verdict::Collected(Collection { stated: amount });
        // An earlier order of this cycle could still be collected by the provider: look once more.
        if self.execution.progress.order_no > 1 {
            decision.schedule_recheck(self.policy, self.now);
        }
        decision
    }

    /// The provider knows no such order or payment.
    pub(super) fn not_found(self) -> Decision {
        if self.execution.is_watched() && self.execution.intent.is_none() {
            return self.not_presented();
        }
        let Some(intent) = self.execution.intent else {
            return self.unproven(Doubt::OrderUnknown);
        };
        if self.execution.state == State::Pending {
            return self.unproven(Doubt::OrderForgotten);
        }
        let sent = self.execution.sent_by(intent);
        let processed_by = after(sent, self.policy.processing_time);
        if self.now < processed_by {
            return self.not_before(processed_by, Doubt::OrderUnknownYet);
        }
        self.not_processed(OrderCause::NeverProcessed)
    }

    /// A watched mandate whose payment has not appeared.
    fn not_presented(self) -> Decision {
        if self.now >= self.execution.cycle.closes_at {
            let mut decision = unchanged(self.execution, None, OrderCause::NotPresented);
            decision.verdict = Verdict::Review;
            return decision;
        }
        let mut decision = unchanged(self.execution, None, OrderCause::NotPresentedYet);
        decision.progress.lookups = decision.progress.lookups.saturating_add(1);
        let mut seen = self.execution.clone();
        seen.progress = decision.progress;
        decision.next = Some(NextStep::at(
            Step::Lookup,
            scheduled_lookup_at(&seen, self.policy, self.now),
        ));
        decision
    }

    /// Proven not processed: the same call again, for the same order, in the next window. Spends no budget.
    pub(super) fn not_processed(self, why: OrderCause) -> Decision {
        let is_retry = self.execution.intent.is_some_and(|intent| intent.is_retry);
        let step = if is_retry { Step::Retry } else { Step::Execute };
        let mut decision = unchanged(self.execution, None, why);
        decision.reason = decision.reason.then(Then::SameCall);
        decision.intent_unused = true;
        decision.progress.step_attempts = decision.progress.step_attempts.saturating_add(1);
        // Whatever comes of it, the order gets its recheck: of a lost worker's call nobody knows when it left.
        let opened = self.execution.intent.map(|intent| intent.opened_at);
        decision.progress.sent_at = decision.progress.sent_at.or(opened);
        let at = if is_retry {
            // It begins with a look-up.
            next_lookup_at(self.execution, self.policy, self.now)
        } else {
            self.now
        };
        decision.next = Some(self.window_after(step, at));
        decision
    }

    /// The first window for a money-moving step; the cycle's end where there is none, so that it is closed there.
    pub(super) fn window_after(self, step: Step, at: Timestamp) -> NextStep {
        let closes = self.execution.cycle.closes_at;
        let span = next_window(
            &self.policy.debit_windows,
            at,
            self.execution.id.0,
            Duration::ZERO,
        )
        .unwrap_or(Span {
            opens: closes,
            closes: None,
        });
        NextStep { step, span }
    }

    /// A call without an answer of the provider's application.
    pub(super) fn call_failed(self, failure: &CallFailure) -> Decision {
        match failure {
            CallFailure::Unknown { why } if self.step.moves_money() => {
                self.unproven(Doubt::NoAnswer { why: why.clone() })
            }
            CallFailure::Unknown { why } => {
                let why = why.clone();
                let unanswered = OrderCause::LookupUnanswered { why };
                self.with_next_lookup(unchanged(self.execution, None, unanswered))
            }
            CallFailure::NotSent { why } => {
                self.same_again(CallCause::NotSent { why: why.clone() }, None)
            }
            CallFailure::AccountRefused { why } => {
                let refused = CallCause::CredentialsRefused { why: why.clone() };
                self.same_again(refused, Some(AccountPause::Refused))
            }
            CallFailure::Throttled { after: wait } => {
                let until = after(self.now, wait.unwrap_or(CALL_BACKOFF.0));
                let pause = AccountPause::Throttled { until };
                self.same_again(CallCause::Throttled, Some(pause))
            }
        }
    }

    /// The same step a little later: the call did not reach the provider's application, so nothing happened.
    pub(super) fn same_again(self, why: CallCause, account: Option<AccountPause>) -> Decision {
        let step_attempts = self.execution.progress.step_attempts;
        let mut at = after(
            self.now,
            backoff_delay(CALL_BACKOFF.0, CALL_BACKOFF.1, step_attempts),
        );
        if let Some(AccountPause::Throttled { until }) = account {
            at = at.max(until);
        }
        if matches!(self.step, Step::Lookup | Step::Retry) {
            // A retry begins with a look-up too.
            at = next_lookup_at(self.execution, self.policy, at);
        }
        let mut decision = unchanged(self.execution, None, why);
        decision.account = account;
        decision.progress.step_attempts = step_attempts.saturating_add(1);
        if self.step.moves_money() {
            decision.intent_unused = true;
            decision.next = Some(self.window_after(self.step, at));
        } else {
            decision.next = Some(NextStep::at(self.step, at));
        }
        decision
    }

    /// Collected and given back: this order is over and the cycle not collected.
    pub(super) fn reversed(self, failure: &Failure) -> Decision {
        let mut decision = unchanged(self.execution, None, OrderCause::Reversed);
        decision.verdict = Verdict::GivenUp;
        decision.class = Some(failure.class);
        decision.schedule_recheck(self.policy, self.now);
        decision
    }

    /// Only a person can judge it. The intent stays open: money may have moved.
    pub(super) fn unrecognized(self, failure: &Failure) -> Decision {
        let words = failure.message.as_ref().or(failure.code.as_ref()).cloned();
        let mut decision = unchanged(self.execution, None, OrderCause::ToBeJudged { words });
        decision.verdict = Verdict::Review;
        decision.class = Some(failure.class);
        decision.next = Some(NextStep::at(
            Step::Recheck,
            after(self.now, self.policy.lookup_every),
        ));
        decision
    }

    /// The answer is about somebody else's debit, or says so. It proves nothing about this one, whose intent stays open.
    pub(super) fn contradicted(self, contradiction: Contradiction) -> Decision {
        let why = OrderCause::Contradicted(contradiction);
        let mut decision = unchanged(self.execution, None, why);
        self.mark_call(&mut decision);
        decision.verdict = Verdict::Review;
        decision.next = Some(NextStep::at(
            Step::Recheck,
            after(self.now, self.policy.lookup_every),
        ));
        decision
    }
}
