//! Resolve: a person's word for what no answer has decided. One transaction, in which the job is locked first: a worker that
//! holds it is not overtaken, and none can claim it meanwhile.

use chrono::NaiveDate;
use serde::Serialize;
use sqlx::{Connection, PgConnection, Postgres, Transaction};

use super::error::{StoreContext, StoreError};
use super::policies;
use super::rows::word;
use crate::domain::backoff::after;
use crate::domain::resolve::{
    Collected, NamedOrder, OpenExecution, Payment, Refusal, ResolvedAs, resolve as resolved,
};
use crate::domain::{ExecutionId, MandateId, ProviderKind, State, Timestamp};

/// What is said of an execution, by whom and by what evidence.
#[derive(Debug, Clone, Copy)]
pub struct ResolutionRequest<'a> {
    pub resolved_as: ResolvedAs,
    pub who: &'a str,
    pub reason: &'a str,
    pub evidence: &'a str,
    /// The provider's id of the debit.
    pub provider_ref: Option<&'a str>,
    /// The order that collected the cycle, where it is not the execution's own.
    pub order: Option<&'a str>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resolution {
    pub mandate_ref: String,
    pub cycle_on: NaiveDate,
    pub order_id: String,
    pub from: State,
    pub to: State,
    /// Whether this is the proof of the cycle's debit.
    pub is_debit: bool,
    /// When the order is looked at once more, in case it was collected after all.
    pub recheck_at: Option<Timestamp>,
}

/// What a person's word led to.
#[derive(Debug)]
pub enum ResolutionResult {
    Recorded(Resolution),
    /// A worker holds the job.
    Held,
    Refused(Refusal),
    NoExecution,
}

struct Row {
    mandate_id: i64,
    mandate_ref: String,
    account_id: i16,
    policy_id: i64,
    cycle_on: NaiveDate,
    closes_at: Timestamp,
    state: String,
    order_no: i16,
    order_id: String,
    has_intent: bool,
    debit_order_id: Option<String>,
    provider: String,
    /// The provider's id of the payment, as the request or the execution has it.
    payment: Option<String>,
    /// The other cycle of the mandate that has the payment.
    payments_cycle: Option<NaiveDate>,
    /// The other mandate of the account that has the payment.
    payments_mandate: Option<i64>,
    /// Whether a call of this execution was about the order that the request names.
    knows_order: bool,
    /// The other orders of which the last answer was that they collected, or may.
    other_orders: i64,
    /// Whether an order was collected that is not the debit's.
    refund_due: bool,
}

/// Writes a person's word: the state, the debit, the end of the intent, the next look-up, the event and the record of it all.
pub async fn resolve(
    conn: &mut PgConnection,
    id: ExecutionId,
    request: &ResolutionRequest<'_>,
    now: Timestamp,
) -> Result<ResolutionResult, StoreError> {
    let mut tx = conn.begin().await.context("begin a transaction")?;
    let held = sqlx::query_scalar!(
        r#"select lease_token is not null as "held!" from mandated.jobs where execution_id = $1 for update"#,
        id.0
    )
    .fetch_optional(&mut *tx)
    .await
    .context("lock the job")?;
    if held == Some(true) {
        return refused(tx, ResolutionResult::Held).await;
    }
    if let Some(payment) = request.provider_ref {
        // A second person who names this payment waits here, and finds it booked.
        sqlx::query!(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))",
            payment
        )
        .execute(&mut *tx)
        .await
        .context("lock the payment")?;
    }
    let Some(row) = lock(&mut tx, id, request).await? else {
        return refused(tx, ResolutionResult::NoExecution).await;
    };
    let state = word("execution", id.0, &row.state, State::parse)?;
    let provider = word("execution", id.0, &row.provider, ProviderKind::parse)?;
    let is_open = matches!(state, State::Planned | State::Notified | State::Retrying);
    let open = OpenExecution {
        // `executing` is not stored: it is the open intent.
        state: if is_open && row.has_intent {
            State::Executing
        } else {
            state
        },
        cycle_over: row.closes_at <= now,
        has_intent: row.has_intent,
        collected: match &row.debit_order_id {
            None => Collected::Never,
            Some(_) if row.refund_due => Collected::Twice,
            Some(order) if *order == row.order_id => Collected::ByThisOrder,
            Some(_) => Collected::ByAnotherOrder,
        },
        payment: Payment::read(
            provider,
            row.payment.as_deref(),
            row.payments_cycle,
            row.payments_mandate.map(MandateId),
        ),
        order: named_order(request, &row),
    };
    let to = match resolved(open, request.resolved_as) {
        Ok(to) => to,
        Err(refusal) => return refused(tx, ResolutionResult::Refused(refusal)).await,
    };
    // What is said to have failed can be collected late; so can the orders before one that was collected.
    let rechecks = match request.resolved_as {
        ResolvedAs::Failed => true,
        ResolvedAs::Charged => row.order_no > 1 || open.order == NamedOrder::Other,
        ResolvedAs::Refunded => false,
    };
    let policy = policies::get(&mut tx, row.policy_id).await?;
    let done = Resolution {
        mandate_ref: row.mandate_ref.clone(),
        cycle_on: row.cycle_on,
        order_id: request.order.unwrap_or(&row.order_id).to_owned(),
        from: state,
        to,
        is_debit: to == State::Charged && open.collected == Collected::Never,
        recheck_at: rechecks.then(|| after(now, policy.recheck_after)),
    };
    match write(&mut tx, id, &row, &done, request, now).await {
        Ok(()) => {}
        Err(error) if is_taken(&error) => {
            return refused(tx, ResolutionResult::Refused(Refusal::Overtaken)).await;
        }
        Err(error) => return Err(error),
    }
    tx.commit().await.context("commit a transaction")?;
    Ok(ResolutionResult::Recorded(done))
}

