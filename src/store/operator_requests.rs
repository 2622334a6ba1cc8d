//! A person has an execution tried sooner, or once more, or left out. One transaction, in which the job is locked first: a worker that
//! holds it is not overtaken, and none can claim it meanwhile.

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::{Connection, PgConnection, Postgres, Transaction};

use super::claim::ClaimRow;
use super::columns::small;
use super::error::{StoreContext, StoreError};
use super::pauses::Attribution;
use super::policies;
use super::rows::{corrupt, word};
use crate::domain::machine::decide::Decision;
use crate::domain::machine::decide::operator::{
    CurrentJob, Declined, OperatorRequestKind, RequestContext, follow,
};
use crate::domain::machine::transition;
use crate::domain::policy::Policy;
use crate::domain::{
    Class, CycleIdentity, Execution, ExecutionId, Mandate, Notify, ProviderKind, State, Step,
    Timestamp,
};

/// An operator request that was granted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrantedRequest {
    pub mandate_ref: String,
    pub cycle_on: NaiveDate,
    pub order_id: String,
    pub from: State,
    pub to: State,
    pub next_step: Option<Step>,
    pub next_at: Option<Timestamp>,
}

/// What came of an operator request.
#[derive(Debug)]
pub enum OperatorRequestResult {
    Granted(GrantedRequest),
    /// A worker holds the job.
    Held,
    Declined(Declined),
    NoExecution,
}

/// An execution that nobody else changes as long as the transaction lasts.
pub(super) struct Locked {
    pub(super) mandate: Mandate,
    pub(super) execution: Execution,
    pub(super) policy: Policy,
    /// As it is stored: an open intent is not in it.
    pub(super) stored: State,
    known: RequestContext,
}

impl Locked {
    pub(super) fn cycle_identity(&self) -> CycleIdentity<'_> {
        CycleIdentity::of(&self.mandate, self.execution.cycle.period)
    }
}

/// An operator request.
#[derive(Debug, Clone, Copy)]
pub struct OperatorRequest<'a> {
    pub id: ExecutionId,
    pub kind: OperatorRequestKind,
    pub attribution: Attribution<'a>,
    pub at: Timestamp,
}

/// Writes what follows from an operator request: the state, the next step, the event and the record of who requested it.
pub async fn operate(
    conn: &mut PgConnection,
    request: OperatorRequest<'_>,
) -> Result<OperatorRequestResult, StoreError> {
    let OperatorRequest { id, kind, at, .. } = request;
    let mut tx = conn.begin().await.context("begin a transaction")?;
    let job = sqlx::query!(
        r#"select step, run_at, parked, lease_token is not null as "held!" from mandated.jobs where execution_id = $1 for update"#,
        id.0
    )
    .fetch_optional(&mut *tx)
    .await
    .context("lock the job")?;
    if job.as_ref().is_some_and(|job| job.held) {
        return refused(tx, OperatorRequestResult::Held).await;
    }
    let job = match job {
        Some(job) => Some(CurrentJob {
            step: word("job", id.0, &job.step, Step::parse)?,
            run_at: job.run_at,
            parked: job.parked,
        }),
        None => None,
    };
    let Some(locked) = lock(&mut tx, id, job, at).await? else {
        return refused(tx, OperatorRequestResult::NoExecution).await;
    };
    if job.is_none() && !locked.stored.is_final() {
        // There was none to lock, and by now there is: somebody else's request came first, and a worker may be at it.
        return refused(tx, OperatorRequestResult::Held).await;
    }
    let (execution, policy) = (&locked.execution, &locked.policy);
    let decision = match follow(kind, execution, locked.known, policy, at) {
        Ok(decision) => decision,
        Err(declined) => return refused(tx, OperatorRequestResult::Declined(declined)).await,
    };
    let change = transition(execution, &decision);
    let done = GrantedRequest {
        mandate_ref: locked.mandate.reference.clone(),
        cycle_on: locked.execution.cycle.on,
        order_id: locked.cycle_identity().order_id(decision.progress.order_no),
        from: locked.stored,
        to: change
            .map_err(|illegal| corrupt("execution", id.0, illegal.to_string()))?
            .to,
        next_step: decision.next.map(|next| next.step),
        next_at: decision.next.map(|next| next.span.opens),
    };
    write(&mut tx, &locked, &decision, &done, request).await?;
    tx.commit().await.context("commit a transaction")?;
    Ok(OperatorRequestResult::Granted(done))
}

