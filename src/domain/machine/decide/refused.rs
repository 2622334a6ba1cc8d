//! What follows from a call that the provider documents as not processed.

use super::order::renew_progress;
use super::retry::{mandate_effect, needs_person};
use super::strategy::{StrategyInput, strategy_time};
use super::timing::A_DAY;
use super::{Context, Decision, NextStep, park, unchanged};
use crate::domain::backoff::after;
use crate::domain::machine::verdict::Verdict;
use crate::domain::outcome::Failure;
use crate::domain::plan::{self, Start};
use crate::domain::reason::{Doubt, FailureWords, GateCause, OrderCause, Then};
use crate::domain::{Class, Notify, Step, Timestamp};

impl Context<'_> {
    /// A documented "not processed": the order was not made, or not touched.
    pub(super) fn refused(self, failure: &Failure) -> Decision {
        if !self.step.moves_money() {
            let refused = OrderCause::LookupRefused(failure.into());
            return self.with_next_lookup(unchanged(self.execution, None, refused));
        }
        let class = failure.class;
        if class.is_unproven() {
            return self.unproven(Doubt::Answer(failure.into()));
        }
        let words = FailureWords::from(failure);
        let before = None;
        let mut decision = unchanged(self.execution, None, OrderCause::Failed { words, before });
        decision.class = Some(class);
        decision.intent_unused = true;
        decision.progress.not_before = self.asked_to_wait(failure);
        decision.mandate = mandate_effect(self.execution, failure, self.now);
        if failure.says_not_found() && decision.mandate.is_none() {
            return self.asked_tomorrow(decision);
        }
        if class == Class::MandatePaused {
            return park(decision, self.execution, self.step, self.policy, self.now);
        }
        if self.step == Step::Retry && class == Class::NothingToRetry {
            return self.end_of_order(decision, failure);
        }
        if class == Class::Notification && self.execution.notify == Notify::Separate {
            // An order that exists is not executed again: a new notification is for a new order.
            return match self.step {
                Step::Retry => self.end_of_order(decision, failure),
                Step::Execute
                | Step::Notify
                | Step::NotifyStatus
                | Step::Lookup
                | Step::Recheck => self.notify_again(decision, failure),
            };
        }
        if needs_person(class) || class == Class::NothingToRetry {
            decision.verdict = Verdict::NeedsPerson;
            return decision.with_recheck(self.policy, self.now);
        }
        // Calls that did not leave before the first refusal were none: they spend nothing.
        let tried = match self.execution.class {
            Some(_) => self.execution.progress.step_attempts.saturating_add(1),
            None => 1,
        };
        decision.progress.step_attempts = tried;
        let next = if tried < self.policy.max_attempts {
            self.next_try(self.step, failure, tried, &self.execution.progress)
        } else {
            None
        };
        match next {
            Some((next, why)) => {
                decision.next = Some(next);
                decision.reason = decision.reason.then(Then::TryAgain(why));
                decision
            }
            // An earlier attempt of the same order may still be collected by the provider.
            None if self.step == Step::Retry => self.end_of_order(decision, failure),
            None if let Some(later) = self.notify_for(&decision, failure, tried) => later,
            // Nothing was processed and nobody knows why: a person may know how to go on.
            None if class == Class::Unmapped => {
                decision.verdict = Verdict::NeedsPerson;
                decision.with_recheck(self.policy, self.now)
            }
            None => {
                decision.verdict = Verdict::GivenUp;
                decision.reason = decision.reason.then(Then::NothingMore);
                decision.with_recheck(self.policy, self.now)
            }
        }
    }

    /// The provider does not know the mandate, and nothing proves yet that it knows any of the account: the same call a day later.
    fn asked_tomorrow(self, mut decision: Decision) -> Decision {
        let tomorrow = after(self.now, A_DAY);
        // What is doubted is no news of the payer: what comes tomorrow is.
        decision.class = self.execution.class;
        decision.reason = decision.reason.then(Then::AskTomorrow);
        decision.next = Some(self.window_after(self.step, tomorrow));
        decision
    }

    /// Until when an answer asks us to wait, if it does. A later one counts, an earlier request is not taken back by silence.
    pub(super) fn asked_to_wait(self, failure: &Failure) -> Option<Timestamp> {
        let asked = Some(failure.allowed_from(self.now)).filter(|at| *at > self.now);
        asked.max(self.execution.progress.not_before)
    }

    /// The next try of an order that was not made is later than its notification lasts: it gets a new one.
    fn notify_for(self, refused: &Decision, failure: &Failure, tried: u16) -> Option<Decision> {
        let (execution, policy) = (self.execution, self.policy);
        let is_ours = execution.notify == Notify::Separate;
        if !is_ours || tried >= policy.max_attempts || failure.class == Class::Unmapped {
            return None;
        }
        let wanted = StrategyInput {
            tried,
            is_last: false,
            now: self.now,
            from: self.earliest(self.step, failure, &execution.progress),
            latest: execution.cycle.closes_at,
            zone: policy.debit_windows.time_zone(),
        };
        let (at, why) = strategy_time(policy.retry.get(&failure.class)?, wanted)?;
        let cycle = execution.cycle.put_off(at);
        let (provider, notify) = (execution.provider, execution.notify);
        let seed = execution.id.0;
        let Start::At(step, span) = plan::start(&cycle, provider, notify, policy, seed, self.now)
        else {
            return None;
        };
        let mut decision = refused.clone();
        renew_progress(&mut decision, execution);
        decision.progress.step_attempts = tried;
        decision.progress.execute_at = Some(cycle.debit_at);
        decision.verdict = Verdict::NotificationRenewed;
        decision.next = Some(NextStep { step, span });
        decision.reason = decision.reason.then(Then::TryAgainNotified(why));
        Some(decision)
    }

    /// The rail says that the payer was not told: a new notification for the same order, which was not made.
    fn notify_again(self, mut decision: Decision, failure: &Failure) -> Decision {
        let execution = self.execution;
        let asked = Some(failure.allowed_from(self.now)).filter(|at| *at > self.now);
        let cycle = execution.order_cycle();
        let cycle = asked.map_or(cycle, |at| cycle.put_off(at));
        let start = plan::start(
            &cycle,
            execution.provider,
            execution.notify,
            self.policy,
            execution.id.0,
            self.now,
        );
        decision.verdict = Verdict::NotificationRenewed;
        match start {
            Start::At(step, span) => {
                renew_progress(&mut decision, execution);
                if asked.is_some() {
                    decision.progress.execute_at = Some(cycle.debit_at);
                }
                decision.next = Some(NextStep { step, span });
            }
            Start::Closed(why) => {
                decision.verdict = Verdict::CycleClosed;
                decision.reason = GateCause::Closed(why).into();
                decision = decision.with_recheck(self.policy, self.now);
            }
        }
        decision
    }
}
