//! Ends that must stay ends, and ones that came too early.

use super::*;
use crate::domain::machine::gate::{Gate, gate};
use crate::domain::reason::Then;

/// Half past six in the morning in India, in a window, 26 and a half hours after the notification.
fn now() -> Timestamp {
    at("2026-12-02T01:00:00Z")
}

fn retrying_refused(class: Class) -> Decision {
    let mut execution = executing(now());
    execution.intent = execution.intent.map(|intent| Intent {
        is_retry: true,
        ..intent
    });
    execution.class = Some(Class::Funds);
    execution.progress.debit_attempts = 1;
    execution.progress.sent_at = Some(at("2026-12-01T23:35:00Z"));
    execution.progress.failed_at = Some(at("2026-12-01T23:36:00Z"));
    let refused = Outcome::Refused(failure(class));
    decide(
        &execution,
        Step::Retry,
        &refused,
        Counter::default(),
        &policy(),
        now(),
    )
}

/// The execution after a decision.
fn then(decision: &Decision, state: State) -> Execution {
    Execution {
        state,
        class: decision.class,
        progress: decision.progress,
        ..notified()
    }
}

#[test]
fn what_ends_a_cycle_is_not_forgotten_when_the_order_names_an_older_cause() {
    let dead = at("2026-12-03T12:00:00Z");
    for class in [
        Class::Risk,
        Class::Legal,
        Class::CustomerStop,
        Class::CustomerAction,
    ] {
        let refused = retrying_refused(class);
        assert_eq!(refused.next.map(|next| next.step), Some(Step::Lookup));
        for (state, verdict) in [
            (State::Retrying, Verdict::GivenUp),
            // The provider tried again by itself: that begins its time anew, and nothing of ours follows.
            (State::Pending, Verdict::Declined),
        ] {
            let execution = then(&refused, state);
            let funds = Outcome::Failed(failure(Class::Funds));
            let counter = Counter::default();
            let decision = decide(&execution, Step::Lookup, &funds, counter, &policy(), dead);
            let reason = decision.reason;
            assert_eq!(decision.verdict, verdict, "{class} {state}: {reason:?}");
            assert_eq!(decision.class, Some(class), "{reason:?}");
            let step = decision.next.map(|next| next.step);
            assert!(step.is_some_and(|step| !step.moves_money()), "{reason:?}");
        }
    }
}

#[test]
fn a_retry_that_needs_a_notification_gets_a_new_order_and_the_old_one_ends() {
    let refused = retrying_refused(Class::Notification);
    assert_eq!(refused.next.map(|next| next.step), Some(Step::Lookup));
    assert_eq!(refused.progress.order_no, 1);
    assert_eq!(refused.progress.debit_attempts, 1);
}

#[test]
fn whatever_ends_a_later_order_the_dead_one_before_it_is_rechecked() {
    let mut second = notified();
    second.progress.order_no = 2;
    second.progress.step_attempts = 9;
    let mut ended = second.clone();
    ended.mandate_status = MandateStatus::Revoked;
    let closed = at("2027-01-01T18:30:00Z");
    let stopped = NotificationOutcome::Failed(failure(Class::CustomerStop));
    let gates = [
        gate(&ended, Step::Execute, false, false, &policy(), now()),
        gate(&second, Step::Execute, false, false, &policy(), closed),
    ];
    let mut all: Vec<Decision> = gates
        .into_iter()
        .map(|said| match said {
            Gate::Refused(decision) => *decision,
            Gate::Go | Gate::LookUpMandate => panic!("{said:?}"),
        })
        .collect();
    let mut notifying = second.clone();
    notifying.state = State::Notifying;
    for (outcome, now) in [
        (stopped, now()),
        (NotificationOutcome::Pending, closed),
        (NotificationOutcome::Delivered, closed),
    ] {
        all.push(decide_notification(
            &notifying,
            Step::NotifyStatus,
            &outcome,
            &policy(),
            now,
        ));
    }
    let mut executed = executing(now());
    executed.progress.order_no = 2;
    let refused = Outcome::Refused(failure(Class::Risk));
    let counter = Counter::default();
    all.push(decide(
        &executed,
        Step::Execute,
        &refused,
        counter,
        &policy(),
        now(),
    ));
    for decision in all {
        let reason = &decision.reason;
        assert_eq!(
            decision.next.map(|next| next.step),
            Some(Step::Recheck),
            "{reason:?}"
        );
        // An unanswered recheck is repeated, however often a notification was asked about.
        assert_eq!(decision.progress.step_attempts, 0, "{reason:?}");
    }
}

