//! Why each cycle of a mandate ended, or waits, as it does: every call, answer, class and decision.

use chrono_tz::Tz;
use serde::Serialize;
use sqlx::PgConnection;

use super::error::step;
use super::{OpsError, mandates};
use crate::domain::ExecutionId;
use crate::store;
use crate::store::mandates::Stored;

pub use crate::store::timeline::{AttemptRow, CycleRow, EventRow, NotificationRow, ResolutionRow};

/// A mandate with its newest cycles.
#[derive(Debug, Serialize)]
pub struct Timeline {
    pub mandate: mandates::Header,
    pub events: Vec<EventRow>,
    /// Oldest first.
    pub cycles: Vec<CycleTimeline>,
    /// The mandate's own.
    #[serde(skip)]
    pub zone: Tz,
}

/// One cycle with all that happened in it.
#[derive(Debug, Serialize)]
pub struct CycleTimeline {
    #[serde(flatten)]
    pub cycle: CycleRow,
    pub notifications: Vec<NotificationRow>,
    pub attempts: Vec<AttemptRow>,
    pub events: Vec<EventRow>,
    pub resolutions: Vec<ResolutionRow>,
}

/// The timeline of a mandate over its newest cycles.
pub async fn of_mandate(
    conn: &mut PgConnection,
    reference: &str,
    newest: u32,
) -> Result<Timeline, OpsError> {
    let stored = mandates::find(conn, reference).await?;
    let cycles = store::timeline::cycles(conn, stored.mandate.id.0, newest.into())
        .await
        .map_err(step(STEP))?;
    let events = store::timeline::mandate_events(conn, stored.mandate.id.0)
        .await
        .map_err(step(STEP))?;
    fill(conn, &stored, events, cycles).await
}

/// The timeline of one execution.
pub async fn of_execution(conn: &mut PgConnection, id: ExecutionId) -> Result<Timeline, OpsError> {
    let found = store::timeline::find_execution(conn, id.0)
        .await
        .map_err(step(STEP))?;
    let found = found.ok_or(OpsError::NoExecution(id))?;
    let stored = mandates::find(conn, &found.mandate_ref).await?;
    let cycle = store::timeline::cycle(conn, stored.mandate.id.0, found.cycle_on)
        .await
        .map_err(step(STEP))?;
    fill(conn, &stored, Vec::new(), cycle.into_iter().collect()).await
}

const STEP: &str = "read the timeline";

async fn fill(
    conn: &mut PgConnection,
    stored: &Stored,
    events: Vec<EventRow>,
    cycles: Vec<CycleRow>,
) -> Result<Timeline, OpsError> {
    let ids: Vec<i64> = cycles.iter().map(|cycle| cycle.execution_id).collect();
    let notifications = store::timeline::notifications(conn, &ids)
        .await
        .map_err(step(STEP))?;
    let attempts = store::timeline::attempts(conn, &ids)
        .await
        .map_err(step(STEP))?;
    let cycle_events = store::timeline::execution_events(conn, &ids)
        .await
        .map_err(step(STEP))?;
    let resolutions = store::timeline::resolutions(conn, &ids)
        .await
        .map_err(step(STEP))?;
    let mut cycles: Vec<CycleTimeline> = cycles
        .into_iter()
        .map(|cycle| CycleTimeline {
            cycle,
            notifications: Vec::new(),
            attempts: Vec::new(),
            events: Vec::new(),
            resolutions: Vec::new(),
        })
        .collect();
    for row in notifications {
        if let Some(timeline) = of(&mut cycles, Some(row.execution_id)) {
            timeline.notifications.push(row);
        }
    }
    for row in attempts {
        if let Some(timeline) = of(&mut cycles, Some(row.execution_id)) {
            timeline.attempts.push(row);
        }
    }
    for row in cycle_events {
        if let Some(timeline) = of(&mut cycles, row.execution_id) {
            timeline.events.push(row);
        }
    }
    for row in resolutions {
        if let Some(timeline) = of(&mut cycles, Some(row.execution_id)) {
            timeline.resolutions.push(row);
        }
    }
    Ok(Timeline {
        mandate: mandates::Header::new(stored),
        events,
        cycles,
        zone: stored.mandate.terms.time_zone,
    })
}

fn of(cycles: &mut [CycleTimeline], id: Option<i64>) -> Option<&mut CycleTimeline> {
    cycles
        .iter_mut()
        .find(|timeline| Some(timeline.cycle.execution_id) == id)
}
