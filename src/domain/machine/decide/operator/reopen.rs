//! What has ended without a collection, tried once more.

use super::{Declined, RequestContext, earliest_try};
use crate::domain::backoff::after;
use crate::domain::machine::decide::order::renew_progress;
use crate::domain::machine::decide::timing::next_lookup_at;
use crate::domain::machine::decide::{Decision, NextStep, unchanged};
use crate::domain::machine::gate::new_date;
use crate::domain::machine::verdict::Verdict;
use crate::domain::plan::{self, Start};
use crate::domain::policy::Policy;
use crate::domain::reason::RequestCause;
use crate::domain::{Class, Execution, MandateStatus, Notify, Rail, Step, Timestamp};

/// What has ended without a collection begins anew, with a new order if one was sent.
pub(super) fn reopen(
    execution: &Execution,
    context: RequestContext,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, Declined> {
    may_reopen(execution, context, policy, now)?;
    let mut from = earliest_try(execution, policy, now);
    let mut order_no = execution.progress.order_no;
    if context.was_sent {
        order_no = order_no.saturating_add(1);
        if order_no > policy.max_orders {
            return Err(Declined::NoOrder(policy.max_orders));
        }
        if let Some(look) = lookup_first(execution, context, policy, now)? {
            return Ok(look);
        }
        // Where nobody noted when it was tried, or when it failed, that was before it came to its end.
        let gap = policy.min_gap.max(policy.min_gap_after_failure);
        from = context
            .finished_at
            .map_or(from, |at| after(at, gap).max(from));
    }
    if let Some(most) = policy.max_attempts_in_period
        && execution.progress.attempts_in_period() >= most
    {
        return Err(Declined::NoAttempt(most));
    }
    let mut decision = unchanged(execution, None, RequestCause::TriedAgain);
    decision.class = None;
    renew_progress(&mut decision, execution);
    decision.progress.order_no = order_no;
    let allowed = policy.notification_attempts.saturating_mul(order_no);
    if execution.notify == Notify::Separate && decision.progress.notification_no > allowed {
        return Err(Declined::NoNotification(allowed));
    }
    let cycle = execution
        .cycle
        .put_off(next_lookup_at(execution, policy, from));
    let (provider, notify, seed) = (execution.provider, execution.notify, execution.id.0);
    match plan::start(&cycle, provider, notify, policy, seed, now) {
        Start::At(step, span) => {
            let put_off = (cycle.debit_at > execution.cycle.debit_at).then_some(cycle.debit_at);
            decision.progress.execute_at = match notify {
                Notify::Provider => new_date(execution, &cycle, policy, span.opens),
                Notify::Separate | Notify::None => put_off,
            };
            decision.verdict = Verdict::Reopened;
            decision.next = Some(NextStep { step, span });
            Ok(decision)
        }
        Start::Closed(why) => Err(Declined::Closed {
            why,
            zone: policy.debit_windows.time_zone(),
        }),
    }
}

/// What forbids it whatever became of its order.
fn may_reopen(
    execution: &Execution,
    context: RequestContext,
    policy: &Policy,
    now: Timestamp,
) -> Result<(), Declined> {
    if execution.intent.is_some() {
        return Err(Declined::DebitOpen(execution.state));
    }
    if context.collected {
        return Err(Declined::Collected);
    }
    if now >= execution.cycle.closes_at {
        return Err(Declined::CycleOver(policy.local(execution.cycle.closes_at)));
    }
    if execution.mandate_status != MandateStatus::Active {
        return Err(Declined::Mandate(execution.mandate_status));
    }
    if execution.is_watched() {
        return Err(Declined::Watched);
    }
    if execution.rail_paused {
        return Err(Declined::RailPaused);
    }
    match execution.class {
        Some(class) if policy.rail == Rail::Card && is_final_for_cards(class) => {
            Err(Declined::Never(class))
        }
        Some(_) | None => Ok(()),
    }
}

/// The look-up of an order that was sent, if it is still needed: only one that came after the provider's own retries says that it is dead.
fn lookup_first(
    execution: &Execution,
    context: RequestContext,
    policy: &Policy,
    now: Timestamp,
) -> Result<Option<Decision>, Declined> {
    // Whoever finishes an order that was sent has it looked at once more.
    if let Some(job) = context.job {
        return Err(Declined::NotDead(policy.local(job.run_at)));
    }
    let dead_at = dead_at(execution, context, policy);
    let [last, ..] = execution.progress.lookup_times;
    if last.is_some_and(|looked_up_at| looked_up_at >= dead_at) {
        return Ok(None);
    }
    let look = next_lookup_at(execution, policy, dead_at.max(now));
    let next = NextStep::at(Step::Recheck, look);
    Ok(Some(unchanged(
        execution,
        Some(next),
        RequestCause::LookedAtFirst,
    )))
}

/// When the provider has given up an order by itself: counted from the last that can have happened to it.
fn dead_at(execution: &Execution, context: RequestContext, policy: &Policy) -> Timestamp {
    let progress = &execution.progress;
    let marks = [
        progress.failed_at,
        progress.sent_at,
        progress.execute_at,
        context.finished_at,
    ];
    let last = marks.into_iter().flatten().max();
    last.map_or(Timestamp::MAX_UTC, |last| {
        after(last, policy.provider_retry_horizon)
    })
}

/// Visa's "Decline response category 1", and Mastercard's merchant advice codes 03 and 21: never again.
const fn is_final_for_cards(class: Class) -> bool {
    match class {
        Class::CustomerStop
        | Class::MandateDead
        | Class::AccountDead
        | Class::Instrument
        | Class::Risk
        | Class::Legal => true,
        Class::Funds
        | Class::Transient
        | Class::Limit
        | Class::Throttled
        | Class::CustomerAction
        | Class::MandatePaused
        | Class::OurRequest
        | Class::OutsideMandate
        | Class::PayeeSide
        | Class::Notification
        | Class::InFlight
        | Class::AlreadyCollected
        | Class::PeriodUsed
        | Class::NothingToRetry
        | Class::Unmapped => false,
    }
}