#[test]
fn what_no_rule_knows_is_probed_once_whether_it_was_refused_or_declined() {
    let mut probed = executing(now());
    probed.class = Some(Class::Unmapped);
    probed.progress.step_attempts = 0;
    let declined = Outcome::Failed(failure(Class::Unmapped));
    let decision = decide(
        &probed,
        Step::Lookup,
        &declined,
        Counter::default(),
        &policy(),
        now(),
    );
    let then = decision.reason.then;
    assert!(!matches!(then, Some(Then::TryAgain(_))), "{then:?}");
}

#[test]
fn calls_that_never_left_do_not_spend_the_attempts_of_a_refused_one() {
    for class in [Class::Transient, Class::Unmapped] {
        let mut execution = executing(now());
        execution.progress.step_attempts = 12;
        let refused = Outcome::Refused(failure(class));
        let counter = Counter::default();
        let decision = decide(
            &execution,
            Step::Execute,
            &refused,
            counter,
            &policy(),
            now(),
        );
        assert_eq!(
            (decision.verdict, decision.intent_unused),
            (Verdict::Waits, true),
            "{:?}",
            decision.reason
        );
        assert_eq!(decision.next.map(|next| next.step), Some(Step::Execute));
    }
}

#[test]
fn a_refused_order_that_must_wait_longer_than_its_notification_gets_a_new_one() {
    let refused = Outcome::Refused(failure(Class::Limit));
    let counter = Counter::default();
    let execution = executing(now());
    let decision = decide(
        &execution,
        Step::Execute,
        &refused,
        counter,
        &policy(),
        now(),
    );
    assert_eq!(decision.verdict, Verdict::NotificationRenewed);
    assert_eq!(follow(&execution, &decision), Ok(State::Planned));
    assert_eq!(decision.next.map(|next| next.step), Some(Step::Notify));
    assert_eq!(
        (
            decision.progress.order_no,
            decision.progress.notification_no
        ),
        (1, 2)
    );
    let debit_at = decision.progress.execute_at.unwrap();
    assert!(debit_at >= at("2026-12-03T01:00:00Z"), "{debit_at}");
}

#[test]
fn an_older_order_that_was_collected_proves_nothing_about_the_open_one() {
    let mut review = executing(now());
    review.state = State::Review;
    review.progress.order_no = 2;
    let decision = decide_recheck(&review, 1, &charged(), Counter::default(), &policy(), now());
    let changed = change(&review, &decision);
    assert!(!changed.closes_intent);
    assert!(changed.collected.is_some());
    assert_eq!(decision.next.map(|next| next.step), Some(Step::Recheck));
    let current = decide_recheck(&review, 2, &charged(), Counter::default(), &policy(), now());
    assert!(change(&review, &current).closes_intent);
}

#[test]
fn what_the_provider_tried_by_itself_meanwhile_counts_for_the_30_days() {
    let mut failed = notified();
    failed.state = State::Failed;
    failed.progress.order_no = 2;
    failed.progress.debit_attempts = 1;
    let counter = |attempts| Counter {
        attempts: Some(attempts),
        ..Counter::default()
    };
    let declined = |order_no, outcome: &Outcome, attempts| {
        let decision = decide_recheck(
            &failed,
            order_no,
            outcome,
            counter(attempts),
            &policy(),
            now(),
        );
        (decision.declined, decision.progress.debit_attempts)
    };
    let again = Outcome::Failed(failure(Class::Funds));
    assert_eq!(declined(2, &again, 1), (0, 1), "nothing new");
    assert_eq!(declined(2, &again, 4), (3, 4));
    assert_eq!(declined(2, &charged(), 4), (2, 4), "the last one was paid");
    assert_eq!(
        declined(1, &again, 4),
        (0, 1),
        "an order before it had its look-up"
    );
}
