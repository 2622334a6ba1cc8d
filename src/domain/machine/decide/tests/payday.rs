//! A new order waits for a payday, through its notification, its debit and whatever goes wrong on the way.

use super::*;
use crate::domain::machine::gate::{Gate, gate};
use crate::domain::reason::{Then, TimeChoice};

/// 31 December 2026 is a Thursday: the last working day, the only payday before the cycle ends on 2 January.
const PAYDAY: &str = "2026-12-31T01:00:00Z";

/// The order of 2 December is dead after failures for lack of funds.
fn after_the_first_order(notify: Notify) -> (Execution, Decision) {
    let now = at("2026-12-03T13:00:00Z");
    let mut execution = notified();
    execution.notify = notify;
    execution.state = State::Retrying;
    execution.class = Some(Class::Funds);
    execution.progress.debit_attempts = 4;
    execution.progress.sent_at = Some(at("2026-12-02T16:20:00Z"));
    execution.progress.failed_at = Some(at("2026-12-02T16:30:00Z"));
    if notify == Notify::Provider {
        execution.progress.execute_at = Some(at("2026-12-02T00:30:00Z"));
    }
    let funds = Outcome::Failed(failure(Class::Funds));
    let decision = decide(
        &execution,
        Step::Lookup,
        &funds,
        Counter::default(),
        &policy(),
        now,
    );
    (execution, decision)
}

fn go_on(execution: &Execution, decision: &Decision) -> Execution {
    Execution {
        state: follow(execution, decision).unwrap(),
        progress: decision.progress,
        class: decision.class,
        ..execution.clone()
    }
}

#[test]
fn the_payer_is_notified_a_day_before_payday_and_debited_on_it() {
    let (execution, renewed) = after_the_first_order(Notify::Separate);
    let next = renewed.next.unwrap();
    assert_eq!(next.step, Step::Notify);
    let lead = hours(25).checked_add(policy().notify_lead).unwrap();
    assert!(
        next.span.opens <= at(PAYDAY) && after(next.span.opens, lead) >= at(PAYDAY),
        "{}",
        next.span.opens
    );
    let salary = Then::NewOrder(TimeChoice::NextSalary);
    assert_eq!(renewed.reason.then, Some(salary));
    // The notification arrives at once, and with all its lead: still not debited before the salary.
    let planned = go_on(&execution, &renewed);
    let told = decide_notification(
        &planned,
        Step::Notify,
        &NotificationOutcome::Delivered,
        &policy(),
        next.span.opens,
    );
    let debit = told.next.unwrap();
    assert_eq!(debit.step, Step::Execute);
    assert!(debit.span.opens >= at(PAYDAY), "{}", debit.span.opens);
    // Nor does the gate let it through earlier.
    let mut waiting = go_on(&planned, &told);
    waiting.intent = executing(at(PAYDAY)).intent;
    waiting.state = State::Executing;
    let early = at("2026-12-31T00:30:00Z");
    let Gate::Refused(later) = gate(&waiting, Step::Execute, true, false, &policy(), early) else {
        panic!("let through before payday");
    };
    assert!(later.next.unwrap().span.opens >= at(PAYDAY));
    let due = debit.span.opens;
    assert_eq!(
        gate(&waiting, Step::Execute, true, false, &policy(), due),
        Gate::Go
    );
}

#[test]
fn a_notification_that_fails_is_made_again_for_the_same_payday() {
    let (execution, renewed) = after_the_first_order(Notify::Separate);
    let planned = go_on(&execution, &renewed);
    let now = renewed.next.unwrap().span.opens;
    let bad = NotificationOutcome::Failed(failure(Class::Notification));
    let again = decide_notification(&planned, Step::Notify, &bad, &policy(), now);
    let retry = again.next.unwrap();
    let told = decide_notification(
        &go_on(&planned, &again),
        Step::Notify,
        &NotificationOutcome::Delivered,
        &policy(),
        retry.span.opens,
    );
    assert!(told.next.unwrap().span.opens >= at(PAYDAY));
}

#[test]
fn a_provider_that_debits_by_itself_is_handed_the_payday() {
    let (_, renewed) = after_the_first_order(Notify::Provider);
    let next = renewed.next.unwrap();
    assert_eq!(next.step, Step::Execute);
    let date = renewed.progress.execute_at.unwrap();
    assert!(date >= at(PAYDAY) && date < at("2027-01-01T01:00:00Z"));
    assert!(after(next.span.opens, hours(25)) <= date);
}

#[test]
fn without_a_payday_in_the_cycle_the_last_order_is_late_and_one_before_it_soon() {
    let (mut execution, _) = after_the_first_order(Notify::Separate);
    execution.cycle.closes_at = at("2026-12-10T18:30:00Z");
    let funds = Outcome::Failed(failure(Class::Funds));
    let renewed = |max_orders| {
        let rules = Policy {
            max_orders,
            ..policy()
        };
        let now = at("2026-12-03T13:00:00Z");
        let counter = Counter::default();
        let decision = decide(&execution, Step::Lookup, &funds, counter, &rules, now);
        decision.progress.execute_at.unwrap()
    };
    assert_eq!(renewed(3), at("2026-12-04T16:15:00Z"));
    assert_eq!(renewed(2), at("2026-12-09T16:15:00Z"));
}
