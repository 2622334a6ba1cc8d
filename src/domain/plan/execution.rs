//! A cycle that becomes an execution: what is copied once, and its first step.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::reason::{PlanReason, times};
use super::{Start, first_start, timetable};
use crate::domain::cycle::Cycle;
use crate::domain::machine::gate::execution_date;
use crate::domain::policy::Policy;
use crate::domain::{
    AccountId, Amount, CycleIdentity, ExecutionId, MandateId, Notify, Period, ProviderKind, State,
    Step, Timestamp,
};

/// The mandate's side of a new execution.
#[derive(Debug, Clone, Copy)]
pub struct Payer<'a> {
    /// Which mandate.
    pub id: MandateId,
    /// The merchant's reference of it.
    pub reference: &'a str,
    /// Its account.
    pub account: AccountId,
    /// Whose API.
    pub provider: ProviderKind,
    /// The provider's id of the mandate.
    pub provider_mandate_id: &'a str,
    /// Who notifies.
    pub notify: Notify,
    /// The most that one debit may take.
    pub max_amount: Amount,
}

/// A new execution with its first job, as columns.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the fields are the columns of executions and jobs"
)]
pub struct NewExecution {
    pub id: ExecutionId,
    pub mandate_id: MandateId,
    pub mandate_ref: String,
    pub account_id: AccountId,
    pub policy_id: i64,
    pub cycle_on: NaiveDate,
    pub period: Period,
    pub debit_at: Timestamp,
    pub closes_at: Timestamp,
    pub amount_minor: i64,
    pub max_amount_minor: i64,
    pub currency: String,
    pub state: State,
    pub reason: PlanReason,
    /// Where the rail's hours are counted.
    pub zone: Tz,
    pub order_id: String,
    pub notification_no: u16,
    pub notification_ref: Option<String>,
    pub execute_at: Option<Timestamp>,
    pub max_attempts: u16,
    pub max_attempts_in_period: Option<u16>,
    pub max_attempts_in_30_days: Option<u16>,
    pub step: Option<Step>,
    pub run_at: Option<Timestamp>,
    pub run_before: Option<Timestamp>,
}

/// A policy and its number.
#[derive(Debug, Clone, Copy)]
pub struct NumberedPolicy<'a> {
    /// The number.
    pub id: i64,
    /// The policy.
    pub policy: &'a Policy,
}

/// Why it is planned for these times.
fn planned(
    payer: &Payer<'_>,
    cycle: &Cycle,
    policy: &Policy,
    id: ExecutionId,
    start_at: Timestamp,
) -> PlanReason {
    match timetable(cycle, payer.provider, payer.notify, policy, id.0) {
        Some(timetable) if timetable.start_at == start_at => {
            PlanReason::Times(times(cycle, &timetable, policy))
        }
        Some(_) | None => PlanReason::Late,
    }
}

/// The execution of a cycle, planned now. `id` is its number.
///
/// A cycle that can no longer be collected becomes an execution too, an expired one, so that no cycle is forgotten.
pub fn new_execution(
    payer: &Payer<'_>,
    cycle: &Cycle,
    amount: Amount,
    rules: NumberedPolicy<'_>,
    id: ExecutionId,
    now: Timestamp,
) -> NewExecution {
    let policy = rules.policy;
    let separate = payer.notify == Notify::Separate;
    let identity = CycleIdentity {
        provider: payer.provider,
        provider_mandate_id: payer.provider_mandate_id,
        period: cycle.period,
    };
    let (provider, notify) = (payer.provider, payer.notify);
    let start = first_start(cycle, provider, notify, policy, id.0, now);
    let (first, state, reason) = match start {
        Start::At(step, span) => {
            let reason = planned(payer, cycle, policy, id, span.opens);
            (Some((step, span)), State::Planned, reason)
        }
        Start::Closed(why) => (None, State::Expired, PlanReason::Closed(why)),
    };
    NewExecution {
        id,
        mandate_id: payer.id,
        mandate_ref: payer.reference.to_owned(),
        account_id: payer.account,
        policy_id: rules.id,
        cycle_on: cycle.on,
        period: cycle.period,
        debit_at: cycle.debit_at,
        closes_at: cycle.closes_at,
        amount_minor: amount.minor(),
        max_amount_minor: payer.max_amount.minor(),
        currency: amount.currency().to_string(),
        state,
        reason,
        zone: policy.debit_windows.time_zone(),
        order_id: identity.order_id(1),
        notification_no: u16::from(separate),
        notification_ref: separate.then(|| identity.notification_ref(1)),
        execute_at: first.and_then(|(_, span)| {
            execution_date(cycle, provider, notify, policy, id.0, span.opens)
        }),
        max_attempts: policy.max_attempts,
        max_attempts_in_period: policy.max_attempts_in_period,
        max_attempts_in_30_days: policy.max_attempts_in_30_days,
        step: first.map(|(step, _)| step),
        run_at: first.map(|(_, span)| span.opens),
        run_before: first.and_then(|(_, span)| span.closes),
    }
}
