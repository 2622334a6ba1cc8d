//! `audit --provider`: whose payments are asked for, and which of them are of no execution.

use chrono::{DateTime, NaiveDate, Utc};

use crate::domain::Timestamp;
use crate::store::error::{StoreContext, StoreError};
use crate::store::pool::DatabasePool;

/// Mandates that one statement finds.
const MANDATES: i64 = 200;

/// A mandate whose payments the provider is asked for.
#[derive(Debug, Clone)]
pub struct AskedMandate {
    pub id: i64,
    pub reference: String,
    pub account_id: i16,
    pub provider: String,
    pub provider_mandate_id: String,
    pub frequency: Option<String>,
    /// Whether it was imported, or its cycles are presented, and its account was recovered since: an order of it may be forgotten.
    pub may_be_forgotten: bool,
    /// Where nobody knows its schedule of before.
    pub is_new: bool,
    /// From when on its payments are ours: since it was imported, if nothing of before can be forgotten.
    pub ours_since: DateTime<Utc>,
}

/// The next mandates after an id that may have been debited since an instant.
pub async fn asked_mandates(
    pool: &DatabasePool,
    (after, only): (i64, Option<&str>),
    accounts: &[i16],
    since: Timestamp,
) -> Result<Vec<AskedMandate>, StoreError> {
    sqlx::query_as!(
        AskedMandate,
        r#"select m.id, m.ref as reference, m.account_id, m.provider, m.provider_mandate_id, m.frequency,
                  (m.created_at >= $4 or m.frequency is not distinct from 'aspresented')
                  and exists (select from mandated.recoveries r where r.account_id = m.account_id and r.started_at >= $4)
                    as "may_be_forgotten!",
                  m.created_at >= $4 as "is_new!",
                  case when exists (select from mandated.recoveries r where r.account_id = m.account_id and r.started_at >= $4)
                       then $4 else greatest(m.created_at, $4) end as "ours_since!"
             from mandated.mandates m
            where m.id > $1 and m.account_id = any ($2) and ($3::text is null or m.ref = $3)
              and (m.created_at >= $4 or m.updated_at >= $4
                   or exists (select from mandated.executions e where e.mandate_id = m.id and e.updated_at >= $4))
            order by m.id limit $5"#,
        after,
        accounts,
        only,
        since,
        MANDATES
    )
    .fetch_all(pool)
    .await
    .context("find the mandates whose payments are asked for")
}

/// Of some periods, those that the mandate has an execution of.
pub async fn periods_with_execution(
    pool: &DatabasePool,
    mandate: i64,
    periods: &[String],
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar!(
        "select period from mandated.executions where mandate_id = $1 and period = any ($2)",
        mandate,
        periods
    )
    .fetch_all(pool)
    .await
    .context("find the periods with an execution")
}

/// Whether a payment, or an order that no execution has where the provider lists none, is some execution's of the mandate, or may be found to be one's whose outcome is open, or was a person's to say.
pub async fn has_owner(
    pool: &DatabasePool,
    mandate: i64,
    payment: &str,
    (day, is_listed): (Option<NaiveDate>, bool),
) -> Result<bool, StoreError> {
    sqlx::query_scalar!(
        r#"select exists (select from mandated.debits where mandate_id = $1 and provider_txn = $2)
               or exists (
                    select from mandated.compared_mandates c
                      join mandated.operator_requests o on o.mandate_id = c.mandate_id and o.what = 'resume' and o.at >= c.at
                     where c.mandate_id = $1 and c.unowned @> jsonb_build_array(jsonb_build_object('id', $2::text)))
               or exists (select from mandated.executions e join mandated.mandates m on m.id = e.mandate_id
                           where e.mandate_id = $1 and $4::boolean
                             and (e.provider_ref = $2
                                  -- An execution that knows its payment waits for no other one.
                                  or (e.finished_at is null and (e.provider_ref is null or m.notify = 'provider') or e.state = 'review'
                                      or exists (select from mandated.resolutions r where r.execution_id = e.id))
                                     and ($3::date is null or $3 between e.cycle_on - 1 and (e.closes_at at time zone m.time_zone)::date)))
                  as "has_owner!""#,
        mandate,
        payment,
        day,
        is_listed
    )
    .fetch_one(pool)
    .await
    .context("find whose payment it is")
}
