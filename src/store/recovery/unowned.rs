//! Payments that the provider has of a mandate, and no execution here.
//!
//! A mandate that is younger than the dump was imported again, perhaps with another schedule: then an earlier order has another id than
//! any that its executions can have, and an earlier payment lies outside of its cycles. Nothing else would find it before the next debit.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sqlx::{Acquire, PgConnection};

use super::OpenRecovery;
use crate::domain::Timestamp;
use crate::store::error::{StoreContext, StoreError};
use crate::store::mandates::{Change, ChangeRequest, ChangeResult, set_status};
use crate::store::pauses::Attribution;
use crate::store::planning::{begin, commit};
use crate::store::pool::DatabasePool;

/// Mandates that are compared together.
const MANDATES: i64 = 50;
/// The longest reason of an operator request, in characters; see its CHECK.
const LONGEST_REASON: usize = 1000;

/// A mandate whose payments are to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MandateToCompare {
    pub id: i64,
    pub reference: String,
    pub created_at: DateTime<Utc>,
}

/// A payment that no execution has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnownedPayment {
    /// Juspay: the order id. Signzy: `paymentId`.
    pub id: String,
    pub status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<NaiveDate>,
}

/// A mandate with such payments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnownedPayments {
    #[serde(rename = "ref")]
    pub reference: String,
    /// Where the mandate stands: one that was active is paused until a person has looked.
    pub status: String,
    pub payments: Vec<UnownedPayment>,
}

/// The next mandates after an id that were not compared in this recovery: those that may have been debited since it looks back to.
pub async fn mandates(
    pool: &DatabasePool,
    recovery: OpenRecovery,
    after: i64,
) -> Result<Vec<MandateToCompare>, StoreError> {
    sqlx::query_as!(
        MandateToCompare,
        "select m.id, m.ref as reference, m.created_at from mandated.mandates m
          where m.account_id = $1 and m.id > $2 and (m.status in ('active', 'paused') or m.updated_at >= $3)
            and not exists (select from mandated.compared_mandates c where c.recovery_id = $4 and c.mandate_id = m.id)
          order by m.id limit $5",
        recovery.account.0,
        after,
        recovery.since,
        recovery.id,
        MANDATES
    )
    .fetch_all(pool)
    .await
    .context("find the mandates whose payments are to be compared")
}

/// Of some periods, those that no execution of the mandate has.
pub async fn without_execution(
    pool: &DatabasePool,
    mandate: i64,
    periods: &[String],
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        r#"select p as "period!" from unnest($2::text[]) p
            where not exists (select from mandated.executions e where e.mandate_id = $1 and e.period = p)"#,
        mandate,
        periods
    )
    .fetch_all(pool)
    .await
    .context("find the periods that have no execution")
}

/// Of some payments and their days, those that no execution of the mandate has.
///
/// One that lies in a cycle that this recovery has asked about is left out: the execution has it, or will find it.
pub async fn unknown(
    pool: &DatabasePool,
    recovery: OpenRecovery,
    mandate: i64,
    payments: &[(String, Option<NaiveDate>)],
    today: NaiveDate,
) -> Result<Vec<String>, StoreError> {
    let (ids, days): (Vec<String>, Vec<String>) = payments
        .iter()
        .map(|(id, day)| {
            (
                id.clone(),
                day.map_or_else(String::new, |day| day.to_string()),
            )
        })
        .unzip();
    sqlx::query_scalar!(
        r#"select p.id as "id!"
             from mandated.mandates m
            cross join lateral (select id, nullif(day, '')::date as day from unnest($2::text[], $3::text[]) u (id, day)) p
            where m.id = $1
              and not exists (select from mandated.executions e where e.mandate_id = m.id and e.provider_ref = p.id)
              and not exists (select from mandated.debits d where d.mandate_id = m.id and d.provider_txn = p.id)
              and not exists (
                select from mandated.executions e
                  join mandated.recovered_executions r on r.execution_id = e.id and r.recovery_id = $4
                 where e.mandate_id = m.id and r.result <> 'collected'
                   and (p.day is null or p.day < (e.closes_at at time zone m.time_zone)::date
                                         and p.day >= e.cycle_on - case when m.notify = 'provider' then 1 else 0 end))
              and not exists (
                select from mandated.executions e
                 where e.mandate_id = m.id and m.notify = 'provider' and e.provider_ref is null and p.day >= $5
                   and p.day < (e.closes_at at time zone m.time_zone)::date and p.day >= e.cycle_on - 1)"#,
        mandate,
        &ids,
        &days,
        recovery.id,
        today
    )
    .fetch_all(pool)
    .await
    .context("find the payments that no execution has")
}