/// Whether another debit has the payment since it was read.
fn is_taken(error: &StoreError) -> bool {
    matches!(error, StoreError::Database { source: sqlx::Error::Database(refused), .. } if refused.is_unique_violation())
}

fn named_order(request: &ResolutionRequest<'_>, row: &Row) -> NamedOrder {
    match request.order {
        Some(order) if order == row.order_id => NamedOrder::Own,
        Some(_) if row.knows_order => NamedOrder::Other,
        Some(_) => NamedOrder::NotKnown,
        None if row.other_orders > 0 => NamedOrder::NotNamed,
        None => NamedOrder::Own,
    }
}

/// Lets go of the rows at once: whoever rescues or settles the job meanwhile would pass it by.
async fn refused(
    tx: Transaction<'_, Postgres>,
    why: ResolutionResult,
) -> Result<ResolutionResult, StoreError> {
    tx.rollback().await.context("end a transaction")?;
    Ok(why)
}

/// The execution as it is now: who resolves it at the same time waits here, and finds it resolved.
async fn lock(
    conn: &mut PgConnection,
    id: ExecutionId,
    request: &ResolutionRequest<'_>,
) -> Result<Option<Row>, StoreError> {
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
    sqlx::query_as!(
        Row,
        r#"select e.mandate_id, m.ref as mandate_ref, e.account_id, e.policy_id, e.cycle_on, e.closes_at, e.state, e.order_no,
                  e.order_id, i.execution_id is not null as "has_intent!", d.order_id as "debit_order_id?",
                  m.provider, coalesce($2, e.provider_ref) as payment,
                  (select o.cycle_on from mandated.debits o
                    where o.mandate_id = e.mandate_id and o.provider_txn = coalesce($2, e.provider_ref) and o.cycle_on <> e.cycle_on)
                    as payments_cycle,
                  (select o.mandate_id from mandated.debits o join mandated.mandates n on n.id = o.mandate_id
                    where o.provider_txn = coalesce($2, e.provider_ref) and o.mandate_id <> e.mandate_id and n.account_id = e.account_id limit 1)
                    as payments_mandate,
                  exists (
                    select from mandated.attempts a where a.execution_id = e.id and a.reference = $3
                       and a.call in ('execute', 'order_status', 'retry')) as "knows_order!",
                  (
                    select count(*) from (select distinct on (a.reference) a.outcome from mandated.attempts a
                                  where a.execution_id = e.id and a.reference <> e.order_id
                                    and a.call in ('execute', 'order_status', 'retry')
                                    and a.outcome in ('charged', 'pending', 'failed', 'not_found', 'reversed')
                                  order by a.reference, a.at desc) other
                     where other.outcome in ('charged', 'pending')) as "other_orders!",
                  e.reason like 'refund due%' or exists (
                    select from mandated.attempts a where a.execution_id = e.id and a.outcome = 'charged'
                       and a.call in ('execute', 'order_status', 'retry') and a.reference <> d.order_id) as "refund_due!"
             from mandated.executions e
             join mandated.mandates m on m.id = e.mandate_id
             left join mandated.intents i on i.execution_id = e.id
             left join mandated.debits d on d.mandate_id = e.mandate_id and d.cycle_on = e.cycle_on
            where e.id = $1"#,
        id.0,
        request.provider_ref,
        request.order
    )
    .fetch_optional(conn)
    .await
    .context("read the execution")
}

/// The debit is inserted without a way out: if the cycle has one by now, or another cycle the payment, its keys refuse all of this.
async fn write(
    conn: &mut PgConnection,
    id: ExecutionId,
    row: &Row,
    done: &Resolution,
    request: &ResolutionRequest<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"with closed as (
             delete from mandated.intents where execution_id = $1
           ), gone as (
             delete from mandated.jobs where execution_id = $1 and $9::timestamptz is null
           ), again as (
             insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at)
             select $1, $11, $2, 'recheck', $9 where $9 is not null
             on conflict (execution_id) do update
                set step = 'recheck', run_at = excluded.run_at, run_before = null, parked = false
           ), moved as (
             update mandated.executions
                set state = $3, finished_at = $10, updated_at = $10, step_attempts = 0, provider_ref = coalesce($8, provider_ref),
                    reason = format('resolved as %s by %s: %s', $4::text, $5::text, $6::text)
              where id = $1
             returning mandate_id, cycle_on, order_id, amount_minor, currency, class, provider_ref, reason
           ), proven as (
             insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, provider_txn, amount_minor, currency, proven_at)
             select mandate_id, cycle_on, $1, $15, provider_ref, amount_minor, currency, $10 from moved where $12::boolean
           ), announced as (
             insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, cycle_on, from_state, to_state, order_id,
                                          amount_minor, currency, class, reason)
             select $10, 'execution.resolved', $2, $13, $1, cycle_on, $14, $3, $15, amount_minor, currency, class, reason
               from moved
           )
           insert into mandated.resolutions (at, execution_id, mandate_id, order_id, from_state, to_state, resolved_as, who, reason,
                                             evidence, provider_ref)
           select $10, $1, mandate_id, $15, $14, $3, $4, $5, $6, $7, $8 from moved"#,
        id.0,
        row.mandate_id,
        done.to.as_str(),
        request.resolved_as.as_str(),
        request.who,
        request.reason,
        request.evidence,
        request.provider_ref,
        done.recheck_at,
        now,
        row.account_id,
        done.is_debit,
        row.mandate_ref,
        done.from.as_str(),
        done.order_id
    )
    .execute(conn)
    .await
    .context("write what was resolved")?;
    Ok(())
}
