//! The execution that an answer is asked about: an ordinary one, in the middle of the step.

use std::time::Duration;

use chrono::Days;

use super::Question;
use crate::domain::backoff::before;
use crate::domain::cycle::Cycle;
use crate::domain::execution::{Intent, Progress};
use crate::domain::machine::Job;
use crate::domain::policy::Policy;
use crate::domain::{
    Amount, Currency, Execution, ExecutionId, MandateStatus, Notify, Period, State, Step, Timestamp,
};

/// How many days its cycle stays open.
const OPEN: Days = Days::new(30);

/// An execution and the rules it lives under.
#[derive(Debug)]
pub(super) struct ClassifyScenario {
    execution: Execution,
    /// Without the spread of executions over the minutes of a window: every execution's own comes on top.
    pub(super) policy: Policy,
}

impl ClassifyScenario {
    /// Due now, and notified just in time for its first attempt. The attempts before this one followed each other as soon
    /// as the policy allows. What is due is what the answer says was collected, if it does.
    pub(super) fn new(
        question: &Question<'_>,
        notify: Notify,
        due: Option<Amount>,
        policy: &Policy,
    ) -> Self {
        let now = question.at;
        let policy = Policy {
            jitter: Duration::ZERO,
            ..policy.clone()
        };
        let attempts_before = question.attempt.saturating_sub(1);
        let since_first = policy.min_gap.saturating_mul(u32::from(attempts_before));
        let first = before(now, since_first);
        let notifies = matches!(question.step, Step::Notify | Step::NotifyStatus);
        let delivered = notify == Notify::Separate && !notifies;
        let progress = Progress {
            order_no: 1,
            notification_no: u16::from(notify == Notify::Separate),
            undelivered_at: None,
            delivered_at: delivered.then(|| before(first, policy.notify_to_debit)),
            execute_at: None,
            debit_attempts: attempts_before,
            earlier_attempts: 0,
            lookups: 0,
            step_attempts: 0,
            sent_at: None,
            failed_at: None,
            not_before: None,
            lookup_times: [None; 3],
        };
        let zone = policy.debit_windows.time_zone();
        let on = first.with_timezone(&zone).date_naive();
        let mut execution = Execution {
            id: ExecutionId(1),
            provider: question.provider,
            notify,
            mandate_status: MandateStatus::Active,
            paused_at: None,
            rail_paused: false,
            budget_from: None,
            period_debit_on: None,
            spaced_from: None,
            not_found: None,
            is_forgotten: false,
            state: State::Planned,
            cycle: Cycle {
                on,
                period: Period::day(on),
                debit_at: first,
                closes_at: now.checked_add_days(OPEN).unwrap_or(Timestamp::MAX_UTC),
            },
            amount: due.unwrap_or(Amount::smallest(Currency::INR)),
            approval_above: None,
            progress,
            class: None,
            intent: None,
        };
        in_step(&mut execution, question, &policy);
        Self { execution, policy }
    }

    /// Its job, as the machine sees it.
    pub(super) fn job(&self, step: Step) -> Job {
        Job {
            step,
            execution: self.execution.clone(),
            opened: step.moves_money(),
            run_before: None,
            provider_ref: None,
            next_scheduled_on: None,
            execute_needs_counter: false,
        }
    }
}

/// Puts the execution into the middle of the step.
fn in_step(execution: &mut Execution, question: &Question<'_>, policy: &Policy) {
    let now = question.at;
    let intent = |is_retry, opened_at| Intent {
        is_retry,
        opened_at,
        counter_before: None,
    };
    let progress = &mut execution.progress;
    match question.step {
        Step::Notify => {}
        Step::NotifyStatus => execution.state = State::Notifying,
        Step::Execute => {
            execution.state = State::Executing;
            execution.intent = Some(intent(false, now));
        }
        Step::Retry => {
            let last = before(now, policy.min_gap);
            execution.state = State::Executing;
            // The order was read just before.
            *progress = progress.with_lookup(now);
            progress.sent_at = Some(last);
            progress.failed_at = Some(last);
            execution.intent = Some(Intent {
                counter_before: Some(i64::from(progress.debit_attempts)),
                ..intent(true, now)
            });
        }
        Step::Lookup | Step::Recheck => {
            let wait = policy.lookup_after.first().copied().unwrap_or_default();
            let sent = before(now, wait);
            execution.state = State::Unknown;
            progress.sent_at = Some(sent);
            execution.intent = Some(intent(false, sent));
        }
    }
}
