use std::fmt::Write;

use super::*;
use crate::domain::cycle::Cycle;
use crate::domain::execution::{Intent, Progress};
use crate::domain::machine::decide::unchanged;
use crate::domain::reason::OrderCause;
use crate::domain::{
    Amount, Currency, ExecutionId, MandateStatus, Notify, ProviderKind, Timestamp,
};

fn at(text: &str) -> Timestamp {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn amount() -> Amount {
    Amount::new(49_900, Currency::INR).unwrap()
}

fn collection() -> Collection {
    Collection {
        stated: Some(amount()),
    }
}

fn execution(state: State, open: bool) -> Execution {
    Execution {
        id: ExecutionId(7),
        provider: ProviderKind::Juspay,
        notify: Notify::Separate,
        mandate_status: MandateStatus::Active,
        paused_at: None,
        rail_paused: false,
        budget_from: None,
        period_debit_on: None,
        spaced_from: None,
        not_found: None,
        is_forgotten: false,
        state,
        cycle: Cycle {
            on: "2026-12-02".parse().unwrap(),
            period: "2026-12".parse().unwrap(),
            debit_at: at("2026-12-02T00:30:00Z"),
            closes_at: at("2027-01-01T18:30:00Z"),
        },
        amount: amount(),
        approval_above: None,
        progress: Progress {
            order_no: 1,
            notification_no: 1,
            delivered_at: None,
            undelivered_at: None,
            execute_at: None,
            debit_attempts: 0,
            earlier_attempts: 0,
            lookups: 0,
            step_attempts: 0,
            sent_at: None,
            failed_at: None,
            not_before: None,
            lookup_times: [None; 3],
        },
        class: None,
        intent: open.then_some(Intent {
            is_retry: false,
            opened_at: at("2026-12-02T00:40:00Z"),
            counter_before: None,
        }),
    }
}

fn decision(execution: &Execution, verdict: Verdict, not_processed: bool) -> Decision {
    let mut decision = unchanged(execution, None, OrderCause::Pending);
    decision.verdict = verdict;
    decision.intent_unused = not_processed;
    decision
}

fn verdicts() -> [(&'static str, Verdict); 19] {
    [
        ("waits", Verdict::Waits),
        ("notification requested", Verdict::NotificationRequested),
        ("notification delivered", Verdict::NotificationDelivered),
        ("delivered long ago", Verdict::DeliveredLongAgo),
        ("notification failed", Verdict::NotificationFailed),
        ("notification renewed", Verdict::NotificationRenewed),
        ("accepted", Verdict::Accepted),
        ("unproven", Verdict::Unproven),
        ("collected", Verdict::Collected(collection())),
        ("collected twice", Verdict::CollectedTwice(collection())),
        (
            "earlier collected",
            Verdict::EarlierOrderCollected(collection()),
        ),
        ("declined", Verdict::Declined),
        ("order renewed", Verdict::OrderRenewed),
        ("given up", Verdict::GivenUp),
        ("cycle closed", Verdict::CycleClosed),
        ("needs person", Verdict::NeedsPerson),
        ("review", Verdict::Review),
        ("skipped", Verdict::Skipped),
        ("reopened", Verdict::Reopened),
    ]
}

/// The states that a decision can begin in: an intent is open in some only.
const BEGINNINGS: [(State, bool); 15] = [
    (State::Planned, false),
    (State::Notifying, false),
    (State::Notified, false),
    (State::Retrying, false),
    (State::Executing, true),
    (State::Unknown, false),
    (State::Unknown, true),
    (State::Pending, false),
    (State::Pending, true),
    (State::Charged, false),
    (State::Failed, false),
    (State::Skipped, false),
    (State::Expired, false),
    (State::Review, false),
    (State::Review, true),
];

#[test]
fn what_every_verdict_changes() {
    let mut table = String::new();
    for (name, verdict) in verdicts() {
        for (state, open) in BEGINNINGS {
            let execution = execution(state, open);
            let changes = [false, true].map(|not_processed| {
                let decision = decision(&execution, verdict, not_processed);
                transition(&execution, &decision).ok()
            });
            let [found, not_processed] = changes.map(|change| {
                change.map_or_else(
                    || "-".to_owned(),
                    |Transition {
                         to, closes_intent, ..
                     }| {
                        let closes = if closes_intent { ", closed" } else { "" };
                        format!("{to}{closes}")
                    },
                )
            });
            if found == "-" && not_processed == "-" {
                continue;
            }
            let open = if open { "open" } else { "" };
            let line = format!("{name:<22} {state:<9} {open:<4} {found:<18}");
            let line = if not_processed == found {
                line
            } else {
                format!("{line} not processed: {not_processed}")
            };
            writeln!(table, "{}", line.trim_end()).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn a_debit_is_recorded_for_every_proof_of_one() {
    for (name, verdict) in verdicts() {
        let expected = name.contains("collected") || name == "other amount";
        assert_eq!(verdict.collected().is_some(), expected, "{name}");
    }
}

#[test]
fn an_open_intent_is_closed_by_proof_alone() {
    let execution = execution(State::Executing, true);
    for verdict in [
        Verdict::Waits,
        Verdict::Accepted,
        Verdict::Unproven,
        Verdict::Review,
    ] {
        let change = transition(&execution, &decision(&execution, verdict, false)).unwrap();
        assert!(!change.closes_intent, "{verdict:?}");
        let change = transition(&execution, &decision(&execution, verdict, true)).unwrap();
        assert!(change.closes_intent, "{verdict:?}");
    }
}

#[test]
fn a_call_of_which_nothing_was_found_out_is_not_proven() {
    let execution = execution(State::Executing, true);
    let change = transition(&execution, &decision(&execution, Verdict::Waits, false)).unwrap();
    assert_eq!(change.to, State::Unknown);
    assert_eq!(change.events, [Event::Unproven]);
}

#[test]
fn a_clock_never_ends_a_call_whose_intent_is_open() {
    for (state, _) in BEGINNINGS
        .iter()
        .filter(|(state, open)| *open && state.is_open())
    {
        let execution = execution(*state, true);
        for verdict in [
            Verdict::CycleClosed,
            Verdict::Skipped,
            Verdict::NotificationRenewed,
        ] {
            let change = transition(&execution, &decision(&execution, verdict, false));
            assert!(change.is_err(), "{state} {verdict:?}");
        }
    }
}
