//! Settle: what came of a batch of jobs, in one statement, fenced by their lease tokens.

mod parameters;

use std::collections::HashMap;
use std::time::Duration;

use super::error::{StoreContext, StoreError};
use super::rows::word;
use crate::domain::execution::Progress;
use crate::domain::{
    AccountId, Amount, AttemptOutcome, Call, Class, ExecutionId, LeaseToken, MandateStatus,
    NotificationState, State, Step, Timestamp,
};
use crate::failpoint::around;
use crate::store::pool::DatabasePool;

pub use parameters::{arguments, statement};

/// All that changes when one job is done.
#[derive(Debug, Clone)]
pub struct Settlement {
    pub execution_id: ExecutionId,
    pub lease_token: LeaseToken,
    pub from_state: State,
    pub to_state: State,
    pub reason: String,
    pub class: Option<Class>,
    /// None deletes the job.
    pub next: Option<NextJob>,
    pub closes_intent: bool,
    pub progress: Progress,
    pub order_id: String,
    pub notification_ref: Option<String>,
    pub provider_ref: Option<String>,
    pub mandate: Option<MandateChange>,
    /// Declined attempts that this job found out about, where 30 days have a limit of them.
    pub declined_card_attempts: Option<u16>,
    /// What is wrong with the account or with us, in a few words, rather than with this mandate.
    pub fault: Option<String>,
    pub debit: Option<Debit>,
    pub notification: Option<NotificationResult>,
}

/// The next job of an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NextJob {
    pub step: Step,
    pub run_at: Timestamp,
    /// The end of the window that it is planned into.
    pub run_before: Option<Timestamp>,
    /// Whether its own time has come, and it waits for its mandate to be resumed.
    pub parked: bool,
}

/// What became of the mandate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MandateChange {
    pub status: MandateStatus,
    /// The pause that this status is an answer about; without one it is news of an active mandate.
    pub paused_at: Option<Timestamp>,
}

/// The proof of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debit {
    /// The amount that the answer states, if it states one.
    pub stated: Option<Amount>,
    /// Which order of the cycle debited it.
    pub order_id: String,
}

/// What became of the notification that a job was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotificationResult {
    pub no: u16,
    pub reference: String,
    pub state: NotificationState,
    pub message: Option<String>,
}

/// One call to a provider, for the append-only history. Redacted before it gets here.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub execution_id: ExecutionId,
    /// When it was made, which can be long before it is settled.
    pub at: Timestamp,
    pub call: Call,
    pub reference: String,
    pub http_status: Option<u16>,
    pub latency_ms: i32,
    pub outcome: AttemptOutcome,
    pub class: Option<Class>,
    pub code: Option<String>,
    pub message: Option<String>,
    pub rule: Option<String>,
    pub body: Option<String>,
}

/// Where an execution stands after its settlement. One that was not held any more is missing: its lease was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub state: State,
    pub reason: String,
}

/// When one reason for parking executions is the account's trouble, and pauses it.
#[derive(Debug, Clone, Copy)]
pub struct FaultRules {
    /// So many executions,
    pub limit: i64,
    /// within this long after the first of them. For as long after a pause, one more is enough for the next.
    pub within: Duration,
    pub pause: Duration,
}

/// An account that this batch has paused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PausedAccount {
    pub id: AccountId,
    pub reason: String,
    /// How many executions were parked for it, since when.
    pub parked: i32,
    pub since: Timestamp,
    pub until: Timestamp,
    /// The refs of mandates that it ended; of many, the first.
    pub ended: Vec<String>,
}

/// What a batch came to.
#[derive(Debug, Default)]
pub struct Written {
    pub executions: HashMap<ExecutionId, Settled>,
    pub paused: Vec<PausedAccount>,
}

/// Writes a batch, all of it or nothing.
pub async fn settle(
    pool: &DatabasePool,
    settlements: &[Settlement],
    attempts: &[Attempt],
    now: Timestamp,
    worker: &str,
    faults: FaultRules,
) -> Result<Written, StoreError> {
    let arguments = arguments(settlements, attempts, now, worker, faults)
        .map_err(sqlx::Error::Encode)
        .context("settle jobs")?;
    let settling = sqlx::query_as_with(statement(), arguments);
    let rows: Vec<Row> = around("settle", settling.fetch_all(pool))
        .await
        .context("settle jobs")?;
    read(rows)
}

/// An execution that was settled: its number, state and reason. Or an account that was paused: the reason, its number, how many
/// executions were parked since when, until when it is paused, and the mandates that ended.
type Row = (
    Option<i64>,
    Option<String>,
    String,
    Option<i16>,
    Option<i32>,
    Option<Timestamp>,
    Option<Timestamp>,
    Option<Vec<String>>,
);

fn read(rows: Vec<Row>) -> Result<Written, StoreError> {
    let mut written = Written::default();
    for (execution, state, reason, account, parked, first_at, paused_until, ended) in rows {
        if let (Some(id), Some(state)) = (execution, &state) {
            let state = word("execution", id, state, State::parse)?;
            written
                .executions
                .insert(ExecutionId(id), Settled { state, reason });
        } else if let (Some(id), Some(since), Some(until)) = (account, first_at, paused_until) {
            written.paused.push(PausedAccount {
                id: AccountId(id),
                reason,
                parked: parked.unwrap_or_default(),
                since,
                until,
                ended: ended.unwrap_or_default(),
            });
        }
    }
    Ok(written)
}

/// What was read before a call that has no idempotency key.
#[derive(Debug, Clone, Copy)]
pub struct CallBefore<'a> {
    /// The provider's counter.
    pub counter: i64,
    /// The ids of all payments that were there, where only they tell later whether there is a new one.
    pub payments: Option<&'a [i64]>,
}

/// Records what was read before a call that has no idempotency key on its open intent.
///
/// Says whether the job is still ours; when it is not, the call must not be made.
pub async fn record_counter(
    pool: &DatabasePool,
    execution: ExecutionId,
    token: LeaseToken,
    before: CallBefore<'_>,
) -> Result<bool, StoreError> {
    let statement = sqlx::query!(
        // The job by its key, and so that Postgres has no choice: see claim.sql.
        "update mandated.intents set counter_before = $3, payments_before = $4
          where execution_id = $1
            and (select lease_token = $2 and lease_until > now() from mandated.jobs where execution_id = $1 limit 1)",
        execution.0,
        token.0,
        before.counter,
        before.payments
    );
    let done = around("counter", statement.execute(pool))
        .await
        .context("record the provider's attempt counter")?;
    Ok(done.rows_affected() == 1)
}
