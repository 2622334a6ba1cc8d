//! A debit whose notification is missing or too old.

use super::{Gate, no_time_left, refuse, reschedule};
use crate::domain::machine::decide::NextStep;
use crate::domain::machine::verdict::Verdict;
use crate::domain::plan::{self, Start};
use crate::domain::policy::Policy;
use crate::domain::reason::{GateCause, Reason, Then};
use crate::domain::{Execution, Step, Timestamp};

/// A new notification before this order may be debited. An order that was tried already is looked at first.
pub(super) fn renew(
    execution: &Execution,
    policy: &Policy,
    now: Timestamp,
    why: GateCause,
) -> Gate {
    if execution.progress.failed_at.is_some() {
        let mut decision = reschedule(execution, None, why);
        decision.next = Some(NextStep::at(Step::Lookup, now));
        return refuse(decision);
    }
    let order_no = execution.progress.order_no;
    let allowed = policy.notification_attempts.saturating_mul(order_no);
    if execution.progress.notification_no >= allowed {
        let reason = Reason::from(why).then(Then::NotificationsSpent(allowed));
        return no_time_left(execution, reason, policy, now);
    }
    let start = plan::start(
        &execution.order_cycle(),
        execution.provider,
        execution.notify,
        policy,
        execution.id.0,
        now,
    );
    match start {
        Start::At(step, span) => {
            let mut decision = reschedule(execution, Some(NextStep { step, span }), why);
            decision.progress.notification_no = decision.progress.notification_no.saturating_add(1);
            decision.progress.delivered_at = None;
            decision.progress.undelivered_at = execution.undelivered_before_call();
            decision.verdict = Verdict::NotificationRenewed;
            refuse(decision)
        }
        Start::Closed(why) => no_time_left(execution, GateCause::Closed(why), policy, now),
    }
}
