//! Settle: what came of a batch of jobs, in one statement, fenced by their lease tokens.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::PgPool;

use super::error::{StoreError, Tried};
use super::rows::word;
use crate::domain::{ExecutionId, Instant, LeaseToken, State};

/// All that changes when one job is done. Fields are the columns they are written to.
#[derive(Debug, Clone, Serialize)]
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
    pub execute_at: Option<Instant>,
    pub debits_tried: u16,
    pub lookups: u16,
    pub tries: u16,
    pub provider_ref: Option<String>,
    pub sent_at: Option<Instant>,
    pub failed_at: Option<Instant>,
    pub looked: Vec<Instant>,
    pub mandate_status: Option<&'static str>,
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
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    pub execution_id: ExecutionId,
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

/// Writes a batch, all of it or nothing.
pub async fn settle(
    pool: &PgPool,
    settlements: &[Settlement],
    attempts: &[Attempt],
    now: Instant,
    worker: &str,
) -> Result<HashMap<ExecutionId, Settled>, StoreError> {
    let settlements = as_text(serde_json::to_string(settlements))?;
    let attempts = as_text(serde_json::to_string(attempts))?;
    let rows = sqlx::query_file!("src/store/settle.sql", settlements, attempts, now, worker)
        .fetch_all(pool)
        .await
        .tried("settle jobs")?;
    rows.into_iter()
        .map(|row| {
            let state = word("execution", row.execution_id, &row.state, State::parse)?;
            Ok((
                ExecutionId(row.execution_id),
                Settled {
                    state,
                    reason: row.reason,
                },
            ))
        })
        .collect()
}

/// As text, without the one character that Postgres cannot store. Providers' words are in here: a single one with it would keep
/// the whole batch from being settled.
fn as_text(json: serde_json::Result<String>) -> Result<String, StoreError> {
    let text = json.map_err(|error| StoreError::Corrupt {
        what: "write settlements".to_owned(),
        why: error.to_string(),
    })?;
    Ok(text.replace("\\u0000", "\\ufffd"))
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
    let done = sqlx::query!(
        "update mandated.intents i set counter_before = $3
           from mandated.jobs j
          where i.execution_id = $1 and j.execution_id = $1 and j.lease_token = $2 and j.lease_until > now()",
        execution.0,
        token.0,
        counter
    )
    .execute(pool)
    .await
    .tried("record the provider's attempt counter")?;
    Ok(done.rows_affected() == 1)
}
