//! What follows from a failure: another try of the order, a new order, or the end.

use super::timing::{may_look, next_window, strategy_time};
use super::{Context, Decision, Next, keep};
use crate::domain::execution::Progress;
use crate::domain::gate::new_date;
use crate::domain::outcome::Failure;
use crate::domain::plan::{self, Start};
use crate::domain::policy::{Policy, Strategy};
use crate::domain::retry::{after, jitter};
use crate::domain::{Class, Event, Execution, Instant, MandateStatus, Notify, State, Step};

impl Context<'_> {
    /// The order's attempt ended without a collection.
    pub(super) fn failed(self, failure: &Failure) -> Decision {
        if let Some(decision) = self.lost_retry() {
            return decision;
        }
        if failure.class.is_unproven() {
            return self.unproven(&words(failure));
        }
        let mut decision = keep(self.execution, None, words(failure));
        decision.class = Some(failure.class);
        decision.closes_intent = true;
        self.mark_call(&mut decision);
        decision.progress.debits_tried = self.tried(failure.class);
        let before = self.execution.progress.debits_tried;
        decision.declined = decision.progress.debits_tried.saturating_sub(before);
        if self.is_news(failure.class) {
            decision.mandate = mandate_effect(failure.class);
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
            decision.events = vec![Event::ReviewNeeded];
            decision.next = Some(Next::at(
                Step::Verify,
                after(self.now, self.policy.verify_after),
            ));
            return decision;
        }
        if let Some(next) = self.retry_time(failure, &decision.progress) {
            decision.events = vec![Event::Declined];
            decision.next = Some(next);
            return decision;
        }
        self.end_of_order(decision, failure.class)
    }

    /// A retry whose answer was lost, when the provider's counter shows that it never happened.
    fn lost_retry(self) -> Option<Decision> {
        let intent = self
            .execution
            .intent
            .filter(|intent| intent.is_retry && self.step == Step::Lookup)?;
        let (Some(before), Some(seen)) = (intent.counter_before, self.counter.attempts) else {
            return None;
        };
        if seen > before {
            return None;
        }
        let processed_by = after(intent.opened_at, self.policy.processing_time);
        if self.now >= processed_by {
            return Some(
                self.not_processed("the provider's counter shows that the retry never happened"),
            );
        }
        Some(self.not_before(processed_by, "the provider's counter has not moved yet"))
    }

    /// Attempts on this order so far, this one included.
    fn tried(self, class: Class) -> u16 {
        let tried = self.execution.progress.debits_tried;
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
            || self.execution.class.is_some_and(|before| before != class)
    }

    /// When the provider may be asked to retry the order, if that is lawful and allowed.
    fn retry_time(self, failure: &Failure, progress: &Progress) -> Option<Next> {
        let tried = progress.debits_tried;
        let is_second_sight =
            self.execution.state == State::Retrying && self.execution.intent.is_none();
        if self.counter.no_retry_allowed || tried >= self.policy.max_attempts || is_second_sight {
            return None;
        }
        self.next_try(Step::Retry, failure, tried, progress)
    }

    /// The time that the policy gives for another try, moved into a window; nothing when it would be too late.
    fn next_try(
        self,
        step: Step,
        failure: &Failure,
        tried: u16,
        progress: &Progress,
    ) -> Option<Next> {
        // What nobody has classified gets one careful probe.
        if failure.class == Class::Unmapped && tried > 1 {
            return None;
        }
        let latest = latest_debit(self.execution, progress, self.policy);
        let zone = self.policy.debit_windows.time_zone();
        let strategy = self.policy.retry.get(&failure.class)?;
        let mut at = strategy_time(strategy, tried, self.now, latest, zone)?;
        if let Some(wait) = failure.retry_after {
            at = at.max(after(self.now, wait));
        }
        if let Some(last) = last_try(progress, self.now) {
            at = at.max(after(last, self.policy.min_gap));
        }
        if step == Step::Retry {
            // The order is read before it is retried.
            at = may_look(self.execution, self.policy, at);
        }
        let seed = self.execution.id.0;
        let span = next_window(&self.policy.debit_windows, at, seed, self.policy.jitter)?;
        (span.opens < latest).then_some(Next { step, span })
    }

    /// The order will not be tried again by us. A new one only when it is proven dead; the end when the policy has no more.
    fn end_of_order(self, mut decision: Decision, class: Class) -> Decision {
        let failed_at = decision.progress.failed_at.unwrap_or(self.now);
        let dead_at = after(failed_at, self.policy.provider_retry_horizon);
        if !self.counter.no_retry_allowed && class != Class::NothingToRetry && self.now < dead_at {
            decision.events = vec![Event::Declined];
            decision.next = Some(Next::at(
                Step::Lookup,
                may_look(self.execution, self.policy, dead_at),
            ));
            decision.reason = format!(
                "{}; the provider may retry it by itself until {}",
                decision.reason,
                dead_at.to_rfc3339()
            );
            return decision;
        }
        let why = if class == Class::NothingToRetry {
            self.execution.class.unwrap_or(class)
        } else {
            class
        };
        decision.class = Some(why);
        // The new order of a paused mandate waits at the gate until the mandate is resumed.
        if (why == Class::MandatePaused || mandate_effect(why).is_none())
            && let Some(renewed) = self.renew(&decision, why)
        {
            return renewed;
        }
        decision.events = vec![Event::GivenUp];
        decision.reason = format!("{}; nothing more is tried", decision.reason);
        decision.next = Some(Next::at(
            Step::Verify,
            after(self.now, self.policy.verify_after),
        ));
        decision
    }

    /// A new order with a new notification, if the policy has one left and it fits into the cycle.
    fn renew(self, ended: &Decision, class: Class) -> Option<Decision> {
        let retryable = class == Class::MandatePaused
            || !matches!(self.policy.retry.get(&class), None | Some(Strategy::None));
        if !retryable
            || self.execution.is_watched()
            || ended.progress.order_no >= self.policy.max_orders
        {
            return None;
        }
        let execution = self.execution;
        let start = plan::start(
            &execution.cycle,
            execution.provider,
            execution.notify,
            self.policy,
            execution.id.0,
            self.now,
        );
        let Start::At(step, span) = start else {
            return None;
        };
        let mut decision = ended.clone();
        decision.events = match execution.state {
            State::Retrying if execution.intent.is_none() => vec![Event::Renewed],
            State::Planned
            | State::Notifying
            | State::Notified
            | State::Executing
            | State::Pending
            | State::Unknown
            | State::Retrying
            | State::Charged
            | State::Failed
            | State::Skipped
            | State::Expired
            | State::Review => vec![Event::Declined, Event::Renewed],
        };
        renew_progress(&mut decision, execution.notify);
        decision.progress.order_no = decision.progress.order_no.saturating_add(1);
        decision.progress.execute_at = new_date(execution, self.policy, span.opens);
        decision.next = Some(Next { step, span });
        decision.reason = format!("{}; the order is dead, a new one follows", decision.reason);
        Some(decision)
    }

    /// A documented "not processed": the order was not made, or not touched.
    pub(super) fn refused(self, failure: &Failure) -> Decision {
        if !self.step.moves_money() {
            let decision = keep(
                self.execution,
                None,
                format!("the look-up was refused: {}", words(failure)),
            );
            return self.look_again(decision);
        }
        let class = failure.class;
        if class.is_unproven() {
            return self.unproven(&words(failure));
        }
        let mut decision = keep(self.execution, None, words(failure));
        decision.class = Some(class);
        decision.closes_intent = true;
        decision.mandate = mandate_effect(class);
        if class == Class::MandatePaused {
            decision.events = vec![Event::NotProcessed];
            return park(decision, self.execution, self.step, self.policy, self.now);
        }
        if self.step == Step::Retry && class == Class::NothingToRetry {
            return self.end_of_order(decision, class);
        }
        if class == Class::Notification && self.execution.notify == Notify::Separate {
            return self.notify_again(decision);
        }
        if needs_person(class) || class == Class::NothingToRetry {
            decision.events = vec![Event::ReviewNeeded];
            decision.next = self.second_look();
            return decision;
        }
        let tried = self.execution.progress.tries.saturating_add(1);
        decision.progress.tries = tried;
        let next = if tried < self.policy.max_attempts {
            self.next_try(self.step, failure, tried, &self.execution.progress)
        } else {
            None
        };
        match next {
            Some(next) => {
                decision.events = vec![Event::NotProcessed];
                decision.next = Some(next);
                decision
            }
            // An earlier attempt of the same order may still be collected by the provider.
            None if self.step == Step::Retry => self.end_of_order(decision, class),
            // Nothing was processed and nobody knows why: a person may know how to go on.
            None if class == Class::Unmapped => {
                decision.events = vec![Event::ReviewNeeded];
                decision.next = self.second_look();
                decision
            }
            None => {
                decision.events = vec![Event::GivenUp];
                decision.reason = format!("{}; nothing more is tried", decision.reason);
                decision.next = self.second_look();
                decision
            }
        }
    }

    /// An order that was sent before can still be collected by the provider.
    fn second_look(self) -> Option<Next> {
        let sent = self.execution.progress.sent_at?;
        let at = after(self.now.max(sent), self.policy.verify_after);
        Some(Next::at(Step::Verify, at))
    }

    /// The rail says that the payer was not told: a new notification for the same order, which was not made.
    fn notify_again(self, mut decision: Decision) -> Decision {
        let execution = self.execution;
        let start = plan::start(
            &execution.cycle,
            execution.provider,
            execution.notify,
            self.policy,
            execution.id.0,
            self.now,
        );
        decision.events = vec![Event::NotProcessed, Event::Renewed];
        match start {
            Start::At(step, span) => {
                renew_progress(&mut decision, execution.notify);
                decision.next = Some(Next { step, span });
            }
            Start::Closed { reason } => {
                decision.events = vec![Event::NotProcessed, Event::CycleClosed];
                decision.reason = reason;
            }
        }
        decision
    }
}

