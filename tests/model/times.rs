//! Facts as times, and times as facts. The model has no clock: it knows whether the processing time of a call is over and whether a
//! failure has outlived the provider's own retries. The machine is given times that say exactly this, and what it answers is read back.
//!
//! A worker begins its job at [`NOW`]. Each answer takes long, so that what was not over at the question is over at the answer: a
//! machine that judges by the later of both is caught.

use std::collections::BTreeMap;
use std::time::Duration;

use mandated::domain::cycle::{Cycle, CycleCloses};
use mandated::domain::execution::Progress;
use mandated::domain::machine::Conclusion;
use mandated::domain::machine::rescue::PROCESSED;
use mandated::domain::policy::{Policy, Strategy};
use mandated::domain::window::{Windows, WindowsText};
use mandated::domain::{
    Amount, Class, Currency, Execution, ExecutionId, MandateStatus, Notify, Period, ProviderKind,
    Rail, State, Step, Timestamp, execution,
};

use super::protocol::{Protocol, Style};
use super::world::{Columns, Due, Failure, Heard, Intent, Sent, Task};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;
/// From a question to its answer.
const ANSWER: Duration = Duration::from_secs(50);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const MONTH: Duration = Duration::from_hours(30 * 24);

/// The time of the nth input of a job.
pub(crate) fn time_of(nth: usize) -> Timestamp {
    NOW + ANSWER * u32::try_from(nth).unwrap()
}

/// When a lease ran out.
pub(crate) const LEASE_OVER: Timestamp = NOW;

/// A small policy: windows are always open, nothing is spread, everything may be looked up as often as is wanted.
pub(crate) fn policy(
    max_orders: u8,
    max_attempts: u8,
    horizon: Duration,
    processing_time: Duration,
) -> Policy {
    let always = WindowsText {
        time_zone: "Asia/Kolkata".to_owned(),
        ranges: Vec::new(),
    };
    let always = Windows::try_from(always).unwrap();
    let backoff = Strategy::Backoff {
        initial: HOUR,
        max: DAY,
    };
    Policy {
        rail: Rail::Upi,
        cycle_closes: CycleCloses::NextCycle,
        debit_windows: always.clone(),
        notify_windows: always,
        jitter: Duration::ZERO,
        notify_lead: HOUR,
        notify_to_debit: 25 * HOUR,
        notification_validity: 2 * DAY,
        notification_attempts: 1,
        max_attempts: u16::from(max_attempts),
        min_gap: Duration::ZERO,
        min_gap_after_failure: Duration::ZERO,
        max_orders: u16::from(max_orders),
        provider_retry_horizon: horizon,
        processing_time,
        lookup_after: vec![Duration::from_secs(100)],
        lookup_window: Duration::ZERO,
        lookup_every: Duration::from_mins(10),
        review_after: MONTH,
        recheck_after: 3 * DAY,
        retry: BTreeMap::from([(Class::Funds, backoff)]),
        max_attempts_in_period: None,
        max_attempts_in_30_days: None,
        max_lateness: None,
        paused_check_every: DAY,
    }
}

/// How long a provider of a style retries by itself.
pub(crate) const fn horizon(style: Style) -> Duration {
    match style {
        Style::Juspay => DAY,
        Style::Signzy => Duration::ZERO,
    }
}

/// The processing time of every provider.
pub(crate) const PROCESSING: Duration = PROCESSED;

/// The execution that has a task's facts.
pub(crate) fn execution(protocol: &Protocol, task: &Task) -> Execution {
    let columns = &task.columns;
    let intent = task.intent.map(|intent| execution::Intent {
        is_retry: intent.is_retry,
        opened_at: opened_at(task, intent),
        counter_before: intent
            .counter
            .map(|counter| i64::try_from(counter).unwrap()),
    });
    let failed_at = match columns.failure {
        Failure::None => None,
        Failure::Seen => Some(seen_at(protocol.policy, task)),
        Failure::Outlived => Some(outlived_at(protocol.policy)),
    };
    Execution {
        id: ExecutionId(1),
        provider: match protocol.style {
            Style::Juspay => ProviderKind::Juspay,
            Style::Signzy => ProviderKind::Signzy,
        },
        notify: Notify::None,
        mandate_status: MandateStatus::Active,
        paused_at: None,
        rail_paused: false,
        budget_from: None,
        period_debit_on: None,
        spaced_from: None,
        not_found: None,
        is_forgotten: false,
        state: columns.state,
        cycle: Cycle {
            on: (NOW - 6 * DAY).date_naive(),
            period: Period::day((NOW - 6 * DAY).date_naive()),
            debit_at: NOW - 6 * DAY,
            closes_at: if task.over { NOW - HOUR } else { NOW + MONTH },
        },
        amount: Amount::new(100, Currency::parse("INR").unwrap()).unwrap(),
        approval_above: None,
        progress: Progress {
            order_no: u16::from(columns.order_no),
            notification_no: 0,
            delivered_at: None,
            undelivered_at: None,
            execute_at: None,
            debit_attempts: u16::from(columns.tried),
            earlier_attempts: 0,
            lookups: 0,
            step_attempts: 0,
            sent_at: sent_at(task),
            failed_at,
            not_before: None,
            lookup_times: [None; 3],
        },
        class: columns.class,
        intent,
    }
}

