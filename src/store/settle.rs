//! Settle: what came of a batch of jobs, in one statement, fenced by their lease tokens.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::PgPool;

use super::columns::{Columns, small};
use super::error::{StoreError, Tried};
use super::rows::word;
use crate::domain::{AccountId, ExecutionId, Instant, LeaseToken, State};
use crate::failpoint::around;

/// All that changes when one job is done. Fields are the columns they are written to.
#[derive(Debug, Clone)]
pub struct Settlement {
    pub execution_id: ExecutionId,
    pub lease_token: LeaseToken,
    pub from_state: State,
    pub to_state: State,
    pub reason: String,
    pub class: Option<&'static str>,
    /// The next job; none deletes it.
    pub step: Option<&'static str>,
    pub run_at: Option<Instant>,
    pub run_before: Option<Instant>,
    pub closes_intent: bool,
    pub order_no: u16,
    pub order_id: String,
    pub notification_no: u16,
    pub notification_ref: Option<String>,
    pub delivered_at: Option<Instant>,
    pub undelivered_at: Option<Instant>,
    pub execute_at: Option<Instant>,
    pub debits_tried: u16,
    pub lookups: u16,
    pub tries: u16,
    pub provider_ref: Option<String>,
    pub sent_at: Option<Instant>,
    pub failed_at: Option<Instant>,
    pub not_before: Option<Instant>,
    pub looked: Vec<Instant>,
    pub mandate_status: Option<&'static str>,
    /// The pause that this status is an answer about; without one it is news of an active mandate.
    pub paused_at: Option<Instant>,
    /// Whether the next job's own time has come, and it waits for its mandate to be resumed.
    pub parked: bool,
    /// Declined tries that this job found out about, where 30 days have a limit of them.
    pub card_tries: Option<u16>,
    /// What is wrong with the account or with us, in a few words, rather than with this mandate.
    pub fault: Option<String>,
    /// The proof of a collection: what was debited, and by which order of the cycle.
    pub debit_minor: Option<i64>,
    pub debit_order_id: Option<String>,
    /// What became of the notification that this job was about.
    pub told_no: Option<u16>,
    pub told_ref: Option<String>,
    pub told_state: Option<&'static str>,
    pub told_message: Option<String>,
}

