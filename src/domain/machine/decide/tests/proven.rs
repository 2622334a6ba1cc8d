//! When an order is over, and when it is not: what a second debit, or none at all, would hang on.

use super::*;
use crate::domain::machine::gate::{Gate, gate};

fn look_up(execution: &Execution, outcome: &Outcome, now: Timestamp) -> Decision {
    let counter = Counter::default();
    decide(execution, Step::Lookup, outcome, counter, &policy(), now)
}

#[test]
fn the_providers_retry_horizon_begins_with_the_last_failure_and_not_the_first() {
    let first = at("2026-12-02T01:01:00Z");
    let last = at("2026-12-02T16:16:00Z");
    let mut execution = executing(last);
    execution.intent = execution.intent.map(|intent| Intent {
        is_retry: true,
        ..intent
    });
    execution.progress.failed_at = Some(first);
    execution.progress.sent_at = Some(last);
    execution.progress.debit_attempts = 3;
    let funds = Outcome::Failed(failure(Class::Funds));
    let counter = Counter {
        attempts: Some(4),
        no_retry_allowed: false,
    };
    let spent = decide(&execution, Step::Retry, &funds, counter, &policy(), last);
    assert_eq!(
        spent.progress.order_no, 1,
        "a new order while the provider may still collect the old one: {:?}",
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
    let dead = look_up(&waiting, &funds, next.span.opens);
    assert_eq!(dead.verdict, Verdict::OrderRenewed);
}

#[test]
fn a_failure_that_is_seen_again_does_not_stop_the_mandate_again() {
    let failed = at("2026-12-02T01:00:00Z");
    for (class, effect, then) in [
        (
            Class::MandatePaused,
            MandateStatus::Paused,
            Verdict::OrderRenewed,
        ),
        (Class::Instrument, MandateStatus::Failed, Verdict::GivenUp),
    ] {
        let outcome = Outcome::Failed(failure(class));
        let first = look_up(&executing(failed), &outcome, failed);
        assert_eq!(first.mandate, Some(effect));
        // Meanwhile the operator has resumed it.
        let waiting = Execution {
            state: State::Retrying,
            progress: first.progress,
            ..notified()
        };
        let again = look_up(&waiting, &outcome, after(failed, hours(10)));
        assert_eq!((again.mandate, again.verdict), (None, then));
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
    let seen = after(debited, Duration::from_secs(90));
    let rules = Policy {
        min_gap: hours(3),
        ..policy()
    };
    let fail = |class| {
        let outcome = Outcome::Failed(failure(class));
        let counter = Counter::default();
        decide(&execution, Step::Lookup, &outcome, counter, &rules, seen)
            .next
            .unwrap()
    };
    let next = fail(Class::Transient);
    assert_eq!(next.step, Step::Retry);
    assert!(
        next.span.opens >= after(debited, rules.min_gap),
        "{} is too soon after {debited}",
        next.span.opens
    );
    // Half past nine in the evening: a quarter to ten is no other state of a balance, and at half past six the notification is
    // over. The order's end is waited for, and a new one is for another day.
    assert_eq!(fail(Class::Funds).step, Step::Lookup);
}

#[test]
fn a_call_of_a_lost_worker_that_a_look_up_finds_counts_from_its_intent() {
    let opened = at("2026-11-30T22:30:00Z");
    let mut execution = executing(opened);
    execution.notify = Notify::Provider;
    execution.state = State::Unknown;
    execution.progress.delivered_at = None;
    execution.progress.execute_at = Some(at("2026-12-02T00:30:00Z"));
    let seen = at("2026-12-02T00:40:00Z");
    for outcome in [Outcome::Pending, Outcome::Failed(failure(Class::Funds))] {
        let found = look_up(&execution, &outcome, seen);
        assert_eq!(found.progress.sent_at, Some(opened));
        assert_eq!(found.progress.delivered_at, Some(opened));
        // Nothing is debited under a notification that has run out, on payday neither.
        let end = after(opened, policy().notification_validity);
        assert!(found.next.unwrap().span.opens < end, "{:?}", found.reason);
    }
    // One that the provider never had notified nobody; its order still gets a recheck in the end.
    let unknown = look_up(&execution, &Outcome::NotFound, seen);
    assert_eq!(unknown.progress.sent_at, Some(opened));
    assert_eq!(unknown.progress.delivered_at, None);
}

#[test]
fn what_had_to_be_read_before_a_call_is_no_part_of_its_processing_time() {
    let opened = at("2026-12-01T22:30:00Z");
    let mut execution = executing(opened);
    execution.state = State::Unknown;
    execution.progress.sent_at = Some(at("2026-12-01T22:31:00Z"));
    let found = |seen| {
        let decision = look_up(&execution, &Outcome::NotFound, at(seen));
        (decision.verdict, decision.intent_unused)
    };
    let unproven = (Verdict::Unproven, false);
    assert_eq!(found("2026-12-01T22:32:00Z"), unproven);
    let never_processed = (Verdict::Waits, true);
    assert_eq!(found("2026-12-01T22:32:30Z"), never_processed);
}

#[test]
fn a_watched_payment_that_stays_under_way_goes_to_a_person() {
    let mut execution = notified();
    execution.provider = ProviderKind::Signzy;
    execution.notify = Notify::Provider;
    execution.state = State::Pending;
    execution.progress.delivered_at = None;
    let presented = execution.cycle.debit_at;
    let soon = look_up(&execution, &Outcome::Pending, after(presented, hours(71)));
    assert_eq!(soon.next.unwrap().step, Step::Lookup);
    let late = look_up(&execution, &Outcome::Pending, after(presented, hours(72)));
    assert_eq!(late.verdict, Verdict::Review, "{:?}", late.reason);
}

#[test]
fn a_watched_payment_whose_answer_proves_nothing_goes_to_a_person_too() {
    let mut execution = notified();
    (execution.provider, execution.notify) = (ProviderKind::Signzy, Notify::Provider);
    execution.state = State::Planned;
    execution.progress.delivered_at = None;
    let open = Outcome::Failed(failure(Class::InFlight));
    let first = look_up(&execution, &open, after(execution.cycle.debit_at, HOUR));
    execution.state = follow(&execution, &first).unwrap();
    assert_eq!(execution.state, State::Pending);
    let late = after(execution.cycle.debit_at, hours(73));
    let decision = look_up(&execution, &open, late);
    assert_eq!(follow(&execution, &decision), Ok(State::Review));
}

#[test]
fn what_was_given_back_is_proven_and_frees_the_mandate() {
    let now = at("2026-12-09T00:00:00Z");
    let mut execution = executing(at("2026-12-02T01:00:00Z"));
    execution.state = State::Review;
    let outcome = Outcome::Reversed(failure(Class::Transient));
    let decision = decide_recheck(&execution, 1, &outcome, Counter::default(), &policy(), now);
    assert!(
        change(&execution, &decision).closes_intent,
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

#[test]
fn a_date_is_handed_over_25_hours_ahead_or_a_later_one_is_chosen() {
    let now = at("2026-11-30T22:30:00Z");
    let mut execution = executing(now);
    execution.notify = Notify::Provider;
    execution.progress.delivered_at = None;
    execution.progress.execute_at = Some(after(now, hours(25)));
    let ask = |execution: &Execution| gate(execution, Step::Execute, true, &policy(), now);
    assert_eq!(ask(&execution), Gate::Go);
    let minute = Duration::from_mins(1);
    execution.progress.execute_at = Some(after(now, hours(25).saturating_sub(minute)));
    let Gate::Refused(decision) = ask(&execution) else {
        panic!("a debit within 25 hours was handed over");
    };
    assert!(change(&execution, &decision).closes_intent, "{decision:?}");
    assert!(
        decision.progress.execute_at > Some(after(now, hours(25))),
        "{decision:?}"
    );
}

#[test]
fn only_a_retry_whose_counter_was_never_recorded_was_never_made() {
    let opened = at("2026-12-02T01:00:00Z");
    let now = after(opened, hours(1));
    let ask = |counter_before, sent_at, is_retry| {
        let mut execution = executing(opened);
        execution.intent = execution.intent.map(|intent| Intent {
            is_retry,
            counter_before,
            ..intent
        });
        execution.progress.sent_at = sent_at;
        gate(&execution, Step::Lookup, false, &policy(), now)
    };
    let before = opened.checked_sub_signed(chrono::TimeDelta::hours(1));
    for (counter, sent, is_retry) in [
        (Some(0), None, true),
        (Some(3), before, true),
        (None, Some(opened), true),
        (None, None, false),
    ] {
        let said = ask(counter, sent, is_retry);
        assert_eq!(said, Gate::Go, "{counter:?} {sent:?} {is_retry}");
    }
    for sent in [None, before] {
        let Gate::Refused(decision) = ask(None, sent, true) else {
            panic!("asked about a call that was never made");
        };
        assert_eq!(decision.next.unwrap().step, Step::Retry);
        assert!(decision.intent_unused);
    }
}

#[test]
fn an_order_is_looked_up_three_times_in_two_hours_and_a_retry_counts() {
    let now = at("2026-12-02T02:00:00Z");
    let mut execution = executing(at("2026-12-02T00:40:00Z"));
    execution.state = State::Pending;
    execution.progress.sent_at = Some(at("2026-12-02T00:40:00Z"));
    let third = at("2026-12-02T01:50:00Z");
    execution.progress.lookup_times = [Some(now), Some(at("2026-12-02T01:55:00Z")), Some(third)];
    let lost = Outcome::Call(CallFailure::NotSent {
        why: "reset".to_owned(),
    });
    for outcome in [Outcome::Pending, lost.clone()] {
        let next = look_up(&execution, &outcome, now).next.unwrap();
        assert_eq!(next.step, Step::Lookup);
        assert!(next.span.opens >= after(third, hours(2)), "{next:?}");
    }
    execution.state = State::Executing;
    let counter = Counter::default();
    let again = decide(&execution, Step::Retry, &lost, counter, &policy(), now);
    let next = again.next.unwrap();
    assert_eq!(next.step, Step::Retry);
    assert!(next.span.opens >= after(third, hours(2)), "{next:?}");
    // The third look-up shows that the retry never happened: making it again is the fourth.
    execution.intent = execution.intent.map(|intent| Intent {
        is_retry: true,
        counter_before: Some(1),
        ..intent
    });
    let same = Counter {
        attempts: Some(1),
        no_retry_allowed: false,
    };
    let failed = Outcome::Failed(failure(Class::Funds));
    let never = decide(&execution, Step::Lookup, &failed, same, &policy(), now);
    let next = never.next.unwrap();
    assert_eq!(next.step, Step::Retry);
    assert!(next.span.opens >= after(third, hours(2)), "{next:?}");
}
