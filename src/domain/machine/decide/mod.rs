//! The choice of the next step. `decide` and `notification::decide_notification` own it; nothing else chooses.
//!
//! The rule of money throughout: what is not proven is [`Verdict::Unproven`] and only looked up again. An order is made anew
//! only when the old one is proven dead: its terminal failure has outlived the provider's own retries, or the provider says
//! that it will not retry.

mod debit;
pub(super) mod notification;
pub mod operator;
mod order;
mod recheck;
mod refused;
mod retry;
mod strategy;
mod timing;
mod unproven;

#[cfg(test)]
mod tests;

use crate::domain::backoff::{after, jitter};
use crate::domain::execution::Progress;
use crate::domain::machine::verdict::Verdict;
use crate::domain::outcome::Counter;
use crate::domain::policy::Policy;
use crate::domain::reason::{CallCause, Reason, Then};
use crate::domain::window::Span;
use crate::domain::{Class, Execution, MandateStatus, Outcome, Step, Timestamp};

pub(super) use recheck::decide_recheck;
pub(super) use retry::{ends_the_cycle, stopped_by_order_before};
pub use timing::lookup_allowed;
pub(super) use timing::{next_lookup_at, next_window, scheduled_lookup_at};

/// What follows from an outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What was found out, or what became of it.
    pub verdict: Verdict,
    /// Whether the call whose intent is open, if one is, was not made or not processed: then its intent is closed as that first.
    pub intent_unused: bool,
    /// What to do next; nothing when the execution is final and needs no recheck.
    pub next: Option<NextStep>,
    /// Why.
    pub reason: Reason,
    /// Why it failed, if it did.
    pub class: Option<Class>,
    /// The counters as they are from now on.
    pub progress: Progress,
    /// What becomes of the mandate.
    pub mandate: Option<MandateStatus>,
    /// Whether all calls of the account must wait.
    pub account: Option<AccountPause>,
    /// Tries that turn out to have been made and declined, the provider's own included.
    pub declined: u16,
    /// Whether what is next waits for the mandate to be resumed, its own time having come.
    pub parked: bool,
}

/// The next step and when it may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextStep {
    /// What.
    pub step: Step,
    /// From when, and until when if a window ends.
    pub span: Span,
}

/// Why and how long an account makes no calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountPause {
    /// The credentials are refused: until the account's `pause_after_refusal` is over.
    Refused,
    /// Too many calls: until then.
    Throttled {
        /// The end of the pause.
        until: Timestamp,
    },
}

impl NextStep {
    /// From some time on.
    pub(in crate::domain::machine) fn at(step: Step, at: Timestamp) -> Self {
        Self {
            step,
            span: Span {
                opens: at,
                closes: None,
            },
        }
    }
}

/// A decision under construction: what stays the same unless something says otherwise.
pub(super) fn unchanged(
    execution: &Execution,
    next: Option<NextStep>,
    reason: impl Into<Reason>,
) -> Decision {
    Decision {
        verdict: Verdict::Waits,
        intent_unused: false,
        next,
        reason: reason.into(),
        class: execution.class,
        progress: execution.progress,
        mandate: None,
        account: None,
        declined: 0,
        parked: false,
    }
}

/// Waits for the mandate to be resumed, and asks whether it is now and then; at the cycle's end the step is closed instead.
pub(super) fn park(
    mut decision: Decision,
    execution: &Execution,
    step: Step,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let spread = jitter(execution.id.0, 0, policy.jitter);
    let check = after(after(now, policy.paused_check_every), spread);
    decision.reason = decision.reason.then(Then::WaitForResume);
    decision.next = Some(NextStep::at(step, check.min(execution.cycle.closes_at)));
    decision.parked = true;
    decision
}

/// What follows when a step's call was not made: the same call, a little later.
pub(super) fn call_not_made(
    execution: &Execution,
    step: Step,
    why: CallCause,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let context = Context {
        execution,
        step,
        counter: Counter::default(),
        policy,
        now,
    };
    context.same_again(why, None)
}

/// What an execution step, a look-up or a retry came to, and what follows.
///
/// `step` is the step that was done, `counter` what the provider told of its own attempts.
pub(super) fn decide(
    execution: &Execution,
    step: Step,
    outcome: &Outcome,
    counter: Counter,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let context = Context {
        execution,
        step,
        counter,
        policy,
        now,
    };
    match outcome {
        Outcome::Charged { amount, .. } => context.charged(*amount),
        Outcome::Pending => context.pending(),
        Outcome::Failed(failure) => context.failed(failure),
        Outcome::Refused(failure) => context.refused(failure),
        Outcome::AlreadyExists => context.already_exists(),
        Outcome::NotFound => context.not_found(),
        Outcome::Reversed(failure) => context.reversed(failure),
        Outcome::Unrecognized(failure) => context.unrecognized(failure),
        Outcome::Contradicted(contradiction) => context.contradicted(contradiction.clone()),
        Outcome::Call(failure) => context.call_failed(failure),
    }
}

/// Everything that one decision depends on.
#[derive(Clone, Copy)]
struct Context<'a> {
    execution: &'a Execution,
    step: Step,
    counter: Counter,
    policy: &'a Policy,
    now: Timestamp,
}
