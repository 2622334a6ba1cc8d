//! What waits: for a mandate that is paused, and for room in the attempts of 30 days.

use std::fmt::Write;

use super::*;
use crate::domain::machine::gate::{Gate, gate, mandate_answered};

const DAY: Duration = Duration::from_hours(24);

/// Half past six in the morning in India, in a window, 26 and a half hours after the notification.
fn now() -> Timestamp {
    at("2026-12-02T01:00:00Z")
}

fn paused(paused_at: Option<Timestamp>) -> Execution {
    Execution {
        mandate_status: MandateStatus::Paused,
        paused_at,
        ..notified()
    }
}

/// What the gate says of a step that is not to be done now, in words.
fn says(execution: &Execution, step: Step, now: Timestamp) -> String {
    match gate(execution, step, false, false, &policy(), now) {
        Gate::Go => "go".to_owned(),
        Gate::LookUpMandate => "ask".to_owned(),
        Gate::Refused(decision) => told(&decision),
    }
}

fn told(decision: &Decision) -> String {
    let next = decision.next.map_or_else(
        || "nothing".to_owned(),
        |next| format!("{} at {}", next.step, next.span.opens.format("%d %H:%M")),
    );
    let parked = if decision.parked { ", parked" } else { "" };
    format!(
        "{next}{parked} {:?} {:?}",
        decision.verdict, decision.reason
    )
}

#[test]
fn a_provider_is_asked_about_a_pause_it_knows_of_once_a_day() {
    let minute = Duration::from_mins(1);
    let ago = |duration| now().checked_sub_signed(chrono::TimeDelta::from_std(duration).unwrap());
    for (paused_at, asks) in [
        (None, false),
        (Some(now()), false),
        (ago(DAY.saturating_sub(minute)), false),
        (ago(DAY), true),
        (ago(DAY * 9), true),
    ] {
        for step in [Step::Notify, Step::Execute, Step::Retry] {
            let said = says(&paused(paused_at), step, now());
            assert_eq!(said == "ask", asks, "{paused_at:?} {step}: {said}");
            assert!(asks || said.contains(", parked"), "{said}");
        }
    }
    // After the cycle's end it does not matter any more.
    let closed = after(now(), DAY * 40);
    let said = says(&paused(ago(DAY)), Step::Execute, closed);
    assert!(said.contains("CycleClosed"), "{said}");
}

