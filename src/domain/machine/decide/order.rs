//! The end of an order, and what comes after it: a new order, or the end of the cycle.

use super::retry::{effect_of, is_none};
use super::strategy::new_order_time;
use super::timing::next_lookup_at;
use super::{Context, Decision, NextStep};
use crate::domain::backoff::after;
use crate::domain::cycle::Cycle;
use crate::domain::machine::gate::new_date;
use crate::domain::machine::verdict::Verdict;
use crate::domain::outcome::Failure;
use crate::domain::plan::{self, Start};
use crate::domain::policy::Strategy;
use crate::domain::reason::{Then, TimeChoice};
use crate::domain::window::Span;
use crate::domain::{Class, Execution, Notify, Step, Timestamp};

impl Context<'_> {
    /// The order will not be tried again by us. A new one only when it is proven dead; the end when the policy has no more.
    pub(super) fn end_of_order(self, mut decision: Decision, failure: &Failure) -> Decision {
        let class = failure.class;
        let failed_at = decision.progress.failed_at.unwrap_or(self.now);
        let dead_at = after(failed_at, self.policy.provider_retry_horizon);
        if !self.counter.no_retry_allowed && class != Class::NothingToRetry && self.now < dead_at {
            decision.verdict = Verdict::Declined;
            decision.next = Some(NextStep::at(
                Step::Lookup,
                next_lookup_at(self.execution, self.policy, dead_at),
            ));
            let until = dead_at;
            decision.reason = decision.reason.then(Then::ProviderMayRetry { until });
            return decision;
        }
        let why = if class == Class::NothingToRetry {
            self.execution.class.unwrap_or(class)
        } else {
            self.last_word().unwrap_or(class)
        };
        decision.class = Some(why);
        // The new order of a paused mandate waits at the gate until the mandate is resumed.
        if (why == Class::MandatePaused || effect_of(why).is_none())
            && let Some(renewed) = self.renew(&decision, why, self.new_order_from(failure))
        {
            return renewed;
        }
        decision.verdict = Verdict::GivenUp;
        decision.reason = decision.reason.then(Then::NothingMore);
        decision.schedule_recheck(self.policy, self.now);
        decision
    }

    /// A new order begins with a look-up of this one, which may still be in the provider's hands.
    fn new_order_from(self, failure: &Failure) -> Timestamp {
        let processed = after(self.now, self.policy.processing_time);
        failure.allowed_from(self.now).max(processed)
    }

    /// A new order with a new notification, if the policy has one left and it fits into the cycle.
    fn renew(self, ended: &Decision, class: Class, from: Timestamp) -> Option<Decision> {
        let strategy = self.policy.retry.get(&class);
        let retried = !is_none(strategy);
        // The one probe of what no rule knows is spent.
        let retryable = class == Class::MandatePaused || retried && class != Class::Unmapped;
        let order_no = ended.progress.order_no.saturating_add(1);
        let has_attempt = ended.progress.has_attempt_for_another_order(self.policy);
        if !retryable
            || !has_attempt
            || self.execution.is_watched()
            || order_no > self.policy.max_orders
        {
            return None;
        }
        let best = strategy.and_then(|strategy| self.new_order_time(strategy, order_no, from));
        let (cycle, step, span, why) = self.start_of_order(best, from)?;
        let execution = self.execution;
        let mut decision = ended.clone();
        decision.verdict = Verdict::OrderRenewed;
        renew_progress(&mut decision, execution);
        decision.progress.order_no = order_no;
        let put_off = (cycle.debit_at > execution.cycle.debit_at).then_some(cycle.debit_at);
        decision.progress.execute_at = match execution.notify {
            Notify::Provider => new_date(execution, &cycle, self.policy, span.opens),
            Notify::Separate | Notify::None => put_off,
        };
        decision.next = Some(NextStep { step, span });
        decision.reason = decision.reason.then(Then::NewOrder(why));
        Some(decision)
    }

    /// When the debit of a new order has the best chance, where that is not as soon as can be.
    fn new_order_time(
        self,
        strategy: &Strategy,
        order_no: u16,
        from: Timestamp,
    ) -> Option<(Timestamp, TimeChoice)> {
        let from = match self.execution.notify {
            Notify::Separate | Notify::Provider => {
                from.max(after(self.now, self.policy.notify_to_debit))
            }
            Notify::None => from,
        };
        new_order_time(
            strategy,
            order_no >= self.policy.max_orders,
            from,
            &self.execution.cycle,
            self.policy.debit_windows.time_zone(),
        )
    }

    /// The first step of a new order: for its best time if that fits into the cycle, else as soon as can be.
    fn start_of_order(
        self,
        best: Option<(Timestamp, TimeChoice)>,
        from: Timestamp,
    ) -> Option<(Cycle, Step, Span, TimeChoice)> {
        let execution = self.execution;
        let soon = (from, TimeChoice::Soonest);
        [best, Some(soon)]
            .into_iter()
            .flatten()
            .find_map(|(at, why)| {
                let cycle = execution.cycle.put_off(at);
                let start = plan::start(
                    &cycle,
                    execution.provider,
                    execution.notify,
                    self.policy,
                    execution.id.0,
                    self.now,
                );
                match start {
                    Start::At(step, span) => Some((cycle, step, span, why)),
                    Start::Closed { .. } => None,
                }
            })
    }
}

/// What starts from nothing with a new notification.
pub(super) fn renew_progress(decision: &mut Decision, execution: &Execution) {
    let progress = &mut decision.progress;
    if execution.notify == Notify::Separate {
        progress.notification_no = progress.notification_no.saturating_add(1);
    }
    progress.delivered_at = None;
    progress.undelivered_at = execution.undelivered_before_call();
    progress.earlier_attempts = progress.attempts_in_period();
    progress.debit_attempts = 0;
    progress.lookups = 0;
    progress.step_attempts = 0;
    progress.sent_at = None;
    progress.failed_at = None;
}
