//! An execution in the middle of a step, and what follows from an answer under the default policy.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta};
use mandated::config::Config;
use mandated::domain::cycle::Cycle;
use mandated::domain::execution::{Intent, Progress};
use mandated::domain::machine::decide::{AccountPause, Decision};
use mandated::domain::machine::{Action, Answer, Conclusion, Input, Job, Machine, Transition};
use mandated::domain::outcome::NotificationOutcome;
use mandated::domain::policy::Policy;
use mandated::domain::{
    Class, Execution, ExecutionId, MandateStatus, Notify, Outcome, ProviderKind, Rail, State, Step,
    Timestamp,
};
use mandated::provider::Reply;

use crate::juspay::support::rupees;
use crate::support::scenario::Flow;

/// A time in India.
pub(super) fn ist(text: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(&format!("{text}+05:30"))
        .unwrap()
        .to_utc()
}

/// The policy of an installation that configures nothing but its database.
fn policy(provider: ProviderKind, rail: Rail) -> Policy {
    let environment = [("MANDATED__DATABASE__URL", "postgres://mandated@localhost/m")];
    Config::load_with(None, environment)
        .unwrap()
        .policy(provider, rail)
}

/// One step of an execution, at the moment of its answer.
#[derive(Debug, Clone)]
pub(super) struct StepScenario {
    pub(super) execution: Execution,
    pub(super) step: Step,
    pub(super) policy: Policy,
    pub(super) now: Timestamp,
}

/// Notified on the 1st at 04:00, debited on the 2nd at 06:10: a monthly cycle that closes on the 2nd of January.
pub(super) const DEBIT: &str = "2026-12-02T06:10:00";

impl StepScenario {
    /// The first debit of the cycle.
    pub(super) fn execute(flow: Flow) -> Self {
        let (provider, rail, notify) = flow.parts();
        let now = ist(DEBIT);
        let (separate, handed_over) = (
            notify == Notify::Separate,
            (provider, notify) == (ProviderKind::Juspay, Notify::Provider),
        );
        let progress = Progress {
            order_no: 1,
            notification_no: u16::from(separate),
            undelivered_at: None,
            delivered_at: separate.then(|| ist("2026-12-01T04:00:00")),
            execute_at: handed_over.then(|| ist("2026-12-03T07:30:00")),
            debit_attempts: 0,
            earlier_attempts: 0,
            lookups: 0,
            step_attempts: 0,
            sent_at: None,
            failed_at: None,
            not_before: None,
            lookup_times: [None; 3],
        };
        let execution = Execution {
            id: ExecutionId(7),
            provider,
            notify,
            mandate_status: MandateStatus::Active,
            paused_at: None,
            rail_paused: false,
            budget_from: None,
            period_debit_on: None,
            spaced_from: None,
            not_found: None,
            is_forgotten: false,
            state: State::Executing,
            cycle: Cycle {
                on: "2026-12-02".parse().unwrap(),
                period: "2026-12".parse().unwrap(),
                debit_at: ist("2026-12-02T06:00:00"),
                closes_at: ist("2027-01-02T00:00:00"),
            },
            amount: rupees("300.00"),
            approval_above: None,
            progress,
            class: None,
            intent: Some(Intent {
                is_retry: false,
                opened_at: now,
                counter_before: None,
            }),
        };
        Self {
            execution,
            step: Step::Execute,
            policy: policy(provider, rail),
            now,
        }
    }

    /// The first retry, `later` than the debit that failed for want of funds: the order was read just before it.
    pub(super) fn retry(flow: Flow, later: Duration) -> Self {
        let mut scenario = Self::execute(flow);
        let sent = scenario.now;
        scenario.now = sent + later;
        scenario.step = Step::Retry;
        let execution = &mut scenario.execution;
        execution.class = Some(Class::Funds);
        execution.intent = Some(Intent {
            is_retry: true,
            opened_at: scenario.now,
            counter_before: Some(1),
        });
        execution.progress.debit_attempts = 1;
        execution.progress.sent_at = Some(sent);
        execution.progress.failed_at = Some(sent);
        execution.progress = execution.progress.with_lookup(scenario.now);
        scenario
    }

