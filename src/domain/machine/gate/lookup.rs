//! Look-ups of an order: as often as the rail allows, those counted that debits and rechecks begin with.

use super::{Gate, NextStep, next_window, refuse, reschedule, unchanged};
use crate::domain::machine::decide::next_lookup_at;
use crate::domain::policy::Policy;
use crate::domain::reason::GateCause;
use crate::domain::{Execution, Step, Timestamp};

/// A new order begins with a look-up of the one before it.
pub(super) fn before_new_order(
    execution: &Execution,
    step: Step,
    policy: &Policy,
    now: Timestamp,
) -> Gate {
    let opens = next_lookup_at(execution, policy, now);
    if step != Step::Execute || execution.progress.order_no <= 1 || opens <= now {
        return Gate::Go;
    }
    let next = Some(NextStep::at(step, opens));
    refuse(reschedule(execution, next, GateCause::LookupsBeforeSpent))
}

/// A look-up of an order is lawful as often as the rail allows.
pub(super) fn within_budget(
    execution: &Execution,
    step: Step,
    policy: &Policy,
    now: Timestamp,
) -> Gate {
    let opens = next_lookup_at(execution, policy, now);
    if opens <= now {
        return Gate::Go;
    }
    let next = Some(NextStep::at(step, opens));
    refuse(unchanged(execution, next, GateCause::LookupsSpent))
}

/// One look-up is not needed: a retry whose counter was never recorded was never made, and the next one begins with a look-up.
pub(super) fn lookup(execution: &Execution, policy: &Policy, now: Timestamp) -> Gate {
    let never_made = execution.intent.filter(|intent| {
        let sent = execution.progress.sent_at;
        intent.is_retry
            && intent.counter_before.is_none()
            && sent.is_none_or(|sent| sent < intent.opened_at)
    });
    if never_made.is_none() {
        return within_budget(execution, Step::Lookup, policy, now);
    }
    let at = next_lookup_at(execution, policy, now);
    let step = Step::Retry;
    let span = next_window(&policy.debit_windows, at, execution.id.0, policy.jitter);
    let next = span.map(|span| NextStep { step, span });
    refuse(reschedule(execution, next, GateCause::NeverCalled))
}