/// Of some payments, those that an earlier recovery has found and for which a person has resumed the mandate since.
pub async fn answered(
    pool: &DatabasePool,
    mandate: i64,
    payments: &[String],
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        r#"select p as "id!" from unnest($2::text[]) p
            where exists (
              select from mandated.compared_mandates c
                join mandated.operator_requests o on o.mandate_id = c.mandate_id and o.what = 'resume' and o.at >= c.at
               where c.mandate_id = $1 and c.unowned @> jsonb_build_array(jsonb_build_object('id', p)))"#,
        mandate,
        payments
    )
    .fetch_all(pool)
    .await
    .context("find the payments that a person has answered for")
}

/// Notes that a mandate was compared. One with payments that no execution has is paused here, in the same transaction: a person must say
/// what they were for.
pub async fn compared(
    pool: &DatabasePool,
    recovery: OpenRecovery,
    mandate: &MandateToCompare,
    payments: &[UnownedPayment],
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let what = "note that the payments of a mandate were compared";
    let corrupt = |error: serde_json::Error| StoreError::Corrupt {
        what: format!("{what}: {}", mandate.reference),
        why: error.to_string(),
    };
    let mut tx = begin(pool).await?;
    sqlx::query!(
        "insert into mandated.compared_mandates (recovery_id, mandate_id, at, unowned) values ($1, $2, $3, $4)",
        recovery.id,
        mandate.id,
        now,
        serde_json::to_value(payments).map_err(corrupt)?
    )
    .execute(&mut *tx)
    .await
    .context(what)?;
    if !payments.is_empty() {
        let reason = reason(payments);
        let request = ChangeRequest {
            reference: &mandate.reference,
            change: Change::Pause,
            attribution: Attribution {
                who: by,
                reason: &reason,
            },
            until: None,
        };
        let conn = tx.acquire().await.context(what)?;
        match set_status(conn, request, now).await? {
            ChangeResult::Applied => {}
            // Whoever resumes it must read this.
            ChangeResult::Already | ChangeResult::Impossible(_) | ChangeResult::NoMandate => {
                add_reason(conn, mandate.id, by, &reason, now).await?;
            }
        }
    }
    commit(tx).await
}

/// Of a mandate that was paused before, or has ended.
async fn add_reason(
    conn: &mut PgConnection,
    mandate: i64,
    by: &str,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with told as (
           update mandated.mandates set status_reason = concat_ws('; ', status_reason, $4::text), updated_at = $2 where id = $1 returning id
         )
         insert into mandated.operator_requests (at, mandate_id, what, who, reason) select $2, id, 'pause', $3, $4 from told",
        mandate,
        now,
        by,
        reason
    )
    .execute(conn)
    .await
    .context("note the payments of a mandate that is paused")?;
    Ok(())
}

fn reason(payments: &[UnownedPayment]) -> String {
    let each: Vec<String> = payments.iter().map(in_words).collect();
    let all = format!(
        "the provider has payments that no execution here has: {}",
        each.join("; ")
    );
    all.chars().take(LONGEST_REASON).collect()
}

fn in_words(payment: &UnownedPayment) -> String {
    let UnownedPayment {
        id,
        status,
        amount,
        on,
    } = payment;
    let on = on.map_or_else(String::new, |on| format!(" on {on}"));
    let amount = amount.as_deref().unwrap_or("an amount that is not stated");
    format!("{id}{on}, {amount}, {status}")
}

/// The mandates of a recovery that have such payments.
pub async fn unowned(
    pool: &DatabasePool,
    recovery: OpenRecovery,
) -> Result<Vec<UnownedPayments>, StoreError> {
    let what = "list the payments that no execution has";
    let rows = sqlx::query!(
        "select m.ref as reference, m.status, c.unowned from mandated.compared_mandates c join mandated.mandates m on m.id = c.mandate_id
          where c.recovery_id = $1 and c.unowned <> '[]' order by m.id",
        recovery.id
    )
    .fetch_all(pool)
    .await
    .context(what)?;
    rows.into_iter()
        .map(|row| {
            let corrupt = |error: serde_json::Error| StoreError::Corrupt {
                what: format!("{what}: {}", row.reference),
                why: error.to_string(),
            };
            Ok(UnownedPayments {
                payments: serde_json::from_value(row.unowned).map_err(corrupt)?,
                status: row.status,
                reference: row.reference,
            })
        })
        .collect()
}
