//! `executions add` and `executions list`.

use std::io::Write;

use chrono::NaiveDate;
use futures::TryStreamExt;
use serde::Serialize;
use sqlx::{Connection, PgConnection, PgPool};

use super::AdminError;
use super::error::{CycleRefusal, step};
use super::text::{Format, local, money, table, utc, write_json, write_table};
use crate::domain::cycle::{Cycle, Frequency, Schedule};
use crate::domain::plan::execution::{NewExecution, Numbered, Payer, new_execution};
use crate::domain::policy::Policy;
use crate::domain::{AccountId, Amount, ExecutionId, Instant, MandateStatus, ProviderKind, Rail};
use crate::store;
use crate::store::listing::ExecutionFilter;
use crate::store::mandates::Stored;

/// Prints executions, the newest first.
pub async fn list(
    pool: &PgPool,
    filter: &ExecutionFilter,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), AdminError> {
    let mut rows = store::listing::executions(pool, filter);
    let mut shown = table([
        "id", "ref", "cycle", "state", "amount", "order", "next", "at", "reason",
    ]);
    while let Some(row) = rows.try_next().await.map_err(step("list the executions"))? {
        if format == Format::Json {
            write_json(out, &row)?;
            continue;
        }
        shown.add_row([
            row.id.to_string(),
            row.mandate_ref,
            row.cycle_on.to_string(),
            row.state,
            money(row.amount_minor, &row.currency),
            row.order_id,
            row.next_step.unwrap_or_else(|| "-".to_owned()),
            utc(row.next_at),
            row.reason,
        ]);
    }
    if format == Format::Text {
        write_table(out, &shown)?;
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

#[derive(Serialize)]
struct Added {
    execution_id: i64,
    cycle_on: NaiveDate,
    amount: String,
    currency: String,
    next_step: &'static str,
    next_at: Instant,
    closes_at: Instant,
}

/// Adds the execution of a cycle, with its first job, and prints when that will run.
pub async fn add(
    conn: &mut PgConnection,
    presentation: &Presentation<'_>,
    policy: impl FnOnce(ProviderKind, Rail) -> Policy,
    now: Instant,
    format: Format,
    out: &mut dyn Write,
) -> Result<ExecutionId, AdminError> {
    let reference = presentation.reference;
    let mut tx = conn.begin().await.map_err(step("begin"))?;
    let found = store::mandates::find(&mut tx, reference)
        .await
        .map_err(step("read the mandate"))?;
    let stored = found.ok_or_else(|| AdminError::NoMandate(reference.to_owned()))?;
    let mandate = &stored.mandate;
    if mandate.status != MandateStatus::Active {
        return Err(AdminError::Status {
            reference: reference.to_owned(),
            status: mandate.status,
            wanted: "debited",
        });
    }
    let refuse = |why| AdminError::Cycle {
        reference: reference.to_owned(),
        cycle_on: presentation.cycle_on,
        why,
    };
    let amount = amount(&stored, presentation.amount).map_err(refuse)?;
    let cycle = cycle(&stored, presentation).map_err(refuse)?;
    let policy = policy(mandate.provider, mandate.rail);
    let policy_id = store::policies::intern(&mut tx, &policy).await?;
    let tag = store::planning::installation_tag(&mut tx).await?;
    let ids = store::planning::reserve_ids(&mut tx, 1).await?;
    let payer = Payer {
        id: mandate.id,
        reference,
        account: AccountId(stored.account_id),
        provider: mandate.provider,
        notify: mandate.notify,
        max_amount: mandate.max_amount,
    };
    let rules = Numbered {
        id: policy_id,
        policy: &policy,
    };
    let new: Vec<NewExecution> = ids
        .into_iter()
        .map(|id| new_execution(&payer, &cycle, amount, rules, (&tag, id), now))
        .collect();
    let Some((execution, first, run_at)) = new
        .first()
        .and_then(|new| Some((new, new.step?, new.run_at?)))
    else {
        let reason = new
            .into_iter()
            .next()
            .map_or_else(String::new, |new| new.reason);
        return Err(refuse(CycleRefusal::TooLate(reason)));
    };
    let id = execution.id;
    if store::planning::insert_executions(&mut tx, &new, now)
        .await?
        .is_empty()
    {
        let row = store::timeline::cycle(&mut tx, mandate.id.0, cycle.on)
            .await
            .map_err(step("read the execution"))?;
        let (execution, state) = row
            .map(|row| (row.execution_id, row.state))
            .unwrap_or_default();
        return Err(refuse(CycleRefusal::Exists {
            execution: ExecutionId(execution),
            state,
        }));
    }
    tx.commit().await.map_err(step("commit"))?;

    if format == Format::Json {
        write_json(
            out,
            &Added {
                execution_id: id.0,
                cycle_on: cycle.on,
                amount: amount.decimal(),
                currency: amount.currency().to_string(),
                next_step: first,
                next_at: run_at,
                closes_at: cycle.closes_at,
            },
        )?;
    } else {
        let at = local(run_at, mandate.terms.time_zone);
        writeln!(
            out,
            "execution {id}: {amount} for the cycle {} of {reference}; {first} at {at}",
            cycle.on
        )?;
    }
    Ok(id)
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
