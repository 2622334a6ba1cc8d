//! An order that comes after the one that is to move money: another database has sent it.

use super::*;
use crate::domain::machine::{Action, Answer, Conclusion, Input, Job, Machine};
use crate::domain::{Contradiction, Rail, State};

fn now() -> Timestamp {
    at("2026-12-02T01:00:00Z")
}

/// A call that is due for an order; its last attempt failed.
fn job(step: Step, order_no: u16, provider: ProviderKind) -> Job {
    let mut execution = executing(now());
    execution.provider = provider;
    execution.state = State::Executing;
    execution.class = Some(Class::Funds);
    execution.progress.order_no = order_no;
    execution.progress.debit_attempts = u16::from(step == Step::Retry);
    execution.progress.failed_at = Some(at("2026-12-01T22:00:00Z"));
    execution.intent = execution.intent.map(|intent| Intent {
        is_retry: step == Step::Retry,
        ..intent
    });
    Job {
        step,
        opened: true,
        run_before: None,
        provider_ref: None,
        next_scheduled_on: None,
        execute_needs_counter: provider == ProviderKind::Signzy,
        execution,
    }
}

/// No configuration allows a later order any more: another one may have.
fn policy_of(rail: Rail) -> Policy {
    Policy {
        rail,
        max_orders: 1,
        ..policy()
    }
}

/// The machine's last action, after answers about the order that was read first and about later ones.
fn last_action(job: Job, rail: Rail, answers: &[Outcome]) -> Action {
    let policy = policy_of(rail);
    let mut machine = Machine::new(job, &policy, now());
    let claimed = machine.next(Input::Claimed, now());
    answers.iter().fold(claimed, |_, outcome| {
        let answer = Answer::from(outcome.clone());
        machine.next(Input::Answered(answer), now())
    })
}

fn failed() -> Outcome {
    Outcome::Failed(failure(Class::Funds))
}

fn settled(action: Action) -> Conclusion {
    let Action::Settle(conclusion) = action else {
        panic!("{action:?} is no settlement")
    };
    *conclusion
}

fn looks_up(order_no: u16) -> Action {
    Action::LookUp {
        order_no,
        provider_ref: None,
    }
}

#[test]
fn a_retry_goes_out_when_the_provider_has_no_later_order() {
    let job = || job(Step::Retry, 1, ProviderKind::Juspay);
    let none = Outcome::NotFound;
    // eNACH has one order, and a mandate may have been imported again with another rail.
    for rail in [Rail::Upi, Rail::Card, Rail::Enach] {
        assert_eq!(last_action(job(), rail, &[failed()]), looks_up(2));
        let seen = [failed(), none.clone()];
        assert_eq!(last_action(job(), rail, &seen), looks_up(3));
        let seen = [failed(), none.clone(), none.clone()];
        assert_eq!(last_action(job(), rail, &seen), Action::RecordCounter(1));
    }
}

#[test]
fn a_new_order_is_looked_past_too_and_the_first_one_is_not() {
    let second = last_action(
        job(Step::Execute, 2, ProviderKind::Juspay),
        Rail::Upi,
        &[failed()],
    );
    assert_eq!(second, looks_up(3));
    let seen = [failed(), Outcome::NotFound];
    let second = last_action(
        job(Step::Execute, 2, ProviderKind::Juspay),
        Rail::Upi,
        &seen,
    );
    assert!(matches!(second, Action::Send { .. }), "{second:?}");
    let first = last_action(job(Step::Execute, 1, ProviderKind::Juspay), Rail::Upi, &[]);
    assert!(matches!(first, Action::Send { .. }), "{first:?}");
}

#[test]
fn without_order_ids_of_ours_there_is_nothing_to_look_up() {
    let retry = job(Step::Retry, 1, ProviderKind::Signzy);
    let action = last_action(retry, Rail::Upi, &[failed()]);
    assert!(matches!(action, Action::RecordCounter(_)), "{action:?}");
}

#[test]
fn a_later_order_stops_the_call_whatever_became_of_it() {
    let contradicted = Outcome::Contradicted(Contradiction {
        field: "amount",
        ours: "INR 1.00".to_owned(),
        theirs: "INR 2.00".to_owned(),
    });
    let charged = Outcome::Charged {
        amount: None,
        txn: None,
    };
    for later in [
        charged,
        failed(),
        Outcome::Pending,
        Outcome::Failed(failure(Class::InFlight)),
        Outcome::Reversed(failure(Class::Funds)),
        contradicted,
    ] {
        for (step, order_no) in [(Step::Retry, 1), (Step::Execute, 2)] {
            let job = job(step, order_no, ProviderKind::Juspay);
            let found = settled(last_action(job, Rail::Upi, &[failed(), later.clone()]));
            assert_eq!(found.transition.to, State::Review, "{step} {later:?}");
            assert!(found.transition.closes_intent, "no call was made");
            assert_eq!(
                found.transition.collected, None,
                "nobody says of which cycle"
            );
        }
    }
}

#[test]
fn the_call_waits_while_the_question_is_not_answered() {
    use crate::domain::outcome::CallFailure;
    let why = String::new;
    for answer in [
        Outcome::Call(CallFailure::Unknown { why: why() }),
        Outcome::Call(CallFailure::NotSent { why: why() }),
        Outcome::Refused(failure(Class::Unmapped)),
    ] {
        for (step, order_no) in [(Step::Retry, 1), (Step::Execute, 2)] {
            let job = job(step, order_no, ProviderKind::Juspay);
            let waits = settled(last_action(job, Rail::Upi, &[failed(), answer.clone()]));
            assert!(waits.transition.closes_intent, "no call was made");
            let next = waits.decision.next.unwrap();
            assert_eq!(next.step, step, "{answer:?}: the same call");
            assert!(next.span.opens > now(), "{answer:?}: later");
        }
    }
}

/// The payer was notified by the provider when the order was sent, and nobody here knows when that was.
#[test]
fn an_order_that_was_never_sent_from_here_gets_no_second_try() {
    let mut execution = executing(now());
    execution.notify = Notify::Provider;
    execution.progress.sent_at = None;
    execution.progress.delivered_at = None;
    execution.progress.execute_at = Some(now());
    let exists = Outcome::AlreadyExists;
    let none = Counter::default();
    let forgotten = decide(&execution, Step::Execute, &exists, none, &policy(), now());
    assert_eq!(forgotten.progress.delivered_at, None);
    let told = forgotten.progress.undelivered_at;
    assert_eq!(told, Some(Timestamp::UNIX_EPOCH));
    execution.progress.sent_at = Some(now());
    let ours = decide(&execution, Step::Execute, &exists, none, &policy(), now());
    assert_eq!(ours.progress.undelivered_at, None);
}