/// What starts from nothing with a new notification.
pub(super) fn renew_progress(decision: &mut Decision, notify: Notify) {
    let progress = &mut decision.progress;
    if notify == Notify::Separate {
        progress.notification_no = progress.notification_no.saturating_add(1);
    }
    progress.delivered_at = None;
    progress.debits_tried = 0;
    progress.lookups = 0;
    progress.tries = 0;
    progress.sent_at = None;
    progress.failed_at = None;
    progress.looked = [None; 3];
}

/// Waits for the mandate to be resumed, and asks whether it is now and then; at the cycle's end the step is closed instead.
pub(in crate::domain) fn park(
    mut decision: Decision,
    execution: &Execution,
    step: Step,
    policy: &Policy,
    now: Instant,
) -> Decision {
    let spread = jitter(execution.id.0, 0, policy.jitter);
    let check = after(after(now, policy.paused_check_every), spread);
    decision.reason = format!("{}; waits for it to be resumed", decision.reason);
    decision.next = Some(Next::at(step, check.min(execution.cycle.closes_at)));
    decision.parked = true;
    decision
}

/// The cycle is over. An order that the provider may still collect is looked at first.
pub fn close_cycle(execution: &Execution, policy: &Policy, now: Instant) -> Decision {
    if let Some(failed_at) = execution.progress.failed_at {
        let dead_at = after(failed_at, policy.provider_retry_horizon);
        if now < dead_at {
            let reason = "the cycle is over; the provider may still retry its order by itself";
            return keep(execution, Some(Next::at(Step::Lookup, dead_at)), reason);
        }
    }
    let verify = execution
        .progress
        .sent_at
        .map(|_| Next::at(Step::Verify, after(now, policy.verify_after)));
    let closes = execution.cycle.closes_at.to_rfc3339();
    let mut decision = keep(
        execution,
        verify,
        format!("the cycle ended at {closes} before it could be collected"),
    );
    decision.events = vec![Event::CycleClosed];
    decision
}