/// The latest that the open call was sent, as far as anybody knows. What a lost worker sent may be younger: only the time of the
/// job says when it may be asked about.
fn sent_by(task: &Task, intent: Intent) -> Timestamp {
    let is_known = task.columns.sent == Sent::UnderIntent;
    if task.has_opened(intent) {
        NOW
    } else if is_known && !intent.processed {
        NOW - Duration::from_mins(1)
    } else {
        NOW - HOUR
    }
}

/// The intent of a call that was noted is older than the call: something was read in between.
fn opened_at(task: &Task, intent: Intent) -> Timestamp {
    match task.columns.sent {
        Sent::UnderIntent => sent_by(task, intent) - ANSWER,
        Sent::Never | Sent::Earlier => sent_by(task, intent),
    }
}

fn sent_at(task: &Task) -> Option<Timestamp> {
    match (task.columns.sent, task.intent) {
        (Sent::Never, _) => None,
        (Sent::Earlier, Some(intent)) => Some(opened_at(task, intent) - HOUR),
        (Sent::Earlier | Sent::UnderIntent, None) => Some(NOW - HOUR),
        (Sent::UnderIntent, Some(intent)) => Some(sent_by(task, intent)),
    }
}

/// The provider's own retries end between the first question and its answer, unless the job goes on to a call.
fn seen_at(policy: &Policy, task: &Task) -> Timestamp {
    let horizon = policy.provider_retry_horizon;
    if task.heard.contains(&Heard::Recorded) || horizon < HOUR {
        NOW - HOUR
    } else {
        NOW - horizon + Duration::from_secs(20)
    }
}

fn outlived_at(policy: &Policy) -> Timestamp {
    NOW - policy.provider_retry_horizon - 2 * HOUR
}

/// What a conclusion writes.
pub(crate) fn columns(protocol: &Protocol, task: &Task, conclusion: &Conclusion) -> Columns {
    let (decision, policy) = (&conclusion.decision, protocol.policy);
    let progress = &decision.progress;
    let open = task.intent.filter(|_| !conclusion.transition.closes_intent);
    let failure = match progress.failed_at {
        None => Failure::None,
        Some(at) if at == outlived_at(policy) => Failure::Outlived,
        Some(_) => Failure::Seen,
    };
    let sent = match (progress.sent_at, open) {
        (None, _) => Sent::Never,
        (Some(at), Some(intent)) if at >= opened_at(task, intent) => Sent::UnderIntent,
        (Some(_), _) => Sent::Earlier,
    };
    let next = decision.next.map(|next| (next.step, next.span.opens));
    let dead_at = progress
        .failed_at
        .map(|at| at + policy.provider_retry_horizon);
    let due = match next {
        Some((Step::Lookup, at))
            if conclusion.transition.to == State::Retrying
                && open.is_none()
                && failure == Failure::Seen
                && dead_at.is_some_and(|dead| at >= dead) =>
        {
            Due::AfterHorizon
        }
        Some((Step::Recheck, at)) if at >= NOW + policy.recheck_after => Due::DaysLater,
        _ => Due::Soon,
    };
    let most = policy.max_attempts + 1;
    let payment = conclusion.provider_ref.as_ref();
    Columns {
        state: conclusion.transition.to,
        step: next.map(|(step, _)| step),
        due,
        order_no: u8::try_from(progress.order_no).unwrap(),
        payment: payment.map(|payment| payment.parse().unwrap()),
        failure,
        sent,
        tried: u8::try_from(progress.debit_attempts.min(most)).unwrap(),
        class: decision.class,
    }
}
