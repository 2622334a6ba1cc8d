//! May this step be done right now? Asked after every claim, just before the call: between planning and running a mandate can
//! be paused, a window can close, a notification can grow too old, a daemon can have been down for a day.

mod budget;
mod look;
mod paused;

use std::time::Duration;

use super::decide::{Decision, Next, close_cycle, keep, may_look, next_window, park};
use crate::domain::cycle::Cycle;
use crate::domain::plan::{self, Start};
use crate::domain::policy::Policy;
use crate::domain::retry::after;
use crate::domain::window::Span;
use crate::domain::{
    Class, Event, Execution, Instant, MandateStatus, Notify, ProviderKind, State, Step,
};

pub(super) use paused::asked;

/// What the gate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gate {
    /// Do it now.
    Go,
    /// Do not; this follows instead. No call is made.
    Instead(Box<Decision>),
    /// Not as long as the mandate is paused. Ask the provider whether it still is; [`asked`] says what follows.
    AskMandate,
}

/// How late a planned call may be without its execution date having to be put off.
const CALL_LAG: Duration = Duration::from_mins(10);

/// How long to wait for another debit of the same mandate to be proven.
const OTHER_DEBIT: Duration = Duration::from_mins(15);

/// Whether a claimed step may be done now. `opened` says whether the claim opened an intent for it, `counted` whether the
/// provider's counter must have been recorded before the call whose intent is open (calls without an idempotency key).
pub(super) fn gate(
    execution: &Execution,
    step: Step,
    opened: bool,
    counted: bool,
    policy: &Policy,
    now: Instant,
) -> Gate {
    match step {
        Step::Notify => notify(execution, policy, now),
        Step::Execute | Step::Retry => debit(execution, step, opened, policy, now),
        Step::Lookup => look::lookup(execution, counted, policy, now),
        Step::Verify => look::look(execution, step, policy, now),
        Step::NotifyStatus => Gate::Go,
    }
}

fn instead(decision: Decision) -> Gate {
    Gate::Instead(Box::new(decision))
}

/// The same execution, another time. Closes the intent that the claim may have opened: no call was made under it.
fn later(execution: &Execution, next: Option<Next>, reason: &str) -> Decision {
    let mut decision = keep(execution, next, reason);
    if execution.intent.is_some() {
        decision.events = vec![Event::NotProcessed];
        decision.closes_intent = true;
    }
    decision
}

/// The checks that every step towards the payer shares: the cycle's end, the mandate's status, and whether its rail is paused.
fn mandate_and_cycle(
    execution: &Execution,
    step: Step,
    policy: &Policy,
    now: Instant,
) -> Option<Gate> {
    if now >= execution.cycle.closes_at {
        let mut decision = close_cycle(execution, policy, now);
        if execution.intent.is_some() {
            decision.closes_intent = true;
            decision.events.insert(0, Event::NotProcessed);
        }
        return Some(instead(decision));
    }
    match execution.mandate_status {
        MandateStatus::Active => paused::rail(execution, step, policy, now),
        MandateStatus::Paused if paused::may_ask(execution, policy, now) => Some(Gate::AskMandate),
        MandateStatus::Paused => {
            let decision = later(execution, None, "the mandate is paused");
            Some(instead(park(decision, execution, step, policy, now)))
        }
        MandateStatus::Revoked
        | MandateStatus::Expired
        | MandateStatus::Completed
        | MandateStatus::Failed => {
            let reason = format!("the mandate is {}", execution.mandate_status);
            Some(instead(ended(execution, &reason, policy, now)))
        }
    }
}

/// The mandate has ended, and its execution with it. An earlier attempt may still be collected by the provider: it is looked at
/// before the end.
fn ended(execution: &Execution, reason: &str, policy: &Policy, now: Instant) -> Decision {
    let mut decision = later(execution, None, reason);
    if let Some(failed_at) = execution.progress.failed_at {
        let dead_at = after(failed_at, policy.provider_retry_horizon);
        if now < dead_at {
            decision.next = Some(Next {
                step: Step::Lookup,
                span: Span {
                    opens: dead_at,
                    closes: None,
                },
            });
            return decision;
        }
    }
    decision.class = Some(Class::MandateDead);
    decision.events.push(Event::GivenUp);
    decision.looked_at_again(policy, now)
}

