//! New mandates, a batch at a time. A batch travels as one JSON array: one parameter, typed again by the database.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

use super::rows::word;
use crate::domain::{Metadata, ProviderKind, Timestamp};
use crate::store::pool::DatabasePool;

/// A configured account, as imports need it.
#[derive(Debug, Clone)]
pub struct Account {
    pub id: i16,
    pub name: String,
    pub provider: ProviderKind,
}

/// Every account.
pub async fn accounts(conn: &mut PgConnection) -> sqlx::Result<Vec<Account>> {
    let rows = sqlx::query!("select id, name, provider from mandated.accounts order by name")
        .fetch_all(conn)
        .await?;
    rows.into_iter()
        .map(|row| {
            let id = i64::from(row.id);
            let provider = word("account", id, &row.provider, ProviderKind::parse)
                .map_err(|error| sqlx::Error::Decode(error.into()))?;
            Ok(Account {
                id: row.id,
                name: row.name,
                provider,
            })
        })
        .collect()
}

/// A checked row, in the words of the table.
#[derive(Debug, Serialize)]
pub struct NewMandate {
    /// Where it stands in the file.
    pub line: u64,
    #[serde(rename = "ref")]
    pub reference: String,
    pub account_id: i16,
    pub provider: &'static str,
    pub provider_mandate_id: String,
    pub customer_id: String,
    pub rail: &'static str,
    pub notify: &'static str,
    pub amount_minor: Option<i64>,
    pub max_amount_minor: i64,
    pub currency: String,
    pub frequency: Option<&'static str>,
    pub cron: Option<String>,
    pub time_zone: &'static str,
    pub starts_on: NaiveDate,
    pub ends_on: Option<NaiveDate>,
    pub debit_at: NaiveTime,
    pub category: Option<String>,
    pub description: String,
    pub metadata: Metadata,
    pub cursor: Option<Cursor>,
}

/// The next cycle to plan, and when to plan it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Cursor {
    pub cycle_on: NaiveDate,
    pub plan_at: DateTime<Utc>,
}

/// A mandate that has the ref or the registration of a new row.
#[derive(Debug)]
pub struct Existing {
    /// The line of the new row.
    pub line: u64,
    pub id: i64,
    pub reference: String,
    /// How the provider's id is written there, if that is not as in the row.
    pub other_spelling: Option<String>,
    /// Its account, if that is not the row's.
    pub other_account: Option<String>,
    /// Whether it has the row's ref; otherwise it has its provider and `mandate_id`.
    pub same_ref: bool,
    /// The columns in which it differs from the row.
    pub differs: Vec<String>,
}

/// What is there already of a batch. A mandate's status and its planning cursor are its own: they are not compared.
pub async fn existing(
    conn: &mut PgConnection,
    batch: &[NewMandate],
) -> sqlx::Result<Vec<Existing>> {
    let rows = sqlx::query!(
        r#"
        with row as (
          select * from jsonb_to_recordset($1) as r(
            line bigint, ref text, account_id smallint, provider text, provider_mandate_id text, customer_id text, rail text,
            notify text, amount_minor bigint, max_amount_minor bigint, currency text, frequency text, cron text,
            time_zone text, starts_on date, ends_on date, debit_at time, category text, description text,
            metadata jsonb))
        select row.line as "line!", m.id as "id!", m.ref as "ref!", null as other_spelling, null as other_account,
               true as "same_ref!",
               array_remove(array[
                 case when m.account_id <> row.account_id then 'account' end,
                 case when m.provider_mandate_id <> row.provider_mandate_id then 'mandate_id' end,
                 case when m.customer_id <> row.customer_id then 'customer_id' end,
                 case when m.rail <> row.rail then 'rail' end,
                 case when m.notify <> row.notify then 'notify' end,
                 case when m.amount_minor is distinct from row.amount_minor then 'amount' end,
                 case when m.max_amount_minor <> row.max_amount_minor then 'max_amount' end,
                 case when m.currency <> row.currency then 'currency' end,
                 case when m.frequency is distinct from row.frequency then 'frequency' end,
                 case when m.cron is distinct from row.cron then 'cron' end,
                 case when m.time_zone <> row.time_zone then 'time_zone' end,
                 case when m.starts_on <> row.starts_on then 'starts_on' end,
                 case when m.ends_on is distinct from row.ends_on then 'ends_on' end,
                 case when m.debit_at <> row.debit_at then 'debit_at' end,
                 case when m.category is distinct from row.category then 'category' end,
                 case when m.description <> row.description then 'description' end,
                 case when m.metadata <> row.metadata then 'metadata' end], null) as "differs!"
          from row join mandated.mandates m on m.ref = row.ref
        union all
        select row.line, m.id, m.ref, nullif(m.provider_mandate_id, row.provider_mandate_id),
               (select a.name from mandated.accounts a where a.id = m.account_id and a.id <> row.account_id), false, '{}'
          from row join mandated.mandates m
            on m.provider = row.provider
           and lower(m.provider_mandate_id collate "C") = lower(row.provider_mandate_id collate "C")
         where m.ref <> row.ref
        order by 1, 6 desc
        "#,
        json(batch)?
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Existing {
            line: row.line.unsigned_abs(),
            id: row.id,
            reference: row.r#ref,
            other_spelling: row.other_spelling,
            other_account: row.other_account,
            same_ref: row.same_ref,
            differs: row.differs,
        })
        .collect())
}

