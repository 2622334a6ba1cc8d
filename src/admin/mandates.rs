//! `mandates list`, and the head of `mandates show`.

use std::io::{self, Write};

use chrono::NaiveDate;
use futures::TryStreamExt;
use serde::Serialize;
use sqlx::{PgConnection, PgPool};

use super::AdminError;
use super::error::step;
use super::output::{Table, write_json};
use super::text::{Format, local, money, utc};
use super::words::checked;
use crate::domain::cycle::Schedule;
use crate::domain::{Amount, Instant};
use crate::store;
use crate::store::listing::MandateFilter;
use crate::store::mandates::{Changed, Stored, Wanted};

/// Prints mandates. JSON is written as it is read, so it may be a list of millions.
pub async fn list(
    pool: &PgPool,
    filter: &MandateFilter,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), AdminError> {
    let mut rows = store::listing::mandates(pool, filter);
    let mut shown = Table::new([
        "ref",
        "account",
        "rail",
        "notify",
        "amount",
        "maximum",
        "schedule",
        "status",
        "next cycle",
        "planned at",
    ])
    .right(4)
    .right(5);
    while let Some(row) = rows.try_next().await.map_err(step("list the mandates"))? {
        if format == Format::Json {
            write_json(out, &row)?;
            continue;
        }
        shown.row([
            row.reference,
            row.account,
            row.rail,
            row.notify,
            row.amount_minor
                .map_or_else(|| "-".to_owned(), |minor| money(minor, &row.currency)),
            money(row.max_amount_minor, &row.currency),
            row.schedule,
            row.status,
            row.next_cycle_on
                .map_or_else(|| "-".to_owned(), |on| on.to_string()),
            utc(row.next_plan_at),
        ]);
    }
    if format == Format::Text {
        shown.write(out)?;
    }
    Ok(())
}

/// Records that a mandate was paused, resumed or revoked. The provider was told before, and agreed.
pub async fn change(
    conn: &mut PgConnection,
    wanted: Wanted<'_>,
    now: Instant,
    out: &mut dyn Write,
) -> Result<(), AdminError> {
    let wanted = Wanted {
        said: checked(wanted.said)?,
        ..wanted
    };
    let Wanted {
        reference, change, ..
    } = wanted;
    let changed = store::mandates::set_status(conn, wanted, now).await?;
    match changed {
        Changed::Done => writeln!(out, "{reference} is {}", change.done())?,
        Changed::Already => writeln!(out, "{reference} is {} already", change.status())?,
        Changed::Impossible(status) => {
            return Err(AdminError::Status {
                reference: reference.to_owned(),
                status,
                wanted: change.done(),
            });
        }
        Changed::NoMandate => return Err(AdminError::NoMandate(reference.to_owned())),
    }
    Ok(())
}

/// What is known of a mandate beside its cycles.
#[derive(Debug, Serialize)]
pub struct Header {
    #[serde(rename = "ref")]
    reference: String,
    id: i64,
    status: &'static str,
    status_reason: Option<String>,
    account: String,
    provider: &'static str,
    mandate_id: String,
    rail: &'static str,
    notify: &'static str,
    amount: Option<String>,
    max_amount: String,
    currency: String,
    schedule: String,
    time_zone: &'static str,
    starts_on: NaiveDate,
    ends_on: Option<NaiveDate>,
    debit_at: String,
    category: Option<String>,
    next_cycle_on: Option<NaiveDate>,
    next_plan_at: Option<Instant>,
    created_at: Instant,
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

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self {
            reference,
            id,
            status,
            account,
            provider,
            mandate_id,
            rail,
            notify,
            currency,
            ..
        } = self;
        let why = self
            .status_reason
            .as_ref()
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        let category = self
            .category
            .as_ref()
            .map(|word| format!(", {word}"))
            .unwrap_or_default();
        let amount = self.amount.as_deref().unwrap_or("as presented");
        let end = self
            .ends_on
            .map(|end| format!(" to {end}"))
            .unwrap_or_default();
        let zone = self.time_zone.parse().unwrap_or(chrono_tz::Tz::UTC);
        writeln!(out, "mandate    {reference} ({id}), {status}{why}")?;
        writeln!(
            out,
            "account    {account} ({provider}), mandate {mandate_id}"
        )?;
        writeln!(out, "rail       {rail}{category}, notify {notify}")?;
        writeln!(
            out,
            "amount     {amount}, at most {} {currency}",
            self.max_amount
        )?;
        writeln!(
            out,
            "schedule   {} at {} {}, from {}{end}",
            self.schedule, self.debit_at, self.time_zone, self.starts_on
        )?;
        match (self.next_cycle_on, self.next_plan_at) {
            (Some(on), Some(at)) => writeln!(out, "to plan    {on}, at {}", local(at, zone)),
            (_, _) => writeln!(out, "to plan    nothing"),
        }
    }
}
