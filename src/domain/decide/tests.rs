//! The rules of money, over random executions and outcomes, and the table of what each outcome leads to.

mod proven;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use proptest::prelude::*;

use super::notification::decide_notification;
use super::*;
use crate::domain::cycle::Cycle;
use crate::domain::execution::Intent;
use crate::domain::gate::{Gate, gate};
use crate::domain::outcome::{CallFailure, Failure, NotificationOutcome};
use crate::domain::policy::Strategy as Retry;
use crate::domain::retry::after;
use crate::domain::window::WindowsText;
use crate::domain::{Currency, ExecutionId, Notify, ProviderKind, Rail, State, state};

const HOUR: Duration = Duration::from_secs(3600);

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
        jitter: Duration::from_secs(600),
        notify_lead: hours(2),
        notify_to_debit: hours(25),
        notification_validity: hours(48),
        notification_tries: 3,
        max_attempts: 4,
        min_gap: HOUR,
        max_orders: 2,
        provider_retry_horizon: hours(10),
        processing_time: Duration::from_secs(90),
        lookup_after: vec![
            Duration::from_secs(90),
            Duration::from_secs(900),
            Duration::from_secs(6600),
        ],
        lookup_window: hours(2),
        lookup_every: hours(6),
        review_after: hours(72),
        verify_after: hours(24),
        retry,
    }
}

