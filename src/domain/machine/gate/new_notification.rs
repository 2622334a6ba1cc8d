//! A debit whose notification is missing or too old.

use super::{Gate, instead, later, no_time_left};
use crate::domain::machine::decide::Next;
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
        let mut decision = later(execution, None, why);
        decision.next = Some(Next::at(Step::Lookup, now));
        return instead(decision);
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
            let mut decision = later(execution, Some(Next { step, span }), why);
            decision.progress.notification_no = decision.progress.notification_no.saturating_add(1);
            decision.progress.delivered_at = None;
            decision.progress.undelivered_at = None;
            decision.verdict = Verdict::NotificationRenewed;
            instead(decision)
        }
        Start::Closed(why) => no_time_left(execution, GateCause::Closed(why), policy, now),
    }
}