/// One call to a provider, for the append-only history. Redacted before it gets here.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub execution_id: ExecutionId,
    /// When it was made, which can be long before it is settled.
    pub at: Instant,
    pub call: &'static str,
    pub reference: String,
    pub http_status: Option<u16>,
    pub latency_ms: i32,
    pub outcome: &'static str,
    pub class: Option<&'static str>,
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
    pub since: Instant,
    pub until: Instant,
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
    pool: &PgPool,
    settlements: &[Settlement],
    attempts: &[Attempt],
    now: Instant,
    worker: &str,
    faults: FaultRules,
) -> Result<Written, StoreError> {
    let (settlements, attempts) = (Columns(settlements), Columns(attempts));
    let statement = sqlx::query_file_as!(
        Row,
        "src/store/settle.sql",
        now,
        worker,
        faults.limit,
        faults.within.as_secs_f64(),
        faults.pause.as_secs_f64(),
        &settlements.of(|one| one.execution_id.0),
        &settlements.of(|one| one.lease_token.0),
        &settlements.of(|one| one.from_state.as_str()) as _,
        &settlements.of(|one| one.to_state.as_str()) as _,
        &settlements.texts(|one| Some(&one.reason)) as _,
        &settlements.of(|one| one.class) as _,
        &settlements.of(|one| one.step) as _,
        &settlements.of(|one| one.run_at) as _,
        &settlements.of(|one| one.run_before) as _,
        &settlements.of(|one| one.closes_intent),
        &settlements.of(|one| small(one.order_no)),
        &settlements.texts(|one| Some(&one.order_id)) as _,
        &settlements.of(|one| small(one.notification_no)),
        &settlements.texts(|one| one.notification_ref.as_deref()) as _,
        &settlements.of(|one| one.delivered_at) as _,
        &settlements.of(|one| one.undelivered_at) as _,
        &settlements.of(|one| one.execute_at) as _,
        &settlements.of(|one| small(one.debits_tried)),
        &settlements.of(|one| small(one.lookups)),
        &settlements.of(|one| small(one.tries)),
        &settlements.texts(|one| one.provider_ref.as_deref()) as _,
        &settlements.of(|one| one.sent_at) as _,
        &settlements.of(|one| one.failed_at) as _,
        &settlements.of(|one| array(one.looked.iter())) as _,
        &settlements.of(|one| one.mandate_status) as _,
        &settlements.of(|one| one.paused_at) as _,
        &settlements.of(|one| one.parked),
        &settlements.of(|one| one.card_tries.map(i32::from)) as _,
        &settlements.texts(|one| one.fault.as_deref()) as _,
        &settlements.of(|one| one.debit_minor) as _,
        &settlements.texts(|one| one.debit_order_id.as_deref()) as _,
        &settlements.of(|one| one.told_no.map(small)) as _,
        &settlements.texts(|one| one.told_ref.as_deref()) as _,
        &settlements.of(|one| one.told_state) as _,
        &settlements.texts(|one| one.told_message.as_deref()) as _,
        &attempts.of(|one| one.execution_id.0),
        &attempts.of(|one| one.at),
        &attempts.of(|one| one.call) as _,
        &attempts.texts(|one| Some(&one.reference)) as _,
        &attempts.of(|one| one.http_status.map(small)) as _,
        &attempts.of(|one| one.latency_ms),
        &attempts.of(|one| one.outcome) as _,
        &attempts.of(|one| one.class) as _,
        &attempts.texts(|one| one.code.as_deref()) as _,
        &attempts.texts(|one| one.message.as_deref()) as _,
        &attempts.texts(|one| one.rule.as_deref()) as _,
        &attempts.texts(|one| one.body.as_deref()) as _,
        &settlements.of(|one| one.not_before) as _
    );
    let rows = around("settle", statement.fetch_all(pool))
        .await
        .tried("settle jobs")?;
    read(rows)
}

/// An execution that was settled, or an account that was paused.
#[derive(Debug)]
struct Row {
    execution_id: Option<i64>,
    state: Option<String>,
    reason: String,
    account_id: Option<i16>,
    parked: Option<i32>,
    first_at: Option<Instant>,
    paused_until: Option<Instant>,
    ended: Option<Vec<String>>,
}

fn read(rows: Vec<Row>) -> Result<Written, StoreError> {
    let mut written = Written::default();
    for row in rows {
        if let (Some(id), Some(state)) = (row.execution_id, &row.state) {
            let state = word("execution", id, state, State::parse)?;
            let reason = row.reason;
            written
                .executions
                .insert(ExecutionId(id), Settled { state, reason });
        } else if let (Some(id), Some(since), Some(until)) =
            (row.account_id, row.first_at, row.paused_until)
        {
            written.paused.push(PausedAccount {
                id: AccountId(id),
                reason: row.reason,
                parked: row.parked.unwrap_or_default(),
                since,
                until,
                ended: row.ended.unwrap_or_default(),
            });
        }
    }
    Ok(written)
}

/// An array in an array, as Postgres writes one: arrays of arrays have to be of one length.
pub(super) fn array<'a>(times: impl Iterator<Item = &'a Instant>) -> String {
    let times: Vec<String> = times.map(Instant::to_rfc3339).collect();
    format!("{{{}}}", times.join(","))
}

/// Records the provider's attempt counter on an open intent, before a call that has no idempotency key.
///
/// Says whether the job is still ours; when it is not, the call must not be made.
pub async fn record_counter(
    pool: &PgPool,
    execution: ExecutionId,
    token: LeaseToken,
    counter: i64,
) -> Result<bool, StoreError> {
    let statement = sqlx::query!(
        // The job by its key, and so that Postgres has no choice: see claim.sql.
        "update mandated.intents set counter_before = $3
          where execution_id = $1
            and (select lease_token = $2 and lease_until > now() from mandated.jobs where execution_id = $1 limit 1)",
        execution.0,
        token.0,
        counter
    );
    let done = around("counter", statement.execute(pool))
        .await
        .tried("record the provider's attempt counter")?;
    Ok(done.rows_affected() == 1)
}
