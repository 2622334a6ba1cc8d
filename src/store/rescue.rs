//! Rescue: takes back the jobs whose leases ran out. How each goes on is [`rescue`]'s to say.

use std::time::Duration;

use sqlx::PgConnection;

use super::columns::Columns;
use super::error::{StoreContext, StoreError};
use super::planning::{begin, commit};
use super::rows::{count, readable, word};
use crate::domain::machine::rescue::{LostJob, RescuedJob, rescue};
use crate::domain::{ExecutionId, LeaseToken, Step, Timestamp};
use crate::failpoint::around;
use crate::store::pool::DatabasePool;

/// A job whose worker was lost.
#[derive(Debug)]
pub struct Rescued {
    pub execution_id: ExecutionId,
    pub step: Step,
    /// Whether money may have moved.
    pub has_intent: bool,
}

/// Takes up to 500 expired leases back, all of them or none.
///
/// The lost call is written down as an attempt without an answer, so that the history has every call that may have been made.
pub async fn rescue_expired(
    pool: &DatabasePool,
    now: Timestamp,
    processing: Duration,
    worker: &str,
) -> Result<Vec<Rescued>, StoreError> {
    let mut transaction = around("rescue.begin", begin(pool)).await?;
    let lost = around("rescue.lock", lock_expired(&mut transaction)).await?;
    let taken: Vec<Taken> = lost
        .into_iter()
        .map(|lost| lost.taken_back(now, processing))
        .collect();
    if !taken.is_empty() {
        around("rescue.write", write(&mut transaction, &taken, worker)).await?;
    }
    around("rescue.commit", commit(transaction)).await?;
    Ok(taken
        .into_iter()
        .map(|taken| Rescued {
            execution_id: taken.execution_id,
            step: taken.job.step,
            has_intent: taken.lost.intent_opened_at.is_some(),
        })
        .collect())
}

/// An expired lease, and the job under it.
struct Expired {
    execution_id: ExecutionId,
    token: LeaseToken,
    lost: LostJob,
}

/// The same, with how the job goes on.
struct Taken {
    execution_id: ExecutionId,
    token: LeaseToken,
    lost: LostJob,
    job: RescuedJob,
}

impl Expired {
    fn taken_back(self, now: Timestamp, processing: Duration) -> Taken {
        Taken {
            execution_id: self.execution_id,
            token: self.token,
            job: rescue(self.lost, now, processing),
            lost: self.lost,
        }
    }
}

struct Row {
    execution_id: i64,
    lease_token: i64,
    step: String,
    run_at: Timestamp,
    run_before: Option<Timestamp>,
    intent_opened_at: Option<Timestamp>,
    order_no: i16,
    lookup_times: Vec<Timestamp>,
    undelivered_at: Option<Timestamp>,
}

async fn lock_expired(connection: &mut PgConnection) -> Result<Vec<Expired>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select j.execution_id, j.lease_token as "lease_token!", j.step, j.run_at, j.run_before,
                  i.opened_at as "intent_opened_at?", e.order_no, e.lookup_times, e.undelivered_at
             from mandated.jobs j left join mandated.intents i on i.execution_id = j.execution_id
             join mandated.executions e on e.id = j.execution_id
            where j.lease_token is not null and j.lease_until < now()
            order by j.lease_until limit 500
              -- The execution too: one that somebody has locked would keep all the others waiting.
              for no key update of j, e skip locked"#
    )
    .fetch_all(connection)
    .await
    .context("find the leases that ran out")?;
    Ok(readable(rows.into_iter().map(Row::read)))
}

impl Row {
    fn read(self) -> Result<Expired, StoreError> {
        let id = self.execution_id;
        Ok(Expired {
            execution_id: ExecutionId(id),
            token: LeaseToken(self.lease_token),
            lost: LostJob {
                step: word("execution", id, &self.step, Step::parse)?,
                run_at: self.run_at,
                run_before: self.run_before,
                intent_opened_at: self.intent_opened_at,
                order_no: count("execution", id, self.order_no)?,
                lookup_times: [0, 1, 2].map(|nth| self.lookup_times.get(nth).copied()),
                undelivered_at: self.undelivered_at,
            },
        })
    }
}

async fn write(
    connection: &mut PgConnection,
    taken: &[Taken],
    worker: &str,
) -> Result<(), StoreError> {
    let taken = Columns(taken);
    sqlx::query!(
        "with t as materialized (
           select * from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[],
                                $7::timestamptz[], $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[])
             as t (execution_id, lease_token, lost_step, step, run_at, run_before, lookup_time_1, lookup_time_2, lookup_time_3,
                   undelivered_at, lost_call_at)
         ), taken as (
           update mandated.jobs j
              set step = t.step, run_at = t.run_at, run_before = t.run_before,
                  lease_until = null, lease_token = null, worker_id = null
             from t
            where j.execution_id = any ($1) and j.execution_id = t.execution_id and (j.lease_token = t.lease_token) is true
         ), counted as (
           update mandated.executions e
              set lookup_times = array_remove(array[t.lookup_time_1, t.lookup_time_2, t.lookup_time_3], null),
                  undelivered_at = t.undelivered_at
             from t
            where e.id = any ($1) and e.id = t.execution_id and t.lost_step <> 'notify_status'
         )
         insert into mandated.attempts (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision,
                                        next_step, next_at, lease_token, worker_id)
         select t.lost_call_at, t.execution_id, i.mandate_id, t.lost_step, i.order_id, 0, 'lost',
                'the worker was lost: reconcile', t.step, t.run_at, t.lease_token, $12
           from t
           cross join lateral (select * from mandated.intents where execution_id = t.execution_id limit 1) i
          where t.lost_call_at is not null",
        &taken.of(|one| one.execution_id.0),
        &taken.of(|one| one.token.0),
        &taken.of(|one| one.lost.step.as_str()) as _,
        &taken.of(|one| one.job.step.as_str()) as _,
        &taken.of(|one| one.job.run_at),
        &taken.of(|one| one.job.run_before) as _,
        &taken.of(|one| one.job.lookup_times[0]) as _,
        &taken.of(|one| one.job.lookup_times[1]) as _,
        &taken.of(|one| one.job.lookup_times[2]) as _,
        &taken.of(|one| one.job.undelivered_at) as _,
        &taken.of(|one| one.job.lost_call_at) as _,
        worker
    )
    .execute(connection)
    .await
    .context("take expired leases back")?;
    Ok(())
}
