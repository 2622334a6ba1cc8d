//! Mandates as they are stored: read one, change where it stands.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sqlx::{Connection, PgConnection};

use super::error::{StoreContext, StoreError};
use super::pauses::Attribution;
use super::rows::{self, TermsRow, word};
use crate::domain::{Mandate, MandateId, MandateStatus, Notify, ProviderKind, Rail};

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
pub async fn find(conn: &mut PgConnection, reference: &str) -> Result<Option<Stored>, StoreError> {
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
    .await
    .context("read the mandate")?;
    row.map(Row::read).transpose()
}

impl Row {
    fn read(self) -> Result<Stored, StoreError> {
        let id = self.id;
        let provider = word("mandate", id, &self.provider, ProviderKind::parse)?;
        let rail = word("mandate", id, &self.rail, Rail::parse)?;
        let currency = rows::currency(id, &self.currency, provider, rail)?;
        let terms = rows::terms(&TermsRow {
            id,
            frequency: self.frequency.as_deref(),
            cron: self.cron.as_deref(),
            time_zone: &self.time_zone,
            starts_on: self.starts_on,
            ends_on: self.ends_on,
            debit_at: self.debit_at,
        })?;
        let amount = |minor| rows::amount("mandate", id, minor, &self.currency);
        let mandate = Mandate {
            id: MandateId(id),
            reference: self.reference,
            provider,
            provider_mandate_id: self.provider_mandate_id,
            customer_id: self.customer_id,
            rail,
            notify: word("mandate", id, &self.notify, Notify::parse)?,
            amount: self.amount_minor.map(amount).transpose()?,
            max_amount: amount(self.max_amount_minor)?,
            currency,
            terms,
            category: self.category,
            description: self.description,
            metadata: self.metadata.into(),
            status: word("mandate", id, &self.status, MandateStatus::parse)?,
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
}

/// What an operator can do to a mandate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Pause,
    Resume,
    Revoke,
    /// An end by an answer that the provider does not know it is taken back.
    Reinstate,
}

impl Change {
    /// The status it leads to.
    pub const fn status(self) -> MandateStatus {
        match self {
            Self::Pause => MandateStatus::Paused,
            Self::Resume | Self::Reinstate => MandateStatus::Active,
            Self::Revoke => MandateStatus::Revoked,
        }
    }

    /// The verb, as in `operator_requests`.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Revoke => "revoke",
            Self::Reinstate => "reinstate",
        }
    }

    /// The participle, as in the event's kind (`mandate.paused`).
    pub const fn done(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Revoke => "revoked",
            Self::Reinstate => "reinstated",
        }
    }

    /// Whether it can be done to a mandate in a status. What has ended stays ended, unless that was a mistake.
    pub const fn is_possible(self, status: MandateStatus) -> bool {
        match self {
            Self::Pause => matches!(status, MandateStatus::Active),
            Self::Resume => matches!(status, MandateStatus::Paused),
            Self::Revoke => matches!(status, MandateStatus::Active | MandateStatus::Paused),
            Self::Reinstate => matches!(
                status,
                MandateStatus::Revoked
                    | MandateStatus::Expired
                    | MandateStatus::Completed
                    | MandateStatus::Failed
            ),
        }
    }
}

/// What an operator wants of a mandate.
#[derive(Debug, Clone, Copy)]
pub struct ChangeRequest<'a> {
    pub reference: &'a str,
    pub change: Change,
    pub attribution: Attribution<'a>,
    /// The end of a pause, where the provider is told of one.
    pub until: Option<DateTime<Utc>>,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeResult {
    /// It was made.
    Applied,
    /// The mandate stood there already.
    Already,
    /// It cannot be made from where the mandate stands.
    Impossible(MandateStatus),
    /// No such ref.
    NoMandate,
}