/// A monthly cycle of a UPI mandate that we notify: delivered on the 1st at 04:00, due on the 2nd at 06:00 local time.
fn notified() -> Execution {
    Execution {
        id: ExecutionId(7),
        provider: ProviderKind::Juspay,
        notify: Notify::Separate,
        mandate_status: MandateStatus::Active,
        state: State::Notified,
        cycle: Cycle {
            on: "2026-12-02".parse().unwrap(),
            debit_at: at("2026-12-02T00:30:00Z"),
            closes_at: at("2027-01-01T18:30:00Z"),
        },
        amount: Amount::new(49_900, Currency::INR).unwrap(),
        progress: Progress {
            order_no: 1,
            notification_no: 1,
            delivered_at: Some(at("2026-11-30T22:30:00Z")),
            execute_at: None,
            debits_tried: 0,
            lookups: 0,
            tries: 0,
            sent_at: None,
            failed_at: None,
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
        other => format!("{other:?}")
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
        after(sent, Duration::from_secs(60)),
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
    assert_eq!(seen(1, 60).next.unwrap().step, Step::Lookup);
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
        "{}",
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
        &policy(),
        at("2026-12-09T00:00:00Z"),
    );
    assert_eq!(decision.events, vec![Event::ReviewNeeded]);
    assert!(
        decision.reason.contains("refund due"),
        "{}",
        decision.reason
    );
}

#[test]
fn an_outcome_that_stays_open_goes_to_a_person_and_is_never_called_failed() {
    let sent = at("2026-12-02T00:40:00Z");
    let mut execution = executing(sent);
    execution.state = State::Unknown;
    execution.progress.sent_at = Some(sent);
    let lost = Outcome::Call(CallFailure::Unknown {
        why: "502".to_owned(),
    });
    let decision = decide(
        &execution,
        Step::Lookup,
        &lost,
        Counter::default(),
        &policy(),
        after(sent, hours(72)),
    );
    assert_eq!(decision.events, vec![Event::ReviewNeeded]);
    assert!(!decision.closes_intent);
    assert_eq!(decision.next.unwrap().step, Step::Verify);
}

fn instants() -> impl Strategy<Value = Instant> {
    // From two days before the cycle's debit to a week after its end.
    (-48i64 * 60..38 * 24 * 60)
        .prop_map(|minutes| at("2026-12-02T00:30:00Z") + chrono::TimeDelta::minutes(minutes))
}

prop_compose! {
    fn executions()(
        state in prop::sample::select(State::ALL),
        provider_notify in prop::sample::select(vec![
            (ProviderKind::Juspay, Notify::Separate), (ProviderKind::Juspay, Notify::Provider),
            (ProviderKind::Juspay, Notify::None), (ProviderKind::Signzy, Notify::None), (ProviderKind::Signzy, Notify::Provider),
        ]),
        mandate_status in prop::sample::select(MandateStatus::ALL),
        delivered in prop::option::of(instants()),
        sent in prop::option::of(instants()),
        failed in prop::option::of(instants()),
        execute_at in prop::option::of(instants()),
        (order_no, debits_tried, lookups, tries) in (1u16..4, 0u16..6, 0u16..9, 0u16..9),
        is_retry in any::<bool>(),
        counter_before in prop::option::of(0i64..4),
        opened_at in instants(),
        open in any::<bool>(),
    ) -> Execution {
        let open = state.is_open() || state == State::Review && open;
        Execution {
            state,
            provider: provider_notify.0,
            notify: provider_notify.1,
            mandate_status,
            progress: Progress { order_no, notification_no: order_no, delivered_at: delivered, execute_at, debits_tried, lookups, tries,
                sent_at: sent, failed_at: failed, looked: [None; 3] },
            intent: open.then_some(Intent { is_retry, opened_at, counter_before }),
            ..notified()
        }
    }
}

fn counters() -> impl Strategy<Value = Counter> {
    (prop::option::of(0i64..6), any::<bool>()).prop_map(|(attempts, no_retry_allowed)| Counter {
        attempts,
        no_retry_allowed,
    })
}

/// Which steps a job can have in a state.
fn steps(execution: &Execution) -> Vec<Step> {
    match execution.state {
        State::Planned if execution.is_watched() => vec![Step::Lookup],
        State::Planned if execution.notify == Notify::Separate => vec![Step::Notify],
        State::Planned => vec![Step::Execute],
        State::Notifying => vec![Step::NotifyStatus],
        State::Notified => vec![Step::Execute],
        State::Executing => vec![Step::Execute, Step::Retry, Step::Lookup],
        State::Pending | State::Unknown => vec![Step::Lookup],
        State::Retrying => vec![Step::Lookup],
        State::Charged | State::Failed | State::Skipped | State::Expired | State::Review => {
            vec![Step::Verify]
        }
    }
}

/// What must be true of every decision, whatever it was about.
fn check(
    execution: &Execution,
    step: Step,
    decision: &Decision,
    now: Instant,
) -> Result<(), TestCaseError> {
    let policy = policy();
    let to = follow(execution, decision)
        .map_err(|error| TestCaseError::fail(format!("{error}: {decision:?}")))?;
    let intent_left = execution.intent.is_some() && !decision.closes_intent;
    if !to.is_final() {
        prop_assert!(
            decision.next.is_some(),
            "{to} without a next step would be forgotten: {decision:?}"
        );
    } else if let Some(next) = decision.next {
        prop_assert_eq!(next.step, Step::Verify, "a final state is only looked at");
    }
    if intent_left {
        prop_assert!(
            to.is_open() || to == State::Review,
            "{to} with an open intent"
        );
    }
    if let Some(next) = decision.next {
        prop_assert!(
            next.span.opens >= now || next.span.opens >= execution.cycle.closes_at,
            "{decision:?} in the past"
        );
        let debit_now = next.step == Step::Retry
            || next.step == Step::Execute && execution.notify != Notify::Provider;
        let parked = next.span.opens >= execution.cycle.closes_at;
        if debit_now && !parked && !decision.reason.contains("another debit") {
            prop_assert!(
                policy.debit_windows.contains(next.span.opens),
                "outside a window: {decision:?}"
            );
            prop_assert!(
                !intent_left,
                "a second call while the first is open: {decision:?}"
            );
        }
        if next.step == Step::Notify && !parked {
            prop_assert!(
                policy.notify_windows.contains(next.span.opens),
                "outside a window: {decision:?}"
            );
        }
    }
    if decision.progress.order_no > execution.progress.order_no {
        let failed = execution.progress.failed_at;
        let dead = failed.is_some_and(|failed| now >= after(failed, policy.provider_retry_horizon));
        prop_assert!(
            dead || decision.reason.contains("dead"),
            "a new order for a living one: {decision:?}"
        );
        prop_assert_eq!(decision.progress.delivered_at, None);
    }
    prop_assert!(
        step.moves_money()
            || decision.progress.sent_at == execution.progress.sent_at
            || decision.progress.sent_at.is_none()
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_decision_breaks_a_rule_of_money(
        execution in executions(), outcome in prop::sample::select(outcomes()), counter in counters(), now in instants(), pick in any::<prop::sample::Index>(),
    ) {
        let step = *pick.get(&steps(&execution));
        let decision = match step {
            Step::Notify | Step::NotifyStatus => return Ok(()),
            Step::Verify => decide_verify(&execution, 1, &outcome, &policy(), now),
            Step::Execute | Step::Retry if execution.intent.is_none() => return Ok(()),
            Step::Execute | Step::Retry | Step::Lookup => decide(&execution, step, &outcome, counter, &policy(), now),
        };
        check(&execution, step, &decision, now)?;
        let proven = matches!(outcome, Outcome::Failed(_) | Outcome::Refused(_) | Outcome::NotFound | Outcome::Reversed(_) | Outcome::Charged { .. });
        if execution.intent.is_some() && !proven && step == Step::Lookup {
            prop_assert!(!decision.closes_intent, "guessed from {outcome:?}: {decision:?}");
        }
        if matches!(outcome, Outcome::Call(CallFailure::Unknown { .. })) {
            let to = follow(&execution, &decision).unwrap();
            prop_assert!(to == execution.state || matches!(to, State::Unknown | State::Review), "{outcome:?} became {to}");
        }
    }

    #[test]
    fn no_notification_decision_breaks_a_rule(
        mut execution in executions(), class in prop::sample::select(Class::ALL), kind in 0usize..9, now in instants(),
    ) {
        execution.state = if kind % 2 == 0 { State::Planned } else { State::Notifying };
        execution.notify = Notify::Separate;
        execution.provider = ProviderKind::Juspay;
        execution.intent = None;
        execution.progress.delivered_at = None;
        let step = if execution.state == State::Planned { Step::Notify } else { Step::NotifyStatus };
        let why = || "w".to_owned();
        let outcome = match kind {
            0 | 1 => NotificationOutcome::Delivered,
            2 => NotificationOutcome::Pending,
            3 => NotificationOutcome::AlreadyExists,
            4 => NotificationOutcome::Failed(failure(class)),
            5 => NotificationOutcome::NotFound,
            6 => NotificationOutcome::Call(CallFailure::Unknown { why: why() }),
            7 => NotificationOutcome::Call(CallFailure::NotSent { why: why() }),
            _ => NotificationOutcome::Call(CallFailure::AccountRefused { why: why() }),
        };
        let decision = decide_notification(&execution, step, &outcome, &policy(), now);
        check(&execution, step, &decision, now)?;
        if outcome == NotificationOutcome::Delivered && let Some(next) = decision.next {
            prop_assert!(next.span.opens >= after(now, hours(25)) && next.span.opens <= after(now, hours(48)));
            prop_assert!(next.span.opens >= execution.cycle.debit_at && next.span.opens < execution.cycle.closes_at);
        }
    }

    #[test]
    fn the_gate_lets_nothing_through_that_is_unlawful(execution in executions(), now in instants(), opened in any::<bool>(), pick in any::<prop::sample::Index>()) {
        let mut execution = execution;
        let step = *pick.get(&[Step::Notify, Step::Execute, Step::Retry, Step::Lookup]);
        let moves = step.moves_money();
        let states: &[State] = match step {
            Step::Notify => &[State::Planned],
            Step::Lookup => &[State::Executing, State::Unknown, State::Pending],
            Step::Execute | Step::Retry if opened => &[State::Executing],
            Step::Execute | Step::Retry | Step::NotifyStatus | Step::Verify => &[State::Planned, State::Notified, State::Retrying],
        };
        execution.state = *pick.get(states);
        if step == Step::Notify { execution.notify = Notify::Separate; execution.provider = ProviderKind::Juspay; }
        let intent = Intent { is_retry: step == Step::Retry, opened_at: now, counter_before: None };
        execution.intent = execution.state.is_open().then_some(intent);
        match gate(&execution, step, opened && moves, false, &policy(), now) {
            Gate::Go if moves => {
                prop_assert!(opened, "a call without an intent");
                prop_assert_eq!(execution.mandate_status, MandateStatus::Active);
                prop_assert!(now < execution.cycle.closes_at);
                prop_assert!(execution.progress.debits_tried < policy().max_attempts);
                if execution.notify == Notify::Separate {
                    let delivered = execution.progress.delivered_at.unwrap();
                    prop_assert!(now >= after(delivered, hours(25)) && now <= after(delivered, hours(48)));
                }
                let handed_over = step == Step::Execute && (execution.provider, execution.notify) == (ProviderKind::Juspay, Notify::Provider);
                if handed_over {
                    prop_assert!(execution.progress.execute_at.unwrap() >= after(now, hours(25)));
                } else {
                    prop_assert!(policy().debit_windows.contains(now));
                }
            }
            Gate::Go if step == Step::Notify => {
                prop_assert!(policy().notify_windows.contains(now) && now < execution.cycle.closes_at);
                prop_assert_eq!(execution.mandate_status, MandateStatus::Active);
            }
            Gate::Go => {}
            Gate::Instead(decision) => check(&execution, step, &decision, now)?,
        }
    }
}
