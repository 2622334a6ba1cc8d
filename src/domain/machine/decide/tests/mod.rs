//! The table of what each outcome leads to, and the stories behind its rows.

mod endings;
mod operator;
mod payday;
mod properties;
mod proven;
mod waiting;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::notification::decide_notification;
use super::*;
use crate::domain::cycle::Cycle;
use crate::domain::execution::Intent;
use crate::domain::outcome::{CallFailure, Counter, Failure, NotificationOutcome};
use crate::domain::policy::Strategy as Retry;
use crate::domain::reason::{Cause, GateCause, RecheckCause, Then, TimeChoice};
use crate::domain::retry::after;
use crate::domain::window::WindowsText;
use crate::domain::{Currency, ExecutionId, Notify, ProviderKind, Rail, State, state};

const HOUR: Duration = Duration::from_hours(1);

fn at(text: &str) -> Instant {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn hours(n: u32) -> Duration {
    HOUR.checked_mul(n).unwrap()
}

fn windows(ranges: &[&str]) -> crate::domain::window::Windows {
    let ranges = ranges.iter().map(|range| (*range).to_owned()).collect();
    WindowsText {
        time_zone: "Asia/Kolkata".to_owned(),
        ranges,
    }
    .try_into()
    .unwrap()
}

fn policy() -> Policy {
    let hours_of_upi = ["13:01-16:59", "21:31-09:59"];
    let parts = vec![
        "06:30:00".parse().unwrap(),
        "16:00:00".parse().unwrap(),
        "21:45:00".parse().unwrap(),
    ];
    let payday = Retry::Payday {
        day_parts: parts,
        days: vec![1, 2, 3],
        last_working_day: true,
        day_part_first: true,
    };
    let backoff = Retry::Backoff {
        initial: HOUR,
        max: hours(8),
    };
    let retry = BTreeMap::from([
        (Class::Funds, payday),
        (Class::Transient, backoff.clone()),
        (Class::Unmapped, backoff),
        (
            Class::Limit,
            Retry::AfterReset {
                at: "06:30:00".parse().unwrap(),
            },
        ),
    ]);
    Policy {
        rail: Rail::Upi,
        debit_windows: windows(&hours_of_upi),
        notify_windows: windows(&hours_of_upi),
        jitter: Duration::from_mins(10),
        notify_lead: hours(2),
        notify_to_debit: hours(25),
        notification_validity: hours(48),
        notification_tries: 3,
        max_attempts: 4,
        min_gap: HOUR,
        min_gap_after_failure: Duration::ZERO,
        max_orders: 2,
        provider_retry_horizon: hours(10),
        processing_time: Duration::from_secs(90),
        lookup_after: vec![
            Duration::from_secs(90),
            Duration::from_mins(15),
            Duration::from_mins(110),
        ],
        lookup_window: hours(2),
        lookup_every: hours(6),
        review_after: hours(72),
        verify_after: hours(24),
        retry,
        max_attempts_in_30_days: None,
        paused_check_every: Duration::from_hours(24),
    }
}

/// A monthly cycle of a UPI mandate that we notify: delivered on the 1st at 04:00, due on the 2nd at 06:00 local time.
fn notified() -> Execution {
    Execution {
        id: ExecutionId(7),
        provider: ProviderKind::Juspay,
        notify: Notify::Separate,
        mandate_status: MandateStatus::Active,
        paused_at: None,
        rail_paused: false,
        budget_from: None,
        state: State::Notified,
        cycle: Cycle {
            on: "2026-12-02".parse().unwrap(),
            debit_at: at("2026-12-02T00:30:00Z"),
            closes_at: at("2027-01-01T18:30:00Z"),
        },
        amount: Amount::new(49_900, Currency::INR).unwrap(),
        approval_above: None,
        progress: Progress {
            order_no: 1,
            notification_no: 1,
            delivered_at: Some(at("2026-11-30T22:30:00Z")),
            undelivered_at: None,
            execute_at: None,
            debits_tried: 0,
            lookups: 0,
            tries: 0,
            sent_at: None,
            failed_at: None,
            not_before: None,
            looked: [None; 3],
        },
        class: None,
        intent: None,
    }
}

fn executing(now: Instant) -> Execution {
    let intent = Some(Intent {
        is_retry: false,
        opened_at: now,
        counter_before: None,
    });
    Execution {
        state: State::Executing,
        intent,
        ..notified()
    }
}

fn failure(class: Class) -> Failure {
    Failure {
        class,
        code: Some("X1".to_owned()),
        message: None,
        rule: None,
        retry_after: None,
        not_before: None,
    }
}

fn charged() -> Outcome {
    Outcome::Charged {
        amount: None,
        txn: None,
    }
}

fn outcomes() -> Vec<Outcome> {
    let call = |failure| Outcome::Call(failure);
    let mut all = vec![
        charged(),
        Outcome::Charged {
            amount: Amount::new(1, Currency::INR),
            txn: None,
        },
        Outcome::Pending,
        Outcome::AlreadyExists,
        Outcome::NotFound,
        Outcome::Reversed(failure(Class::Transient)),
        Outcome::Odd(failure(Class::Unmapped)),
        call(CallFailure::NotSent {
            why: "w".to_owned(),
        }),
        call(CallFailure::Unknown {
            why: "w".to_owned(),
        }),
        call(CallFailure::AccountRefused {
            why: "w".to_owned(),
        }),
        call(CallFailure::Throttled {
            after: Some(hours(1)),
        }),
    ];
    all.extend(
        Class::ALL
            .iter()
            .map(|class| Outcome::Failed(failure(*class))),
    );
    all.extend(
        Class::ALL
            .iter()
            .map(|class| Outcome::Refused(failure(*class))),
    );
    all
}

fn name(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed(failure) => format!("failed {}", failure.class),
        Outcome::Refused(failure) => format!("refused {}", failure.class),
        Outcome::Charged { .. }
        | Outcome::Pending
        | Outcome::AlreadyExists
        | Outcome::NotFound
        | Outcome::Reversed(_)
        | Outcome::Odd(_)
        | Outcome::Call(_) => format!("{outcome:?}")
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '(')
            .collect(),
    }
}

