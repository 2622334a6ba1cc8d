//! Facts that bear on each other. Each rule has its own tests.

use super::*;
use crate::rules::test_facts::{at, day, mandate, notification, presentation, rupees};
use crate::verdict::Rule;

fn judge(rail: Rail) -> Judge {
    Judge::of(mandate(rail, None))
}

/// The rules that were broken.
fn rules(violations: &[Violation]) -> Vec<Rule> {
    violations.iter().map(|violation| violation.rule).collect()
}

fn collected(order_id: &str, cycle: u32) -> Collected<'_> {
    Collected {
        order_id,
        amount: rupees(499),
        at: at("05 08:30"),
        cycle: day(cycle),
    }
}

#[test]
fn a_collection_by_the_book_breaks_nothing() {
    let mut judge = judge(Rail::Upi);
    let notification = notification("04 07:00", Some("04 07:05"));
    assert_eq!(judge.notification_requested(notification), []);
    let verdict = judge.order_presented(&presentation(Some("n1"), "05 08:30"));
    assert_eq!((verdict.violations, verdict.refusal), (vec![], None));
    assert_eq!(judge.order_looked_up("o1", at("05 08:32")), []);
    assert_eq!(judge.debit_collected(&collected("o1", 5)), []);
}

#[test]
fn a_violation_names_the_mandate_the_order_and_the_time() {
    let mut judge = judge(Rail::Card);
    let verdict = judge.order_presented(&presentation(None, "05 08:30"));
    assert_eq!(verdict.refusal, Some(BankRefusal::NotNotified));
    let expected = Violation {
        at: at("05 08:30"),
        mandate_id: "m1".to_owned(),
        order_id: Some("o1".to_owned()),
        rule: Rule::NoNotification,
        detail: "presented without a notification".to_owned(),
    };
    assert_eq!(verdict.violations, [expected]);
}

#[test]
fn what_the_provider_does_by_itself_is_counted_and_not_blamed_on_the_merchant() {
    let mut judge = judge(Rail::Upi);
    judge.notification_requested(notification("04 07:00", Some("04 07:00")));
    let by_provider = Presentation {
        by: Presenter::Provider,
        ..presentation(Some("n1"), "05 11:00")
    };
    for _ in 0..4 {
        let verdict = judge.order_presented(&by_provider);
        assert_eq!((verdict.violations, verdict.refusal), (vec![], None));
    }
    let verdict = judge.order_presented(&by_provider);
    assert_eq!(verdict.violations, []);
    assert_eq!(verdict.refusal, Some(BankRefusal::AttemptsExceeded));
    let verdict = judge.order_presented(&presentation(Some("n1"), "05 13:00"));
    assert_eq!(rules(&verdict.violations), [Rule::OverBudget]);
}

#[test]
fn an_attempt_that_the_bank_refuses_unseen_spends_no_budget() {
    let mut judge = judge(Rail::Upi);
    judge.notification_requested(notification("04 07:00", Some("04 07:00")));
    for _ in 0..9 {
        let verdict = judge.order_presented(&presentation(Some("n1"), "05 06:59"));
        assert_eq!(rules(&verdict.violations), [Rule::EarlyDebit]);
    }
    let verdict = judge.order_presented(&presentation(Some("n1"), "05 07:00"));
    assert_eq!(verdict.refusal, None);
}

#[test]
fn one_presentation_can_break_several_rules() {
    let mut judge = judge(Rail::Upi);
    let verdict = judge.order_presented(&presentation(None, "04 12:00"));
    assert_eq!(
        rules(&verdict.violations),
        [Rule::NoCycle, Rule::PeakDebit, Rule::NoNotification]
    );
}

#[test]
fn an_order_belongs_to_the_cycle_in_which_it_was_first_presented() {
    let mut judge = Judge::of(mandate(Rail::Card, Some("fastag")));
    for (time, broken) in [
        ("05 08:30", vec![]),
        ("19 08:30", vec![]),
        ("20 08:30", vec![Rule::CycleOver]),
    ] {
        let verdict = judge.order_presented(&presentation(None, time));
        assert_eq!(rules(&verdict.violations), broken, "{time}");
    }
}

#[test]
fn nach_counts_what_the_bank_answered() {
    let mut judge = judge(Rail::Enach);
    let first = judge.order_presented(&presentation(None, "05 05:30"));
    assert_eq!(first.violations, []);
    judge.order_answered(RecordedAnswer {
        order_id: "o1",
        presented_at: at("05 05:30"),
        known_at: at("06 10:30"),
        declined: true,
    });
    let soon = judge.order_presented(&presentation(None, "08 05:30"));
    assert_eq!(rules(&soon.violations), [Rule::PresentedTooSoon]);
}

#[test]
fn a_second_debit_is_one_of_the_same_cycle_whichever_order_it_has() {
    let mut judge = judge(Rail::Enach);
    assert_eq!(judge.debit_collected(&collected("o1", 5)), []);
    assert_eq!(judge.debit_collected(&collected("o2", 20)), []);
    let second = judge.debit_collected(&collected("o3", 5));
    assert_eq!(rules(&second), [Rule::SecondDebit]);
}

#[test]
fn look_ups_are_limited_on_upi_only() {
    for (rail, broken) in [
        (Rail::Upi, vec![Rule::LookUpTooSoon]),
        (Rail::Card, vec![]),
        (Rail::Enach, vec![]),
    ] {
        let mut judge = judge(rail);
        judge.order_initiated("o1", at("05 08:30"));
        let violations = judge.order_looked_up("o1", at("05 08:31"));
        assert_eq!(rules(&violations), broken, "{rail:?}");
    }
}

#[test]
fn a_signzy_retry_counts_once_signzy_has_taken_it_up() {
    let mut judge = judge(Rail::Enach);
    let retry = PaymentRetry {
        payment_id: "p1",
        pending: false,
        at: at("06 15:00"),
    };
    for _ in 0..2 {
        let verdict = judge.payment_retry_requested(retry);
        assert_eq!((verdict.violations, verdict.refusal), (vec![], None));
    }
    judge.payment_retried("p1", retry.at);
    let verdict = judge.payment_retry_requested(retry);
    assert_eq!(verdict.refusal, Some(RetryRefusal::RetriedToday));
    assert_eq!(rules(&verdict.violations), [Rule::RetriedToday]);
}
