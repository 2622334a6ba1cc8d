//! A rail takes one debit of a mandate in a period: what another cycle's debit in it means for this one.

use super::*;
use crate::domain::machine::gate::{Gate, gate};
use crate::domain::machine::{Action, Answer, Input, Job, Machine};
use crate::domain::reason::{GateCause, Reason};

/// Half past six in the morning, within the hours and 26 hours after the notification.
fn now() -> Timestamp {
    at("2026-12-02T01:00:00Z")
}

fn on(text: &str) -> chrono::NaiveDate {
    text.parse().unwrap()
}

fn counting_periods() -> Policy {
    Policy {
        cycle_closes: CycleCloses::Period,
        ..policy()
    }
}

#[test]
fn a_period_that_was_debited_for_another_cycle_ends_this_one_before_a_call() {
    let used = Execution {
        period_debit_on: Some(on("2026-12-01")),
        ..executing(now())
    };
    for step in [Step::Notify, Step::Execute, Step::Retry] {
        let Gate::Refused(decision) = gate(&used, step, true, &counting_periods(), now()) else {
            panic!("{step} goes on")
        };
        assert_eq!(decision.class, Some(Class::PeriodUsed), "{step}");
        assert_eq!(
            decision.reason,
            Reason::from(GateCause::PeriodUsed {
                on: on("2026-12-01")
            })
        );
        assert_eq!(change(&used, &decision).to, State::Failed, "{step}");
        // Where the rail counts nothing, nothing is used.
        let card = gate(&used, Step::Execute, true, &policy(), now());
        assert!(matches!(card, Gate::Go), "{card:?}");
    }
}

/// An order that the provider may still collect is looked at before the end.
#[test]
fn an_order_that_may_still_be_collected_is_looked_at_first() {
    let mut used = Execution {
        period_debit_on: Some(on("2026-12-01")),
        state: State::Retrying,
        ..notified()
    };
    let failed_at = at("2026-12-01T20:00:00Z");
    used.progress.failed_at = Some(failed_at);
    let Gate::Refused(decision) = gate(&used, Step::Retry, false, &counting_periods(), now())
    else {
        panic!("it goes on")
    };
    let next = decision.next.unwrap();
    assert_eq!(
        (next.step, next.span.opens),
        (Step::Lookup, after(failed_at, hours(10)))
    );
}

/// The words are the same. The record tells them apart.
#[test]
fn a_period_that_is_collected_already_was_collected_by_the_cycle_that_is_on_record() {
    for (period_debit_on, class, to) in [
        (None, None, State::Unknown),
        (
            Some(on("2026-12-01")),
            Some(Class::PeriodUsed),
            State::Failed,
        ),
    ] {
        let execution = Execution {
            period_debit_on,
            ..executing(now())
        };
        let job = Job {
            step: Step::Execute,
            execution,
            opened: true,
            run_before: None,
            provider_ref: None,
            next_scheduled_on: None,
            execute_needs_counter: false,
        };
        let rules = counting_periods();
        let mut machine = Machine::in_call(job, &rules, now());
        let refused = Outcome::Refused(failure(Class::AlreadyCollected));
        let answer = Input::Answered(Answer::from(refused));
        let Action::Settle(conclusion) = machine.next(answer, now()) else {
            panic!("no settlement")
        };
        assert_eq!(conclusion.decision.class, class);
        assert_eq!(conclusion.transition.to, to, "{class:?}");
    }
}

#[test]
fn a_weekly_debit_by_nach_waits_until_the_last_one_is_seven_days_old() {
    let free_at = at("2026-12-03T18:30:00Z");
    let mut spaced = Execution {
        notify: Notify::None,
        spaced_from: Some(free_at),
        ..executing(now())
    };
    spaced.progress.delivered_at = None;
    let Gate::Refused(decision) = gate(&spaced, Step::Execute, true, &policy(), now()) else {
        panic!("it goes on")
    };
    assert!(decision.next.unwrap().span.opens >= free_at);
    assert!(matches!(
        gate(&spaced, Step::Execute, true, &policy(), free_at),
        Gate::Go
    ));
}
