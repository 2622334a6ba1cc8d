//! Has another cycle of the mandate used this cycle's period?

use super::{Gate, ended, refuse};
use crate::domain::cycle::CycleCloses;
use crate::domain::policy::Policy;
use crate::domain::reason::GateCause;
use crate::domain::{Class, Execution, Timestamp};

/// The rail takes one successful debit of a mandate in a period, and a cycle that was collected late has had it. A call would come to a
/// declined attempt (NPCI VE, NACH 12), so none is made.
pub(super) fn used(execution: &Execution, policy: &Policy, now: Timestamp) -> Option<Gate> {
    let counts = match policy.cycle_closes {
        CycleCloses::Period => true,
        CycleCloses::NextCycle => false,
    };
    let on = execution.period_debit_on.filter(|_| counts)?;
    let reason = GateCause::PeriodUsed { on };
    Some(refuse(ended(
        execution,
        reason,
        Class::PeriodUsed,
        policy,
        now,
    )))
}
