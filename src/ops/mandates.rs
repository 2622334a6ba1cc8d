//! List mandates, and pause, resume and revoke them, here and at their provider.

use chrono::NaiveDate;
use futures::{Stream, TryStreamExt};
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use super::OpsError;
use super::error::step;
use super::justification::checked;
use crate::clock::Clock;
use crate::compose;
use crate::config::Config;
use crate::domain::escape::{Syntax, escape};
use crate::domain::schedule::Schedule;
use crate::domain::{Amount, MandateStatus, ProviderKind, Timestamp};
use crate::provider::{Client, MandateAnswer, MandateCommand, Provider};
use crate::store;
use crate::store::mandates::{ChangeResult, Stored};

pub use crate::store::listing::{MandateFilter, MandateLine};
pub use crate::store::mandates::{Change, ChangeRequest};

/// Mandates, as they are read: there may be millions.
pub fn list<'a>(
    pool: &'a PgPool,
    filter: &'a MandateFilter,
) -> impl Stream<Item = Result<MandateLine, OpsError>> + 'a {
    store::listing::mandates(pool, filter).map_err(step("list the mandates"))
}

/// What has been done of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeStep {
    /// It is on record here.
    Recorded { reference: String, change: Change },
    /// It was on record here before.
    Already { reference: String, change: Change },
    /// The provider did it, in its own word.
    AtProvider {
        provider: ProviderKind,
        word: String,
    },
    /// The provider has no such command: it is done here only.
    NotOffered { provider: ProviderKind },
}

/// What has been done of a change, in its order, and why no more of it if something failed.
#[derive(Debug)]
pub struct ChangeReport {
    pub done: Vec<ChangeStep>,
    pub result: Result<(), OpsError>,
}

/// Changes a mandate in the order in which a failure half-way is harmless: what stops debits is done here first, what allows
/// them again only after the provider has agreed.
pub async fn change(
    config: &Config,
    pool: &PgPool,
    change_request: ChangeRequest<'_>,
    local_only: bool,
    now: Timestamp,
) -> ChangeReport {
    let mut done = Vec::new();
    let result = in_order(config, pool, change_request, local_only, now, &mut done).await;
    ChangeReport { done, result }
}

async fn in_order(
    config: &Config,
    pool: &PgPool,
    change_request: ChangeRequest<'_>,
    local_only: bool,
    now: Timestamp,
    done: &mut Vec<ChangeStep>,
) -> Result<(), OpsError> {
    let mut conn = store::planning::acquire(pool).await?;
    let here_first = match change_request.change {
        Change::Pause | Change::Revoke => true,
        Change::Resume => false,
    };
    if here_first {
        done.push(record(&mut conn, change_request, now).await?);
    }
    if !local_only {
        done.push(at_provider(config, &mut conn, change_request, now).await?);
    }
    if !here_first {
        done.push(record(&mut conn, change_request, now).await?);
    }
    Ok(())
}

/// Records here that a mandate is paused, resumed or revoked.
pub async fn record(
    conn: &mut PgConnection,
    change_request: ChangeRequest<'_>,
    now: Timestamp,
) -> Result<ChangeStep, OpsError> {
    let change_request = ChangeRequest {
        attribution: checked(change_request.attribution)?,
        ..change_request
    };
    let (reference, change) = (change_request.reference.to_owned(), change_request.change);
    match store::mandates::set_status(conn, change_request, now).await? {
        ChangeResult::Applied => Ok(ChangeStep::Recorded { reference, change }),
        ChangeResult::Already => Ok(ChangeStep::Already { reference, change }),
        ChangeResult::Impossible(status) => Err(OpsError::Status {
            reference,
            status,
            wanted: change.done(),
        }),
        ChangeResult::NoMandate => Err(OpsError::NoMandate(reference)),
    }
}

