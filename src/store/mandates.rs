//! Mandates as they are stored: read one, change where it stands.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use sqlx::{Connection, PgConnection};

use crate::domain::cycle::{CronSchedule, Frequency, Schedule, Terms};
use crate::domain::{
    Amount, Currency, Mandate, MandateId, MandateStatus, Notify, ProviderKind, Rail,
};

/// A mandate with what only the store and an operator need.
#[derive(Debug, Clone)]
pub struct Stored {
    pub mandate: Mandate,
    pub account_id: i16,
    /// The account's name in the configuration.
    pub account: String,
    pub status_reason: Option<String>,
    pub next_cycle_on: Option<NaiveDate>,
    pub next_plan_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

struct Row {
    id: i64,
    reference: String,
    account_id: i16,
    account: String,
    provider: String,
    provider_mandate_id: String,
    customer_id: String,
    rail: String,
    notify: String,
    amount_minor: Option<i64>,
    max_amount_minor: i64,
    currency: String,
    frequency: Option<String>,
    cron: Option<String>,
    time_zone: String,
    starts_on: NaiveDate,
    ends_on: Option<NaiveDate>,
    debit_at: NaiveTime,
    category: Option<String>,
    description: String,
    metadata: serde_json::Value,
    status: String,
    status_reason: Option<String>,
    next_cycle_on: Option<NaiveDate>,
    next_plan_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

/// The mandate of a ref.
pub async fn find(conn: &mut PgConnection, reference: &str) -> sqlx::Result<Option<Stored>> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select m.id, m.ref as reference, m.account_id, a.name as account, m.provider, m.provider_mandate_id,
               m.customer_id, m.rail, m.notify, m.amount_minor, m.max_amount_minor, m.currency, m.frequency, m.cron,
               m.time_zone, m.starts_on, m.ends_on, m.debit_at, m.category, m.description, m.metadata, m.status,
               m.status_reason, m.next_cycle_on, m.next_plan_at, m.created_at
          from mandated.mandates m join mandated.accounts a on a.id = m.account_id
         where m.ref = $1
        "#,
        reference
    )
    .fetch_optional(conn)
    .await?;
    row.map(Row::into_stored).transpose()
}

impl Row {
    fn into_stored(self) -> sqlx::Result<Stored> {
        let id = self.id;
        let currency =
            Currency::parse(&self.currency).map_err(|why| bad("mandates.currency", id, why))?;
        let max_amount = Amount::new(self.max_amount_minor, currency)
            .ok_or_else(|| bad("mandates.max_amount_minor", id, "is not an amount"))?;
        let terms = self.terms()?;
        let serde_json::Value::Object(metadata) = self.metadata else {
            return Err(bad("mandates.metadata", id, "is not an object"));
        };
        let mandate = Mandate {
            id: MandateId(id),
            reference: self.reference,
            provider: word("mandates.provider", id, ProviderKind::parse, &self.provider)?,
            provider_mandate_id: self.provider_mandate_id,
            customer_id: self.customer_id,
            rail: word("mandates.rail", id, Rail::parse, &self.rail)?,
            notify: word("mandates.notify", id, Notify::parse, &self.notify)?,
            amount: self
                .amount_minor
                .and_then(|minor| Amount::new(minor, currency)),
            max_amount,
            currency,
            terms,
            category: self.category,
            description: self.description,
            metadata,
            status: word("mandates.status", id, MandateStatus::parse, &self.status)?,
        };
        Ok(Stored {
            mandate,
            account_id: self.account_id,
            account: self.account,
            status_reason: self.status_reason,
            next_cycle_on: self.next_cycle_on,
            next_plan_at: self.next_plan_at,
            created_at: self.created_at,
        })
    }

