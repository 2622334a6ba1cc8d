//! What follows from a notification.

use std::time::Duration;

use super::retry::mandate_effect;
use super::strategy::{StrategyInput, strategy_time};
use super::timing::{A_DAY, next_window};
use super::{AccountPause, Decision, NextStep, park, unchanged};
use crate::domain::backoff::{after, backoff_delay};
use crate::domain::machine::verdict::Verdict;
use crate::domain::outcome::{CallFailure, Failure, NotificationOutcome};
use crate::domain::plan::{self, Start};
use crate::domain::policy::Policy;
use crate::domain::reason::{CallCause, NotificationCause, Reason, Then};
use crate::domain::{Class, Execution, MandateStatus, Step, Timestamp};

/// Between two questions, and between two notifications.
const BACKOFF: (Duration, Duration) = (Duration::from_mins(2), Duration::from_mins(30));

/// What a notification, or the question about one, came to, and what follows.
pub(in crate::domain::machine) fn decide_notification(
    execution: &Execution,
    step: Step,
    outcome: &NotificationOutcome,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    match outcome {
        NotificationOutcome::Delivered => {
            let mut seen = execution.clone();
            if step == Step::Notify {
                // The provider took it as new: it is as old as this call.
                seen.progress.undelivered_at = None;
            }
            delivered(&seen, policy, now)
        }
        NotificationOutcome::Pending => {
            let mut decision = ask_again(execution, policy, now, NotificationCause::UnderWay);
            decision.progress.undelivered_at = Some(now);
            decision
        }
        NotificationOutcome::AlreadyExists => {
            let mut decision = ask_again(execution, policy, now, NotificationCause::Exists);
            // Where no call of ours may have sent it, a database that was lost, or a copy of this one, did: the payer may have been told
            // long ago, and only a notification of our own says when.
            let undelivered_at = &mut decision.progress.undelivered_at;
            undelivered_at.get_or_insert(Timestamp::UNIX_EPOCH);
            decision
        }
        NotificationOutcome::Failed(failure) => failed(execution, failure, policy, now),
        NotificationOutcome::NotFound => {
            let mut decision = unchanged(execution, None, NotificationCause::Unknown);
            decision.verdict = Verdict::NotificationFailed;
            decision.progress.step_attempts = decision.progress.step_attempts.saturating_add(1);
            decision.next = Some(send_at(execution, policy, wait(execution, now)));
            decision
        }
        NotificationOutcome::Call(CallFailure::Unknown { why }) => {
            let why = NotificationCause::MaybeSent { why: why.clone() };
            let mut decision = ask_again(execution, policy, now, why);
            if step == Step::Notify {
                decision.progress.undelivered_at.get_or_insert(now);
            }
            decision
        }
        NotificationOutcome::Call(CallFailure::NotSent { why }) => {
            let why = CallCause::NotSent { why: why.clone() };
            same_again(execution, step, policy, now, why, None)
        }
        NotificationOutcome::Call(CallFailure::AccountRefused { why }) => {
            let why = CallCause::CredentialsRefused { why: why.clone() };
            let pause = Some(AccountPause::Refused);
            same_again(execution, step, policy, now, why, pause)
        }
        NotificationOutcome::Call(CallFailure::Throttled { after: delay }) => {
            let until = after(now, delay.unwrap_or(BACKOFF.0));
            let pause = Some(AccountPause::Throttled { until });
            same_again(execution, step, policy, now, CallCause::Throttled, pause)
        }
    }
}

/// Delivered: the clock of the 25 hours starts now. What the provider says of an earlier time is not used: later is safe. One that
/// was delivered so long ago that it ends before its 25 hours is made anew.
fn delivered(execution: &Execution, policy: &Policy, now: Timestamp) -> Decision {
    let debit_after = policy.notify_to_debit;
    let delivered = NotificationCause::Delivered { debit_after };
    let mut decision = unchanged(execution, None, delivered);
    decision.verdict = Verdict::NotificationDelivered;
    decision.progress.delivered_at = Some(now);
    let notified_at = *decision.progress.undelivered_at.get_or_insert(now);
    decision.progress.step_attempts = 0;
    let cycle = execution.order_cycle();
    let seed = execution.id.0;
    if let Some(span) = plan::debit_after_notice(&cycle, policy, seed, notified_at, now) {
        let step = Step::Execute;
        decision.next = Some(NextStep { step, span });
        return decision;
    }
    let (provider, notify) = (execution.provider, execution.notify);
    match plan::start(&cycle, provider, notify, policy, seed, now) {
        Start::At(..) if execution.progress.notification_no >= allowed(execution, policy) => {
            decision.verdict = Verdict::GivenUp;
            decision = decision.with_recheck(policy, now);
            decision.reason = Reason::from(NotificationCause::DeliveredLongAgo)
                .then(Then::NotificationsSpent(allowed(execution, policy)));
        }
        Start::At(step, span) => {
            decision.verdict = Verdict::DeliveredLongAgo;
            let progress = &mut decision.progress;
            progress.notification_no = progress.notification_no.saturating_add(1);
            progress.delivered_at = None;
            progress.undelivered_at = execution.undelivered_before_call();
            decision.reason = NotificationCause::DeliveredLongAgo.into();
            decision.next = Some(NextStep { step, span });
        }
        Start::Closed { .. } => {
            decision.verdict = Verdict::CycleClosed;
            decision = decision.with_recheck(policy, now);
            decision.reason = NotificationCause::DeliveredTooLate { debit_after }.into();
        }
    }
    decision
}

