//! Executions, outcomes and a policy to decide about; the tests are in the files beside this one.

mod budget;
mod endings;
mod found;
mod in_doubt;
mod later_orders;
mod not_found;
mod notifications;
mod operator;
mod outcomes;
mod payday;
mod period;
mod properties;
mod proven;
mod recovered;
mod strategy;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use super::notification::decide_notification;
use super::*;
use crate::domain::Contradiction;
use crate::domain::cycle::{Cycle, CycleCloses};
use crate::domain::execution::Intent;
use crate::domain::machine::{Transition, transition};
use crate::domain::outcome::{CallFailure, Counter, Failure, NotificationOutcome};
use crate::domain::policy::Strategy as Retry;
use crate::domain::window::WindowsText;
use crate::domain::{
    Amount, Currency, ExecutionId, IllegalTransition, Notify, ProviderKind, Rail, State,
};

const HOUR: Duration = Duration::from_hours(1);

fn at(text: &str) -> Timestamp {
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
        cycle_closes: CycleCloses::NextCycle,
        debit_windows: windows(&hours_of_upi),
        notify_windows: windows(&hours_of_upi),
        jitter: Duration::from_mins(10),
        notify_lead: hours(2),
        notify_to_debit: hours(25),
        notification_validity: hours(48),
        notification_attempts: 3,
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
        recheck_after: hours(24),
        retry,
        max_attempts_in_period: None,
        max_attempts_in_30_days: None,
        max_lateness: None,
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
        period_debit_on: None,
        spaced_from: None,
        not_found: None,
        is_forgotten: false,
        state: State::Notified,
        cycle: Cycle {
            on: "2026-12-02".parse().unwrap(),
            period: "2026-12".parse().unwrap(),
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
        intent: None,
    }
}

fn executing(now: Timestamp) -> Execution {
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
        Outcome::Unrecognized(failure(Class::Unmapped)),
        Outcome::Contradicted(Contradiction {
            field: "customer_id",
            ours: "c1".to_owned(),
            theirs: "c2".to_owned(),
        }),
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
        | Outcome::Unrecognized(_)
        | Outcome::Contradicted(_)
        | Outcome::Call(_) => format!("{outcome:?}")
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '(')
            .collect(),
    }
}

/// What a decision changes.
fn change(execution: &Execution, decision: &Decision) -> Transition {
    transition(execution, decision).unwrap()
}

/// Where a decision leads.
fn follow(execution: &Execution, decision: &Decision) -> Result<State, IllegalTransition> {
    transition(execution, decision).map(|change| change.to)
}
