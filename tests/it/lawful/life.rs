//! One cycle from its planning to its end, as workers live it: claimed, gated, called, decided, and now and then left half done.

mod calls;
mod law;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Asia::Kolkata;
use mandated::domain::cycle::{Frequency, Schedule, Terms};
use mandated::domain::execution::{Intent, Progress};
use mandated::domain::machine::decide::notification::decide_notification;
use mandated::domain::machine::decide::{Decision, Next};
use mandated::domain::machine::gate::{Gate, asked, execution_date, gate};
use mandated::domain::machine::transition;
use mandated::domain::outcome::{CallFailure, NotificationOutcome};
use mandated::domain::plan::{Start, start};
use mandated::domain::policy::Policy;
use mandated::domain::{
    Amount, Class, Currency, Execution, ExecutionId, Instant, MandateStatus, Notify, ProviderKind,
    Rail, State, Step,
};
use mandated::wording;

use super::bank::{Bank, Chances, Draws, Stands, failure};
use super::told::Told;

/// More steps than any cycle takes; a person's case is looked at daily for good.
const MOST_STEPS: usize = 800;

pub(super) struct Life {
    rail: Rail,
    policy: Policy,
    execution: Execution,
    next: Option<Next>,
    now: Instant,
    bank: Bank,
    /// When the current notification really arrived, and whether it is known to have failed.
    told: Option<Instant>,
    looks: Vec<(u16, Instant)>,
    /// When the last call that moves money was made.
    called_at: Option<Instant>,
    retried_at: Option<Instant>,
    debits: u32,
    heard: Told,
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
        let cycle = terms.cycle_from(on).unwrap();
        let id = ExecutionId(i64::try_from(seed >> 2).unwrap());
        let planned_at = cycle.debit_at - TimeDelta::days(3);
        let first = start(&cycle, provider, notify, &policy, id.0, planned_at);
        let mut progress = Progress {
            order_no: 1,
            notification_no: u16::from(notify == Notify::Separate),
            delivered_at: None,
            undelivered_at: None,
            execute_at: None,
            debits_tried: 0,
            lookups: 0,
            tries: 0,
            sent_at: None,
            failed_at: None,
            not_before: None,
            looked: [None; 3],
        };
        let next = match first {
            Start::At(step, span) => {
                progress.execute_at =
                    execution_date(&cycle, provider, notify, &policy, id.0, span.opens);
                Some(Next { step, span })
            }
            Start::Closed { .. } => None,
        };
        let state = if next.is_some() {
            State::Planned
        } else {
            State::Expired
        };
        let mut bank = Bank::new(Draws(seed), chances, policy.provider_retry_horizon);
        if (provider, notify) == (ProviderKind::Signzy, Notify::Provider) {
            bank.attempt(1, cycle.debit_at);
        }
        let execution = Execution {
            id,
            provider,
            notify,
            mandate_status: MandateStatus::Active,
            paused_at: None,
            rail_paused: false,
            budget_from: None,
            state,
            cycle,
            amount: Amount::new(49_900, Currency::INR).unwrap(),
            approval_above: None,
            progress,
            class: None,
            intent: None,
        };
        Self {
            rail,
            policy,
            execution,
            next,
            now: planned_at,
            bank,
            told: None,
            looks: Vec::new(),
            called_at: None,
            retried_at: None,
            debits: 0,
            heard: Told::default(),
            story: Vec::new(),
        }
    }

    pub(super) fn is_collected(&self) -> bool {
        self.execution.state == State::Charged && self.debits == 1
    }

    /// Lives to the end; an error is a rule that was broken.
    pub(super) fn run(&mut self) -> Result<(), String> {
        for _ in 0..MOST_STEPS {
            let Some(next) = self.next else { break };
            self.now = self.now.max(next.span.opens) + self.bank.draws.minutes(2);
            if self.bank.draws.happens(self.bank.chances.outage / 8) {
                self.now += self.bank.draws.minutes(5 * 24 * 60);
            }
            self.bank.pass(self.now);
            self.pause();
            self.step(next)?;
        }
        self.end()
    }

    /// The payer pauses the mandate for a while, or the merchant does.
    fn pause(&mut self) {
        if self.bank.paused_until.is_none() && self.bank.draws.happens(self.bank.chances.pauses / 4)
        {
            self.bank.paused_until = Some(self.now + self.bank.draws.minutes(20 * 24 * 60));
        }
        let execution = &mut self.execution;
        if execution.mandate_status == MandateStatus::Active
            && self.bank.draws.happens(self.bank.chances.pauses / 16)
        {
            execution.mandate_status = MandateStatus::Paused;
            execution.paused_at = None;
        }
    }

    /// What the operator does about a pause of their own: resumes it some day, and what waits for it runs at once.
    fn resume(&mut self) {
        let execution = &mut self.execution;
        if execution.mandate_status == MandateStatus::Paused
            && execution.paused_at.is_none()
            && self.bank.draws.happens(300)
        {
            execution.mandate_status = MandateStatus::Active;
            if let Some(next) = self.next.as_mut() {
                next.span.opens = self.now + self.bank.draws.minutes(24 * 60);
            }
        }
    }

    fn ask_mandate(&mut self, step: Step) -> Result<(), String> {
        self.heard.ask(self.now)?;
        let said = if self.bank.draws.happens(200) {
            None
        } else if self.bank.is_paused(self.now) {
            Some(MandateStatus::Paused)
        } else {
            Some(MandateStatus::Active)
        };
        let decision = asked(&self.execution, step, said, &self.policy, self.now);
        self.follow(&decision)
    }

    fn step(&mut self, next: Next) -> Result<(), String> {
        let step = next.step;
        let opened = self.claim(next);
        let money = step.moves_money();
        self.note(
            step.as_str(),
            if opened { "claimed, open" } else { "claimed" },
        );
        if self.bank.draws.happens(self.bank.chances.dies / 4) {
            self.rescue(next);
            return Ok(());
        }
        let retrying = self.execution.intent.is_some_and(|intent| intent.is_retry);
        let counted = retrying || self.needs_counter();
        match gate(
            &self.execution,
            step,
            opened,
            counted,
            &self.policy,
            self.now,
        ) {
            Gate::Instead(decision) => return self.follow(&decision),
            Gate::AskMandate => return self.ask_mandate(step),
            Gate::Go => {}
        }
        let decision = match step {
            Step::Notify | Step::NotifyStatus => self.notification(step)?,
            Step::Execute => self.execute()?,
            Step::Retry => self.retry()?,
            Step::Lookup => {
                let (outcome, counter) = self.look_up(self.execution.progress.order_no)?;
                self.decide(Step::Lookup, &outcome, counter)
            }
            Step::Verify => self.verify()?,
        };
        if self.bank.draws.happens(self.bank.chances.dies / 4) {
            self.rescue(next);
            return Ok(());
        }
        if money && !opened {
            return Err("a call without an intent".to_owned());
        }
        self.follow(&decision)
    }

    /// What the claim's SQL checks.
    fn claim(&mut self, next: Next) -> bool {
        let most = self.policy.max_attempts_in_30_days;
        let counts = matches!(next.step, Step::Notify | Step::Execute | Step::Retry);
        let spent_on = most
            .filter(|_| counts)
            .and_then(|most| self.heard.spent_on(self.now, most));
        let free_at = |day: NaiveDate| {
            (day + TimeDelta::days(31))
                .and_time(NaiveTime::MIN)
                .and_utc()
        };
        self.execution.budget_from = spent_on.map(free_at);
        let execution = &mut self.execution;
        let progress = &execution.progress;
        let lead = TimeDelta::hours(25);
        let noticed = match execution.notify {
            Notify::Separate => progress
                .delivered_at
                .is_some_and(|at| at + lead <= self.now),
            Notify::Provider => {
                next.step == Step::Retry
                    || progress.execute_at.is_some_and(|at| at >= self.now + lead)
            }
            Notify::None => true,
        };
        let waiting = matches!(
            execution.state,
            State::Planned | State::Notified | State::Retrying
        );
        let opens = next.step.moves_money()
            && waiting
            && execution.intent.is_none()
            && self.now < execution.cycle.closes_at
            && next.span.closes.is_none_or(|closes| self.now < closes)
            && progress.debits_tried < self.policy.max_attempts
            && execution.mandate_status == MandateStatus::Active
            && spent_on.is_none()
            && noticed;
        if opens {
            execution.state = State::Executing;
            execution.intent = Some(Intent {
                is_retry: next.step == Step::Retry,
                opened_at: self.now,
                counter_before: None,
            });
        }
        opens
    }

    /// What rescue makes of a lease that ran out: a look-up where an intent is open, else the same step.
    fn rescue(&mut self, lost: Next) {
        let step = lost.step;
        self.note(step.as_str(), "the worker died");
        self.heard.end_of_step(true);
        let wait = TimeDelta::from_std(self.policy.processing_time).unwrap();
        if matches!(step, Step::Lookup | Step::Retry | Step::Verify)
            || step == Step::Execute && self.execution.progress.order_no > 1
        {
            self.execution.progress = self.execution.progress.looked_at(self.now);
        }
        if step == Step::Notify {
            let progress = &mut self.execution.progress;
            progress.undelivered_at.get_or_insert(lost.span.opens);
        }
        let step = match step {
            Step::Execute | Step::Retry | Step::Lookup if self.execution.intent.is_some() => {
                Step::Lookup
            }
            Step::Execute
            | Step::Retry
            | Step::Lookup
            | Step::Notify
            | Step::NotifyStatus
            | Step::Verify => step,
        };
        let opens = self.now + wait;
        self.next = Some(Next {
            step,
            span: mandated::domain::window::Span {
                opens,
                closes: None,
            },
        });
    }

    fn needs_counter(&self) -> bool {
        self.execution.provider == ProviderKind::Signzy
    }

    fn notification(&mut self, step: Step) -> Result<Decision, String> {
        if step == Step::Notify {
            self.lawful_hour("a notification")?;
        }
        let draws = &mut self.bank.draws;
        let arrives = self.now + draws.minutes(30);
        let outcome = if step == Step::NotifyStatus {
            match self.told {
                Some(at) if at <= self.now => NotificationOutcome::Delivered,
                Some(_) => NotificationOutcome::Pending,
                None if draws.happens(500) => {
                    NotificationOutcome::Failed(failure(Class::Notification))
                }
                None => NotificationOutcome::NotFound,
            }
        } else if draws.happens(self.bank.chances.lost) {
            self.told = draws.happens(500).then_some(arrives);
            let why = "no answer".to_owned();
            NotificationOutcome::Call(CallFailure::Unknown { why })
        } else if draws.happens(self.bank.chances.silent / 2) {
            self.told = None;
            NotificationOutcome::Failed(failure(Class::Notification))
        } else if draws.happens(500) {
            self.told = Some(arrives);
            NotificationOutcome::Pending
        } else {
            self.told = Some(self.now);
            NotificationOutcome::Delivered
        };
        let (execution, policy) = (&self.execution, &self.policy);
        Ok(decide_notification(
            execution, step, &outcome, policy, self.now,
        ))
    }

    fn follow(&mut self, decision: &Decision) -> Result<(), String> {
        let from = self.execution.state;
        let change =
            transition(&self.execution, decision).map_err(|illegal| illegal.to_string())?;
        let to = change.to;
        if change.collected.is_some() && from != State::Review {
            self.debits += 1;
            if self.debits > 1 && to != State::Review {
                return Err("a second debit that no person is told of".to_owned());
            }
        }
        self.heard.end_of_step(false);
        self.execution.state = to;
        if decision.progress.order_no > self.execution.progress.order_no {
            self.heard.new_order();
        }
        self.execution.progress = decision.progress;
        self.execution.class = decision.class;
        if change.closes_intent {
            self.execution.intent = None;
        }
        if let Some(status) = decision.mandate {
            self.execution.mandate_status = status;
            self.execution.paused_at = (status == MandateStatus::Paused).then_some(self.now);
        }
        if decision.declined > 0 {
            let day = self.heard.budget.entry(self.now.date_naive()).or_default();
            *day += decision.declined;
        }
        self.next = decision.next;
        if decision.parked {
            self.resume();
        }
        let zone = self.policy.debit_windows.time_zone();
        self.note(to.as_str(), &wording::reason(&decision.reason, zone));
        if self.next.is_none() && !to.is_final() {
            return Err(format!("{to} without a job"));
        }
        Ok(())
    }

    fn end(&self) -> Result<(), String> {
        let collected = |order: &&super::bank::Order| order.stands == Stands::Charged;
        let truth = self.bank.orders().iter().filter(collected).count();
        let late = self.bank.orders().iter().any(|order| order.after_all);
        let state = self.execution.state;
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
