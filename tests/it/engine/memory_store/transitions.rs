//! What jobs are settled with, and the columns of it.

use mandated::domain::machine::{
    Action, Answer, Input, Job, Machine, NotificationResult, Transition,
};
use mandated::domain::outcome::{CallFailure, Counter, NotificationOutcome};
use mandated::domain::policy::Policy;
use mandated::domain::{Amount, Class, Failure, MandateStatus, Notify, Outcome, Step};
use mandated::store::claim::Claimed;
use mandated::store::settle::Settlement;

use crate::support::due::{now, settlement};
use crate::support::memory_store::Limits;

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
pub(super) fn transition(job: &Job, policy: &Policy, nth: usize) -> Option<Transition> {
    let mut machine = Machine::new(job.clone(), policy, now());
    let mut action = machine.next(Input::Claimed, now());
    if action == Action::AskMandate {
        let statuses = [
            Some(MandateStatus::Active),
            Some(MandateStatus::Paused),
            Some(MandateStatus::Revoked),
            None,
        ];
        action = machine.next(Input::MandateAnswered(statuses[nth % 4]), now());
    } else if !matches!(action, Action::Settle(_)) || nth % 3 == 0 {
        let mut machine = Machine::in_call(job.clone(), policy, now());
        action = machine.next(answer(job.step, nth)?, now());
    }
    match action {
        Action::Settle(transition) => Some(*transition),
        Action::Abandon(_) => None,
        action => panic!("{action:?} is no end"),
    }
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
            no_retry_allowed: nth % 2 == 0,
        },
        provider_ref: named,
    }))
}

/// The columns of a transition.
pub(super) fn columns(claimed: &Claimed, transition: &Transition, limits: &Limits) -> Settlement {
    let (id, decision) = (claimed.execution.id, &transition.decision);
    let (before, after) = (&claimed.execution.progress, &decision.progress);
    let told = transition.notification;
    let is_separate = claimed.execution.notify == Notify::Separate;
    let reference = |no: u16| format!("reference-{id}-{no}");
    Settlement {
        class: decision.class.map(Class::as_str),
        step: decision.next.map(|next| next.step.as_str()),
        run_at: decision.next.map(|next| next.span.opens),
        run_before: decision.next.and_then(|next| next.span.closes),
        closes_intent: decision.closes_intent,
        order_no: after.order_no,
        order_id: format!("order-{id}-{}", after.order_no),
        notification_no: after.notification_no,
        notification_ref: is_separate.then(|| reference(after.notification_no)),
        delivered_at: after.delivered_at,
        undelivered_at: after.undelivered_at,
        execute_at: after.execute_at,
        debits_tried: after.debits_tried,
        lookups: after.lookups,
        tries: after.tries,
        provider_ref: transition.provider_ref.clone(),
        sent_at: after.sent_at,
        failed_at: after.failed_at,
        not_before: after.not_before,
        looked: after.looked.iter().flatten().copied().collect(),
        mandate_status: decision.mandate.map(MandateStatus::as_str),
        paused_at: claimed
            .execution
            .paused_at
            .filter(|_| decision.mandate.is_some()),
        parked: decision.parked,
        card_tries: limits
            .max_attempts_in_30_days
            .map(|_| decision.declined)
            .filter(|tries| *tries > 0),
        debit_minor: decision.collected.map(Amount::minor),
        debit_order_id: transition
            .debited_order
            .map(|no| format!("order-{id}-{no}")),
        told_no: told.map(|_| before.notification_no),
        told_ref: told.map(|_| reference(before.notification_no)),
        told_state: told.map(|told| match told {
            NotificationResult::Requested => "requested",
            NotificationResult::Delivered => "delivered",
            NotificationResult::Failed => "failed",
        }),
        ..settlement(claimed, transition.to)
    }
}