/// Lets go of the rows at once: whoever claims or settles the job meanwhile would pass it by.
async fn refused(
    tx: Transaction<'_, Postgres>,
    why: OperatorRequestResult,
) -> Result<OperatorRequestResult, StoreError> {
    tx.rollback().await.context("end a transaction")?;
    Ok(why)
}

/// The execution as it is now, with the columns that a claim reads.
pub(super) async fn lock(
    conn: &mut PgConnection,
    id: ExecutionId,
    job: Option<CurrentJob>,
    now: Timestamp,
) -> Result<Option<Locked>, StoreError> {
    let found = sqlx::query_scalar!(
        "select id from mandated.executions where id = $1 for update",
        id.0
    )
    .fetch_optional(&mut *conn)
    .await
    .context("lock the execution")?;
    if found.is_none() {
        return Ok(None);
    }
    let row = sqlx::query_as!(
        ClaimRow,
        r#"select e.id as execution_id, '' as "step!", $2::timestamptz as "run_at!", null::timestamptz as run_before,
                  0::bigint as "lease_token!", false as "opened!", i.kind as "intent_kind?", i.opened_at as "intent_opened_at?",
                  i.counter_before, i.payments_before, e.cycle_on, e.period, e.debit_at, e.closes_at, e.amount_minor, e.currency, e.policy_id, e.state, e.class,
                  e.order_no, e.order_id, e.notification_no, e.notification_ref, e.delivered_at, e.undelivered_at, e.is_forgotten, e.execute_at,
                  e.debit_attempts, e.earlier_attempts, e.lookups, e.step_attempts, e.provider_ref, e.sent_at, e.failed_at, e.not_before, e.lookup_times, m.id as mandate_id,
                  m.ref as mandate_ref, m.provider, m.provider_mandate_id, m.customer_id, m.rail, m.notify,
                  m.amount_minor as mandate_amount_minor, m.max_amount_minor, m.frequency, m.cron, m.time_zone, m.starts_on,
                  m.ends_on, m.debit_at as debit_time, m.category, m.description, m.metadata, m.status as mandate_status,
                  m.provider_paused_at, null::smallint as not_found_days, null::date as not_found_on, coalesce(r.paused_until > $2, false) as "rail_paused!", null::date as budget_spent_on,
                  null::timestamptz as last_debit_at
             from mandated.executions e
             join mandated.mandates m on m.id = e.mandate_id
             join mandated.rails r on r.rail = m.rail
             left join mandated.intents i on i.execution_id = e.id
            where e.id = $1"#,
        id.0,
        now
    )
    .fetch_one(&mut *conn)
    .await
    .context("read the execution")?;
    let mandate = row.mandate()?;
    let execution = row.execution(&mandate)?;
    let policy = policies::get(conn, row.policy_id).await?;
    Ok(Some(Locked {
        stored: word("execution", id.0, &row.state, State::parse)?,
        known: known(conn, &execution, job).await?,
        mandate,
        execution,
        policy,
    }))
}

/// A call that was made, or looked up, or that a person has spoken of, was sent, whatever the execution says: a worker that was killed
/// in the middle of it has noted nothing.
async fn known(
    conn: &mut PgConnection,
    execution: &Execution,
    job: Option<CurrentJob>,
) -> Result<RequestContext, StoreError> {
    let row = sqlx::query!(
        r#"select e.finished_at,
                  exists (select from mandated.debits d where d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on) as "collected!",
                  e.sent_at is not null
                    or exists (select from mandated.attempts a where a.execution_id = e.id and a.reference = e.order_id
                                and (a.call = 'order_status' or a.call in ('execute', 'retry')
                                     and a.outcome not in ('not_sent', 'throttled', 'account_refused', 'refused')))
                    or exists (select from mandated.resolutions s where s.execution_id = e.id) as "was_sent!"
             from mandated.executions e where e.id = $1"#,
        execution.id.0
    )
    .fetch_one(conn)
    .await
    .context("look for what was sent")?;
    Ok(RequestContext {
        job,
        collected: row.collected,
        was_sent: row.was_sent,
        finished_at: row.finished_at,
    })
}