fn notify(execution: &Execution, policy: &Policy, now: Instant) -> Gate {
    if let Some(said) = mandate_and_cycle(execution, Step::Notify, policy, now) {
        return said;
    }
    if let Some(said) = budget::before_notice(execution, policy, now) {
        return said;
    }
    start_again(execution, Step::Notify, policy, now)
}

/// A first step is still right if planning the cycle now would begin with it, now.
fn start_again(execution: &Execution, step: Step, policy: &Policy, now: Instant) -> Gate {
    let started = plan::start(
        &execution.order_cycle(),
        execution.provider,
        execution.notify,
        policy,
        execution.id.0,
        now,
    );
    match started {
        Start::Closed { reason } => {
            let mut decision = close_cycle(execution, policy, now);
            decision.reason = reason;
            instead(decision)
        }
        Start::At(..) if !policy.notify_windows.contains(now) => {
            let span = next_window(&policy.notify_windows, now, execution.id.0, policy.jitter);
            instead(later(
                execution,
                span.map(|span| Next { step, span }),
                "outside the hours for notifications",
            ))
        }
        Start::At(..) => Gate::Go,
    }
}

fn debit(execution: &Execution, step: Step, opened: bool, policy: &Policy, now: Instant) -> Gate {
    if let Some(said) = mandate_and_cycle(execution, step, policy, now) {
        return said;
    }
    if execution.progress.debits_tried >= policy.max_attempts {
        let mut decision = close_cycle(execution, policy, now);
        decision.reason = format!(
            "all {} attempts of the order are spent",
            policy.max_attempts
        );
        decision.closes_intent = execution.intent.is_some();
        decision.events = match (decision.events.is_empty(), execution.intent.is_some()) {
            (true, true) => vec![Event::NotProcessed],
            (true, false) => Vec::new(),
            (false, true) => vec![Event::NotProcessed, Event::GivenUp],
            (false, false) => vec![Event::GivenUp],
        };
        return instead(decision);
    }
    let handed_over = step == Step::Execute
        && execution.provider == ProviderKind::Juspay
        && execution.notify == Notify::Provider;
    if let Some(from) = execution.budget_from.filter(|_| !opened) {
        return budget::wait(execution, step, handed_over, from, policy, now);
    }
    let check = if handed_over {
        hand_over(execution, policy, now)
    } else {
        debit_now(execution, step, policy, now)
    };
    match check {
        Gate::Instead(_) | Gate::AskMandate => check,
        Gate::Go if opened => look::before_new_order(execution, step, policy, now),
        Gate::Go => {
            let at = Span {
                opens: after(now, OTHER_DEBIT),
                closes: None,
            };
            instead(later(
                execution,
                Some(Next { step, span: at }),
                "no intent was opened: another debit of this mandate is open, or its time was just over",
            ))
        }
    }
}

/// A debit that happens when we call: the hours, and the notification's age.
fn debit_now(execution: &Execution, step: Step, policy: &Policy, now: Instant) -> Gate {
    let mut earliest = if step == Step::Execute {
        execution.order_cycle().debit_at
    } else {
        // It begins with a look at the order.
        may_look(execution, policy, now)
    };
    let valid = execution
        .progress
        .notified_at()
        .is_none_or(|notified| now <= after(notified, policy.notification_validity));
    match execution.progress.delivered_at {
        Some(_) if !valid => return renew(execution, policy, now, "the notification is too old"),
        Some(delivered) => earliest = earliest.max(after(delivered, policy.notify_to_debit)),
        None if execution.notify == Notify::Separate => {
            return renew(execution, policy, now, "no notification was delivered");
        }
        None => {}
    }
    earliest = execution
        .progress
        .not_before
        .map_or(earliest, |at| at.max(earliest));
    if now >= earliest && policy.debit_windows.contains(now) {
        return Gate::Go;
    }
    let span = next_window(
        &policy.debit_windows,
        earliest.max(now),
        execution.id.0,
        policy.jitter,
    );
    instead(later(
        execution,
        span.map(|span| Next { step, span }),
        if now < earliest {
            "too early for the debit"
        } else {
            "outside the hours for debits"
        },
    ))
}

