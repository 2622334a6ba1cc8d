//! One job: the gate, the call, the decision. Everything that it leads to is in the [`Done`] it returns; nothing is written here but
//! the provider's counter, which must be durable before a call that has no idempotency key.

mod debit;
mod notification;
mod paused;
mod record;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use crate::domain::machine::decide::{Decision, decide};
use crate::domain::machine::gate::{Gate, gate};
use crate::domain::machine::transition::transition;
use crate::domain::policy::Policy;
use crate::domain::{
    Execution, IllegalTransition, Instant, LeaseToken, Notify, Outcome, State, Step,
};
use crate::failpoint::around;
use crate::provider::{Client, Provider, Reply};
use crate::store::StoreError;
use crate::store::claim::Claimed;
use crate::store::settle::{Attempt, Settlement};

use record::{fault, settlement};

use super::{Account, Engine};

/// A job that was done, to be settled.
#[derive(Debug)]
pub struct Done {
    /// The account's name in the configuration.
    pub account: String,
    pub claimed: Claimed,
    pub decision: Decision,
    pub to_state: State,
    pub settlement: Settlement,
    pub attempts: Vec<Attempt>,
    /// The business time of its answer; it may be settled much later.
    pub at: Instant,
    /// How late it was done.
    pub lag: Duration,
}

/// Why a job could not be done. Its lease runs out, and rescue takes it from there.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    #[error("do the {step} step of execution {execution}")]
    Store {
        step: Step,
        execution: i64,
        #[source]
        source: StoreError,
    },
    #[error("settle the {step} step of execution {execution}")]
    Illegal {
        step: Step,
        execution: i64,
        #[source]
        source: IllegalTransition,
    },
    /// Too little of the lease was left to make the call: somebody else may have the job before it is answered.
    #[error("the lease of execution {execution} is nearly over; no call was made")]
    LeaseNearlyOver { execution: i64 },
    #[error("another worker has execution {execution} now; no call was made")]
    LeaseLost { execution: i64 },
    /// The call was dropped: waiting for its turn or connecting took too long, or the answer did.
    #[error("the lease of execution {execution} ended before the provider answered")]
    LeaseOver { execution: i64 },
}

/// What a job needs around it.
struct Run<'a> {
    engine: &'a Engine,
    account: &'a Account,
    /// As it was when the job began: a reload does not change hands in the middle of one.
    client: Arc<Client>,
    claimed: &'a Claimed,
    /// The execution with what this job has found out so far.
    execution: Execution,
    policy: &'a Policy,
    /// The business time of this job, the same for its calls and its decision.
    now: Instant,
    /// When the lease must be considered lost, on this machine's monotonic clock.
    deadline: tokio::time::Instant,
    attempts: Vec<Attempt>,
    provider_ref: Option<String>,
    /// The order that was looked at or called last.
    order: String,
}

/// What a job was told about a notification.
#[derive(Debug, Clone)]
struct Told {
    state: &'static str,
    message: Option<String>,
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
) -> Result<Done, JobError> {
    let (step, execution) = (claimed.step, claimed.execution.id.0);
    let failed = |source| JobError::Store {
        step,
        execution,
        source,
    };
    let policy = around("policy", engine.policy(claimed.policy_id))
        .await
        .map_err(failed)?;
    let now = engine.clock.now();
    let provider_ref = claimed.provider_ref.clone();
    let mut run = Run {
        engine,
        account,
        client: account.client(),
        claimed: &claimed,
        execution: claimed.execution.clone(),
        policy: &policy,
        now,
        deadline,
        attempts: Vec::new(),
        provider_ref,
        order: claimed.order_id.clone(),
    };
    let retrying = claimed
        .execution
        .intent
        .is_some_and(|intent| intent.is_retry);
    let needs_counter = retrying || run.client.execute_needs_counter();
    let (decision, told) = match gate(
        &claimed.execution,
        step,
        claimed.opened,
        needs_counter,
        &policy,
        now,
    ) {
        Gate::Instead(decision) => (*decision, None),
        Gate::AskMandate => (run.ask_mandate().await, None),
        Gate::Go => run.step().await?,
    };
    let Run {
        attempts,
        provider_ref,
        order,
        ..
    } = run;
    let change = transition(&claimed.execution, &decision).map_err(|source| JobError::Illegal {
        step,
        execution,
        source,
    })?;
    let mut settlement = settlement(engine, &claimed, &decision, &change, told, &policy);
    settlement.fault = attempts
        .last()
        .and_then(|attempt| fault(attempt, &decision, &change));
    // A new order has no debit of the provider's yet.
    settlement.provider_ref =
        provider_ref.filter(|_| settlement.order_no == claimed.execution.progress.order_no);
    settlement.debit_order_id = change.collected.map(|_| order);
    let lag = now
        .signed_duration_since(claimed.run_at)
        .to_std()
        .unwrap_or(Duration::ZERO);
    Ok(Done {
        account: account.name.clone(),
        claimed,
        decision,
        to_state: change.to,
        settlement,
        attempts,
        at: now,
        lag,
    })
}

