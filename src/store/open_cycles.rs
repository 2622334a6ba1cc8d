//! The cycles of a mandate that have not come to their end: what a pause leaves to the provider, and what a resume goes on with.

use chrono::NaiveDate;
use sqlx::PgConnection;

use super::error::{StoreContext, StoreError};
use super::rows::word;
use crate::domain::{ExecutionId, MandateId, State, Step, Timestamp};

/// A cycle that has not come to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCycle {
    pub execution_id: ExecutionId,
    pub cycle_on: NaiveDate,
    pub order_id: String,
    pub state: State,
    pub step: Step,
    pub run_at: Timestamp,
    /// Whether it waits for its mandate.
    pub parked: bool,
    pub debit_at: Timestamp,
    pub closes_at: Timestamp,
    /// The date that was, or is to be, handed to a provider that debits by itself.
    pub execute_at: Option<Timestamp>,
}

impl OpenCycle {
    /// Whether the provider has it, or makes it by its own schedule: only its outcome is looked up.
    pub const fn is_at_provider(&self) -> bool {
        match self.state {
            State::Executing | State::Pending | State::Unknown => true,
            // Watched: its first step is a look-up.
            State::Planned => matches!(self.step, Step::Lookup),
            State::Notifying
            | State::Notified
            | State::Retrying
            | State::Charged
            | State::Failed
            | State::Skipped
            | State::Expired
            | State::Review => false,
        }
    }

    /// When the provider debits it, if that is still to come.
    pub fn provider_debits_at(&self, now: Timestamp) -> Option<Timestamp> {
        let watched = matches!(self.state, State::Planned).then_some(self.debit_at);
        self.execute_at.or(watched).filter(|at| *at > now)
    }

    /// Whether it has not begun: nothing of it waits for the mandate.
    pub fn is_ahead(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Planned) && !self.parked && self.debit_at > now
    }
}

/// Those of a mandate, the oldest first.
pub async fn of_mandate(
    conn: &mut PgConnection,
    mandate: MandateId,
) -> Result<Vec<OpenCycle>, StoreError> {
    let rows = sqlx::query!(
        r#"select e.id, e.cycle_on, e.order_id, j.step, j.run_at, j.parked, e.debit_at, e.closes_at, e.execute_at,
                  case when i.execution_id is not null and e.state in ('planned', 'notified', 'retrying')
                       then 'executing' else e.state end as "state!"
             from mandated.executions e
             join mandated.jobs j on j.execution_id = e.id
             left join mandated.intents i on i.execution_id = e.id
            where e.mandate_id = $1 and e.finished_at is null
            order by e.cycle_on"#,
        mandate.0
    )
    .fetch_all(conn)
    .await
    .context("read the open cycles of the mandate")?;
    rows.into_iter()
        .map(|row| {
            Ok(OpenCycle {
                execution_id: ExecutionId(row.id),
                cycle_on: row.cycle_on,
                order_id: row.order_id,
                state: word("execution", row.id, &row.state, State::parse)?,
                step: word("job", row.id, &row.step, Step::parse)?,
                run_at: row.run_at,
                parked: row.parked,
                debit_at: row.debit_at,
                closes_at: row.closes_at,
                execute_at: row.execute_at,
            })
        })
        .collect()
}

/// Notes that the provider is asked to take back the order of an execution, because its mandate is paused or revoked.
pub async fn note_taken_back(
    conn: &mut PgConnection,
    execution: ExecutionId,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update mandated.executions set class = 'mandate_paused' where id = $1 and finished_at is null",
        execution.0
    )
    .execute(conn)
    .await
    .context("note that the order is taken back")?;
    Ok(())
}

/// Says of an execution why it stands where it does, for as long as nothing happens to it.
pub async fn explain(
    conn: &mut PgConnection,
    execution: ExecutionId,
    reason: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "update mandated.executions set reason = $2 where id = $1 and finished_at is null",
        execution.0,
        reason
    )
    .execute(conn)
    .await
    .context("explain why the execution stands where it does")?;
    Ok(())
}
