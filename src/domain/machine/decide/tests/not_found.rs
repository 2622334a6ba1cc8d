//! "Mandate not found": the end of a mandate where the account works, and a reason to ask again where nothing shows that it does.

use super::*;
use crate::domain::execution::NotFoundAnswers;

fn not_found() -> Failure {
    Failure {
        code: Some("Mandate not found".to_owned()),
        ..failure(Class::MandateDead)
    }
}

/// What the answers of these days lead to, each day's to a refused debit.
fn refused_on(days: &[&str]) -> Vec<Decision> {
    let mut answers = Some(NotFoundAnswers::default());
    days.iter()
        .map(|day| {
            let now = at(day);
            let execution = Execution {
                not_found: answers,
                ..executing(now)
            };
            answers = answers.map(|answers| answers.with_answer(now));
            let refused = Outcome::Refused(not_found());
            let counter = Counter::default();
            decide(&execution, Step::Execute, &refused, counter, &policy(), now)
        })
        .collect()
}

fn mandates(decisions: &[Decision]) -> Vec<Option<MandateStatus>> {
    decisions.iter().map(|decision| decision.mandate).collect()
}

#[test]
fn a_mandate_that_is_not_found_ends_after_three_days_of_that() {
    let decisions = refused_on(&[
        "2026-12-02T01:00:00Z",
        "2026-12-02T08:00:00Z",
        "2026-12-03T08:00:00Z",
        "2026-12-03T10:00:00Z",
        "2026-12-04T08:00:00Z",
    ]);
    let dead = Some(MandateStatus::Revoked);
    assert_eq!(mandates(&decisions), [None, None, None, None, dead]);
    for decision in &decisions[..4] {
        let next = decision.next.unwrap();
        assert_eq!(next.step, Step::Execute, "the same call");
        assert!(decision.intent_unused, "nothing was processed");
        assert_eq!(decision.class, None, "what is doubted is no class");
        assert!(next.span.opens >= at("2026-12-03T01:00:00Z"), "a day later");
    }
    assert_eq!(decisions[4].verdict, Verdict::GivenUp);
}

#[test]
fn a_mandate_that_is_not_found_by_an_account_that_works_is_over() {
    let now = at("2026-12-02T01:00:00Z");
    let refused = Outcome::Refused(not_found());
    let decide = |execution: &Execution, outcome| {
        decide(
            execution,
            Step::Execute,
            outcome,
            Counter::default(),
            &policy(),
            now,
        )
        .mandate
    };
    assert_eq!(
        decide(&executing(now), &refused),
        Some(MandateStatus::Revoked)
    );
    // And what says that it has ended needs no account that works.
    let new = Execution {
        not_found: Some(NotFoundAnswers::default()),
        ..executing(now)
    };
    let revoked = Outcome::Refused(failure(Class::MandateDead));
    assert_eq!(decide(&new, &revoked), Some(MandateStatus::Revoked));
}

#[test]
fn a_notification_for_a_mandate_that_is_not_found_is_asked_for_on_another_day() {
    let now = at("2026-11-30T04:00:00Z");
    let execution = Execution {
        state: State::Planned,
        not_found: Some(NotFoundAnswers::default()),
        ..notified()
    };
    let outcome = NotificationOutcome::Failed(not_found());
    let decision = decide_notification(&execution, Step::Notify, &outcome, &policy(), now);
    assert_eq!(decision.mandate, None);
    assert_eq!(decision.verdict, Verdict::NotificationFailed);
    let next = decision.next.unwrap();
    assert_eq!(next.step, Step::Notify);
    assert!(next.span.opens >= at("2026-12-01T04:00:00Z"), "{next:?}");
}
