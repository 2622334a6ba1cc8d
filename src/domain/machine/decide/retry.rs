//! What follows from a failure: another try of the order, its end, or a person.

use super::strategy::{StrategyInput, strategy_time};
use super::timing::{last_try, latest_debit, next_lookup_at, next_window};
use super::{Context, Decision, NextStep, unchanged};
use crate::domain::backoff::after;
use crate::domain::execution::Progress;
use crate::domain::machine::verdict::Verdict;
use crate::domain::outcome::Failure;
use crate::domain::policy::{Policy, Strategy};
use crate::domain::reason::{Doubt, FailureWords, OrderCause, Then, TimeChoice};
use crate::domain::{Class, Execution, MandateStatus, State, Step, Timestamp};

impl Context<'_> {
    /// The order's attempt ended without a collection.
    pub(super) fn failed(self, failure: &Failure) -> Decision {
        if let Some(decision) = self.lost_retry(failure.class) {
            return decision;
        }
        if failure.class.is_unproven() {
            return self.unproven(Doubt::Answer(failure.into()));
        }
        if failure.class == Class::Unmapped && self.step.moves_money() {
            // The order itself often knows more than the answer to the call.
            return self.unproven(Doubt::UnmappedAnswer(failure.into()));
        }
        let stopped = self.stopped_by_us(failure);
        let (failure, is_ours) = (stopped.as_ref().unwrap_or(failure), stopped.is_some());
        let before = self.last_word();
        let words = FailureWords::from(failure);
        let mut decision = unchanged(self.execution, None, OrderCause::Failed { words, before });
        decision.class = before.or(Some(failure.class));
        decision.progress.not_before = self.asked_to_wait(failure);
        self.mark_call(&mut decision);
        decision.progress.debit_attempts = self.tried(failure.class);
        let before = self.execution.progress.debit_attempts;
        decision.declined = decision.progress.debit_attempts.saturating_sub(before);
        if self.is_news(failure.class) {
            if !is_ours {
                decision.mandate = mandate_effect(self.execution, failure, self.now);
            }
            // The provider's own retries begin anew after each attempt that fails.
            decision.progress.failed_at = Some(self.now);
        } else {
            let failed_at = self.execution.progress.failed_at;
            decision.progress.failed_at = Some(failed_at.unwrap_or(self.now));
        }
        if self.step == Step::Lookup {
            decision.progress.lookups = decision.progress.lookups.saturating_add(1);
        }
        if needs_person(failure.class) {
            decision.verdict = Verdict::NeedsPerson;
            decision.schedule_recheck(self.policy, self.now);
            return decision;
        }
        if let Some((next, why)) = self.retry_time(failure, &decision.progress) {
            decision.verdict = Verdict::Declined;
            decision.next = Some(next);
            decision.reason = decision.reason.then(Then::TryAgain(why));
            return decision;
        }
        self.end_of_order(decision, failure)
    }

    /// What the merchant's side declines while its mandate may not be debited, it was asked to: the order was taken back when
    /// the mandate was paused, whether it is resumed by now or not, or revoked.
    fn stopped_by_us(self, failure: &Failure) -> Option<Failure> {
        if failure.class != Class::PayeeSide {
            return None;
        }
        let class = match self.execution.mandate_status {
            MandateStatus::Active if self.execution.class != Some(Class::MandatePaused) => {
                return None;
            }
            MandateStatus::Active | MandateStatus::Paused => Class::MandatePaused,
            MandateStatus::Revoked
            | MandateStatus::Expired
            | MandateStatus::Completed
            | MandateStatus::Failed => Class::MandateDead,
        };
        Some(Failure {
            class,
            ..failure.clone()
        })
    }

    /// A retry whose answer was lost, when the provider's counter shows that it never happened. Before the processing time is over
    /// the counter shows nothing: one that has moved may have been moved by the provider's own retry, and ours be on its way.
    fn lost_retry(self, class: Class) -> Option<Decision> {
        let intent = self
            .execution
            .intent
            .filter(|intent| intent.is_retry && self.step == Step::Lookup)?;
        let sent = self.execution.sent_by(intent);
        let processed_by = after(sent, self.policy.processing_time);
        if self.now < processed_by {
            return Some(self.not_before(processed_by, Doubt::RetryUnderWay));
        }
        // What was seen to be under way has happened.
        let has_happened = self.execution.state == State::Pending;
        if has_happened || class.is_unproven() || ends_the_cycle(self.execution, class, self.policy)
        {
            return None;
        }
        let (before, seen) = intent.counter_before.zip(self.counter.attempts)?;
        (seen <= before).then(|| self.not_processed(OrderCause::RetryNeverHappened))
    }

    /// Attempts on this order so far, this one included.
    fn tried(self, class: Class) -> u16 {
        let tried = self.execution.progress.debit_attempts;
        let ours = tried.saturating_add(u16::from(self.is_news(class)));
        ours.max(self.execution.attempts(self.counter))
    }

    /// Whether the failure is news. A look-up that sees it for the second time tells of no other attempt.
    fn is_news(self, class: Class) -> bool {
        self.execution.intent.is_some()
            || self.step.moves_money()
            || self.execution.is_watched() && self.execution.progress.failed_at.is_none()
            || self.execution.state == State::Pending
            // The provider's own retry failed for another reason.
            || self.execution.class.is_some_and(|before| before != class) && self.last_word().is_none()
    }

    /// What was said before and ends the cycle, whatever the order says of itself afterwards: a retry can be refused for it, and
    /// then the order still has the cause of the attempt before.
    pub(super) fn last_word(self) -> Option<Class> {
        let class = self.execution.class?;
        let ends = matches!(
            class,
            Class::CustomerAction | Class::CustomerStop | Class::Risk | Class::Legal
        );
        (ends && is_none(self.policy.retry.get(&class))).then_some(class)
    }

    /// When the provider may be asked to retry the order, if that is lawful and allowed.
    fn retry_time(self, failure: &Failure, progress: &Progress) -> Option<(NextStep, TimeChoice)> {
        let tried = progress.debit_attempts;
        let is_second_sight =
            self.execution.state == State::Retrying && self.execution.intent.is_none();
        let is_over = is_second_sight || self.last_word().is_some();
        if self.counter.no_retry_allowed || tried >= progress.max_attempts(self.policy) || is_over {
            return None;
        }
        self.next_try(Step::Retry, failure, tried, progress)
    }

    /// The time that the policy gives for another try, moved into a window, and why; nothing when it would be too late.
    pub(super) fn next_try(
        self,
        step: Step,
        failure: &Failure,
        tried: u16,
        progress: &Progress,
    ) -> Option<(NextStep, TimeChoice)> {
        // What nobody has classified gets one careful probe, be it refused or declined.
        let is_probed =
            tried.max(progress.debit_attempts) > 1 || self.execution.class == Some(Class::Unmapped);
        if failure.class == Class::Unmapped && is_probed {
            return None;
        }
        let policy = self.policy;
        let latest = latest_debit(self.execution, progress, policy);
        let input = StrategyInput {
            tried,
            is_last: self.is_last_try(tried, progress),
            now: self.now,
            from: self.earliest(step, failure, progress),
            latest,
            zone: policy.debit_windows.time_zone(),
        };
        let (at, why) = strategy_time(policy.retry.get(&failure.class)?, input)?;
        let seed = self.execution.id.0;
        let span = next_window(&policy.debit_windows, at, seed, policy.jitter)?;
        (span.opens < latest).then_some((NextStep { step, span }, why))
    }

    /// Whether the next try is the last one of its order. An order without a notification could be tried as late as its cycle's end, and
    /// would take all days from the orders that may still follow: then only the last order's is the last.
    fn is_last_try(self, tried: u16, progress: &Progress) -> bool {
        let policy = self.policy;
        let is_bounded = progress.notified_at().is_some();
        let is_last_order = progress.order_no >= policy.max_orders;
        tried.saturating_add(1) >= progress.max_attempts(policy) && (is_bounded || is_last_order)
    }

    /// What another try has to wait for, whatever the strategy: the wait that the answer asks for, the gaps between attempts, and the
    /// look-up of the order that a retry begins with.
    pub(super) fn earliest(self, step: Step, failure: &Failure, progress: &Progress) -> Timestamp {
        let gap = last_try(progress, self.now).map(|last| after(last, self.policy.min_gap));
        let returned = progress
            .failed_at
            .map(|failed| after(failed, self.policy.min_gap_after_failure));
        let asked = failure.allowed_from(self.now);
        let from = [gap, returned]
            .into_iter()
            .flatten()
            .fold(asked, Timestamp::max);
        if step == Step::Retry {
            next_lookup_at(self.execution, self.policy, from)
        } else {
            from
        }
    }
}

