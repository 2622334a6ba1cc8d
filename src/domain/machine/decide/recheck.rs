//! The recheck of what is finished: a provider that retries by itself can collect what it first called failed.

use super::timing::daily;
use super::{Decision, NextStep, unchanged};
use crate::domain::backoff::after;
use crate::domain::machine::verdict::{Collection, Verdict};
use crate::domain::outcome::{Counter, Failure};
use crate::domain::policy::Policy;
use crate::domain::reason::{OrderCause, RecheckCause};
use crate::domain::{Contradiction, Execution, Outcome, State, Step, Timestamp};

/// How often an unanswered recheck is repeated for an execution that nobody has to decide about.
const MAX_UNANSWERED: u16 = 5;

impl Decision {
    /// The execution ends: a recheck whenever an order of it was sent, be it one that is dead and has been followed by another.
    #[must_use]
    pub(in crate::domain) fn with_recheck(mut self, policy: &Policy, now: Timestamp) -> Self {
        self.next = None;
        if self.progress.sent_at.is_some() || self.progress.order_no > 1 {
            self.schedule_recheck(policy, now);
        }
        self
    }

    /// A recheck is next. It has its own attempts.
    pub(super) fn schedule_recheck(&mut self, policy: &Policy, now: Timestamp) {
        self.next = Some(NextStep::at(
            Step::Recheck,
            after(now, policy.recheck_after),
        ));
        self.progress.step_attempts = 0;
    }
}

/// What an order of a finished execution turned out to be. `order_no` says which of its orders was looked at.
pub(in crate::domain::machine) fn decide_recheck(
    execution: &Execution,
    order_no: u16,
    outcome: &Outcome,
    counter: Counter,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let mut decision = seen_again(execution, order_no, outcome, policy, now);
    if order_no == execution.progress.order_no {
        // What the provider tried by itself since the last look-up counts where 30 days have a limit.
        let tried = execution.attempts(counter);
        let more = tried.saturating_sub(execution.progress.debit_attempts);
        decision.declined = more.saturating_sub(u16::from(decision.verdict.collected().is_some()));
        decision.progress.debit_attempts = tried;
    }
    decision
}

/// An answer about somebody else's debit: a person must look, and it is asked about again.
fn contradicted(
    execution: &Execution,
    contradiction: Contradiction,
    again: Option<NextStep>,
) -> Decision {
    let why = OrderCause::Contradicted(contradiction);
    let mut decision = unchanged(execution, again, why);
    decision.verdict = Verdict::Review;
    decision
}

fn seen_again(
    execution: &Execution,
    order_no: u16,
    outcome: &Outcome,
    policy: &Policy,
    now: Timestamp,
) -> Decision {
    let open = execution.intent.is_some();
    // What a person has not decided has been open for long.
    let every = if open {
        daily(policy)
    } else {
        policy.lookup_every
    };
    let again = Some(NextStep::at(Step::Recheck, after(now, every)));
    match outcome {
        Outcome::Charged { amount, .. } => {
            let mut decision = unchanged(execution, None, RecheckCause::CollectedLate);
            let collection = Collection { stated: *amount };
            decision.verdict = Verdict::Collected(collection);
            if open && order_no < execution.progress.order_no {
                // The intent is of the current order, and this one proves nothing about it.
                decision.verdict = Verdict::EarlierOrderCollected(collection);
                decision.next = again;
                decision.reason = RecheckCause::EarlierOrderCollected { order_no }.into();
            } else if execution.state == State::Charged {
                decision.verdict = Verdict::CollectedTwice(collection);
                decision.reason = RecheckCause::CollectedTwice { order_no }.into();
            } else if let Some(contradiction) = Contradiction::of_amounts(*amount, execution.amount) {
                return contradicted(execution, contradiction, again);
            }
            decision
        }
        Outcome::Contradicted(contradiction) if execution.state != State::Charged => {
            contradicted(execution, contradiction.clone(), again)
        }
        Outcome::Failed(Failure { class, .. }) | Outcome::Reversed(Failure { class, .. })
            // Of an earlier order it proves nothing about the current one, whose intent is open.
            if open && order_no == execution.progress.order_no && !class.is_unproven() =>
        {
            let mut decision = unchanged(execution, None, RecheckCause::ProvenNotCollected);
            decision.verdict = Verdict::GivenUp;
            decision.class = Some(*class);
            // The provider's own retries begin with the failure, which is seen for the first time.
            decision.progress.failed_at = Some(now);
            decision.schedule_recheck(policy, now);
            decision
        }
        Outcome::Call(_) | Outcome::Refused(_) if !open => {
            let step_attempts = execution.progress.step_attempts.saturating_add(1);
            let next = if step_attempts < MAX_UNANSWERED {
                again
            } else {
                None
            };
            let mut decision = unchanged(execution, next, RecheckCause::Unanswered);
            decision.progress.step_attempts = step_attempts;
            decision
        }
        Outcome::Pending if !open => unchanged(execution, again, RecheckCause::PendingAgain),
        Outcome::Failed(failure) if !open && failure.class.is_unproven() => {
            unchanged(execution, again, RecheckCause::PendingAgain)
        }
        Outcome::Failed(_)
        | Outcome::NotFound
        | Outcome::Reversed(_)
        | Outcome::AlreadyExists
        | Outcome::Unrecognized(_)
        | Outcome::Contradicted(_)
        | Outcome::Pending
        | Outcome::Refused(_)
        | Outcome::Call(_) => {
            let next = if open { again } else { None };
            unchanged(execution, next, RecheckCause::NotCollected)
        }
    }
}
