//! G7 as far as it needs a calendar: no cycle is left out, of whatever mandate: active, paused, watched, or of an account that is not
//! configured. Mandates are read a page at a time, so memory stays flat.

use chrono::NaiveDate;
use chrono_tz::Tz;
use sqlx::PgConnection;

use super::Rules;
use super::calendar::Days;
use super::sweep::read_only;
use crate::domain::Timestamp;
use crate::ops::OpsError;
use crate::ops::error::step;
use crate::store;
use crate::store::audit::{Finding, Schedule};

const RULE: (&str, &str) = ("G7", "no cycle is left out");

/// How many mandates are read at once.
const PAGE: i64 = 2_000;
/// How many days back cycles are looked for. Retention keeps executions for longer.
const DAYS_BACK: u64 = 60;
/// How many days ahead, where all cycles are said to be planned.
const DAYS_AHEAD: u64 = 60;

/// Between the last cycle before these weeks, or the mandate's first day here, and the planning cursor, every cycle of the schedule has
/// its execution.
pub(super) async fn look_for(
    conn: &mut PgConnection,
    now: Timestamp,
    rules: &mut Rules,
) -> Result<(), OpsError> {
    let judgement = rules.of(RULE.0, RULE.1);
    let today = now.date_naive();
    let since = today
        .checked_sub_days(chrono::Days::new(DAYS_BACK))
        .unwrap_or(today);
    let horizon = today
        .checked_add_days(chrono::Days::new(DAYS_AHEAD))
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
            for what in left_out(schedule, since, horizon) {
                judgement.add(Finding {
                    execution_id: None,
                    mandate_id: Some(schedule.mandate_id),
                    detail: format!("mandate {}: {what}", schedule.mandate_ref),
                    total: 1,
                });
            }
        }
    }
}

/// What is missing. What is older than `since` may have been deleted.
fn left_out(schedule: &Schedule, since: NaiveDate, horizon: NaiveDate) -> Vec<String> {
    let words = (schedule.frequency.as_deref(), schedule.cron.as_deref());
    let Some(days) = Days::read(words, schedule.starts_on, schedule.ends_on) else {
        return vec!["its schedule cannot be read".to_owned()];
    };
    let Some(from) = first_due(schedule) else {
        return vec![format!("its time zone {} is none", schedule.time_zone)];
    };
    let from = schedule
        .planned
        .first()
        .map_or(from, |first| from.min(*first));
    let missing = from.max(since).iter_days();
    missing
        .take_while(|day| *day < end(schedule, horizon))
        .filter(|day| days.has(*day) && schedule.planned.binary_search(day).is_err())
        .map(|day| format!("the cycle {day} has no execution"))
        .collect()
}

/// The first day all of which came after the mandate: a cycle that had begun before may have been collected by somebody else.
fn first_due(schedule: &Schedule) -> Option<NaiveDate> {
    let zone: Tz = schedule.time_zone.parse().ok()?;
    let created = schedule.created_at.with_timezone(&zone).date_naive();
    created.succ_opt()
}

/// The first day that need not be planned yet.
fn end(schedule: &Schedule, horizon: NaiveDate) -> NaiveDate {
    if let Some(next) = schedule.next_cycle_on {
        return next;
    }
    let lives = matches!(schedule.status.as_str(), "active" | "paused" | "completed");
    match (schedule.ends_on, schedule.planned.last()) {
        // Its row says that its cycles are over: so all of them were planned.
        (Some(last), _) if lives => last.succ_opt().unwrap_or(last).min(horizon),
        (_, Some(last)) => *last,
        (_, None) => schedule.starts_on,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn weekly() -> Schedule {
        Schedule {
            mandate_id: 1,
            mandate_ref: "a".to_owned(),
            status: "active".to_owned(),
            frequency: Some("weekly".to_owned()),
            cron: None,
            time_zone: "Asia/Kolkata".to_owned(),
            starts_on: day("2026-11-01"),
            ends_on: None,
            created_at: "2026-10-31T00:00:00Z".parse().unwrap(),
            next_cycle_on: Some(day("2026-11-29")),
            planned: ["2026-11-01", "2026-11-08", "2026-11-15", "2026-11-22"]
                .map(day)
                .to_vec(),
        }
    }

    fn missing(schedule: &Schedule) -> Vec<String> {
        left_out(schedule, day("2026-10-01"), day("2027-01-01"))
    }

    #[test]
    fn what_lies_between_the_mandates_beginning_and_its_cursor_is_planned() {
        let mut schedule = weekly();
        assert_eq!(missing(&schedule), [""; 0]);
        schedule.planned.remove(2);
        assert_eq!(
            missing(&schedule),
            ["the cycle 2026-11-15 has no execution"]
        );
        schedule.planned.clear();
        assert_eq!(missing(&schedule).len(), 4, "none was planned at all");
        // Registered after the first three had begun.
        schedule.created_at = "2026-11-15T10:00:00Z".parse().unwrap();
        assert_eq!(
            missing(&schedule),
            ["the cycle 2026-11-22 has no execution"]
        );
    }

    #[test]
    fn a_mandate_whose_cycles_are_said_to_be_over_has_all_of_them() {
        let mut schedule = weekly();
        schedule.next_cycle_on = None;
        schedule.ends_on = Some(day("2026-11-30"));
        assert_eq!(
            missing(&schedule),
            ["the cycle 2026-11-29 has no execution"]
        );
        schedule.status = "revoked".to_owned();
        assert_eq!(missing(&schedule), [""; 0]);
        schedule.frequency = Some("often".to_owned());
        assert_eq!(missing(&schedule), ["its schedule cannot be read"]);
    }
}
