//! The step that waits, as soon as it is lawful.

use std::time::Duration;

use super::{CurrentJob, Declined, earliest_try};
use crate::domain::backoff::after;
use crate::domain::machine::decide::timing::latest_debit;
use crate::domain::machine::decide::timing::{next_lookup_at, next_window};
use crate::domain::machine::decide::{Decision, NextStep, unchanged};
use crate::domain::policy::Policy;
use crate::domain::reason::RequestCause;
use crate::domain::{Execution, State, Step, Timestamp};

/// The same step at the first time that the rail allows.
pub(super) fn sooner(
    execution: &Execution,
    job: CurrentJob,
    policy: &Policy,
    now: Timestamp,
) -> Result<Decision, Declined> {
    if job.parked {
        return Err(Declined::Mandate(execution.mandate_status));
    }
    let next = match job.step {
        // It waits for the end of the provider's own retries: an earlier look-up would be spent for nothing.
        Step::Lookup if execution.state == State::Retrying => {
            return Err(Declined::NotDead(policy.local(job.run_at)));
        }
        Step::Lookup => NextStep::at(Step::Lookup, earliest_lookup(execution, policy, now)),
        Step::Retry | Step::Execute if execution.state != State::Retrying => {
            return Err(Declined::DebitOpen(execution.state));
        }
        Step::Retry | Step::Execute if execution.rail_paused => return Err(Declined::RailPaused),
        Step::Retry | Step::Execute => {
            let mut from = earliest_try(execution, policy, now);
            if job.step == Step::Retry {
                from = next_lookup_at(execution, policy, from);
            }
            let latest = latest_debit(execution, &execution.progress, policy);
            let (windows, seed) = (&policy.debit_windows, execution.id.0);
            let span = next_window(windows, from, seed, Duration::ZERO)
                .filter(|span| span.opens < latest)
                .ok_or_else(|| Declined::NoTime(policy.local(latest)))?;
            NextStep {
                step: job.step,
                span,
            }
        }
        Step::Notify | Step::NotifyStatus | Step::Recheck => {
            return Err(Declined::GoesOn(execution.state));
        }
    };
    if next.span.opens >= job.run_at && job.run_at > now {
        return Err(Declined::NotSooner(policy.local(job.run_at)));
    }
    Ok(unchanged(execution, Some(next), RequestCause::Sooner))
}

/// Earlier than the rail's own wait after a debit an answer proves nothing, and there are only so many look-ups.
fn earliest_lookup(execution: &Execution, policy: &Policy, now: Timestamp) -> Timestamp {
    let progress = &execution.progress;
    let context = progress.sent_at.zip(policy.lookup_after.first());
    let context = context.map(|(sent, wait)| {
        let debited = progress.execute_at.map_or(sent, |at| at.max(sent));
        after(debited, *wait)
    });
    next_lookup_at(
        execution,
        policy,
        context.map_or(now, |context| context.max(now)),
    )
}
