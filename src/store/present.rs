//! Executions that the merchant presents, outside of the planner.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::domain::cycle::Cycle;
use crate::domain::ids::order_id;
use crate::domain::window::Span;
use crate::domain::{Amount, ExecutionId, Step};
use crate::store::mandates::Stored;

/// An execution to insert.
#[derive(Debug)]
pub struct Presented<'a> {
    pub mandate: &'a Stored,
    pub policy_id: i64,
    pub cycle: Cycle,
    pub amount: Amount,
    pub step: Step,
    pub run: Span,
}

/// Inserts an execution with its first job and its event. Nothing if its cycle has one already.
pub async fn insert(
    conn: &mut PgConnection,
    new: &Presented<'_>,
    now: DateTime<Utc>,
) -> sqlx::Result<Option<ExecutionId>> {
    let minted = sqlx::query!(
        r#"select nextval(pg_get_serial_sequence('mandated.executions', 'id')) as "id!", tag from mandated.installation"#
    )
    .fetch_one(&mut *conn)
    .await?;
    let id = ExecutionId(minted.id);
    let Stored {
        mandate,
        account_id,
        ..
    } = new.mandate;
    let inserted = sqlx::query_scalar!(
        r#"
        with new as (
          insert into mandated.executions
            (id, mandate_id, account_id, policy_id, cycle_on, debit_at, closes_at, amount_minor, max_amount_minor,
             currency, state, reason, order_id, planned_at, updated_at)
          values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'planned', 'presented by the merchant', $11, $12, $12)
          on conflict (mandate_id, cycle_on) do nothing
          returning id, mandate_id, account_id, cycle_on, order_id, amount_minor, currency, reason),
        job as (
          insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at, run_before)
          select id, account_id, mandate_id, $13, $14, $15 from new),
        event as (
          insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, cycle_on, to_state, order_id,
                                       amount_minor, currency, reason)
          select $12, 'execution.planned', mandate_id, $16, id, cycle_on, 'planned', order_id, amount_minor, currency,
                 reason
            from new)
        select id from new
        "#,
        id.0,
        mandate.id.0,
        account_id,
        new.policy_id,
        new.cycle.on,
        new.cycle.debit_at,
        new.cycle.closes_at,
        new.amount.minor(),
        mandate.max_amount.minor(),
        mandate.currency.as_str(),
        order_id(&minted.tag, id, 1),
        now,
        new.step.as_str(),
        new.run.opens,
        new.run.closes,
        mandate.reference,
    )
    .fetch_optional(conn)
    .await?;
    Ok(inserted.map(ExecutionId))
}
