//! One execution in memory: what the claim, the settlement and the rescue do to its rows, written from `src/store/claim.sql`,
//! `settle.sql` and `rescue.rs`. `engine::memory_store` shows that Postgres does the same.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{Days, NaiveDate, NaiveTime};
use mandated::domain::backoff::after;
use mandated::domain::execution::Intent;
use mandated::domain::machine::rescue::{LostJob, rescue};
use mandated::domain::machine::{Conclusion, Job};
use mandated::domain::{
    Amount, Execution, MandateStatus, NotificationState, Notify, ProviderKind, State, Step,
    Timestamp,
};

/// From a notification to its debit.
const NOTICE: Duration = Duration::from_hours(25);

/// The rows of one execution and its mandate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryStore {
    /// The execution as it is stored, with its intent. `executing` is no stored state, and the claim finds out `budget_from`.
    pub execution: Execution,
    pub limits: Limits,
    pub job: Option<JobRow>,
    pub debit: Option<DebitRow>,
    /// When each notification was delivered, by its number; nothing while it is only requested, or failed.
    pub notifications: BTreeMap<u16, Option<Timestamp>>,
    /// Declined attempts of the mandate by day.
    pub budgets: BTreeMap<NaiveDate, u16>,
    /// The provider's id for the debit of the current order.
    pub provider_ref: Option<String>,
}

/// What the claim compares with, beside the execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The mandate's maximum.
    pub max_amount: Amount,
    /// Attempts on one order.
    pub max_attempts: u16,
    /// Attempts of the cycle, over all of its orders.
    pub max_attempts_in_period: Option<u16>,
    /// Declined attempts of the mandate in 30 days.
    pub max_attempts_in_30_days: Option<u16>,
    /// The day of the next cycle of a mandate that the provider debits by its own schedule.
    pub next_scheduled_on: Option<NaiveDate>,
}

/// A job that waits for its time, or is leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobRow {
    pub step: Step,
    pub run_at: Timestamp,
    pub run_before: Option<Timestamp>,
    /// It waits for its mandate to be resumed.
    pub parked: bool,
    pub is_leased: bool,
}

/// The proof that the cycle was collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebitRow {
    pub order_no: u16,
    pub provider_ref: Option<String>,
    /// The amount that the answer states, if it states one.
    pub stated: Option<Amount>,
}

impl MemoryStore {
    /// Leases the job if it is due, and opens its intent if a debit is lawful.
    pub fn claim(&mut self, now: Timestamp) -> Option<Job> {
        let job = self.job.filter(|job| !job.is_leased && job.run_at <= now)?;
        let spent_on = self.budget_spent_on(job.step, now);
        let opened = self.may_open(job, spent_on, now);
        if opened {
            self.execution.intent = Some(Intent {
                is_retry: job.step == Step::Retry,
                opened_at: now,
                counter_before: None,
            });
        }
        self.job = Some(JobRow {
            is_leased: true,
            ..job
        });
        let mut execution = self.execution.clone();
        execution.budget_from = spent_on.and_then(free_from);
        if is_waiting(execution.state) && execution.intent.is_some() {
            execution.state = State::Executing;
        }
        Some(Job {
            step: job.step,
            opened,
            run_before: job.run_before,
            provider_ref: self.provider_ref.clone(),
            next_scheduled_on: self.limits.next_scheduled_on,
            execute_needs_counter: execution.provider == ProviderKind::Signzy,
            execution,
        })
    }

    /// The conditions of `opened` in `claim.sql`, in its order.
    fn may_open(&self, job: JobRow, spent_on: Option<NaiveDate>, now: Timestamp) -> bool {
        let execution = &self.execution;
        job.step.moves_money()
            && execution.mandate_status == MandateStatus::Active
            && !execution.rail_paused
            && is_waiting(execution.state)
            && now < execution.cycle.closes_at
            && job.run_before.is_none_or(|before| now < before)
            && execution.progress.debit_attempts < self.limits.max_attempts
            && self.has_attempt_in_period()
            && spent_on.is_none()
            && execution.amount.minor() <= self.limits.max_amount.minor()
            && self.debit.is_none()
            && self.is_notified(job.step, now)
            // The intent's key.
            && execution.intent.is_none()
    }

    fn has_attempt_in_period(&self) -> bool {
        let progress = &self.execution.progress;
        let made = progress
            .earlier_attempts
            .saturating_add(progress.debit_attempts);
        self.limits
            .max_attempts_in_period
            .is_none_or(|most| made < most)
    }

    fn is_notified(&self, step: Step, now: Timestamp) -> bool {
        let progress = &self.execution.progress;
        match self.execution.notify {
            Notify::Separate => {
                let delivered = self.notifications.get(&progress.notification_no).copied();
                delivered
                    .flatten()
                    .is_some_and(|at| after(at, NOTICE) <= now)
            }
            Notify::Provider => {
                let earliest = after(now, NOTICE);
                step == Step::Retry || progress.execute_at.is_some_and(|at| at >= earliest)
            }
            Notify::None => true,
        }
    }

    /// The day of which the attempts must be older than 30 days before one more fits. Other executions of the mandate, which may
    /// have been tried unseen, are not looked at: there are none.
    fn budget_spent_on(&self, step: Step, now: Timestamp) -> Option<NaiveDate> {
        let most = self.limits.max_attempts_in_30_days?;
        if !matches!(step, Step::Notify | Step::Execute | Step::Retry) {
            return None;
        }
        let since = now.date_naive().checked_sub_days(Days::new(30))?;
        let mut sum: u16 = 0;
        self.budgets.range(since..).rev().find_map(|(day, count)| {
            sum = sum.saturating_add(*count);
            (sum >= most).then_some(*day)
        })
    }

