//! List mandates, and pause, resume, revoke and reinstate them, here and at their provider.

mod change;
mod handed_over;
mod in_order;
mod reinstate;
mod resume;

use chrono::NaiveDate;
use futures::{Stream, TryStreamExt};
use serde::Serialize;
use sqlx::PgConnection;

use super::OpsError;
use super::error::step;
use crate::domain::schedule::Schedule;
use crate::domain::{Amount, Timestamp};
use crate::store;
use crate::store::mandates::Stored;
use crate::store::pool::DatabasePool;

pub use crate::store::listing::{MandateFilter, MandateLine};
pub use crate::store::mandates::{Change, ChangeRequest};
pub use change::{ChangeStep, Extent, OpenCycle, record};
pub use in_order::{ChangeReport, change};

/// Mandates, as they are read: there may be millions.
pub fn list<'a>(
    pool: &'a DatabasePool,
    filter: &'a MandateFilter,
) -> impl Stream<Item = Result<MandateLine, OpsError>> + 'a {
    store::listing::mandates(pool, filter).map_err(step("list the mandates"))
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