impl Run<'_> {
    async fn step(&mut self) -> Result<(Decision, Option<Told>), JobError> {
        match self.claimed.step {
            Step::Notify | Step::NotifyStatus => self.notification().await,
            Step::Execute => Ok((self.execute().await?, None)),
            Step::Retry => Ok((self.retry().await?, None)),
            Step::Lookup => {
                let reply = self.look_up(&self.claimed.order_id).await;
                Ok((self.decide(&reply), None))
            }
            Step::Verify => Ok((self.verify().await?, None)),
        }
    }

    fn decide(&self, reply: &Reply<Outcome>) -> Decision {
        decide(
            &self.execution,
            self.claimed.step,
            &reply.outcome,
            reply.counter,
            self.policy,
            self.now,
        )
    }

    /// Refuses to begin a call that the lease may not outlive.
    fn check_lease(&self) -> Result<(), JobError> {
        let needed = tokio::time::Instant::now().checked_add(self.account.timeout);
        if needed.is_none_or(|needed| needed >= self.deadline) {
            return Err(JobError::LeaseNearlyOver {
                execution: self.claimed.execution.id.0,
            });
        }
        Ok(())
    }

    /// The latest that a call which debits or notifies may leave: it may have to wait for its turn, and meanwhile the lease ends,
    /// the window, or the cycle.
    fn send_by(&self) -> tokio::time::Instant {
        let now = self.engine.clock.now();
        let windows = match self.claimed.step {
            Step::Notify => Some(&self.policy.notify_windows),
            // It hands over when to debit.
            Step::Execute if self.execution.notify == Notify::Provider => None,
            Step::Execute | Step::Retry => Some(&self.policy.debit_windows),
            Step::NotifyStatus | Step::Lookup | Step::Verify => None,
        };
        let window = windows
            .and_then(|windows| windows.at_or_after(now))
            .filter(|span| span.opens <= now)
            .and_then(|span| span.closes);
        let closes = self.execution.cycle.closes_at;
        let ends = [self.claimed.run_before, window, Some(closes)];
        let left = ends.into_iter().flatten().min().and_then(|end| {
            let left = end.signed_duration_since(now).to_std().unwrap_or_default();
            tokio::time::Instant::now().checked_add(left)
        });
        left.map_or(self.deadline, |end| end.min(self.deadline))
    }

    /// A call, as long as the lease lasts. What has not left by then never does: behind the rate limit or
    /// a slow connection it could otherwise go out after somebody else has found that it was never made.
    async fn within_lease<T>(&self, call: impl Future<Output = T>) -> Result<T, JobError> {
        let mut call = pin!(call);
        let mut over = pin!(tokio::time::sleep_until(self.deadline));
        poll_fn(|context| {
            // A process that was stopped for a while must find out before it goes on. Its timers may not have heard of it yet: the
            // clock itself is asked.
            let is_over = over.as_mut().poll(context).is_ready()
                || tokio::time::Instant::now() >= self.deadline;
            if is_over {
                return Poll::Ready(Err(JobError::LeaseOver {
                    execution: self.claimed.execution.id.0,
                }));
            }
            call.as_mut().poll(context).map(Ok)
        })
        .await
    }
}
