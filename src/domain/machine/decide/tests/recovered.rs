//! What a recovery makes of what a provider says of an execution's orders.

use std::fmt::Write;

use super::*;
use crate::domain::machine::Answer;
use crate::domain::machine::recover::{OrderAnswer, Recovered, recover};
use crate::domain::reason::{Cause, RecoveryCause};

fn now() -> Timestamp {
    at("2026-12-03T06:00:00Z")
}

fn says(order_no: u16, outcome: Outcome, attempts: Option<i64>) -> OrderAnswer {
    let counter = Counter {
        attempts,
        no_retry_allowed: false,
    };
    OrderAnswer {
        order_no,
        answer: Answer {
            outcome,
            counter,
            provider_ref: Some(format!("txn-{order_no}")),
        },
    }
}

fn declined() -> Outcome {
    Outcome::Failed(failure(Class::Funds))
}

fn contradicted() -> Outcome {
    Outcome::Contradicted(Contradiction {
        field: "customer_id",
        ours: "c1".to_owned(),
        theirs: "c2".to_owned(),
    })
}

/// An execution in a state, whose order was sent as far as a state can tell.
fn in_state(state: State) -> Execution {
    let mut execution = if state == State::Executing {
        executing(at("2026-12-02T00:30:00Z"))
    } else {
        notified()
    };
    execution.state = state;
    let sent = matches!(
        state,
        State::Pending | State::Unknown | State::Retrying | State::Failed
    );
    execution.progress.sent_at = sent.then(|| at("2026-12-02T00:30:00Z"));
    execution.progress.debit_attempts = u16::from(sent && state != State::Pending);
    execution
}

fn recovered(execution: &Execution, answers: &[OrderAnswer]) -> Recovered {
    recover(execution, answers, &policy(), now()).unwrap()
}

