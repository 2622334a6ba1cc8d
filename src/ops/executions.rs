//! List executions, add one, and have one tried sooner, once more, or left out.

use chrono::NaiveDate;
use chrono_tz::Tz;
use futures::{Stream, TryStreamExt};
use serde::Serialize;
use sqlx::{Connection, PgConnection};

use super::error::{CycleRefusal, step};
use super::justification::checked;
use super::{OpsError, mandates};
use crate::domain::cycle::{Cycle, CycleCloses};
use crate::domain::plan::cycle_closes;
use crate::domain::plan::execution::{NewExecution, NumberedPolicy, Payer, new_execution};
use crate::domain::plan::reason::PlanReason;
use crate::domain::policy::Policy;
use crate::domain::schedule::{Frequency, Schedule};
use crate::domain::{AccountId, Amount, ExecutionId, MandateId, ProviderKind, Rail, Timestamp};
use crate::store;
use crate::store::mandates::Stored;
use crate::store::operator_requests::{OperatorRequestResult, operate};
use crate::store::pool::DatabasePool;
use crate::wording;

pub use crate::store::listing::{ExecutionFilter, ExecutionLine};
pub use crate::store::operator_requests::{GrantedRequest, OperatorRequest};

/// Executions, the newest first, as they are read.
pub fn list<'a>(
    pool: &'a DatabasePool,
    filter: &'a ExecutionFilter,
) -> impl Stream<Item = Result<ExecutionLine, OpsError>> + 'a {
    store::listing::executions(pool, filter).map_err(step("list the executions"))
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
    pub mandate_ref: String,
    pub cycle_on: NaiveDate,
    pub amount: String,
    pub currency: String,
    pub next_step: &'static str,
    pub next_at: Timestamp,
    pub closes_at: Timestamp,
    #[serde(skip)]
    pub zone: Tz,
}

/// Adds the execution of a cycle, with its first job.
pub async fn add(
    conn: &mut PgConnection,
    presentation: &Presentation<'_>,
    policy: impl FnOnce(ProviderKind, Rail) -> Policy,
    now: Timestamp,
) -> Result<Added, OpsError> {
    let reference = presentation.reference;
    let refuse = |why| OpsError::Cycle {
        reference: reference.to_owned(),
        cycle_on: presentation.cycle_on,
        why,
    };
    let mut tx = conn.begin().await.map_err(step("begin"))?;
    let stored = alive(&mut tx, reference).await?;
    let mandate = &stored.mandate;
    let amount = amount(&stored, presentation.amount).map_err(refuse)?;
    let policy = policy(mandate.provider, mandate.rail);
    let closes = cycle_closes(mandate.provider, mandate.notify, &policy);
    let cycle = cycle(&stored, presentation, closes).map_err(refuse)?;
    let rules = NumberedPolicy {
        id: store::policies::intern(&mut tx, &policy).await?,
        policy: &policy,
    };
    let new: Vec<NewExecution> = store::planning::reserve_ids(&mut tx, 1)
        .await?
        .into_iter()
        .map(|id| new_execution(&payer(&stored), &cycle, amount, rules, id, now))
        .map(|new| NewExecution {
            reason: if new.step.is_some() {
                PlanReason::Presented
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
        let reason = new
            .iter()
            .map(|new| wording::planned(&new.reason, new.zone))
            .collect();
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

fn payer(stored: &Stored) -> Payer<'_> {
    Payer {
        id: stored.mandate.id,
        reference: &stored.mandate.reference,
        account: AccountId(stored.account_id),
        provider: stored.mandate.provider,
        provider_mandate_id: &stored.mandate.provider_mandate_id,
        notify: stored.mandate.notify,
        max_amount: stored.mandate.max_amount,
    }
}

/// The execution that a cycle has already.
async fn exists(
    conn: &mut PgConnection,
    mandate: MandateId,
    cycle_on: NaiveDate,
) -> Result<CycleRefusal, OpsError> {
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

/// The mandate, if it has not ended. What is added to a paused one waits, as what the planner plans does.
async fn alive(conn: &mut PgConnection, reference: &str) -> Result<Stored, OpsError> {
    let stored = mandates::find(conn, reference).await?;
    let status = stored.mandate.status;
    if status.is_over() {
        return Err(OpsError::Status {
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
fn cycle(
    stored: &Stored,
    presentation: &Presentation<'_>,
    closes: CycleCloses,
) -> Result<Cycle, CycleRefusal> {
    let terms = &stored.mandate.terms;
    let on = presentation.cycle_on;
    if terms.schedule == Schedule::Every(Frequency::Aspresented) {
        return terms
            .presented(on, presentation.open_days)
            .ok_or(CycleRefusal::OutsideMandate);
    }
    let cycle = terms
        .cycle_from(on, closes)
        .ok_or(CycleRefusal::OutsideMandate)?;
    if cycle.on != on {
        return Err(CycleRefusal::NotACycle { next: cycle.on });
    }
    Ok(cycle)
}

/// An execution for which an operator request was granted.
#[derive(Debug, Serialize)]
pub struct GrantedExecution {
    pub execution_id: i64,
    #[serde(flatten)]
    pub granted: GrantedRequest,
}

/// Has an execution tried sooner, once more, or left out; or says why not.
pub async fn submit(
    conn: &mut PgConnection,
    request: OperatorRequest<'_>,
) -> Result<GrantedExecution, OpsError> {
    let request = OperatorRequest {
        attribution: checked(request.attribution)?,
        ..request
    };
    let id = request.id;
    match operate(conn, request).await? {
        OperatorRequestResult::Granted(granted) => Ok(GrantedExecution {
            execution_id: id.0,
            granted,
        }),
        OperatorRequestResult::Held => Err(OpsError::Held(id)),
        OperatorRequestResult::Declined(declined) => Err(OpsError::Declined {
            execution: id,
            request: request.kind,
            why: wording::declined(&declined),
        }),
        OperatorRequestResult::NoExecution => Err(OpsError::NoExecution(id)),
    }
}
