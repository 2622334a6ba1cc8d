//! What jobs are settled with, and the columns of it.

use mandated::domain::machine::{Action, Answer, Conclusion, Input, Job, Machine};
use mandated::domain::outcome::{CallFailure, Counter, NotificationOutcome};
use mandated::domain::policy::Policy;
use mandated::domain::{Class, Failure, MandateStatus, Notify, Outcome, Step};
use mandated::store::claim::Claimed;
use mandated::store::settle::{Debit, MandateChange, NextJob, NotificationResult, Settlement};

use crate::support::due::{now, settlement};
use lab::memory_store::Limits;

fn failure(class: Class) -> Failure {
    Failure {
        class,
        code: None,
        message: None,
        rule: None,
        retry_after: None,
        not_before: None,
    }
}

/// What a job may be settled with: what the machine does at once, or makes of one of many answers.
pub(super) fn conclude(job: &Job, policy: &Policy, nth: usize) -> Option<Conclusion> {
    let mut machine = Machine::new(job.clone(), policy, now());
    let mut action = machine.next(Input::Claimed, now());
    if action == Action::LookUpMandate {
        let statuses = [
            Some(MandateStatus::Active),
            Some(MandateStatus::Paused),
            Some(MandateStatus::Revoked),
            None,
        ];
        action = machine.next(Input::MandateAnswered(statuses[nth % 4]), now());
    } else if !matches!(action, Action::Settle(_)) || nth.is_multiple_of(3) {
        let mut machine = Machine::in_call(job.clone(), policy, now());
        action = machine.next(answer(job.step, nth)?, now());
    }
    if let Action::Settle(conclusion) = action {
        return Some(*conclusion);
    }
    assert!(matches!(action, Action::Abandon(_)), "{action:?} is no end");
    None
}

fn answer(step: Step, nth: usize) -> Option<Input> {
    if matches!(step, Step::Notify | Step::NotifyStatus) {
        let outcomes = [
            NotificationOutcome::Delivered,
            NotificationOutcome::Pending,
            NotificationOutcome::Failed(failure(Class::Notification)),
            NotificationOutcome::Failed(failure(Class::MandatePaused)),
            NotificationOutcome::NotFound,
        ];
        return outcomes
            .get(nth % 5)
            .cloned()
            .map(Input::NotificationAnswered);
    }
    let outcomes = [
        Outcome::Charged {
            amount: None,
            txn: None,
        },
        Outcome::Failed(failure(Class::Funds)),
        Outcome::Pending,
        Outcome::Refused(failure(Class::MandatePaused)),
        Outcome::Refused(failure(Class::MandateDead)),
        Outcome::NotFound,
        Outcome::Failed(failure(Class::Risk)),
        Outcome::Call(CallFailure::NotSent {
            why: "no connection".to_owned(),
        }),
    ];
    let outcome = outcomes.get(nth % 8).cloned()?;
    let named = ["txn-a", "txn-b"]
        .get(nth % 3)
        .map(|name| (*name).to_owned());
    Some(Input::Answered(Answer {
        outcome,
        counter: Counter {
            attempts: Some(2),
            no_retry_allowed: nth.is_multiple_of(2),
        },
        provider_ref: named,
    }))
}

/// The columns of a conclusion.
pub(super) fn columns(claimed: &Claimed, conclusion: &Conclusion, limits: &Limits) -> Settlement {
    let (id, decision) = (claimed.execution.id, &conclusion.decision);
    let notified_no = claimed.execution.progress.notification_no;
    let is_separate = claimed.execution.notify == Notify::Separate;
    let reference = |no: u16| format!("reference-{id}-{no}");
    let order = |no: u16| format!("order-{id}-{no}");
    let debited = conclusion
        .transition
        .collected
        .zip(conclusion.debited_order);
    let declined = limits.max_attempts_in_30_days.map(|_| decision.declined);
    Settlement {
        class: decision.class,
        next: decision.next.map(|next| NextJob {
            step: next.step,
            run_at: next.span.opens,
            run_before: next.span.closes,
            parked: decision.parked,
        }),
        closes_intent: conclusion.transition.closes_intent,
        progress: decision.progress,
        order_id: order(decision.progress.order_no),
        notification_ref: is_separate.then(|| reference(decision.progress.notification_no)),
        provider_ref: conclusion.provider_ref.clone(),
        mandate: decision.mandate.map(|status| MandateChange {
            status,
            paused_at: claimed.execution.paused_at,
        }),
        declined_card_attempts: declined.filter(|attempts| *attempts > 0),
        debit: debited.map(|(collection, no)| Debit {
            stated: collection.stated,
            order_id: order(no),
        }),
        notification: conclusion.notification.map(|state| NotificationResult {
            no: notified_no,
            reference: reference(notified_no),
            state,
            message: None,
        }),
        ..settlement(claimed, conclusion.transition.to)
    }
}
