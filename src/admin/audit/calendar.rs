//! G4 and G7 as far as they need a calendar: calls in their windows, and no cycle left out. Both are read a page at a
//! time, so memory stays flat.

use std::collections::BTreeMap;
use std::iter::successors;

use chrono::{Days, NaiveDate};
use sqlx::PgConnection;

use super::Judgement;
use crate::admin::AdminError;
use crate::admin::error::step;
use crate::domain::Instant;
use crate::domain::policy::Policy;
use crate::store;
use crate::store::audit::{Call, Finding, Place, Schedule};

/// How many rows are read at once.
const PAGE: i64 = 5_000;
/// How many days back cycles are looked for. Retention keeps executions for longer.
const DAYS_BACK: u64 = 35;

/// Debits and notifications lie in the windows of the policy that their execution was planned under.
pub(super) async fn windows(conn: &mut PgConnection) -> Result<Judgement, AdminError> {
    let mut judgement = Judgement::new(
        "G4",
        "debits and notifications are tried in their windows only",
    );
    let mut policies = BTreeMap::new();
    for stored in store::audit::policies(conn)
        .await
        .map_err(step("read the policies"))?
    {
        match serde_json::from_value::<Policy>(stored.body) {
            Ok(policy) => {
                policies.insert(stored.id, policy);
            }
            Err(error) => judgement.add(Finding {
                execution_id: None,
                mandate_id: None,
                detail: format!("policy {} cannot be read: {error}", stored.id),
                total: 1,
            }),
        }
    }
    let ids: Vec<i64> = policies.keys().copied().collect();
    let mut place = Place::default();
    loop {
        let calls = store::audit::calls_after(conn, place, &ids, PAGE)
            .await
            .map_err(step("read the calls"))?;
        let Some(last) = calls.last() else {
            return Ok(judgement);
        };
        place = Place {
            execution_id: last.execution_id,
            attempt_id: last.attempt_id,
        };
        for call in calls {
            if let Some(finding) = policies
                .get(&call.policy_id)
                .and_then(|policy| outside(&call, policy))
            {
                judgement.add(finding);
            }
        }
    }
}

fn outside(call: &Call, policy: &Policy) -> Option<Finding> {
    let windows = if call.call == "notify" {
        &policy.notify_windows
    } else {
        &policy.debit_windows
    };
    if windows.contains(call.at) {
        return None;
    }
    let local = call
        .at
        .with_timezone(&windows.time_zone())
        .format("%Y-%m-%d %H:%M:%S %Z");
    let rail = policy.rail;
    Some(Finding {
        execution_id: Some(call.execution_id),
        mandate_id: Some(call.mandate_id),
        detail: format!(
            "{} of {} at {local}, outside of the windows of {rail}",
            call.call, call.reference
        ),
        total: 1,
    })
}

/// Between the first cycle of the last weeks and the planning cursor, every cycle of the schedule has its execution.
pub(super) async fn cycles(conn: &mut PgConnection, now: Instant) -> Result<Judgement, AdminError> {
    let mut judgement = Judgement::new("G7", "no cycle is left out");
    let today = now.date_naive();
    let since = today
        .checked_sub_days(Days::new(DAYS_BACK))
        .unwrap_or(today);
    let mut last = 0;
    loop {
        let schedules = store::audit::schedules_after(conn, last, since, PAGE)
            .await
            .map_err(step("read the schedules"))?;
        let Some(end) = schedules.last() else {
            return Ok(judgement);
        };
        last = end.mandate_id;
        for schedule in &schedules {
            for on in left_out(schedule) {
                judgement.add(Finding {
                    execution_id: None,
                    mandate_id: Some(schedule.mandate_id),
                    detail: format!(
                        "mandate {}: the cycle {on} has no execution",
                        schedule.mandate_ref
                    ),
                    total: 1,
                });
            }
        }
    }
}

fn left_out(schedule: &Schedule) -> Vec<NaiveDate> {
    let Schedule { terms, planned, .. } = schedule;
    let (Some(first), Some(last)) = (planned.first(), planned.last()) else {
        return Vec::new();
    };
    let end = schedule.next_cycle_on.unwrap_or(*last);
    successors(terms.cycle_from(*first), |cycle| {
        terms.cycle_after(cycle.on)
    })
    .map(|cycle| cycle.on)
    .take_while(|on| *on < end)
    .filter(|on| planned.binary_search(on).is_err())
    .collect()
}
