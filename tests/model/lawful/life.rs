//! One cycle from its planning to its end, as workers live it: claimed, worked on as the machine wants it, settled, and now and then
//! left half done.

mod calls;
mod law;
mod work;

use std::collections::BTreeSet;
use std::rc::Rc;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Asia::Kolkata;
use lab::seeded_rng::SeededRng;
use mandated::domain::cycle::{Cycle, Terms};
use mandated::domain::execution::Progress;
use mandated::domain::plan::execution::{NewExecution, NumberedPolicy, Payer, new_execution};
use mandated::domain::policy::Policy;
use mandated::domain::schedule::{Frequency, Schedule};
use mandated::domain::{
    AccountId, Amount, Currency, Execution, ExecutionId, MandateId, MandateStatus, Notify,
    ProviderKind, Rail, State, Step, Timestamp,
};

use super::answers::Answers;
use super::bank::{Bank, Chances, Order, Stands};
use lab::memory_store::{JobRow, Limits, MemoryStore};

/// More steps than any cycle takes; a person's case is looked at daily for good.
const MOST_STEPS: usize = 800;

pub(super) struct Life {
    rail: Rail,
    policy: Rc<Policy>,
    /// All that the workers know.
    store: MemoryStore,
    now: Timestamp,
    /// When the job under way was claimed.
    claimed_at: Timestamp,
    bank: Bank,
    /// The notification that the provider has, by its number, and when it really arrived.
    notified: Option<(u16, Timestamp)>,
    looks: Vec<(u16, Timestamp)>,
    /// When the last call that moves money was made.
    called_at: Option<Timestamp>,
    retried_at: Option<Timestamp>,
    /// Whether the bank has taken a call under the open intent.
    is_taken: bool,
    /// The orders that this job has looked at and found dead, or not there.
    dead: BTreeSet<u16>,
    /// The orders that were found to be collected.
    collected: Vec<u16>,
    answers: Answers,
    pub(super) story: Vec<String>,
}