/// The state, the next job or none, the event, and who requested it. The daemons are woken.
async fn write(
    conn: &mut PgConnection,
    locked: &Locked,
    decision: &Decision,
    done: &GrantedRequest,
    request: OperatorRequest<'_>,
) -> Result<(), StoreError> {
    let OperatorRequest {
        id,
        kind,
        attribution,
        at,
    } = request;
    let (progress, mandate) = (&decision.progress, &locked.mandate);
    let is_ours = mandate.notify == Notify::Separate && mandate.provider == ProviderKind::Juspay;
    let reference = is_ours.then(|| {
        locked
            .cycle_identity()
            .notification_ref(progress.notification_no)
    });
    // A new order has no debit of the provider's yet.
    let keeps_ref = progress.order_no == locked.execution.progress.order_no;
    sqlx::query!(
        r#"with moved as (
             update mandated.executions
                set state = $2::text, reason = $3, class = $4, updated_at = $5::timestamptz, order_no = $6, order_id = $7, notification_no = $8,
                    notification_ref = $9, delivered_at = $10, undelivered_at = $11, execute_at = $12, debit_attempts = $13,
                    lookups = $14, step_attempts = $15, sent_at = $16, failed_at = $17, earlier_attempts = $29,
                    provider_ref = case when $18::boolean then provider_ref end, finished_at = case when $19::boolean then coalesce(finished_at, $5::timestamptz) end
              where id = $1
             returning account_id, mandate_id, cycle_on, order_id, amount_minor, currency, class, reason
           ), gone as (
             delete from mandated.jobs where execution_id = $1 and lease_token is null and $20::text is null
           ), again as (
             insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at, run_before)
             select $1, account_id, mandate_id, $20, $21, $22 from moved where $20 is not null
             on conflict (execution_id) do update
                set step = excluded.step, run_at = excluded.run_at, run_before = excluded.run_before, parked = false
           ), announced as (
             insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, cycle_on, from_state, to_state, order_id,
                                          amount_minor, currency, class, reason)
             select $5::timestamptz, $23, mandate_id, $24, $1, cycle_on, $25, $2::text, order_id, amount_minor, currency, class, reason
               from moved
           ), woken as (
             -- The trigger on jobs tells of new ones only.
             select pg_notify('mandated_jobs', '')
           )
           insert into mandated.operator_requests (at, what, mandate_id, execution_id, who, reason)
           select $5::timestamptz, $26, mandate_id, $1, $27, $28 from moved, woken"#,
        id.0,
        done.to.as_str(),
        format!("{} by {}: {}", kind.done(), attribution.who, attribution.reason),
        decision.class.map(Class::as_str),
        at,
        small(progress.order_no),
        done.order_id,
        small(progress.notification_no),
        reference,
        progress.delivered_at,
        progress.undelivered_at,
        progress.execute_at,
        small(progress.debit_attempts),
        small(progress.lookups),
        small(progress.step_attempts),
        progress.sent_at,
        progress.failed_at,
        keeps_ref,
        done.to.is_final(),
        done.next_step.map(Step::as_str),
        done.next_at,
        decision.next.and_then(|next| next.span.closes),
        format!("execution.{}", kind.done()),
        done.mandate_ref,
        done.from.as_str(),
        kind.as_str(),
        attribution.who,
        attribution.reason,
        small(progress.earlier_attempts)
    )
    .execute(conn)
    .await
    .context("write what was requested")?;
    Ok(())
}
