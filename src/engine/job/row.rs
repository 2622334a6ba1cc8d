//! The claimed row, as the machine sees it.

use super::Run;
use crate::domain::cycle::CycleCloses;
use crate::domain::machine::Job;
use crate::provider::Provider;

impl Run<'_> {
    /// What of it decides about the next action.
    pub(super) fn job(&self) -> Job {
        let claimed = self.claimed;
        let execution = claimed.execution.clone();
        let terms = &claimed.mandate.terms;
        let next_cycle = execution
            .is_watched()
            .then(|| terms.cycle_after(execution.cycle.on, CycleCloses::NextCycle))
            .flatten();
        Job {
            step: claimed.step,
            opened: claimed.opened,
            run_before: claimed.run_before,
            provider_ref: claimed.provider_ref.clone(),
            next_scheduled_on: next_cycle.map(|cycle| cycle.on),
            execute_needs_counter: self.client.execute_needs_counter(),
            execution,
        }
    }
}
