//! The person on call in the chaos: operator requests at the wrong time, for the wrong execution, and pauses.

use chrono::TimeDelta;
use mandated::cli::Failure;
use mandated::domain::machine::decide::operator::OperatorRequestKind;
use mandated::domain::{ExecutionId, Rail, State};
use mandated::store::operator_requests::{OperatorRequest, OperatorRequestResult, operate};
use mandated::store::pauses::{Attribution, pause_rail};
use mandated::store::planning;

use super::director::Director;
use super::incident::Incident;
use crate::figures;

pub(super) const ATTRIBUTION: Attribution<'_> = Attribution {
    who: "somebody on call",
    reason: "the chaos",
};

impl Director<'_> {
    /// Everything that a person wants by now.
    pub(super) async fn submit_operator_requests(&mut self) -> Result<(), Failure> {
        let is_ours = |incident| {
            matches!(
                incident,
                Incident::OperatorRequest(..) | Incident::PauseRail(..)
            )
        };
        while let Some(incident) = self.incident(is_ours) {
            match incident {
                Incident::OperatorRequest(kind, state) => self.submit(kind, state).await?,
                Incident::PauseRail(rail, lasting) => self.pause(rail, lasting).await?,
                Incident::Kill(_)
                | Incident::Freeze(..)
                | Incident::Restart(_)
                | Incident::Cut(..)
                | Incident::ClockStep(_)
                | Incident::Dump(_)
                | Incident::Restore(_)
                | Incident::Copy
                | Incident::FallBehind(_)
                | Incident::FailOver(_)
                | Incident::Slow => {}
            }
        }
        Ok(())
    }

    async fn submit(&mut self, kind: OperatorRequestKind, state: State) -> Result<(), Failure> {
        let ids = figures::of_state(&self.pool, state).await?;
        let Some(first) = ids.first().copied() else {
            self.log
                .count("operator requests for which there was no execution");
            return Ok(());
        };
        let request = OperatorRequest {
            id: ExecutionId(self.rng.pick(&ids, first)),
            kind,
            attribution: ATTRIBUTION,
            at: self.now,
        };
        let mut conn = planning::acquire(&self.pool).await?;
        let words = match operate(&mut conn, request).await? {
            OperatorRequestResult::Granted(done) if done.from == done.to => {
                "operator requests that brought a step forward"
            }
            OperatorRequestResult::Granted(done) if done.to == State::Skipped => {
                "cycles that a person skipped"
            }
            OperatorRequestResult::Granted(_) => "cycles that a person had begun anew",
            OperatorRequestResult::Held => "operator requests while a worker was at it",
            OperatorRequestResult::Declined(_) | OperatorRequestResult::NoExecution => {
                "operator requests that were declined"
            }
        };
        self.log.count(words);
        Ok(())
    }

    async fn pause(&mut self, rail: Rail, lasting: TimeDelta) -> Result<(), Failure> {
        let until = self.now.checked_add_signed(lasting).unwrap_or(self.now);
        let mut conn = planning::acquire(&self.pool).await?;
        pause_rail(&mut conn, rail, ATTRIBUTION, until, self.now).await?;
        Ok(())
    }
}
