//! Looks once more at every order of an execution that is over, but for the one whose debit is on record.

use super::Machine;
use super::action::Action;
use super::decide::{Decision, NextStep, decide_recheck, next_lookup_at};
use super::input::Answer;
use super::lookup_purpose::{LookupPurpose, Recheck};
use crate::domain::backoff::after;
use crate::domain::outcome::Counter;
use crate::domain::window::Span;
use crate::domain::{Outcome, Step, Timestamp};

impl Machine<'_> {
    /// An open order comes first: as long as nobody knows of it, what an earlier order came to is only half of the truth.
    pub(super) fn recheck(&mut self, debited: Option<u16>) -> Action {
        let current = self.order_no;
        let mut orders: Vec<u16> = (1..=current).collect();
        if self.execution.intent.is_some() {
            orders.rotate_right(1);
        }
        // Without order ids of ours only the current debit can be asked about.
        let can_ask = |order_no| order_no == current || !self.job.execute_needs_counter;
        orders.retain(|order_no| can_ask(*order_no) && debited != Some(*order_no));
        orders.reverse();
        self.recheck_next(orders, None)
    }

    fn recheck_next(&mut self, mut rest: Vec<u16>, so_far: Option<Box<Decision>>) -> Action {
        if let Some(order_no) = rest.pop() {
            self.order_no = order_no;
            let recheck = Recheck {
                order_no,
                rest,
                so_far,
            };
            return self.look_up(order_no, LookupPurpose::Recheck(recheck));
        }
        let decision = if let Some(decision) = so_far {
            *decision
        } else {
            let nothing = Answer::from(Outcome::NotFound);
            self.decide_recheck(self.order_no, &nothing, self.action_began_at)
        };
        self.settle(decision)
    }

    pub(super) fn rechecked(
        &mut self,
        recheck: Recheck,
        answer: &Answer,
        action_began_at: Timestamp,
    ) -> Action {
        let current = self.execution.progress.order_no;
        let mut decision = self.decide_recheck(recheck.order_no, answer, action_began_at);
        // An order that could not be looked at is not forgotten because another one could.
        let earlier = recheck.so_far.and_then(|so_far| so_far.next);
        decision.next = decision.next.or(earlier);
        let verdict = decision.verdict;
        let found = verdict.collected().is_some() || verdict.proves_the_call();
        if !found {
            self.keep_current_ref(recheck.order_no == current);
            return self.recheck_next(recheck.rest, Some(Box::new(decision)));
        }
        if current > 1 && decision.next.is_none() {
            // The others are looked at when this is on record.
            decision.next = Some(self.recheck_again(action_began_at));
        }
        self.settle(decision)
    }

    /// The row keeps the provider's id of the current order's debit, and not of an earlier one's.
    fn keep_current_ref(&mut self, is_current: bool) {
        if is_current {
            self.job.provider_ref.clone_from(&self.provider_ref);
        } else {
            self.provider_ref.clone_from(&self.job.provider_ref);
        }
    }

    fn recheck_again(&self, now: Timestamp) -> NextStep {
        let wanted = after(now, self.policy.recheck_after);
        NextStep {
            step: Step::Recheck,
            span: Span {
                opens: next_lookup_at(&self.execution, self.policy, wanted),
                closes: None,
            },
        }
    }

    fn decide_recheck(&self, order_no: u16, answer: &Answer, now: Timestamp) -> Decision {
        let (outcome, counter): (_, Counter) = (&answer.outcome, answer.counter);
        decide_recheck(
            &self.execution,
            order_no,
            outcome,
            counter,
            self.policy,
            now,
        )
    }
}