/// When the order was last tried: when we called, or on the date that the call handed over.
fn last_try(progress: &Progress, now: Instant) -> Option<Instant> {
    let sent = progress.sent_at?;
    let handed_over = progress.execute_at.filter(|at| *at <= now);
    Some(handed_over.map_or(sent, |at| at.max(sent)))
}

/// The last instant at which the current order may be debited: its cycle's end, or its notification's.
fn latest_debit(execution: &Execution, progress: &Progress, policy: &Policy) -> Instant {
    let closes = execution.cycle.closes_at;
    match progress.delivered_at {
        Some(delivered) => closes.min(after(delivered, policy.notification_validity)),
        None => closes,
    }
}

/// What a failure says about the mandate itself.
pub(super) const fn mandate_effect(class: Class) -> Option<MandateStatus> {
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
        | Class::PayeeSide
        | Class::Notification
        | Class::InFlight
        | Class::AlreadyCollected
        | Class::NothingToRetry
        | Class::Unmapped => None,
    }
}

/// Our side or the merchant's is at fault: no retry mends it, a person must.
const fn needs_person(class: Class) -> bool {
    matches!(class, Class::OurRequest | Class::PayeeSide)
}

/// The class and what the provider said.
pub(super) fn words(failure: &Failure) -> String {
    match (&failure.code, &failure.message) {
        (Some(code), Some(message)) => format!("{}: {message} ({code})", failure.class),
        (Some(text), None) | (None, Some(text)) => format!("{}: {text}", failure.class),
        (None, None) => failure.class.to_string(),
    }
}