/// How many notifications the execution's orders so far may have had.
fn allowed(execution: &Execution, policy: &Policy) -> u16 {
    let orders = execution.progress.order_no;
    policy.notification_attempts.saturating_mul(orders)
}

/// The provider has it, or may have it: ask, do not send another.
fn ask_again(
    execution: &Execution,
    policy: &Policy,
    now: Timestamp,
    why: NotificationCause,
) -> Decision {
    let mut decision = unchanged(
        execution,
        Some(NextStep::at(Step::NotifyStatus, wait(execution, now))),
        why,
    );
    decision.progress.step_attempts = decision.progress.step_attempts.saturating_add(1);
    decision.verdict = Verdict::NotificationRequested;
    if now >= execution.cycle.closes_at {
        decision = decision.with_recheck(policy, now);
        decision.reason = decision.reason.then(Then::CycleOver);
        decision.verdict = Verdict::CycleClosed;
    }
    decision
}

/// Failed for good: a new reference after a while, as long as the policy has one and the cycle is open.
fn failed(execution: &Execution, failure: &Failure, policy: &Policy, now: Timestamp) -> Decision {
    let mut decision = unchanged(execution, None, NotificationCause::Failed(failure.into()));
    decision.class = Some(failure.class);
    decision.mandate = mandate_effect(execution, failure, now);
    match decision.mandate {
        Some(MandateStatus::Paused) => {
            decision.verdict = Verdict::NotificationFailed;
            decision.progress.undelivered_at = execution.undelivered_before_call();
            decision.progress.notification_no = decision.progress.notification_no.saturating_add(1);
            return park(decision, execution, Step::Notify, policy, now);
        }
        Some(
            MandateStatus::Active
            | MandateStatus::Revoked
            | MandateStatus::Expired
            | MandateStatus::Completed
            | MandateStatus::Failed,
        ) => {
            decision.verdict = Verdict::GivenUp;
            return decision.with_recheck(policy, now);
        }
        None => {}
    }
    if matches!(failure.class, Class::OurRequest | Class::PayeeSide) {
        decision.verdict = Verdict::NeedsPerson;
        return decision.with_recheck(policy, now);
    }
    let spent = execution.progress.notification_no;
    let allowed = allowed(execution, policy);
    let stops = matches!(
        failure.class,
        Class::CustomerStop | Class::Risk | Class::Legal
    );
    if stops || spent >= allowed {
        decision.verdict = Verdict::GivenUp;
        decision.reason = decision.reason.then(Then::NothingMore);
        return decision.with_recheck(policy, now);
    }
    decision.verdict = Verdict::NotificationFailed;
    decision.progress.undelivered_at = execution.undelivered_before_call();
    decision.progress.notification_no = spent.saturating_add(1);
    decision.progress.step_attempts = decision.progress.step_attempts.saturating_add(1);
    let mut at = next_try(execution, failure, policy, now);
    if failure.says_not_found() {
        at = at.max(after(now, A_DAY));
        decision.class = execution.class;
        decision.reason = decision.reason.then(Then::AskTomorrow);
    }
    decision.next = Some(send_at(execution, policy, at));
    decision
}

/// When the policy tries such a failure again; what it says of failed notifications where it says nothing of the class.
fn next_try(
    execution: &Execution,
    failure: &Failure,
    policy: &Policy,
    now: Timestamp,
) -> Timestamp {
    let input = StrategyInput {
        tried: execution.progress.notification_no,
        // Of debits the last try is the most patient; a notification must be early.
        is_last: false,
        now,
        from: failure.allowed_from(now),
        latest: execution.cycle.closes_at,
        zone: policy.notify_windows.time_zone(),
    };
    let time = |class| strategy_time(policy.retry.get(&class)?, input);
    time(failure.class)
        .or_else(|| time(Class::Notification))
        .map_or_else(|| wait(execution, now).max(input.from), |(at, _)| at)
}

/// Nothing happened: the same call later.
fn same_again(
    execution: &Execution,
    step: Step,
    policy: &Policy,
    now: Timestamp,
    why: CallCause,
    account: Option<AccountPause>,
) -> Decision {
    let mut at = wait(execution, now);
    if let Some(AccountPause::Throttled { until }) = account {
        at = at.max(until);
    }
    let next = if step == Step::Notify {
        Some(send_at(execution, policy, at))
    } else {
        Some(NextStep::at(step, at))
    };
    let mut decision = unchanged(execution, next, why);
    decision.progress.step_attempts = decision.progress.step_attempts.saturating_add(1);
    decision.account = account;
    decision
}

fn wait(execution: &Execution, now: Timestamp) -> Timestamp {
    after(
        now,
        backoff_delay(BACKOFF.0, BACKOFF.1, execution.progress.step_attempts),
    )
}

/// The first notification window; the cycle's end where there is none, so that it is closed there.
fn send_at(execution: &Execution, policy: &Policy, at: Timestamp) -> NextStep {
    let closes = execution.cycle.closes_at;
    match next_window(&policy.notify_windows, at, execution.id.0, Duration::ZERO) {
        Some(span) if span.opens < closes => NextStep {
            step: Step::Notify,
            span,
        },
        Some(_) | None => NextStep::at(Step::Notify, closes),
    }
}
