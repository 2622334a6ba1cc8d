//! One job, from its claim up to its settlement: carries out what [`Machine`] wants, and hands the results back.
//!
//! No rule of the protocol is in here. Nothing is written but the provider's counter, which must be durable before a call that has no
//! idempotency key; all else that a job leads to is in the [`FinishedJob`] that it returns.

mod calls;
mod error;
mod lease;
mod refusal;
mod settlement;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::machine::decide::Decision;
use crate::domain::machine::{Action, Conclusion, Input, Job, Machine};
use crate::domain::policy::Policy;
use crate::domain::{LeaseToken, State, Timestamp};
use crate::failpoint::around;
use crate::provider::{Client, Provider};
use crate::store::claim::Claimed;
use crate::store::settle::{Attempt, Settlement};

pub use error::JobError;

use super::{Account, Engine};

/// A job that was done, to be settled.
#[derive(Debug)]
pub struct FinishedJob {
    /// The account's name in the configuration.
    pub account: String,
    pub claimed: Claimed,
    pub decision: Decision,
    pub to_state: State,
    pub settlement: Settlement,
    pub attempts: Vec<Attempt>,
    /// The business time of its answer; it may be settled much later.
    pub at: Timestamp,
    /// How late it was done.
    pub lag: Duration,
}

/// What the calls of a job need around them.
struct Run<'a> {
    engine: &'a Engine,
    account: &'a Account,
    /// As it was when the job began: a reload does not change hands in the middle of one.
    client: Arc<Client>,
    claimed: &'a Claimed,
    /// The business time of the action under way.
    now: Timestamp,
    /// When the lease must be considered lost, on this machine's monotonic clock.
    deadline: tokio::time::Instant,
    attempts: Vec<Attempt>,
}

/// What goes out with every request of a job as `x-request-id`: no other job of this installation has it.
pub fn request_id(engine: &Engine, token: LeaseToken) -> String {
    format!("{}-{}", engine.tag, token.0)
}

/// Does one job up to, and not including, its settlement.
pub async fn run(
    engine: &Engine,
    account: &Account,
    claimed: Claimed,
    deadline: tokio::time::Instant,
) -> Result<FinishedJob, JobError> {
    let policy = around("policy", engine.policy(claimed.policy_id))
        .await
        .map_err(|source| JobError::store(&claimed, source))?;
    let mut run = Run {
        engine,
        account,
        client: account.client(),
        claimed: &claimed,
        now: engine.clock.now(),
        deadline,
        attempts: Vec::new(),
    };
    let begun_at = run.now;
    let mut conclusion = run.interpret(&policy).await?;
    run.confirm_refusal(&mut conclusion).await?;
    let (attempts, at) = (run.attempts, run.now);
    let settlement = settlement::build(engine, &claimed, &conclusion, &attempts, &policy);
    let lag = begun_at
        .signed_duration_since(claimed.run_at)
        .to_std()
        .unwrap_or(Duration::ZERO);
    Ok(FinishedJob {
        account: account.name.clone(),
        claimed,
        to_state: conclusion.transition.to,
        decision: conclusion.decision,
        settlement,
        attempts,
        at,
        lag,
    })
}

impl Run<'_> {
    /// Carries out one action after the other, until the machine wants the job settled.
    async fn interpret(&mut self, policy: &Policy) -> Result<Conclusion, JobError> {
        let mut machine = Machine::new(self.job(), policy, self.now);
        let mut input = Input::Claimed;
        loop {
            self.now = self.engine.clock.now();
            input = match machine.next(input, self.now) {
                Action::LookUp {
                    order_no,
                    provider_ref,
                } => self.look_up(order_no, provider_ref.as_deref()).await,
                Action::LookUpMandate => self.look_up_mandate().await,
                Action::AskNotification => self.ask_notification().await,
                Action::ReadDebit => self.read_debit().await?,
                Action::RecordCounter(counter) => self.record_counter(counter).await?,
                Action::Send { request, leave_by } => self.send(&request, leave_by).await,
                Action::Settle(conclusion) => return Ok(*conclusion),
                Action::Abandon(why) => return Err(JobError::abandoned(self.claimed, why)),
            };
        }
    }

    /// The claimed row, as the machine sees it.
    fn job(&self) -> Job {
        let claimed = self.claimed;
        let execution = claimed.execution.clone();
        let terms = &claimed.mandate.terms;
        let next_cycle = execution
            .is_watched()
            .then(|| terms.cycle_after(execution.cycle.on))
            .flatten();
        Job {
            step: claimed.step,
            opened: claimed.opened,
            run_before: claimed.run_before,
            provider_ref: claimed.provider_ref.clone(),
            next_scheduled_on: next_cycle.map(|cycle| cycle.on),
            execute_needs_counter: self.client.execute_needs_counter(),
            execution,
        }
    }
}