#[test]
fn what_a_provider_says_of_a_paused_mandate_decides_how_its_step_goes_on() {
    let mut table = String::new();
    let mut tried = paused(Some(at("2026-12-01T00:00:00Z")));
    tried.state = State::Retrying;
    tried.progress.failed_at = Some(at("2026-12-02T00:00:00Z"));
    let fresh = paused(Some(at("2026-12-01T00:00:00Z")));
    for (what, execution, step) in [
        ("fresh", &fresh, Step::Execute),
        ("tried an hour ago", &tried, Step::Retry),
    ] {
        writeln!(table, "{what}").unwrap();
        for said in MandateStatus::ALL.iter().copied().map(Some).chain([None]) {
            let decision = mandate_answered(execution, step, said, &policy(), now());
            let word = said.map_or("-", MandateStatus::as_str);
            writeln!(table, "  {word:<10} {}", told(&decision)).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

/// A card's cycle, notified as [`notified`] is, that has no room for another try until some time.
fn spent(until: &str) -> Execution {
    Execution {
        budget_from: Some(at(until)),
        ..notified()
    }
}

#[test]
fn a_debit_without_room_in_30_days_waits_as_its_notification_and_its_cycle_allow() {
    let mut table = String::new();
    let mut tried = spent("2026-12-20T00:00:00Z");
    tried.state = State::Retrying;
    tried.progress.failed_at = Some(at("2026-12-01T00:00:00Z"));
    let mut just_tried = spent("2027-01-20T00:00:00Z");
    just_tried.state = State::Retrying;
    just_tried.progress.failed_at = Some(at("2026-12-02T00:00:00Z"));
    let mut handed_over = spent("2026-12-20T00:00:00Z");
    handed_over.notify = Notify::Provider;
    handed_over.progress.delivered_at = None;
    let mut unnotified = spent("2026-12-20T00:00:00Z");
    unnotified.notify = Notify::None;
    unnotified.progress.delivered_at = None;
    let mut planned = spent("2026-12-20T00:00:00Z");
    planned.state = State::Planned;
    planned.progress.delivered_at = None;
    let mut too_late = planned.clone();
    too_late.budget_from = Some(at("2027-01-02T00:00:00Z"));
    let at_the_notice = at("2026-12-18T23:00:00Z");
    for (what, execution, step, now) in [
        (
            "a day is enough",
            &spent("2026-12-02T16:30:00Z"),
            Step::Execute,
            now(),
        ),
        (
            "a notification ends first",
            &spent("2026-12-20T00:00:00Z"),
            Step::Execute,
            now(),
        ),
        (
            "25 hours before it",
            &spent("2026-12-20T00:00:00Z"),
            Step::Execute,
            at_the_notice,
        ),
        (
            "tried before, 25 hours before it",
            &tried,
            Step::Retry,
            at_the_notice,
        ),
        (
            "the cycle ends first",
            &spent("2027-01-02T00:00:00Z"),
            Step::Execute,
            now(),
        ),
        (
            "the provider may still collect",
            &just_tried,
            Step::Retry,
            now(),
        ),
        ("the provider notifies", &handed_over, Step::Execute, now()),
        ("nobody need be notified", &unnotified, Step::Execute, now()),
        ("not yet notified", &planned, Step::Notify, now()),
        (
            "not yet notified, 25 hours before it",
            &planned,
            Step::Notify,
            at_the_notice,
        ),
        (
            "not yet notified, the cycle ends first",
            &too_late,
            Step::Notify,
            now(),
        ),
    ] {
        writeln!(table, "{what}: {}", says(execution, step, now)).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_notification_is_not_renewed_more_often_than_the_order_may_have() {
    let mut execution = spent("2026-12-20T00:00:00Z");
    let renewed =
        |execution: &Execution| says(execution, Step::Execute, at("2026-12-18T23:00:00Z"));
    execution.progress.notification_no = 2;
    assert!(renewed(&execution).contains("NotificationRenewed"));
    execution.progress.notification_no = 3;
    let said = renewed(&execution);
    assert!(
        said.contains("CycleClosed") && said.contains("NotificationsSpent(3)"),
        "{said}"
    );
}

/// However the claim refuses, the job does not come back before it would no longer.
#[test]
fn what_waits_for_room_never_comes_back_to_wait_again_at_once() {
    let start = at("2026-12-01T00:00:00Z");
    for hour in 0..(30 * 24) {
        let now = after(start, hours(hour));
        for until in 1..=30u64 {
            let from = after(start, DAY * u32::try_from(until).unwrap());
            if from <= now {
                continue;
            }
            let execution = Execution {
                budget_from: Some(from),
                ..notified()
            };
            let Gate::Refused(decision) =
                gate(&execution, Step::Execute, false, false, &policy(), now)
            else {
                panic!("debited without room");
            };
            if let Some(next) = decision.next
                && next.step == Step::Execute
            {
                let notice_at = from
                    .checked_sub_signed(chrono::TimeDelta::hours(25))
                    .unwrap();
                assert!(next.span.opens >= notice_at, "{now} {decision:?}");
                assert!(next.span.opens > now, "{now} {decision:?}");
            }
        }
    }
}

#[test]
fn the_silent_attempts_of_a_provider_count_as_declined() {
    let mut before = executing(now());
    before.progress.debit_attempts = 1;
    let declined_by = |outcome: &Outcome, attempts| {
        let counter = Counter {
            attempts: Some(attempts),
            no_retry_allowed: false,
        };
        decide(&before, Step::Execute, outcome, counter, &policy(), now()).declined
    };
    let declined = Outcome::Failed(failure(Class::Funds));
    assert_eq!(
        [1, 2, 4].map(|seen| declined_by(&declined, seen)),
        [1, 1, 3]
    );
    assert_eq!(
        [1, 2, 4].map(|seen| declined_by(&charged(), seen)),
        [0, 0, 2]
    );
    assert_eq!(declined_by(&Outcome::Pending, 4), 0);
    // Found out again by a look-up, it is no other try.
    let mut again = notified();
    again.state = State::Retrying;
    again.class = Some(Class::Funds);
    again.progress.debit_attempts = 2;
    again.progress.failed_at = Some(now());
    let counter = Counter {
        attempts: Some(2),
        no_retry_allowed: false,
    };
    let seen = decide(&again, Step::Lookup, &declined, counter, &policy(), now());
    assert_eq!(seen.declined, 0);
    // The last try of an order that a new one follows counts too, though that starts from nothing.
    let nothing_more = Counter {
        attempts: Some(2),
        no_retry_allowed: true,
    };
    let renewed = decide(
        &before,
        Step::Execute,
        &declined,
        nothing_more,
        &policy(),
        now(),
    );
    assert_eq!(
        (renewed.progress.order_no, renewed.progress.debit_attempts),
        (2, 0)
    );
    assert_eq!(renewed.declined, 1);
}