    /// The first look-up after a debit, 90 seconds after it, while the execution is `pending` or `unknown`.
    pub(super) fn look_up(flow: Flow, state: State) -> Self {
        let mut scenario = Self::execute(flow);
        let sent = scenario.now;
        scenario.now = sent + TimeDelta::seconds(90);
        scenario.step = Step::Lookup;
        scenario.execution.state = state;
        scenario.execution.progress.sent_at = Some(sent);
        scenario
    }

    /// The notification, on the 1st at 04:00.
    pub(super) fn notify(step: Step) -> Self {
        let mut scenario = Self::execute(Flow::UpiSeparate);
        scenario.now = ist("2026-12-01T04:00:00");
        scenario.step = step;
        let execution = &mut scenario.execution;
        execution.state = if step == Step::Notify {
            State::Planned
        } else {
            State::Notifying
        };
        execution.intent = None;
        execution.progress.delivered_at = None;
        scenario
    }

    /// The same with another amount due.
    pub(super) fn due(mut self, amount: &str) -> Self {
        self.execution.amount = rupees(amount);
        self
    }

    pub(super) fn follow(&self, reply: &Reply<Outcome>) -> Followed {
        let answer = Answer {
            outcome: reply.outcome.clone(),
            counter: reply.counter,
            provider_ref: reply.provider_ref.clone(),
        };
        self.followed(Input::Answered(answer))
    }

    pub(super) fn follow_notification(&self, reply: &Reply<NotificationOutcome>) -> Followed {
        self.followed(Input::NotificationAnswered(reply.outcome.clone()))
    }

    fn followed(&self, input: Input) -> Followed {
        let mut machine = Machine::in_call(self.job(), &self.policy, self.now);
        let conclusion = settled(machine.next(input, self.now));
        let (decision, change) = (conclusion.decision, conclusion.transition);
        Followed {
            state: change.to,
            change,
            had_intent: self.execution.intent.is_some(),
            decision,
            now: self.now,
        }
    }

    /// The job of the step, as its claim would have it.
    pub(super) fn job(&self) -> Job {
        Job {
            step: self.step,
            execution: self.execution.clone(),
            opened: self.step.moves_money(),
            run_before: None,
            provider_ref: None,
            next_scheduled_on: None,
            execute_needs_counter: self.execution.provider == ProviderKind::Signzy,
        }
    }
}

/// What a job is settled with, if that is the machine's next action.
pub(super) fn settled(action: Action) -> Conclusion {
    let Action::Settle(conclusion) = action else {
        panic!("{action:?} is no settlement")
    };
    *conclusion
}

/// What became of an execution.
#[derive(Debug)]
pub(super) struct Followed {
    pub(super) state: State,
    pub(super) decision: Decision,
    pub(super) change: Transition,
    had_intent: bool,
    now: Timestamp,
}

impl Followed {
    /// The next step and how long after the answer it is due.
    pub(super) fn next(&self) -> Option<(Step, Duration)> {
        let next = self.decision.next?;
        let wait = next.span.opens - self.now;
        Some((next.step, wait.to_std().unwrap()))
    }

    pub(super) fn keeps_its_intent(&self) -> bool {
        self.had_intent && !self.change.closes_intent
    }
}

/// One row of a table: the state, the intent, the next step, the mandate, the account.
impl fmt::Display for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let intent = match (self.had_intent, self.change.closes_intent) {
            (false, _) => "-",
            (true, true) => "closed",
            (true, false) => "open",
        };
        let next = self.next().map_or("nothing".to_owned(), |(step, wait)| {
            let at = (self.now + wait).with_timezone(&FixedOffset::east_opt(19_800).unwrap());
            format!("{step} {}", at.format("%b %d %H:%M:%S"))
        });
        let mandate = self.decision.mandate.map_or("-", |status| status.as_str());
        let account = match self.decision.account {
            None => "-".to_owned(),
            Some(AccountPause::Refused) => "pauses".to_owned(),
            Some(AccountPause::Throttled { until }) => {
                let wait = (until - self.now).to_std().unwrap();
                format!("waits {}", humantime::format_duration(wait))
            }
        };
        write!(
            f,
            "{:<9} {intent:<6}  {next:<29} {mandate:<8} {account}",
            self.state.as_str()
        )
    }
}

/// The names of the columns of a table of answers.
pub(super) fn heading(call: &str) -> String {
    format!(
        "{call:<46} http {:<24} state     intent  next step, Indian time        mandate  account\n",
        "outcome"
    )
}
