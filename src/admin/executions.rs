//! `executions add` and `executions list`.

use std::io::{self, Write};

use chrono::NaiveDate;
use chrono_tz::Tz;
use futures::TryStreamExt;
use serde::Serialize;
use sqlx::{Connection, PgConnection, PgPool};

use super::AdminError;
use super::error::{CycleRefusal, step};
use super::output::{Table, write_json};
use super::text::{Format, age, local, money, utc};
use crate::domain::cycle::{Cycle, Frequency, Schedule};
use crate::domain::plan::execution::{NewExecution, Numbered, Payer, new_execution};
use crate::domain::policy::Policy;
use crate::domain::{
    AccountId, Amount, ExecutionId, Instant, MandateId, MandateStatus, ProviderKind, Rail,
};
use crate::store;
use crate::store::listing::ExecutionFilter;
use crate::store::mandates::Stored;

/// Prints executions, the newest first.
pub async fn list(
    pool: &PgPool,
    filter: &ExecutionFilter,
    now: Instant,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), AdminError> {
    let mut rows = store::listing::executions(pool, filter);
    let mut shown = Table::new([
        "id", "ref", "cycle", "state", "for", "class", "amount", "order", "next", "at", "reason",
    ])
    .right(0)
    .right(4)
    .right(6);
    while let Some(row) = rows.try_next().await.map_err(step("list the executions"))? {
        if format == Format::Json {
            write_json(out, &row)?;
            continue;
        }
        shown.row([
            row.id.to_string(),
            row.mandate_ref,
            row.cycle_on.to_string(),
            row.state,
            age(row.since, now),
            row.class.unwrap_or_else(|| "-".to_owned()),
            money(row.amount_minor, &row.currency),
            row.order_id,
            row.next_step.unwrap_or_else(|| "-".to_owned()),
            utc(row.next_at),
            row.reason,
        ]);
    }
    if format == Format::Text {
        shown.write(out)?;
    }
    Ok(())
}

/// A cycle that the merchant presents.
#[derive(Debug)]
pub struct Presentation<'a> {
    pub reference: &'a str,
    pub cycle_on: NaiveDate,
    /// Decimal text; needed where the mandate has no fixed amount.
    pub amount: Option<&'a str>,
    /// For how many days a cycle of an `aspresented` mandate stays open.
    pub open_days: u32,
}

/// An execution that was added.
#[derive(Debug, Serialize)]
pub struct Added {
    pub execution_id: i64,
    mandate_ref: String,
    cycle_on: NaiveDate,
    amount: String,
    currency: String,
    next_step: &'static str,
    next_at: Instant,
    closes_at: Instant,
    #[serde(skip)]
    zone: Tz,
}

/// Adds the execution of a cycle, with its first job.
pub async fn add(
    conn: &mut PgConnection,
    presentation: &Presentation<'_>,
    policy: impl FnOnce(ProviderKind, Rail) -> Policy,
    now: Instant,
) -> Result<Added, AdminError> {
    let reference = presentation.reference;
    let refuse = |why| AdminError::Cycle {
        reference: reference.to_owned(),
        cycle_on: presentation.cycle_on,
        why,
    };
    let mut tx = conn.begin().await.map_err(step("begin"))?;
    let stored = active(&mut tx, reference).await?;
    let mandate = &stored.mandate;
    let amount = amount(&stored, presentation.amount).map_err(refuse)?;
    let cycle = cycle(&stored, presentation).map_err(refuse)?;
    let policy = policy(mandate.provider, mandate.rail);
    let rules = Numbered {
        id: store::policies::intern(&mut tx, &policy).await?,
        policy: &policy,
    };
    let tag = store::planning::installation_tag(&mut tx).await?;
    let new: Vec<NewExecution> = store::planning::reserve_ids(&mut tx, 1)
        .await?
        .into_iter()
        .map(|id| new_execution(&payer(&stored), &cycle, amount, rules, (&tag, id), now))
        .map(|new| NewExecution {
            reason: if new.step.is_some() {
                "presented by the merchant".to_owned()
            } else {
                new.reason
            },
            ..new
        })
        .collect();
    let first = new
        .iter()
        .find_map(|new| Some((new.id, new.step?, new.run_at?)));
    let Some((id, next_step, next_at)) = first else {
        let reason = new.into_iter().map(|new| new.reason).collect();
        return Err(refuse(CycleRefusal::TooLate(reason)));
    };
    let added = store::planning::insert_executions(&mut tx, &new, now).await?;
    if added.is_empty() {
        return Err(refuse(exists(&mut tx, mandate.id, cycle.on).await?));
    }
    tx.commit().await.map_err(step("commit the execution"))?;
    Ok(Added {
        execution_id: id.0,
        mandate_ref: reference.to_owned(),
        cycle_on: cycle.on,
        amount: amount.decimal(),
        currency: amount.currency().to_string(),
        next_step: next_step.as_str(),
        next_at,
        closes_at: cycle.closes_at,
        zone: mandate.terms.time_zone,
    })
}

