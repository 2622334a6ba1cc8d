//! The coming cycles of a mandate and when their things are due.

use chrono::NaiveDate;
use chrono_tz::Tz;
use serde::Serialize;
use sqlx::PgConnection;

use super::{OpsError, mandates};
use crate::domain::additional_factor::approval_above;
use crate::domain::plan::coming;
use crate::domain::plan::reason::times;
use crate::domain::plan::room::short_room;
use crate::domain::policy::Policy;
use crate::domain::{Amount, ProviderKind, Rail, Timestamp};
use crate::wording;

/// A coming cycle. Without times it cannot be collected lawfully.
#[derive(Debug, Serialize)]
pub struct ComingCycle {
    pub cycle_on: NaiveDate,
    pub notify_at: Option<Timestamp>,
    pub debit_at: Option<Timestamp>,
    pub window_ends_at: Option<Timestamp>,
    pub last_safe_start: Option<Timestamp>,
    pub closes_at: Timestamp,
    /// Why these times.
    pub why: Option<String>,
}

/// The coming cycles, from the first one that has no execution yet.
#[derive(Debug)]
pub struct Plan {
    /// None where nothing is left to plan: the mandate has ended, or the merchant presents its cycles.
    pub cycles: Option<Vec<ComingCycle>>,
    pub zone: Tz,
    /// The payer must approve each debit, because it is above this.
    pub approval_above: Option<Amount>,
    /// The first of the cycles that ends before its retries can all be made.
    pub short_room: Option<String>,
}

pub async fn plan(
    conn: &mut PgConnection,
    reference: &str,
    cycles: usize,
    policy: impl FnOnce(ProviderKind, Rail) -> Policy,
) -> Result<Plan, OpsError> {
    let stored = mandates::find(conn, reference).await?;
    let mandate = &stored.mandate;
    let policy = policy(mandate.provider, mandate.rail);
    let found = stored.next_cycle_on.map(|from| {
        coming(
            &mandate.terms,
            mandate.provider,
            mandate.notify,
            &policy,
            mandate.id.0,
            from,
            cycles,
        )
    });
    let mut coming = found.iter().flatten();
    let short_room = coming.find_map(|(cycle, _)| short_room(cycle, &mandate.terms, &policy));
    let cycles = found.map(|found| {
        let cycles = found.into_iter().map(|(cycle, timetable)| ComingCycle {
            cycle_on: cycle.on,
            notify_at: timetable.and_then(|timetable| timetable.notify_at),
            debit_at: timetable.map(|timetable| timetable.debit.opens),
            window_ends_at: timetable.and_then(|timetable| timetable.debit.closes),
            last_safe_start: timetable.map(|timetable| timetable.last_safe_start),
            closes_at: cycle.closes_at,
            why: timetable.map(|timetable| {
                let zone = policy.debit_windows.time_zone();
                wording::times(&times(&cycle, &timetable, &policy), zone)
            }),
        });
        cycles.collect()
    });
    let approval_above = mandate
        .amount
        .and_then(|amount| approval_above(mandate.rail, amount, mandate.category.as_deref()));
    Ok(Plan {
        cycles,
        zone: mandate.terms.time_zone,
        approval_above,
        short_room: short_room.as_ref().map(wording::short_room),
    })
}