impl Life {
    pub(super) fn new(
        (provider, rail, notify): (ProviderKind, Rail, Notify),
        frequency: &str,
        (day, minute): (u32, u32),
        policy: Policy,
        chances: Chances,
        seed: u64,
    ) -> Self {
        let on = NaiveDate::from_ymd_opt(2027, 2, day).unwrap();
        let terms = Terms {
            schedule: Schedule::Every(Frequency::parse(frequency).unwrap()),
            starts_on: on,
            ends_on: None,
            time_zone: Kolkata,
            debit_at: NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0).unwrap(),
        };
        let cycle = terms.cycle_from(on, policy.cycle_closes).unwrap();
        let planned_at = cycle.debit_at - TimeDelta::days(3);
        let payer = Payer {
            id: MandateId(1),
            reference: "payer",
            account: AccountId(1),
            provider,
            provider_mandate_id: "payer",
            notify,
            max_amount: Amount::new(100_000, Currency::INR).unwrap(),
        };
        let rules = NumberedPolicy {
            id: 1,
            policy: &policy,
        };
        let amount = Amount::new(49_900, Currency::INR).unwrap();
        let id = ExecutionId(i64::try_from(seed >> 2).unwrap());
        let new = new_execution(&payer, &cycle, amount, rules, id, planned_at);
        let mut store = planned(&payer, cycle, amount, &new);
        if store.execution.is_watched() {
            store.limits.next_scheduled_on = terms
                .cycle_after(cycle.on, policy.cycle_closes)
                .map(|next| next.on);
        }
        let mut bank = Bank::new(SeededRng::new(seed), chances, policy.provider_retry_horizon);
        if store.execution.is_watched() {
            bank.attempt(1, cycle.debit_at);
        }
        Self {
            rail,
            policy: Rc::new(policy),
            store,
            now: planned_at,
            claimed_at: planned_at,
            bank,
            notified: None,
            looks: Vec::new(),
            called_at: None,
            retried_at: None,
            is_taken: false,
            dead: BTreeSet::new(),
            collected: Vec::new(),
            answers: Answers::default(),
            story: Vec::new(),
        }
    }

    pub(super) fn is_collected(&self) -> bool {
        self.store.execution.state == State::Charged && self.collected.len() == 1
    }

    /// Lives to the end; an error is a rule that was broken.
    pub(super) fn run(&mut self) -> Result<(), String> {
        for _ in 0..MOST_STEPS {
            let Some(job) = self.store.job else { break };
            self.wait_for(job);
            self.bank.pass(self.now);
            self.pause();
            self.charge_by_hand(job);
            self.work()?;
        }
        self.end()
    }

    /// A worker comes a little late, or days, or just before the window of the job is over.
    fn wait_for(&mut self, job: JobRow) {
        let mut at = self.now.max(job.run_at) + self.bank.minutes(2);
        if self.bank.happens(self.bank.chances.outage / 8) {
            at += self.bank.minutes(5 * 24 * 60);
        }
        let ends = job
            .run_before
            .unwrap_or(self.store.execution.cycle.closes_at);
        if self.bank.happens(self.bank.chances.outage / 4) {
            at = at.max(ends - self.bank.minutes(3));
        }
        self.now = at;
    }

    /// The payer pauses the mandate for a while, or the merchant does, or somebody the whole rail.
    fn pause(&mut self) {
        let pauses = self.bank.chances.pauses;
        if self.bank.paused_until.is_none() && self.bank.happens(pauses / 4) {
            self.bank.paused_until = Some(self.now + self.bank.minutes(20 * 24 * 60));
        }
        let execution = &mut self.store.execution;
        if execution.mandate_status == MandateStatus::Active && self.bank.happens(pauses / 16) {
            execution.mandate_status = MandateStatus::Paused;
            execution.paused_at = None;
        }
        if execution.rail_paused {
            execution.rail_paused = !self.bank.happens(50);
        } else {
            execution.rail_paused = self.bank.happens(pauses / 32);
        }
    }

    /// Somebody charges the mandate behind our back, where an order has no id of ours.
    fn charge_by_hand(&mut self, job: JobRow) {
        let execution = &self.store.execution;
        let is_unkeyed = execution.provider == ProviderKind::Signzy && !execution.is_watched();
        let is_first = job.step == Step::Execute && self.bank.orders().is_empty();
        if is_unkeyed && is_first && self.bank.happens(self.bank.chances.after_all / 8) {
            self.bank.attempt(1, self.now);
            self.note("by hand", "the mandate is charged");
        }
    }

    /// What the operator does about a pause of their own: resumes it some day, and what waits for it runs at once.
    fn resume(&mut self) {
        let execution = &mut self.store.execution;
        if execution.mandate_status == MandateStatus::Paused
            && execution.paused_at.is_none()
            && self.bank.happens(300)
        {
            execution.mandate_status = MandateStatus::Active;
            if let Some(job) = self.store.job.as_mut() {
                job.run_at = self.now + self.bank.minutes(24 * 60);
                job.parked = false;
            }
        }
    }

    fn end(&self) -> Result<(), String> {
        let collected = |order: &&Order| order.stands == Stands::Charged;
        let truth = self.bank.orders().iter().filter(collected).count();
        let late = self.bank.orders().iter().any(|order| order.after_all);
        let state = self.store.execution.state;
        match (truth, state) {
            // What the bank never says stays unknown: it is asked every day, and a person can end it.
            (0 | 1, State::Review | State::Unknown) | (1, State::Charged) => Ok(()),
            (0, State::Charged) => Err("charged, and the bank knows of nothing".to_owned()),
            (0, _) if state.is_final() => Ok(()),
            (1, _) if state.is_final() => Err(format!("{state}, and the bank has collected it")),
            (2, State::Review) if late => Ok(()),
            (2.., _) => Err("collected twice".to_owned()),
            _ => Err(format!("{state} is no end")),
        }
    }

    fn note(&mut self, what: &str, text: &str) {
        let local = self.now.with_timezone(&Kolkata).format("%m-%d %H:%M:%S");
        self.story.push(format!("{local} {what}: {text}"));
    }
}

/// The rows of a new execution, as the planner writes them.
fn planned(payer: &Payer<'_>, cycle: Cycle, amount: Amount, new: &NewExecution) -> MemoryStore {
    let job = new.step.zip(new.run_at);
    MemoryStore {
        execution: Execution {
            id: new.id,
            provider: payer.provider,
            notify: payer.notify,
            mandate_status: MandateStatus::Active,
            paused_at: None,
            rail_paused: false,
            budget_from: None,
            period_debit_on: None,
            spaced_from: None,
            not_found: None,
            is_forgotten: false,
            state: new.state,
            cycle,
            amount,
            approval_above: None,
            progress: Progress {
                order_no: 1,
                notification_no: new.notification_no,
                delivered_at: None,
                undelivered_at: None,
                execute_at: new.execute_at,
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
        },
        limits: Limits {
            max_amount: payer.max_amount,
            max_attempts: new.max_attempts,
            max_attempts_in_period: new.max_attempts_in_period,
            max_attempts_in_30_days: new.max_attempts_in_30_days,
            next_scheduled_on: None,
        },
        job: job.map(|(step, run_at)| JobRow {
            step,
            run_at,
            run_before: new.run_before,
            parked: false,
            is_leased: false,
        }),
        debit: None,
        notifications: std::collections::BTreeMap::new(),
        budgets: std::collections::BTreeMap::new(),
        provider_ref: None,
    }
}