fn follow(execution: &Execution, decision: &Decision) -> Result<State, state::IllegalTransition> {
    decision
        .events
        .iter()
        .try_fold(execution.state, |from, event| state::apply(from, *event))
}

#[test]
fn what_every_outcome_of_a_first_debit_leads_to() {
    let now = at("2026-12-02T00:40:00Z");
    let mut table = String::new();
    for outcome in outcomes() {
        let execution = executing(now);
        let decision = decide(
            &execution,
            Step::Execute,
            &outcome,
            Counter::default(),
            &policy(),
            now,
        );
        let next = decision.next.map_or("-".to_owned(), |next| {
            format!("{} {}", next.step, next.span.opens.format("%m-%d %H:%M"))
        });
        let state = follow(&execution, &decision).unwrap();
        let intent = if decision.closes_intent {
            "closed"
        } else {
            "open"
        };
        let mandate = decision.mandate.map_or("", |status| status.as_str());
        writeln!(
            table,
            "{:<26} {state:<9} {intent:<7} {next:<20} {mandate}",
            name(&outcome)
        )
        .unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_lost_answer_is_asked_about_and_sent_again_only_when_the_provider_never_had_it() {
    let sent = at("2026-12-02T00:40:00Z");
    let policy = policy();
    let lost = decide(
        &executing(sent),
        Step::Execute,
        &Outcome::Call(CallFailure::Unknown {
            why: "reset".to_owned(),
        }),
        Counter::default(),
        &policy,
        sent,
    );
    assert_eq!(lost.next.unwrap().step, Step::Lookup);
    assert!(!lost.closes_intent);
    let mut unknown = executing(sent);
    unknown.state = State::Unknown;
    unknown.progress = lost.progress;
    let early = decide(
        &unknown,
        Step::Lookup,
        &Outcome::NotFound,
        Counter::default(),
        &policy,
        after(sent, Duration::from_mins(1)),
    );
    assert_eq!(
        early.next.unwrap().step,
        Step::Lookup,
        "not found proves nothing yet"
    );
    let late = decide(
        &unknown,
        Step::Lookup,
        &Outcome::NotFound,
        Counter::default(),
        &policy,
        after(sent, Duration::from_secs(91)),
    );
    assert_eq!(
        (late.next.unwrap().step, late.closes_intent),
        (Step::Execute, true)
    );
    assert_eq!(late.progress.order_no, 1, "the same order, never a new one");
    assert_eq!(
        late.progress.debits_tried, 0,
        "no budget is spent on what never happened"
    );
}

#[test]
fn a_retry_whose_answer_was_lost_is_judged_by_the_providers_counter() {
    let opened_at = at("2026-12-02T03:00:00Z");
    let mut execution = executing(opened_at);
    execution.state = State::Unknown;
    execution.intent = Some(Intent {
        is_retry: true,
        opened_at,
        counter_before: Some(1),
    });
    execution.progress.debits_tried = 1;
    execution.progress.sent_at = Some(opened_at);
    let funds = Outcome::Failed(failure(Class::Funds));
    let seen = |attempts, seconds| {
        let counter = Counter {
            attempts: Some(attempts),
            no_retry_allowed: false,
        };
        decide(
            &execution,
            Step::Lookup,
            &funds,
            counter,
            &policy(),
            after(opened_at, Duration::from_secs(seconds)),
        )
    };
    // A minute is too early, whichever way: the provider's own retry can have moved the counter while ours is on its way.
    for attempts in [1, 2] {
        let early = seen(attempts, 60);
        assert_eq!(
            (early.next.unwrap().step, early.closes_intent),
            (Step::Lookup, false)
        );
    }
    let never = seen(1, 120);
    assert_eq!(
        (never.next.unwrap().step, never.progress.debits_tried),
        (Step::Retry, 1)
    );
    let happened = seen(2, 120);
    assert_eq!(
        (happened.events, happened.progress.debits_tried),
        (vec![Event::Declined], 2)
    );
}

#[test]
fn a_new_order_waits_until_the_old_one_is_dead() {
    let now = at("2026-12-02T00:40:00Z");
    let mut execution = executing(now);
    execution.progress.debits_tried = 3;
    let policy = policy();
    let last = decide(
        &execution,
        Step::Execute,
        &Outcome::Failed(failure(Class::Funds)),
        Counter::default(),
        &policy,
        now,
    );
    let next = last.next.unwrap();
    assert_eq!(
        (next.step, next.span.opens),
        (Step::Lookup, after(now, hours(10))),
        "{:?}",
        last.reason
    );
    let mut waiting = execution.clone();
    waiting.state = State::Retrying;
    waiting.intent = None;
    waiting.progress = last.progress;
    let dead = decide(
        &waiting,
        Step::Lookup,
        &Outcome::Failed(failure(Class::Funds)),
        Counter::default(),
        &policy,
        next.span.opens,
    );
    assert_eq!(dead.events, vec![Event::Renewed]);
    assert_eq!(
        (dead.progress.order_no, dead.progress.notification_no),
        (2, 2)
    );
    assert_eq!(
        dead.progress.delivered_at, None,
        "a new order needs a new notification"
    );
    assert_eq!(dead.next.unwrap().step, Step::Notify);
    // "The provider says that it will not retry" needs no waiting.
    let no_retry = Counter {
        attempts: Some(4),
        no_retry_allowed: true,
    };
    let at_once = decide(
        &execution,
        Step::Execute,
        &Outcome::Failed(failure(Class::Funds)),
        no_retry,
        &policy,
        now,
    );
    assert_eq!(at_once.events, vec![Event::Declined, Event::Renewed]);
}

#[test]
fn the_second_collection_of_a_cycle_goes_to_a_person() {
    let mut execution = notified();
    execution.state = State::Charged;
    execution.progress.order_no = 2;
    let decision = decide_verify(
        &execution,
        1,
        &charged(),
        Counter::default(),
        &policy(),
        at("2026-12-09T00:00:00Z"),
    );
    assert_eq!(decision.events, vec![Event::ReviewNeeded]);
    let twice = RecheckCause::CollectedTwice { order_no: 1 };
    assert_eq!(decision.reason, twice.into());
}

#[test]
fn what_stays_unknown_is_never_called_failed_and_what_stays_pending_goes_to_a_person() {
    let sent = at("2026-12-02T00:40:00Z");
    let mut execution = executing(sent);
    execution.progress.sent_at = Some(sent);
    let lost = Outcome::Call(CallFailure::Unknown {
        why: "502".to_owned(),
    });
    let look = |execution: &Execution, outcome| {
        let late = after(sent, hours(72));
        let counter = Counter::default();
        let decision = decide(execution, Step::Lookup, outcome, counter, &policy(), late);
        assert!(!decision.closes_intent);
        (decision.events, decision.next.unwrap().step)
    };
    execution.state = State::Unknown;
    assert_eq!(
        look(&execution, &lost),
        (vec![Event::Unproven], Step::Lookup)
    );
    execution.state = State::Pending;
    assert_eq!(
        look(&execution, &Outcome::Pending),
        (vec![Event::ReviewNeeded], Step::Verify)
    );
}
