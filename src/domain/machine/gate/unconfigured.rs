//! A cycle whose account nobody calls: when it ends all the same.

use super::close_cycle;
use crate::domain::machine::decide::Decision;
use crate::domain::machine::verdict::Verdict;
use crate::domain::policy::Policy;
use crate::domain::reason::GateCause;
use crate::domain::{Execution, State, Timestamp};

/// How a cycle that is over ends while no daemon has its account. Nothing while money may be in flight, or while the provider may
/// still collect its order: only a look-up ends that, and nobody can make one.
pub fn end_unconfigured(
    execution: &Execution,
    policy: &Policy,
    now: Timestamp,
) -> Option<Decision> {
    let at = execution.cycle.closes_at;
    let waits = match execution.state {
        // What the provider debits by its own schedule is only looked up.
        State::Planned => !execution.is_watched(),
        State::Notifying | State::Notified | State::Retrying => true,
        State::Executing
        | State::Pending
        | State::Unknown
        | State::Charged
        | State::Failed
        | State::Skipped
        | State::Expired
        | State::Review => false,
    };
    if !waits || execution.intent.is_some() || now < at {
        return None;
    }
    let mut decision = close_cycle(execution, policy, now);
    decision.reason = GateCause::NotConfiguredUntilCycleEnd { at }.into();
    (decision.verdict == Verdict::CycleClosed).then_some(decision)
}