#[test]
fn what_is_found_decides_and_what_is_not_changes_nothing() {
    let mut table = String::new();
    let answers = [
        ("not found", vec![says(1, Outcome::NotFound, None)]),
        ("collected", vec![says(1, charged(), Some(1))]),
        ("declined once", vec![says(1, declined(), Some(1))]),
        ("declined twice", vec![says(1, declined(), Some(2))]),
        ("pending", vec![says(1, Outcome::Pending, Some(1))]),
        ("contradicted", vec![says(1, contradicted(), None)]),
        (
            "declined, then declined",
            vec![says(1, declined(), Some(4)), says(2, declined(), Some(1))],
        ),
        (
            "unknown, then collected",
            vec![
                says(1, Outcome::NotFound, None),
                says(2, charged(), Some(3)),
            ],
        ),
    ];
    for state in State::ALL.iter().filter(|state| **state != State::Charged) {
        let execution = in_state(*state);
        for (name, answers) in &answers {
            let result = recovered(&execution, answers);
            let written = match &result {
                Recovered::NotFound => "stays: not found".to_owned(),
                Recovered::Known => "stays: known".to_owned(),
                Recovered::Collected(conclusion)
                | Recovered::NotCollected(conclusion)
                | Recovered::Review(conclusion) => {
                    let progress = &conclusion.decision.progress;
                    let next = conclusion.decision.next.map(|next| next.step);
                    format!(
                        "{}, order {}, {} attempts, debit {:?}, then {}",
                        conclusion.transition.to,
                        progress.order_no,
                        progress.debit_attempts,
                        conclusion.debited_order,
                        next.map_or("nothing", Step::as_str)
                    )
                }
            };
            writeln!(table, "{state:<10} {name:<24} {written}").unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_was_found_open_is_looked_up_first_and_counts_as_news() {
    let Recovered::NotCollected(found) = recovered(&notified(), &[says(1, declined(), Some(3))])
    else {
        panic!("an order that was forgotten")
    };
    assert_eq!(found.transition.to, State::Unknown);
    let next = found.decision.next.unwrap();
    assert_eq!(next.step, Step::Lookup);
    assert!(next.span.opens >= now() + Duration::from_secs(90));
    let order = RecoveryCause::Order {
        order_no: 1,
        attempts: 3,
    };
    assert_eq!(found.decision.reason.cause, Cause::Recovery(order));
    // The daemon's look-up, with the intent that stands for the call: the third attempt counts once.
    let seen = Execution {
        state: State::Unknown,
        progress: found.decision.progress,
        ..executing(now())
    };
    let counter = Counter {
        attempts: Some(3),
        no_retry_allowed: false,
    };
    let later = next.span.opens;
    let decision = decide(&seen, Step::Lookup, &declined(), counter, &policy(), later);
    assert_eq!(decision.progress.debit_attempts, 3);
    let dead = Outcome::Failed(failure(Class::MandateDead));
    let decision = decide(&seen, Step::Lookup, &dead, counter, &policy(), later);
    assert_eq!(decision.mandate, Some(MandateStatus::Revoked));
}

/// The third notification was delivered for order 1. Whichever was for order 2 came after it, and is forgotten.
#[test]
fn a_notification_that_was_delivered_stays_the_order_befores() {
    let mut execution = in_state(State::Retrying);
    execution.progress.notification_no = 3;
    for (delivered_at, expected) in [(Some(now()), 4), (None, 3)] {
        execution.progress.delivered_at = delivered_at;
        let answers = [says(2, Outcome::Pending, None)];
        let Recovered::NotCollected(found) = recovered(&execution, &answers) else {
            panic!("a second order")
        };
        let progress = found.decision.progress;
        assert_eq!(progress.delivered_at, None);
        assert_eq!(progress.notification_no, expected);
    }
}

#[test]
fn nothing_of_the_order_before_is_of_the_one_that_was_found() {
    let mut execution = in_state(State::Retrying);
    execution.progress.debit_attempts = 4;
    execution.progress.failed_at = Some(now());
    let answers = [
        says(1, declined(), Some(4)),
        says(2, Outcome::Pending, None),
    ];
    let Recovered::NotCollected(found) = recovered(&execution, &answers) else {
        panic!("a second order")
    };
    let progress = found.decision.progress;
    assert_eq!((progress.order_no, progress.notification_no), (2, 2));
    assert_eq!((progress.delivered_at, progress.failed_at), (None, None));
    assert_eq!(progress.debit_attempts, 0);
    assert_eq!(found.provider_ref.as_deref(), Some("txn-2"));
}

#[test]
fn an_earlier_order_that_was_collected_is_the_debit_and_the_later_one_is_rechecked() {
    let answers = [says(1, charged(), Some(2)), says(2, Outcome::Pending, None)];
    let Recovered::Collected(found) = recovered(&notified(), &answers) else {
        panic!("collected")
    };
    assert_eq!(found.debited_order, Some(1));
    assert_eq!(found.decision.progress.order_no, 2);
    assert_eq!(found.decision.next.unwrap().step, Step::Recheck);
}

#[test]
fn another_amount_is_no_collection() {
    let other = Outcome::Charged {
        amount: Amount::new(100, Currency::INR),
        txn: None,
    };
    let Recovered::Review(found) = recovered(&notified(), &[says(1, other, None)]) else {
        panic!("review")
    };
    assert_eq!(found.transition.to, State::Review);
    assert_eq!(found.transition.collected, None);
}

#[test]
fn signzy_counts_retries_and_its_own_debit_of_a_watched_mandate_is_not_ours() {
    let on_demand = Execution {
        provider: ProviderKind::Signzy,
        notify: Notify::None,
        state: State::Planned,
        ..notified()
    };
    let attempts = |execution: &Execution, retries| {
        let Recovered::NotCollected(found) =
            recovered(execution, &[says(1, declined(), Some(retries))])
        else {
            return None;
        };
        Some(found.decision.progress.debit_attempts)
    };
    assert_eq!(attempts(&on_demand, 0), Some(0));
    assert_eq!(attempts(&on_demand, 2), Some(2));
    let watched = Execution {
        notify: Notify::Provider,
        ..on_demand
    };
    assert_eq!(attempts(&watched, 0), None, "whoever watches looks it up");
    assert_eq!(attempts(&watched, 1), Some(1), "a retry was forgotten");
}
