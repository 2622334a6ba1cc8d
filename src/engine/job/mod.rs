//! One job, from its claim up to its settlement: carries out what [`Machine`] wants, and hands the results back.
//!
//! No rule of the protocol is in here. Nothing is written but the provider's counter, which must be durable before a call that has no
//! idempotency key; all else that a job leads to is in the [`FinishedJob`] that it returns.

mod calls;
mod error;
mod lease;
mod refusal;
mod row;
mod settlement;

use std::sync::Arc;
use std::time::Duration;

use crate::domain::machine::decide::Decision;
use crate::domain::machine::{Action, Conclusion, Input, Machine};
use crate::domain::policy::Policy;
use crate::domain::{LeaseToken, State, Timestamp};
use crate::failpoint::around;
use crate::provider::Client;
use crate::store::claim::Claimed;
use crate::store::settle::{Attempt, Settlement};

pub use error::JobError;

use super::policies::Policies;
use super::{Account, Database};
use crate::clock::Clock;

/// Who does the jobs of one account. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Worker {
    /// In its leases.
    pub id: Arc<str>,
    pub account: Arc<Account>,
    pub lease: Duration,
    pub clock: Clock,
    pub(super) database: Database,
    /// In every order id of this installation.
    pub(super) tag: Arc<str>,
    pub(super) policies: Policies,
}

/// A job that was done, to be settled.
#[derive(Debug)]
pub struct FinishedJob {
    pub account: Arc<Account>,
    /// What went out with its requests.
    pub request_id: String,
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
    worker: &'a Worker,
    /// As it was when the job began: a reload does not change hands in the middle of one.
    client: Arc<Client>,
    claimed: &'a Claimed,
    /// The business time of the action under way.
    now: Timestamp,
    /// When the lease must be considered lost, on this machine's monotonic clock.
    deadline: tokio::time::Instant,
    attempts: Vec<Attempt>,
    /// Of the last look-up, where the provider has no order ids of ours.
    payments_seen: Vec<i64>,
}

/// What goes out with every request of a job as `x-request-id`: no other job of this installation has it.
pub fn request_id(worker: &Worker, token: LeaseToken) -> String {
    format!("{}-{}", worker.tag, token.0)
}

/// Does one job up to, and not including, its settlement.
pub async fn run(
    worker: &Worker,
    claimed: Claimed,
    deadline: tokio::time::Instant,
) -> Result<FinishedJob, JobError> {
    let policy = worker.policies.get(&worker.database, claimed.policy_id);
    let policy = around("policy", policy)
        .await
        .map_err(|source| JobError::store(&claimed, source))?;
    let mut run = Run {
        worker,
        client: worker.account.client(),
        claimed: &claimed,
        now: worker.clock.now(),
        deadline,
        attempts: Vec::new(),
        payments_seen: Vec::new(),
    };
    let began_at = run.now;
    let mut conclusion = run.interpret(&policy).await?;
    run.confirm_refusal(&mut conclusion).await?;
    let (attempts, at) = (run.attempts, run.now);
    let settlement = settlement::build(&claimed, &conclusion, &attempts, &policy);
    let lag = began_at
        .signed_duration_since(claimed.run_at)
        .to_std()
        .unwrap_or(Duration::ZERO);
    Ok(FinishedJob {
        account: Arc::clone(&worker.account),
        request_id: request_id(worker, claimed.token),
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
            self.now = self.worker.clock.now();
            input = match machine.next(input, self.now) {
                Action::LookUp {
                    order_no,
                    provider_ref,
                } => self.look_up(order_no, provider_ref.as_deref()).await?,
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
}
