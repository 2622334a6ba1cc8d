//! When an order is over, and when it is not: what a second debit, or none at all, would hang on.

use super::*;

fn look(execution: &Execution, outcome: &Outcome, now: Instant) -> Decision {
    let counter = Counter::default();
    decide(execution, Step::Lookup, outcome, counter, &policy(), now)
}

#[test]
fn the_providers_own_retries_are_waited_for_after_the_last_failure_and_not_the_first() {
    let first = at("2026-12-02T01:01:00Z");
    let last = at("2026-12-02T16:16:00Z");
    let mut execution = executing(last);
    execution.intent = execution.intent.map(|intent| Intent {
        is_retry: true,
        ..intent
    });
    execution.progress.failed_at = Some(first);
    execution.progress.sent_at = Some(last);
    execution.progress.debits_tried = 3;
    let funds = Outcome::Failed(failure(Class::Funds));
    let counter = Counter {
        attempts: Some(4),
        no_retry_allowed: false,
    };
    let spent = decide(&execution, Step::Retry, &funds, counter, &policy(), last);
    assert_eq!(
        spent.progress.order_no, 1,
        "a new order while the provider may still collect the old one: {}",
        spent.reason
    );
    let next = spent.next.unwrap();
    assert_eq!(
        (next.step, next.span.opens),
        (Step::Lookup, after(last, hours(10)))
    );
    // Seen again, it is no other failure: then the order is dead.
    let waiting = Execution {
        state: State::Retrying,
        intent: None,
        progress: spent.progress,
        ..execution
    };
    let dead = look(&waiting, &funds, next.span.opens);
    assert_eq!(dead.events, vec![Event::Renewed]);
}

#[test]
fn a_failure_that_is_seen_again_does_not_stop_the_mandate_again() {
    let failed = at("2026-12-02T01:00:00Z");
    for (class, effect, then) in [
        (Class::MandatePaused, MandateStatus::Paused, Event::Renewed),
        (Class::Instrument, MandateStatus::Failed, Event::GivenUp),
    ] {
        let outcome = Outcome::Failed(failure(class));
        let first = look(&executing(failed), &outcome, failed);
        assert_eq!(first.mandate, Some(effect));
        // Meanwhile the operator has resumed it.
        let waiting = Execution {
            state: State::Retrying,
            progress: first.progress,
            ..notified()
        };
        let again = look(&waiting, &outcome, after(failed, hours(10)));
        assert_eq!((again.mandate, again.events), (None, vec![then]));
    }
}

#[test]
fn a_debit_on_a_date_that_was_handed_over_counts_from_that_date() {
    let called = at("2026-11-30T22:30:00Z");
    let debited = at("2026-12-02T16:05:00Z");
    let mut execution = executing(called);
    execution.notify = Notify::Provider;
    execution.state = State::Pending;
    execution.progress.sent_at = Some(called);
    execution.progress.delivered_at = Some(called);
    execution.progress.execute_at = Some(debited);
    // Half past nine in the evening; the next part of the day is a quarter to ten.
    let seen = after(debited, Duration::from_secs(90));
    let decision = look(&execution, &Outcome::Failed(failure(Class::Funds)), seen);
    let next = decision.next.unwrap();
    assert_eq!(next.step, Step::Retry);
    assert!(
        next.span.opens >= after(debited, policy().min_gap),
        "{} is too soon after {debited}",
        next.span.opens
    );
}

#[test]
fn a_watched_payment_that_stays_under_way_goes_to_a_person() {
    let mut execution = notified();
    execution.provider = ProviderKind::Signzy;
    execution.notify = Notify::Provider;
    execution.state = State::Pending;
    execution.progress.delivered_at = None;
    let presented = execution.cycle.debit_at;
    let soon = look(&execution, &Outcome::Pending, after(presented, hours(71)));
    assert_eq!(soon.next.unwrap().step, Step::Lookup);
    let late = look(&execution, &Outcome::Pending, after(presented, hours(72)));
    assert_eq!(late.events, vec![Event::ReviewNeeded], "{}", late.reason);
}

#[test]
fn what_was_given_back_is_proven_and_frees_the_mandate() {
    let now = at("2026-12-09T00:00:00Z");
    let mut execution = executing(at("2026-12-02T01:00:00Z"));
    execution.state = State::Review;
    let outcome = Outcome::Reversed(failure(Class::Transient));
    let decision = decide_verify(&execution, 1, &outcome, &policy(), now);
    assert!(
        decision.closes_intent,
        "the mandate can never be debited again: {decision:?}"
    );
    assert_eq!(follow(&execution, &decision), Ok(State::Failed));
}

#[test]
fn a_counter_beyond_all_reason_is_a_spent_budget_that_the_database_can_hold() {
    for (said, counted) in [(-1, 0), (3, 3), (40_000, 32_767), (i64::MAX, 32_767)] {
        let counter = Counter {
            attempts: Some(said),
            no_retry_allowed: false,
        };
        assert_eq!(notified().attempts(counter), counted, "{said}");
    }
}
