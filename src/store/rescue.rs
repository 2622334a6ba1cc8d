//! Rescue: an expired lease never leads to the same call again. With an intent it becomes a look-up.

use std::time::Duration;

use sqlx::PgPool;

use super::error::{StoreError, Tried};
use super::rows::word;
use crate::domain::{ExecutionId, Instant, Step};
use crate::failpoint::around;

/// A job whose worker was lost.
#[derive(Debug)]
pub struct Rescued {
    pub execution_id: ExecutionId,
    pub step: Step,
    /// Whether money may have moved.
    pub has_intent: bool,
}

/// Takes up to 500 expired leases back. The look-up of an intent waits until the provider must have processed the call.
///
/// The lost call is written down as an attempt without an answer, so that the history has every call that may have been made.
pub async fn rescue_expired(
    pool: &PgPool,
    now: Instant,
    wait: Duration,
    worker: &str,
) -> Result<Vec<Rescued>, StoreError> {
    let statement = sqlx::query!(
        r#"with expired as materialized (
             select j.execution_id, j.lease_token, j.worker_id, j.step, j.run_at, i.execution_id is not null as has_intent,
                    -- When it was lost, or the lost worker's clock was ahead of this one: what it did it did no sooner than that.
                    greatest($1::timestamptz, j.run_at, i.opened_at) as at
               from mandated.jobs j left join mandated.intents i on i.execution_id = j.execution_id
               join mandated.executions e on e.id = j.execution_id
              where j.lease_token is not null and j.lease_until < now()
              order by j.lease_until limit 500
                -- The execution too: one that somebody has locked would keep all the others waiting.
                for no key update of j, e skip locked
           ), taken as (
             update mandated.jobs j
                set step = case when x.has_intent and x.step in ('execute', 'retry') then 'lookup' else x.step end,
                    run_at = case when x.has_intent then x.at + make_interval(secs => $2) else j.run_at end,
                    run_before = case when x.has_intent then null else j.run_before end,
                    lease_until = null, lease_token = null, worker_id = null
               from expired x
              where j.execution_id = x.execution_id and j.lease_token = x.lease_token
             returning j.execution_id, j.step, x.has_intent, x.lease_token, x.step as lost_step, x.run_at as was_due_at, x.at,
                       j.run_at
           ), counted as (
             -- What may have been done counts as done: a look at the order, and a notification, which can be as old as its job.
             update mandated.executions e
                set looked = case when t.lost_step in ('lookup', 'retry', 'verify')
                                    or t.lost_step = 'execute' and e.order_no > 1
                                  then (array_prepend(t.at, e.looked))[1:3] else e.looked end,
                    undelivered_at = case when t.lost_step = 'notify' then coalesce(e.undelivered_at, t.was_due_at)
                                          else e.undelivered_at end
               from taken t
              where e.id = t.execution_id and t.lost_step <> 'notify_status'
           ), logged as (
             insert into mandated.attempts (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision,
                                            next_step, next_at, lease_token, worker_id)
             -- If there was a call, it was made when the intent was opened, or soon after.
             select i.opened_at, t.execution_id, i.mandate_id, t.lost_step, i.order_id, 0, 'lost', 'the worker was lost: reconcile',
                    t.step, t.run_at, t.lease_token, $3
               from taken t join mandated.intents i on i.execution_id = t.execution_id
              where t.lost_step in ('execute', 'retry')
           )
           select execution_id as "execution_id!", step as "step!", has_intent as "has_intent!" from taken"#,
        now,
        wait.as_secs_f64(),
        worker
    );
    let rows = around("rescue", statement.fetch_all(pool))
        .await
        .tried("rescue expired leases")?;
    rows.into_iter()
        .map(|row| {
            Ok(Rescued {
                execution_id: ExecutionId(row.execution_id),
                step: word("execution", row.execution_id, &row.step, Step::parse)?,
                has_intent: row.has_intent,
            })
        })
        .collect()
}