/// A debit that the provider makes on a date we hand it, at least 25 hours ahead.
fn hand_over(execution: &Execution, policy: &Policy, now: Instant) -> Gate {
    let enough = after(now, policy.notify_to_debit);
    if execution.progress.execute_at.is_some_and(|at| at >= enough)
        && policy.notify_windows.contains(now)
    {
        return Gate::Go;
    }
    let cycle = execution.order_cycle();
    match plan::start(
        &cycle,
        execution.provider,
        execution.notify,
        policy,
        execution.id.0,
        now,
    ) {
        Start::At(step, span) => {
            let mut decision = later(
                execution,
                Some(Next { step, span }),
                "the execution date was too near: a later one",
            );
            decision.progress.execute_at = new_date(execution, &cycle, policy, span.opens);
            if decision.progress.execute_at.is_none() {
                decision = decision.looked_at_again(policy, now);
                decision
                    .reason
                    .push_str(", and none is left before the cycle closes");
                decision.events.push(Event::CycleClosed);
            }
            instead(decision)
        }
        Start::Closed { reason } => {
            let mut decision = later(execution, None, &reason);
            decision.events.push(Event::CycleClosed);
            instead(decision.looked_at_again(policy, now))
        }
    }
}

/// The date to hand to a provider that notifies and debits by itself, for a call that is planned for some time. A call that is a
/// little late must still be 25 hours before it.
pub(in crate::domain) fn execution_date(
    cycle: &Cycle,
    provider: ProviderKind,
    notify: Notify,
    policy: &Policy,
    seed: i64,
    planned: Instant,
) -> Option<Instant> {
    let handed_over = (provider, notify) == (ProviderKind::Juspay, Notify::Provider);
    let called = after(planned, CALL_LAG);
    plan::debit_after_notice(cycle, policy, seed, called, called)
        .filter(|_| handed_over)
        .map(|span| span.opens)
}

/// The same for an execution, whose order may be put off.
pub(super) fn new_date(
    execution: &Execution,
    cycle: &Cycle,
    policy: &Policy,
    planned: Instant,
) -> Option<Instant> {
    let (provider, notify) = (execution.provider, execution.notify);
    execution_date(cycle, provider, notify, policy, execution.id.0, planned)
}

/// A new notification before this order may be debited. An order that was tried already is looked at first.
fn renew(execution: &Execution, policy: &Policy, now: Instant, why: &str) -> Gate {
    if execution.progress.failed_at.is_some() {
        let mut decision = later(execution, None, why);
        decision.next = Some(Next {
            step: Step::Lookup,
            span: Span {
                opens: now,
                closes: None,
            },
        });
        return instead(decision);
    }
    let order_no = execution.progress.order_no;
    let allowed = policy.notification_tries.saturating_mul(order_no);
    let start = if execution.progress.notification_no < allowed {
        plan::start(
            &execution.order_cycle(),
            execution.provider,
            execution.notify,
            policy,
            execution.id.0,
            now,
        )
    } else {
        Start::Closed {
            reason: format!("{why}; its notifications are used up ({allowed})"),
        }
    };
    match start {
        Start::At(step, span) => {
            let mut decision = later(execution, Some(Next { step, span }), why);
            decision.progress.notification_no = decision.progress.notification_no.saturating_add(1);
            decision.progress.delivered_at = None;
            decision.progress.undelivered_at = None;
            if execution.state != State::Planned {
                decision.events.push(Event::Renewed);
            }
            instead(decision)
        }
        Start::Closed { reason } => {
            let mut decision = later(execution, None, &reason);
            decision.events.push(Event::CycleClosed);
            instead(decision.looked_at_again(policy, now))
        }
    }
}
