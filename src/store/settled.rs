//! What is asked about what was settled: whose rows are free, what an earlier try has written after all, which order was collected.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;

use super::error::{StoreContext, StoreError};
use super::rows::word;
use super::settle::{Settled, Settlement};
use crate::domain::cycle::Cycle;
use crate::domain::{ExecutionId, MandateId, State};
use crate::store::pool::DatabasePool;

/// Of some executions, those on which nobody else holds a lock. Does not wait for any row.
pub async fn free(
    pool: &DatabasePool,
    executions: &[ExecutionId],
) -> Result<HashSet<ExecutionId>, StoreError> {
    let ids: Vec<i64> = executions.iter().map(|id| id.0).collect();
    let free = sqlx::query_scalar!(
        r#"with wanted as materialized (
             select e.id, e.mandate_id from mandated.executions e where e.id = any ($1::bigint[])
           ), free_executions as materialized (
             select id from mandated.executions where id = any ($1) for no key update skip locked
           ), free_mandates as materialized (
             select id from mandated.mandates where id = any (array(select mandate_id from wanted)) for no key update skip locked
           ), held_jobs as materialized (
             select execution_id from mandated.jobs where execution_id = any ($1)
           ), free_jobs as materialized (
             select execution_id from mandated.jobs where execution_id = any ($1) for no key update skip locked
           )
           select w.id as "id!" from wanted w
            where w.id in (select id from free_executions) and w.mandate_id in (select id from free_mandates)
              and (w.id in (select execution_id from free_jobs) or w.id not in (select execution_id from held_jobs))"#,
        &ids
    )
    .fetch_all(pool)
    .await
    .context("find the executions that nobody has locked")?;
    Ok(free.into_iter().map(ExecutionId).collect())
}

/// What of a batch an earlier try of ours has written, although its answer was lost: its attempts carry the token.
pub async fn settled_before(
    pool: &DatabasePool,
    settlements: &[Settlement],
    worker: &str,
) -> Result<HashMap<ExecutionId, Settled>, StoreError> {
    let (ids, tokens): (Vec<i64>, Vec<i64>) = settlements
        .iter()
        .map(|settlement| (settlement.execution_id.0, settlement.lease_token.0))
        .unzip();
    let rows = sqlx::query!(
        r#"select e.id, e.state, e.reason,
                  not exists (select from mandated.attempts l
                               where l.execution_id = e.id and l.id > a.id and l.lease_token <> s.lease_token) as "as_written!"
             from unnest($1::bigint[], $2::bigint[]) s (execution_id, lease_token)
             cross join lateral (select * from mandated.executions where id = s.execution_id limit 1) e
             cross join lateral (
               select id from mandated.attempts
                where execution_id = s.execution_id and lease_token = s.lease_token and worker_id = $3 and outcome <> 'lost'
                limit 1) a"#,
        &ids,
        &tokens,
        worker
    )
    .fetch_all(pool)
    .await
    .context("find what was settled by a try whose answer was lost")?;
    let mut before = HashMap::with_capacity(rows.len());
    for row in rows {
        let state = word("execution", row.id, &row.state, State::parse)?;
        let written = settlements
            .iter()
            .find(|settlement| settlement.execution_id.0 == row.id)
            .filter(|_| !row.as_written);
        // Where it has gone on since, what we wrote is what we meant to write.
        let settled = written.map_or(
            Settled {
                state,
                reason: row.reason,
            },
            |settlement| Settled {
                state: settlement.to_state,
                reason: settlement.reason.clone(),
            },
        );
        before.insert(ExecutionId(row.id), settled);
    }
    Ok(before)
}

/// The order whose debit a cycle has.
pub async fn debited_order(
    pool: &DatabasePool,
    mandate: MandateId,
    cycle_on: NaiveDate,
) -> Result<Option<String>, StoreError> {
    sqlx::query_scalar!(
        "select order_id from mandated.debits where mandate_id = $1 and cycle_on = $2",
        mandate.0,
        cycle_on
    )
    .fetch_optional(pool)
    .await
    .context("read which order of a cycle was collected")
}

/// What is known of a mandate's other payments when one of a cycle is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPayments {
    /// The provider's ids of the debits in the cycles around.
    pub payments: Vec<String>,
    /// The first day of the cycle's period: an unknown payment from that day on counts for this period.
    pub period_from: NaiveDate,
}

/// The payments of a mandate's other cycles: of those around, and of the ones before and after it, however far away they are.
pub async fn known_payments(
    pool: &DatabasePool,
    mandate: MandateId,
    cycle: &Cycle,
) -> Result<KnownPayments, StoreError> {
    let period = cycle.period.days();
    let period_from = period.map(|days| days.start);
    let payments = sqlx::query_scalar!(
        r#"with around as materialized (
             select least($2::date - 62, $3, (select max(cycle_on) from mandated.executions where mandate_id = $1 and cycle_on < $3),
                          (select max(cycle_on) from mandated.debits where mandate_id = $1 and cycle_on < $3)) as first,
                    greatest($2::date + 62, (select min(cycle_on) from mandated.executions where mandate_id = $1 and cycle_on > $2)) as last
           )
           select array(
             select provider_ref from mandated.executions
              where mandate_id = $1 and cycle_on >= (select first from around) and cycle_on <= (select last from around) and cycle_on <> $2
                and provider_ref is not null
             union
             select provider_txn from mandated.debits
              where mandate_id = $1 and cycle_on >= (select first from around) and cycle_on <= (select last from around) and cycle_on <> $2
                and provider_txn is not null
           ) as "payments!""#,
        mandate.0,
        cycle.on,
        period_from
    )
    .fetch_one(pool)
    .await
    .context("read the payments of other cycles")?;
    Ok(KnownPayments {
        payments,
        // All of time is one period where there is one cycle.
        period_from: period_from.unwrap_or(NaiveDate::MIN),
    })
}