    fn terms(&self) -> sqlx::Result<Terms> {
        let schedule = match (&self.frequency, &self.cron) {
            (_, Some(cron)) => {
                let cron =
                    CronSchedule::parse(cron).map_err(|why| bad("mandates.cron", self.id, why))?;
                Schedule::Cron(Box::new(cron))
            }
            (frequency, None) => {
                let frequency = frequency.as_deref().unwrap_or_default();
                Schedule::Every(word(
                    "mandates.frequency",
                    self.id,
                    Frequency::parse,
                    frequency,
                )?)
            }
        };
        let time_zone: Tz = self
            .time_zone
            .parse()
            .map_err(|why| bad("mandates.time_zone", self.id, why))?;
        Ok(Terms {
            schedule,
            starts_on: self.starts_on,
            ends_on: self.ends_on,
            time_zone,
            debit_at: self.debit_at,
        })
    }
}

/// A stored word as its enum.
pub(super) fn word<T>(
    column: &'static str,
    id: i64,
    parse: impl FnOnce(&str) -> Option<T>,
    text: &str,
) -> sqlx::Result<T> {
    parse(text).ok_or_else(|| {
        bad(
            column,
            id,
            format!("holds {text:?}, which this version does not know"),
        )
    })
}

fn bad(column: &'static str, id: i64, why: impl std::fmt::Display) -> sqlx::Error {
    sqlx::Error::Decode(format!("{column} of row {id}: {why}").into())
}

/// What an operator can do to a mandate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Pause,
    Resume,
    Revoke,
}

impl Change {
    /// The status it leads to.
    pub const fn status(self) -> MandateStatus {
        match self {
            Self::Pause => MandateStatus::Paused,
            Self::Resume => MandateStatus::Active,
            Self::Revoke => MandateStatus::Revoked,
        }
    }

    /// The participle, as in the event's kind (`mandate.paused`).
    pub const fn done(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Revoke => "revoked",
        }
    }

    /// Whether it can be done to a mandate in a status. What has ended stays ended.
    pub const fn is_possible(self, status: MandateStatus) -> bool {
        match self {
            Self::Pause => matches!(status, MandateStatus::Active),
            Self::Resume => matches!(status, MandateStatus::Paused),
            Self::Revoke => matches!(status, MandateStatus::Active | MandateStatus::Paused),
        }
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It was made.
    Done,
    /// The mandate stood there already.
    Already,
    /// It cannot be made from where the mandate stands.
    Impossible(MandateStatus),
    /// No such ref.
    NoMandate,
}

/// Changes where a mandate stands, with its event, in one transaction. The planning cursor stays.
///
/// The jobs that waited for a resumed mandate, until the end of their cycle if need be, become due: whoever claims one works out
/// anew when its step is lawful. Those that wait for a time of their own, such as a retry for its day, go on waiting.
pub async fn set_status(
    conn: &mut PgConnection,
    reference: &str,
    change: Change,
    reason: &str,
    now: DateTime<Utc>,
) -> sqlx::Result<Changed> {
    let mut tx = conn.begin().await?;
    // Locked, so that the event tells the truth about what was there before.
    let row = sqlx::query!(
        "select id, status from mandated.mandates where ref = $1 for update",
        reference
    )
    .fetch_optional(&mut *tx)
    .await?;
    let Some(row) = row else {
        return Ok(Changed::NoMandate);
    };
    let before = word("mandates.status", row.id, MandateStatus::parse, &row.status)?;
    if before == change.status() {
        return Ok(Changed::Already);
    }
    if !change.is_possible(before) {
        return Ok(Changed::Impossible(before));
    }
    sqlx::query!(
        "with changed as (
           update mandated.mandates set status = $2, status_reason = $3, updated_at = $4 where id = $1
           returning id, ref)
         insert into mandated.events (at, kind, mandate_id, mandate_ref, from_state, to_state, reason)
         select $4, $5, id, ref, $6, $2, $3 from changed",
        row.id,
        change.status().as_str(),
        reason,
        now,
        format!("mandate.{}", change.done()),
        before.as_str(),
    )
    .execute(&mut *tx)
    .await?;
    if change == Change::Resume {
        sqlx::query!(
            "update mandated.jobs j set run_at = $2, run_before = null
               from mandated.executions e
              where j.mandate_id = $1 and j.lease_token is null and j.step in ('notify', 'execute', 'retry')
                and e.id = j.execution_id and j.run_at = e.closes_at and j.run_at > $2",
            row.id,
            now
        )
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(Changed::Done)
}
