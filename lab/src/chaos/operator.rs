//! The person on call in the chaos: wishes at the wrong time, for the wrong execution, and pauses.

use chrono::TimeDelta;
use mandated::cli::Failure;
use mandated::domain::machine::decide::operator::Wish;
use mandated::domain::{ExecutionId, Rail, State};
use mandated::store::operate::{Operated, Wished, operate};
use mandated::store::operations::{Said, pause_rail};
use mandated::store::planning;

use super::director::Director;
use super::incident::Incident;
use crate::figures;

const SAID: Said<'_> = Said {
    who: "somebody on call",
    reason: "the chaos",
};

impl Director<'_> {
    /// Everything that a person wants by now.
    pub(super) async fn wishes(&mut self) -> Result<(), Failure> {
        let is_ours = |incident| matches!(incident, Incident::Wish(..) | Incident::PauseRail(..));
        while let Some(incident) = self.incident(is_ours) {
            match incident {
                Incident::Wish(wish, state) => self.wish(wish, state).await?,
                Incident::PauseRail(rail, lasting) => self.pause(rail, lasting).await?,
                Incident::Kill(_)
                | Incident::Freeze(..)
                | Incident::Restart(_)
                | Incident::Cut(..)
                | Incident::ClockStep(_)
                | Incident::Slow => {}
            }
        }
        Ok(())
    }

    async fn wish(&mut self, wish: Wish, state: State) -> Result<(), Failure> {
        let ids = figures::of_state(&self.pool, state).await?;
        let Some(first) = ids.first().copied() else {
            self.told.count("wishes for which there was no execution");
            return Ok(());
        };
        let wished = Wished {
            id: ExecutionId(self.rng.pick(&ids, first)),
            wish,
            said: SAID,
            at: self.now,
        };
        let mut conn = planning::acquire(&self.pool).await?;
        let words = match operate(&mut conn, wished).await? {
            Operated::Done(done) if done.from == done.to => "wishes that brought a step forward",
            Operated::Done(done) if done.to == State::Skipped => "cycles that a person skipped",
            Operated::Done(_) => "cycles that a person had begun anew",
            Operated::Held => "wishes while a worker was at it",
            Operated::Declined(_) | Operated::NoExecution => "wishes that were declined",
        };
        self.told.count(words);
        Ok(())
    }

    async fn pause(&mut self, rail: Rail, lasting: TimeDelta) -> Result<(), Failure> {
        let until = self.now.checked_add_signed(lasting).unwrap_or(self.now);
        let mut conn = planning::acquire(&self.pool).await?;
        pause_rail(&mut conn, rail, SAID, until, self.now).await?;
        Ok(())
    }
}
