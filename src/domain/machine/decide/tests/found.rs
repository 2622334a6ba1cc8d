//! What an order shows that this database did not do: attempts of somebody else, and orders that were taken back.

use super::*;
use crate::domain::machine::{Action, Answer, Conclusion, Input, Job, Machine};
use crate::domain::reason::{Cause, OrderCause};

/// Half past six in the morning, within the hours and 26 hours after the notification.
fn now() -> Timestamp {
    at("2026-12-02T01:00:00Z")
}

/// A retry is due; the order has failed once, by our own call.
fn retrying() -> Execution {
    let mut execution = executing(now());
    execution.state = State::Retrying;
    execution.class = Some(Class::Funds);
    execution.progress.debit_attempts = 1;
    execution.progress.failed_at = Some(at("2026-12-01T22:00:00Z"));
    execution.progress.sent_at = Some(at("2026-12-01T22:00:00Z"));
    execution.intent = execution.intent.map(|intent| Intent {
        is_retry: true,
        ..intent
    });
    execution
}

/// What follows when the order is read before the retry and the provider counts so many attempts.
fn read_before_retry(execution: Execution, attempts: Option<i64>) -> Action {
    let job = Job {
        step: Step::Retry,
        execute_needs_counter: execution.provider == ProviderKind::Signzy,
        execution,
        opened: true,
        run_before: None,
        provider_ref: None,
        next_scheduled_on: None,
    };
    let policy = policy();
    let mut machine = Machine::new(job, &policy, now());
    machine.next(Input::Claimed, now());
    let mut answer = Answer::from(Outcome::Failed(failure(Class::Funds)));
    answer.counter.attempts = attempts;
    let mut action = machine.next(Input::Answered(answer), now());
    // There is no later one.
    while let Action::LookUp { .. } = action {
        let none = Answer::from(Outcome::NotFound);
        action = machine.next(Input::Answered(none), now());
    }
    action
}

fn settled(action: Action) -> Conclusion {
    let Action::Settle(conclusion) = action else {
        panic!("{action:?} is no settlement")
    };
    *conclusion
}

#[test]
fn attempts_that_we_did_not_make_stop_a_retry_and_spend_the_budget() {
    assert_eq!(
        read_before_retry(retrying(), Some(1)),
        Action::RecordCounter(1),
        "the attempt is ours"
    );
    assert_eq!(
        read_before_retry(retrying(), None),
        Action::RecordCounter(1)
    );
    let found = settled(read_before_retry(retrying(), Some(2)));
    assert!(found.transition.closes_intent, "no call was made");
    assert_eq!(found.transition.to, State::Retrying);
    assert_eq!(found.decision.progress.debit_attempts, 2);
    assert_eq!(found.decision.progress.failed_at, Some(now()));
    let next = found.decision.next.unwrap();
    assert_eq!(next.step, Step::Retry);
    let gap = policy().min_gap.max(policy().min_gap_after_failure);
    assert!(next.span.opens >= after(now(), gap), "{next:?}");
    let Cause::Order(OrderCause::FoundAttempts { known, counted, .. }) =
        found.decision.reason.cause
    else {
        panic!("{:?}", found.decision.reason)
    };
    assert_eq!((known, counted), (1, 2));
}

#[test]
fn signzys_counter_leaves_out_the_first_attempt() {
    let watched = || Execution {
        provider: ProviderKind::Signzy,
        notify: Notify::None,
        ..retrying()
    };
    assert_eq!(
        read_before_retry(watched(), Some(0)),
        Action::RecordCounter(0)
    );
    let found = settled(read_before_retry(watched(), Some(1)));
    assert_eq!(found.decision.progress.debit_attempts, 2);
}

#[test]
fn a_retry_that_was_seen_under_way_has_happened() {
    let mut execution = retrying();
    execution.intent = execution.intent.map(|intent| Intent {
        opened_at: at("2026-12-01T22:00:00Z"),
        counter_before: Some(1),
        ..intent
    });
    let counter = Counter {
        attempts: Some(1),
        no_retry_allowed: false,
    };
    let failed = Outcome::Failed(failure(Class::Funds));
    let spent = |state| {
        let execution = Execution {
            state,
            ..execution.clone()
        };
        let (policy, now) = (policy(), now());
        let decided = decide(&execution, Step::Lookup, &failed, counter, &policy, now);
        decided.progress.debit_attempts
    };
    assert_eq!(spent(State::Unknown), 1, "it never happened");
    assert_eq!(spent(State::Pending), 2);
}

#[test]
fn an_order_that_was_taken_back_waits_for_its_mandate_and_calls_nobody() {
    let mut execution = notified();
    execution.state = State::Pending;
    execution.notify = Notify::Provider;
    execution.progress.sent_at = Some(at("2026-11-30T22:30:00Z"));
    // What comes of its look-up, and of the one after the provider's own retries.
    let decided = |status, class| {
        let declined = Outcome::Failed(failure(Class::PayeeSide));
        let look = |execution: &Execution, now| {
            let counter = Counter::default();
            decide(execution, Step::Lookup, &declined, counter, &policy(), now)
        };
        let mut seen = Execution {
            mandate_status: status,
            class,
            ..execution.clone()
        };
        let first = look(&seen, now());
        assert_eq!(first.mandate, None, "the provider says nothing of it");
        seen.state = follow(&seen, &first).unwrap();
        (seen.progress, seen.class) = (first.progress, first.class);
        let again = look(&seen, after(now(), policy().provider_retry_horizon));
        (first.verdict, again.verdict, again.class)
    };
    let paused = Some(Class::MandatePaused);
    let waits = (Verdict::Declined, Verdict::OrderRenewed, paused);
    assert_eq!(decided(MandateStatus::Paused, None), waits);
    assert_eq!(decided(MandateStatus::Paused, paused), waits);
    // Resumed before its look-up.
    assert_eq!(decided(MandateStatus::Active, paused), waits);
    assert_eq!(
        decided(MandateStatus::Active, None).0,
        Verdict::NeedsPerson,
        "nobody asked for it"
    );
    let dead = Some(Class::MandateDead);
    assert_eq!(
        decided(MandateStatus::Revoked, paused),
        (Verdict::Declined, Verdict::GivenUp, dead)
    );
}