    /// Records the provider's counter on the intent; says whether the lease is still held.
    pub fn record_counter(&mut self, counter: i64) -> bool {
        let is_leased = self.job.is_some_and(|job| job.is_leased);
        let Some(intent) = self.execution.intent.as_mut().filter(|_| is_leased) else {
            return false;
        };
        intent.counter_before = Some(counter);
        true
    }

    /// Writes what a job came to, and says where the execution stands; nothing if the lease is not held any more.
    pub fn settle(&mut self, conclusion: &Conclusion, now: Timestamp) -> Option<State> {
        self.job.filter(|job| job.is_leased)?;
        let decision = &conclusion.decision;
        self.job = decision.next.map(|next| JobRow {
            step: next.step,
            run_at: self.run_at(conclusion, next.span.opens, now),
            run_before: next.span.closes,
            parked: decision.parked,
            is_leased: false,
        });
        self.write_notification(conclusion, now);
        let refund_due = self.write_debit(conclusion);
        self.write_mandate(decision.mandate, now);
        if decision.declined > 0 && self.limits.max_attempts_in_30_days.is_some() {
            let tried = self.budgets.entry(now.date_naive()).or_default();
            *tried = tried.saturating_add(decision.declined);
        }
        if conclusion.transition.closes_intent {
            self.execution.intent = None;
        }
        self.execution.state = if refund_due {
            State::Review
        } else {
            conclusion.transition.to
        };
        self.execution.class = decision.class;
        self.execution.progress = decision.progress;
        self.provider_ref.clone_from(&conclusion.provider_ref);
        Some(self.execution.state)
    }

    /// A mandate that was resumed while its job was held is not waited for.
    fn run_at(&self, conclusion: &Conclusion, opens: Timestamp, now: Timestamp) -> Timestamp {
        let decision = &conclusion.decision;
        let is_about_the_pause = decision.mandate.is_none() || self.execution.paused_at.is_some();
        let is_resumed = self.execution.mandate_status != MandateStatus::Paused;
        if decision.parked && is_about_the_pause && is_resumed {
            now
        } else {
            opens
        }
    }

    /// Keeps the proof of a collection. Says whether the cycle had another one, so that a refund is due.
    fn write_debit(&mut self, conclusion: &Conclusion) -> bool {
        let (Some(collection), Some(order_no)) =
            (conclusion.transition.collected, conclusion.debited_order)
        else {
            return false;
        };
        let provider_ref = conclusion.provider_ref.clone();
        if let Some(debit) = &self.debit {
            let differs = debit.provider_ref.as_ref().zip(provider_ref.as_ref());
            debit.order_no != order_no || differs.is_some_and(|(one, other)| one != other)
        } else {
            self.debit = Some(DebitRow {
                order_no,
                provider_ref,
                stated: collection.stated,
            });
            false
        }
    }

    /// One that was delivered stays so.
    fn write_notification(&mut self, conclusion: &Conclusion, now: Timestamp) {
        let Some(result) = conclusion.notification else {
            return;
        };
        let delivered_at = match result {
            NotificationState::Delivered => {
                Some(conclusion.decision.progress.delivered_at.unwrap_or(now))
            }
            NotificationState::Requested | NotificationState::Failed => None,
        };
        let number = self.execution.progress.notification_no;
        let row = self.notifications.entry(number).or_default();
        *row = row.or(delivered_at);
    }

    /// What a provider said of a paused mandate holds only while nothing newer is known of its pause.
    fn write_mandate(&mut self, status: Option<MandateStatus>, now: Timestamp) {
        let execution = &mut self.execution;
        let is_newest =
            execution.paused_at.is_some() || execution.mandate_status == MandateStatus::Active;
        if let Some(status) = status.filter(|_| is_newest) {
            execution.mandate_status = status;
            execution.paused_at = (status == MandateStatus::Paused).then_some(now);
        }
    }

    /// Takes a lease back that ran out.
    pub fn expire(&mut self, now: Timestamp, processing: Duration) {
        let Some(job) = self.job.filter(|job| job.is_leased) else {
            return;
        };
        let progress = &mut self.execution.progress;
        let lost = LostJob {
            step: job.step,
            run_at: job.run_at,
            run_before: job.run_before,
            intent_opened_at: self.execution.intent.map(|intent| intent.opened_at),
            order_no: progress.order_no,
            lookup_times: progress.lookup_times,
            undelivered_at: progress.undelivered_at,
        };
        let rescued = rescue(lost, now, processing);
        progress.lookup_times = rescued.lookup_times;
        progress.undelivered_at = rescued.undelivered_at;
        self.job = Some(JobRow {
            step: rescued.step,
            run_at: rescued.run_at,
            run_before: rescued.run_before,
            is_leased: false,
            ..job
        });
    }
}

/// The states in which a debit is due, or will be.
const fn is_waiting(state: State) -> bool {
    matches!(state, State::Planned | State::Notified | State::Retrying)
}

/// When the attempts of a day are older than 30 days, all of them.
fn free_from(day: NaiveDate) -> Option<Timestamp> {
    let free_on = day.checked_add_days(Days::new(31))?;
    Some(free_on.and_time(NaiveTime::MIN).and_utc())
}