/// A mandate that was inserted.
#[derive(Debug)]
pub struct Inserted {
    pub id: i64,
    pub line: u64,
}

/// Inserts a batch, with one event each. Leaves out what another transaction has inserted since [`existing`].
pub async fn insert(
    conn: &mut PgConnection,
    batch: &[NewMandate],
    now: DateTime<Utc>,
) -> sqlx::Result<Vec<Inserted>> {
    let rows = sqlx::query!(
        r#"
        with row as (
          select * from jsonb_to_recordset($1) as r(
            line bigint, ref text, account_id smallint, provider text, provider_mandate_id text, customer_id text,
            rail text, notify text, amount_minor bigint, max_amount_minor bigint, currency text, frequency text,
            cron text, time_zone text, starts_on date, ends_on date, debit_at time, category text,
            description text, metadata jsonb, cursor jsonb)),
        new as (
          insert into mandated.mandates
            (ref, account_id, provider, provider_mandate_id, customer_id, rail, notify, amount_minor,
             max_amount_minor, currency, frequency, cron, time_zone, starts_on, ends_on, debit_at, category,
             description, metadata, next_cycle_on, next_plan_at, cycles_over, created_at, updated_at)
          select ref, account_id, provider, provider_mandate_id, customer_id, rail, notify, amount_minor,
                 max_amount_minor, currency, frequency, cron, time_zone, starts_on, ends_on, debit_at, category,
                 description, metadata, (cursor ->> 'cycle_on')::date, (cursor ->> 'plan_at')::timestamptz,
                 cursor ->> 'plan_at' is null, $2, $2
            from row order by line
          on conflict do nothing
          returning id, ref, amount_minor, currency),
        noted as (
          insert into mandated.events (at, kind, mandate_id, mandate_ref, to_state, amount_minor, currency, reason)
          select $2, 'mandate.imported', id, ref, 'active', amount_minor, currency, 'imported' from new)
        select new.id, row.line as "line!" from new join row on row.ref = new.ref order by row.line
        "#,
        json(batch)?,
        now
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Inserted {
            id: row.id,
            line: row.line.unsigned_abs(),
        })
        .collect())
}

fn json(batch: &[NewMandate]) -> sqlx::Result<Value> {
    serde_json::to_value(batch).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// A recovery that has ended: nobody asks about a mandate that is imported after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndedRecovery {
    pub account: String,
    /// What it looked back to.
    pub since: Timestamp,
}

/// The recoveries that have ended after an instant, of each account the last one.
pub async fn recoveries_ended_after(
    pool: &DatabasePool,
    after: Timestamp,
) -> sqlx::Result<Vec<EndedRecovery>> {
    sqlx::query_as!(
        EndedRecovery,
        "select distinct on (a.name) a.name as account, r.since
           from mandated.recoveries r join mandated.accounts a on a.id = r.account_id
          where r.finished_at > $1 order by a.name, r.finished_at desc",
        after
    )
    .fetch_all(pool)
    .await
}