/// Changes where a mandate stands, with its event, in one transaction. The planning cursor stays.
///
/// A resumed mandate's jobs that wait for it become due: whoever claims one works out anew when its step is lawful. A job that
/// waits for its own time goes on waiting. A pause makes void what the provider is known to have said of an earlier one.
pub async fn set_status(
    conn: &mut PgConnection,
    change_request: ChangeRequest<'_>,
    now: DateTime<Utc>,
) -> Result<ChangeResult, StoreError> {
    let ChangeRequest {
        reference,
        change,
        attribution,
        until,
    } = change_request;
    let mut tx = conn.begin().await.context("begin a transaction")?;
    // Locked, so that the event tells the truth about what was there before.
    let row = sqlx::query!(
        "select id, status from mandated.mandates where ref = $1 for update",
        reference
    )
    .fetch_optional(&mut *tx)
    .await
    .context("change the mandate")?;
    let Some(row) = row else {
        return Ok(ChangeResult::NoMandate);
    };
    let before = word("mandate", row.id, &row.status, MandateStatus::parse)?;
    if before == change.status() {
        if change == Change::Pause {
            sqlx::query!(
                "update mandated.mandates set provider_paused_at = null where id = $1",
                row.id
            )
            .execute(&mut *tx)
            .await
            .context("change the mandate")?;
            tx.commit().await.context("commit a transaction")?;
        }
        return Ok(ChangeResult::Already);
    }
    if !change.is_possible(before) {
        return Ok(ChangeResult::Impossible(before));
    }
    sqlx::query!(
        "with changed as (
           update mandated.mandates
              set status = $2, status_reason = $3, provider_paused_at = null, updated_at = $4,
                  not_found_days = case when $7 = 'reinstate' then 0 else not_found_days end
            where id = $1
           returning id, ref
         ), noted as (
           insert into mandated.operator_requests (at, mandate_id, what, until, who, reason) select $4, id, $7, $8, $9, $10 from changed
         )
         insert into mandated.events (at, kind, mandate_id, mandate_ref, from_state, to_state, reason)
         select $4, $5, id, ref, $6, $2, $3 from changed",
        row.id,
        change.status().as_str(),
        format!("by {}: {}", attribution.who, attribution.reason),
        now,
        format!("mandate.{}", change.done()),
        before.as_str(),
        change.as_str(),
        until.filter(|_| change == Change::Pause),
        attribution.who,
        attribution.reason
    )
    .execute(&mut *tx)
    .await
    .context("change the mandate")?;
    if change == Change::Resume {
        sqlx::query!(
            "update mandated.jobs set run_at = $2, run_before = null, parked = false
              where mandate_id = $1 and lease_token is null and parked",
            row.id,
            now
        )
        .execute(&mut *tx)
        .await
        .context("change the mandate")?;
    }
    tx.commit().await.context("commit a transaction")?;
    Ok(ChangeResult::Applied)
}

/// Notes that the provider has paused the mandate too: from now on it may be asked whether it is active again.
pub async fn paused_at_provider(
    conn: &mut PgConnection,
    reference: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update mandated.mandates set provider_paused_at = $2 where ref = $1 and status = 'paused'",
        reference,
        now
    )
    .execute(conn)
    .await
    .context("note that the provider has paused the mandate")?;
    Ok(())
}

/// The provider says that a mandate has ended: it has ended here too, with its event. Its steps that wait become due, and end.
pub async fn end_at_provider(
    conn: &mut PgConnection,
    mandate: MandateId,
    status: MandateStatus,
    provider: ProviderKind,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "with was as (
           select id, status from mandated.mandates where id = $1 and status in ('active', 'paused') for update
         ), changed as (
           update mandated.mandates m set status = $2, status_reason = $3, provider_paused_at = null, updated_at = $4
             from was where m.id = was.id
           returning m.id, m.ref, was.status as from_status
         ), due as (
           update mandated.jobs set run_at = $4, run_before = null, parked = false
            where mandate_id in (select id from changed) and lease_token is null and parked
         )
         insert into mandated.events (at, kind, mandate_id, mandate_ref, from_state, to_state, reason)
         select $4, 'mandate.' || $2, id, ref, from_status, $2, $3 from changed",
        mandate.0,
        status.as_str(),
        format!("{provider} says that the mandate is {status}"),
        now
    )
    .execute(conn)
    .await
    .context("note that the mandate has ended at the provider")?;
    Ok(())
}

/// How a mandate ended: the reason of its last event, and the answer that it was, if it was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEnd {
    pub reason: String,
    pub code: Option<String>,
    pub message: Option<String>,
}

/// How a mandate ended last; nothing where no event says so.
pub async fn last_end(
    conn: &mut PgConnection,
    mandate: MandateId,
) -> Result<Option<LastEnd>, StoreError> {
    sqlx::query_as!(
        LastEnd,
        // A settlement gives the event and the attempt behind it the same reason; what an operator or a status said has no such attempt.
        r#"select v.reason, a.code as "code?", a.message as "message?"
             from (select at, reason from mandated.events
                    where mandate_id = $1 and execution_id is null and to_state in ('revoked', 'expired', 'completed', 'failed')
                    order by id desc limit 1) v
             left join lateral (
               select a.code, a.message from mandated.executions e join mandated.attempts a on a.execution_id = e.id
                where e.mandate_id = $1 and a.class = 'mandate_dead' and a.decision = v.reason
                order by a.id desc limit 1) a on true"#,
        mandate.0
    )
    .fetch_optional(conn)
    .await
    .context("read how the mandate ended")
}
