//! One execution that is to be asked about, as this database has it.

use chrono::DateTime;
use chrono::Utc;
use sqlx::PgConnection;

use crate::domain::policy::Policy;
use crate::domain::{CycleIdentity, Execution, ExecutionId, Mandate, Timestamp};
use crate::store::error::{StoreContext, StoreError};
use crate::store::operator_requests::lock;
use crate::store::planning::begin;
use crate::store::pool::DatabasePool;
use crate::store::settled::known_payments;

/// An execution, its mandate and its policy, with what its look-ups need.
#[derive(Debug)]
pub struct Subject {
    pub mandate: Mandate,
    pub execution: Execution,
    pub policy: Policy,
    /// The provider's id of the current order's debit.
    pub provider_ref: Option<String>,
    /// The provider's ids of the mandate's other debits, and of those that were there before an open charge.
    pub other_payments: Vec<String>,
    /// Whether a worker holds its job.
    pub held: bool,
    /// The version of the row: another one means that somebody has worked on it.
    pub version: String,
    /// The look-ups that are on record, by order.
    lookups: Vec<(String, Timestamp)>,
    /// Those that were counted and are not on record: of which order they were, nobody knows.
    lost_lookups: Vec<Timestamp>,
}

impl Subject {
    /// What its orders are named after.
    pub fn cycle_identity(&self) -> CycleIdentity<'_> {
        CycleIdentity::of(&self.mandate, self.execution.cycle.period)
    }

    /// When an order was looked up, as far as it is known, the latest first.
    pub fn lookup_times(&self, order: &str) -> Vec<Timestamp> {
        let recorded = self.lookups.iter().filter(|(of, _)| of == order);
        let mut times: Vec<Timestamp> = recorded
            .map(|(_, at)| *at)
            .chain(self.lost_lookups.iter().copied())
            .collect();
        times.sort_unstable_by(|one, other| other.cmp(one));
        times
    }
}

/// Reads an execution, all of it at one instant; nothing if there is none any more.
pub async fn subject(
    pool: &DatabasePool,
    id: ExecutionId,
    now: Timestamp,
) -> Result<Option<Subject>, StoreError> {
    let mut tx = begin(pool).await?;
    let Some(locked) = lock(&mut tx, id, None, now).await? else {
        return Ok(None);
    };
    let row = sqlx::query!(
        r#"select e.xmin::text as "version!", e.provider_ref, i.payments_before,
                  coalesce((select j.lease_token is not null from mandated.jobs j where j.execution_id = e.id), false) as "held!"
             from mandated.executions e left join mandated.intents i on i.execution_id = e.id where e.id = $1"#,
        id.0
    )
    .fetch_one(&mut *tx)
    .await
    .context("read the execution")?;
    let (lookups, lost_lookups) = looked_up(&mut tx, id).await?;
    tx.rollback().await.context("end a transaction")?;
    let known = known_payments(pool, locked.mandate.id, &locked.execution.cycle).await?;
    let mut other_payments = known.payments;
    let before = row.payments_before.unwrap_or_default();
    other_payments.extend(before.iter().map(i64::to_string));
    other_payments.retain(|payment| row.provider_ref.as_ref() != Some(payment));
    Ok(Some(Subject {
        mandate: locked.mandate,
        execution: locked.execution,
        policy: locked.policy,
        provider_ref: row.provider_ref,
        other_payments,
        held: row.held,
        version: row.version,
        lookups,
        lost_lookups,
    }))
}

type Lookups = (Vec<(String, Timestamp)>, Vec<Timestamp>);

/// A look-up is counted in the row before it is made, and written down after it. One that is only counted was lost with whoever made it.
async fn looked_up(conn: &mut PgConnection, id: ExecutionId) -> Result<Lookups, StoreError> {
    let what = "read the look-ups of an execution";
    let made = sqlx::query!(
        "select reference, at from mandated.attempts
          where execution_id = $1 and call = 'order_status' and outcome not in ('not_sent', 'throttled') order by id desc limit 50",
        id.0
    )
    .fetch_all(&mut *conn)
    .await
    .context(what)?;
    let lost: Vec<DateTime<Utc>> = sqlx::query_scalar!(
        r#"select t as "at!" from mandated.executions e cross join lateral unnest(e.lookup_times) t
            where e.id = $1 and not exists (select from mandated.attempts a
                                             where a.execution_id = e.id and a.call = 'order_status' and a.at = t)"#,
        id.0
    )
    .fetch_all(conn)
    .await
    .context(what)?;
    let made = made.into_iter().map(|made| (made.reference, made.at));
    Ok((made.collect(), lost))
}