/// Whether a failure that was not known yet ends the cycle: no try mends it, or a person must, or the mandate is over.
pub(in crate::domain::machine) fn ends_the_cycle(
    execution: &Execution,
    class: Class,
    policy: &Policy,
) -> bool {
    let no_try = is_none(policy.retry.get(&class)) || needs_person(class);
    execution.class != Some(class) && (no_try || effect_of(class).is_some())
}

/// What follows when the order before has met, since this one was planned, what ends the cycle. Nothing of this one was sent.
pub(in crate::domain::machine) fn stopped_by_order_before(
    execution: &Execution,
    failure: &Failure,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let words = FailureWords::from(failure);
    let cause = OrderCause::Failed {
        words,
        before: None,
    };
    let mut decision = unchanged(execution, None, cause);
    decision.intent_unused = true;
    decision.class = Some(failure.class);
    decision.mandate = mandate_effect(execution, failure, now);
    decision.verdict = if needs_person(failure.class) {
        Verdict::NeedsPerson
    } else {
        Verdict::GivenUp
    };
    decision.with_recheck(policy, now)
}

/// Whether a policy says that there is no other try.
pub(super) const fn is_none(strategy: Option<&Strategy>) -> bool {
    matches!(strategy, None | Some(Strategy::None))
}

/// What a failure says about the mandate itself. One that the provider does not know has not ended for that alone.
pub(super) fn mandate_effect(
    execution: &Execution,
    failure: &Failure,
    now: Timestamp,
) -> Option<MandateStatus> {
    if failure.says_not_found() && !execution.is_over_by_not_found(now) {
        return None;
    }
    effect_of(failure.class)
}

/// What a class says about the mandate.
pub(super) const fn effect_of(class: Class) -> Option<MandateStatus> {
    match class {
        Class::MandatePaused => Some(MandateStatus::Paused),
        Class::MandateDead => Some(MandateStatus::Revoked),
        Class::AccountDead | Class::Instrument => Some(MandateStatus::Failed),
        Class::Funds
        | Class::Transient
        | Class::Limit
        | Class::Throttled
        | Class::CustomerAction
        | Class::CustomerStop
        | Class::Risk
        | Class::Legal
        | Class::OurRequest
        | Class::OutsideMandate
        | Class::PayeeSide
        | Class::Notification
        | Class::InFlight
        | Class::AlreadyCollected
        | Class::PeriodUsed
        | Class::NothingToRetry
        | Class::Unmapped => None,
    }
}

/// Our side or the merchant's is at fault: no retry mends it, a person must.
pub(super) const fn needs_person(class: Class) -> bool {
    matches!(class, Class::OurRequest | Class::PayeeSide)
}