impl Added {
    /// Prints it.
    pub fn write(&self, out: &mut dyn Write, format: Format) -> io::Result<()> {
        if format == Format::Json {
            return write_json(out, self);
        }
        let Self {
            execution_id,
            mandate_ref,
            cycle_on,
            amount,
            currency,
            next_step,
            ..
        } = self;
        let at = local(self.next_at, self.zone);
        writeln!(
            out,
            "execution {execution_id}: {amount} {currency} for {mandate_ref}, cycle {cycle_on}; next: {next_step} at {at}"
        )
    }
}

fn payer(stored: &Stored) -> Payer<'_> {
    Payer {
        id: stored.mandate.id,
        reference: &stored.mandate.reference,
        account: AccountId(stored.account_id),
        provider: stored.mandate.provider,
        notify: stored.mandate.notify,
        max_amount: stored.mandate.max_amount,
    }
}

/// The execution that a cycle has already.
async fn exists(
    conn: &mut PgConnection,
    mandate: MandateId,
    cycle_on: NaiveDate,
) -> Result<CycleRefusal, AdminError> {
    let row = store::timeline::cycle(conn, mandate.0, cycle_on)
        .await
        .map_err(step("read the execution"))?;
    let (execution, state) = row
        .map(|row| (row.execution_id, row.state))
        .unwrap_or_default();
    Ok(CycleRefusal::Exists {
        execution: ExecutionId(execution),
        state,
    })
}

/// The mandate, if it may be debited.
async fn active(conn: &mut PgConnection, reference: &str) -> Result<Stored, AdminError> {
    let found = store::mandates::find(conn, reference).await?;
    let stored = found.ok_or_else(|| AdminError::NoMandate(reference.to_owned()))?;
    let status = stored.mandate.status;
    if status != MandateStatus::Active {
        return Err(AdminError::Status {
            reference: reference.to_owned(),
            status,
            wanted: "debited",
        });
    }
    Ok(stored)
}

fn amount(stored: &Stored, text: Option<&str>) -> Result<Amount, CycleRefusal> {
    let mandate = &stored.mandate;
    let amount = match (text, mandate.amount) {
        (Some(text), _) => Amount::parse(text, mandate.currency)?,
        (None, Some(fixed)) => fixed,
        (None, None) => return Err(CycleRefusal::AmountMissing),
    };
    if amount.minor() > mandate.max_amount.minor() {
        return Err(CycleRefusal::OverMaximum {
            amount,
            max: mandate.max_amount,
        });
    }
    Ok(amount)
}

/// Any day is a cycle where the merchant presents them; elsewhere it must be one of the schedule's.
fn cycle(stored: &Stored, presentation: &Presentation<'_>) -> Result<Cycle, CycleRefusal> {
    let terms = &stored.mandate.terms;
    let on = presentation.cycle_on;
    if terms.schedule == Schedule::Every(Frequency::Aspresented) {
        return terms
            .presented(on, presentation.open_days)
            .ok_or(CycleRefusal::OutsideMandate);
    }
    let cycle = terms.cycle_from(on).ok_or(CycleRefusal::OutsideMandate)?;
    if cycle.on != on {
        return Err(CycleRefusal::NotACycle { next: cycle.on });
    }
    Ok(cycle)
}
