//! Orders of which it is not known what became of them: nothing is sent over one, and none is forgotten.

use super::*;
use crate::domain::machine::{Action, Answer, Conclusion, Input, Job, Machine};

/// Half past six in the morning, within the hours and 26 hours after the notification.
fn now() -> Timestamp {
    at("2026-12-02T01:00:00Z")
}

/// A job of an execution that was tried before, under an intent of its own claim.
fn job(step: Step, execution: &Execution) -> Job {
    Job {
        step,
        execution: Execution {
            state: State::Retrying,
            ..execution.clone()
        },
        opened: step.moves_money(),
        run_before: None,
        provider_ref: None,
        next_scheduled_on: None,
        execute_needs_counter: false,
    }
}

/// The machine's last action after these inputs.
fn last_action(job: Job, inputs: impl IntoIterator<Item = Input>) -> Action {
    let policy = policy();
    let mut machine = Machine::new(job, &policy, now());
    let claimed = machine.next(Input::Claimed, now());
    inputs
        .into_iter()
        .fold(claimed, |_, input| machine.next(input, now()))
}

fn answered(outcome: Outcome) -> Input {
    Input::Answered(Answer::from(outcome))
}

fn settled(action: Action) -> Conclusion {
    let Action::Settle(conclusion) = action else {
        panic!("{action:?} is no settlement")
    };
    *conclusion
}

#[test]
fn a_lost_retry_is_not_judged_before_its_processing_time_counter_or_none() {
    let sent = now();
    let mut execution = executing(sent);
    execution.state = State::Unknown;
    execution.progress.sent_at = Some(sent);
    execution.intent = execution.intent.map(|intent| Intent {
        is_retry: true,
        counter_before: Some(1),
        ..intent
    });
    let failed = Outcome::Failed(failure(Class::Funds));
    for attempts in [None, Some(1), Some(2)] {
        let counter = Counter {
            attempts,
            no_retry_allowed: false,
        };
        let judged = |seconds| {
            let seen = after(sent, Duration::from_secs(seconds));
            decide(&execution, Step::Lookup, &failed, counter, &policy(), seen)
        };
        let early = judged(89);
        assert!(!change(&execution, &early).closes_intent, "{attempts:?}");
        let next = early.next.unwrap();
        assert_eq!(next.step, Step::Lookup, "{attempts:?}");
        assert!(next.span.opens >= after(sent, policy().processing_time));
        let late = change(&execution, &judged(90));
        assert!(late.closes_intent, "{attempts:?}");
    }
}

#[test]
fn a_retry_waits_over_an_order_that_is_in_doubt() {
    let mut execution = executing(now());
    execution.intent = execution.intent.map(|intent| Intent {
        is_retry: true,
        ..intent
    });
    execution.progress.debit_attempts = 1;
    execution.progress.failed_at = Some(at("2026-12-01T22:00:00Z"));
    let retry = job(Step::Retry, &execution);
    let read = |class| {
        let answer = answered(Outcome::Failed(failure(class)));
        last_action(retry.clone(), [answer])
    };
    let looks_further = Action::LookUp {
        order_no: 2,
        provider_ref: None,
    };
    assert_eq!(read(Class::Funds), looks_further, "it failed");
    for class in [Class::InFlight, Class::AlreadyCollected] {
        let waits = settled(read(class));
        assert!(waits.transition.closes_intent, "no call was made");
        let next = waits.decision.next.unwrap();
        assert_eq!(next.step, Step::Retry, "{class}: the same call");
        assert!(next.span.opens > now(), "{class}: later");
    }
}

#[test]
fn a_new_order_that_may_be_out_is_rechecked_when_the_one_before_was_charged() {
    let mut execution = executing(now());
    execution.progress.order_no = 2;
    for sent_at in [None, Some(at("2026-12-02T00:40:00Z"))] {
        execution.progress.sent_at = sent_at;
        let second = job(Step::Execute, &execution);
        let asked = last_action(second.clone(), []);
        assert!(matches!(asked, Action::LookUp { order_no: 1, .. }));
        let found = settled(last_action(second, [answered(charged())]));
        assert_eq!(found.debited_order, Some(1));
        assert_eq!(found.transition.to, State::Charged);
        let next = found.decision.next.map(|next| next.step);
        assert_eq!(next, sent_at.map(|_| Step::Recheck), "{sent_at:?}");
        let over = Execution {
            intent: None,
            progress: found.decision.progress,
            ..execution.clone()
        };
        // And it is the new order that the recheck asks about.
        let asked = last_action(job(Step::Recheck, &over), [Input::DebitRead(Some(1))]);
        assert!(matches!(asked, Action::LookUp { order_no: 2, .. }));
    }
}

/// The worker was lost after the call of a retry: what was sent weeks ago says nothing about how long this one has been open.
#[test]
fn a_lost_workers_retry_is_as_old_as_its_intent() {
    let mut execution = executing(now());
    execution.progress.debit_attempts = 1;
    execution.progress.sent_at = Some(at("2026-11-20T01:00:00Z"));
    execution.intent = execution.intent.map(|intent| Intent {
        is_retry: true,
        counter_before: Some(1),
        ..intent
    });
    let unanswered = Outcome::Call(CallFailure::Unknown {
        why: "timeout".to_owned(),
    });
    let seen = after(now(), Duration::from_mins(2));
    let (counter, policy) = (Counter::default(), policy());
    let decision = decide(
        &execution,
        Step::Lookup,
        &unanswered,
        counter,
        &policy,
        seen,
    );
    assert_eq!(decision.reason.then, None, "it has not been open for long");
    let next = decision.next.unwrap();
    assert_eq!(next.span.opens, after(now(), Duration::from_mins(15)));
}
