//! G7 as far as it needs a calendar: no cycle is left out. Mandates are read a page at a time, so memory stays flat.

use std::iter::successors;

use chrono::{Days, NaiveDate};
use sqlx::PgConnection;

use super::Rules;
use super::sweep::read_only;
use crate::domain::Timestamp;
use crate::ops::OpsError;
use crate::ops::error::step;
use crate::store;
use crate::store::audit::{Finding, Schedule};

/// How many mandates are read at once.
const PAGE: i64 = 2_000;
/// How many days back cycles are looked for. Retention keeps executions for longer.
const DAYS_BACK: u64 = 60;

/// Between the last cycle before these weeks and the planning cursor, every cycle of the schedule has its execution.
pub(super) async fn look_for(
    conn: &mut PgConnection,
    now: Timestamp,
    rules: &mut Rules,
) -> Result<(), OpsError> {
    let judgement = rules.of("G7", "no cycle is left out");
    let today = now.date_naive();
    let since = today
        .checked_sub_days(Days::new(DAYS_BACK))
        .unwrap_or(today);
    let mut last = 0;
    loop {
        let mut tx = read_only(conn).await?;
        let schedules = store::audit::schedules_after(&mut tx, last, since, PAGE)
            .await
            .map_err(step("read the schedules"))?;
        tx.commit().await.map_err(step("end a page"))?;
        let Some(end) = schedules.last() else {
            return Ok(());
        };
        last = end.mandate_id;
        for schedule in &schedules {
            for on in left_out(schedule, since) {
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

/// What is older may have been deleted.
fn left_out(schedule: &Schedule, since: NaiveDate) -> Vec<NaiveDate> {
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
    .filter(|on| *on >= since)
    .filter(|on| planned.binary_search(on).is_err())
    .collect()
}