async fn at_provider(
    config: &Config,
    conn: &mut PgConnection,
    change_request: ChangeRequest<'_>,
    now: Timestamp,
) -> Result<ChangeStep, OpsError> {
    let ChangeRequest {
        reference, change, ..
    } = change_request;
    let stored = find(conn, reference).await?;
    let provider = stored.mandate.provider;
    let client = client(config, &stored, reference)?;
    match ask(&client, &stored, change_request, now).await {
        MandateAnswer::Status { status, word } => {
            if (change, status) == (Change::Pause, MandateStatus::Paused) {
                store::mandates::paused_at_provider(conn, reference, now).await?;
            }
            Ok(ChangeStep::AtProvider { provider, word })
        }
        MandateAnswer::NotOffered => Ok(ChangeStep::NotOffered { provider }),
        MandateAnswer::Failed { why } => Err(OpsError::ProviderDeclined {
            provider,
            reference: reference.to_owned(),
            // An error may have lines; what a provider says has none.
            why: escape(&why, Syntax::Terminal).into_owned(),
            done_here: change != Change::Resume,
        }),
    }
}

fn client(config: &Config, stored: &Stored, reference: &str) -> Result<Client, OpsError> {
    let classifier = compose::classifier(config)?;
    let account = config
        .accounts
        .get(&stored.account)
        .ok_or_else(|| OpsError::NotConfigured {
            account: stored.account.clone(),
            reference: reference.to_owned(),
        })?;
    let client = compose::client(&stored.account, account, &classifier, &Clock::System)?;
    Ok(client)
}

async fn ask(
    client: &Client,
    stored: &Stored,
    change_request: ChangeRequest<'_>,
    now: Timestamp,
) -> MandateAnswer {
    let ChangeRequest { change, until, .. } = change_request;
    let command = match change {
        Change::Pause => MandateCommand::Pause { until },
        Change::Resume => MandateCommand::Resume,
        Change::Revoke => MandateCommand::Revoke,
    };
    let answer = client.command(&stored.mandate, command, now).await;
    if change == Change::Pause && matches!(answer, MandateAnswer::Failed { .. }) {
        // Paused by the payer, or by this command before its answer was lost.
        let stands = client.mandate_status(&stored.mandate, now).await;
        if let MandateAnswer::Status {
            status: MandateStatus::Paused,
            ..
        } = stands
        {
            return stands;
        }
    }
    answer
}

pub(super) async fn find(conn: &mut PgConnection, reference: &str) -> Result<Stored, OpsError> {
    let found = store::mandates::find(conn, reference).await?;
    found.ok_or_else(|| OpsError::NoMandate(reference.to_owned()))
}

/// What is known of a mandate beside its cycles.
#[derive(Debug, Serialize)]
pub struct Header {
    #[serde(rename = "ref")]
    pub reference: String,
    pub id: i64,
    pub status: &'static str,
    pub status_reason: Option<String>,
    pub account: String,
    pub provider: &'static str,
    pub mandate_id: String,
    pub rail: &'static str,
    pub notify: &'static str,
    pub amount: Option<String>,
    pub max_amount: String,
    pub currency: String,
    pub schedule: String,
    pub time_zone: &'static str,
    pub starts_on: NaiveDate,
    pub ends_on: Option<NaiveDate>,
    pub debit_at: String,
    pub category: Option<String>,
    pub next_cycle_on: Option<NaiveDate>,
    pub next_plan_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

impl Header {
    pub(super) fn new(stored: &Stored) -> Self {
        let mandate = &stored.mandate;
        let terms = &mandate.terms;
        Self {
            reference: mandate.reference.clone(),
            id: mandate.id.0,
            status: mandate.status.as_str(),
            status_reason: stored.status_reason.clone(),
            account: stored.account.clone(),
            provider: mandate.provider.as_str(),
            mandate_id: mandate.provider_mandate_id.clone(),
            rail: mandate.rail.as_str(),
            notify: mandate.notify.as_str(),
            amount: mandate.amount.map(Amount::decimal),
            max_amount: mandate.max_amount.decimal(),
            currency: mandate.currency.to_string(),
            schedule: match &terms.schedule {
                Schedule::Every(frequency) => frequency.to_string(),
                Schedule::Cron(cron) => cron.as_str().to_owned(),
            },
            time_zone: terms.time_zone.name(),
            starts_on: terms.starts_on,
            ends_on: terms.ends_on,
            debit_at: terms.debit_at.format("%H:%M").to_string(),
            category: mandate.category.clone(),
            next_cycle_on: stored.next_cycle_on,
            next_plan_at: stored.next_plan_at,
            created_at: stored.created_at,
        }
    }
}
