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

/// One look-up is not needed: a call without an idempotency key whose counter was never recorded was never made.
pub(super) fn lookup(
    execution: &Execution,
    counted: bool,
    policy: &Policy,
    now: Timestamp,
) -> Gate {
    let never_made = execution.intent.filter(|intent| {
        let sent = execution.progress.sent_at;
        counted
            && intent.counter_before.is_none()
            && sent.is_none_or(|sent| sent < intent.opened_at)
    });
    let Some(intent) = never_made else {
        return within_budget(execution, Step::Lookup, policy, now);
    };
    // Both begin with a look-up.
    let at = next_lookup_at(execution, policy, now);
    let step = if intent.is_retry {
        Step::Retry
    } else {
        Step::Execute
    };
    let span = next_window(&policy.debit_windows, at, execution.id.0, policy.jitter);
    let next = span.map(|span| NextStep { step, span });
    refuse(reschedule(execution, next, GateCause::NeverCalled))
}
