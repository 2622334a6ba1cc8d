//! `mandates show` and `executions show`: why each cycle ended, or waits, as it does. Every call, answer, class and
//! decision, in the mandate's own time zone.

use std::fmt::Write as _;
use std::io::Write;

use chrono_tz::Tz;
use serde::Serialize;
use sqlx::PgConnection;

use super::error::step;
use super::output::write_json;
use super::text::{Format, local, money};
use super::{AdminError, mandates};
use crate::domain::{ExecutionId, Instant};
use crate::store;
use crate::store::mandates::Stored;
use crate::store::timeline::{AttemptRow, CycleRow, EventRow, NotificationRow, ResolutionRow};

/// A mandate with its newest cycles.
#[derive(Debug, Serialize)]
pub struct Timeline {
    mandate: mandates::Header,
    events: Vec<EventRow>,
    /// Oldest first.
    cycles: Vec<CycleTimeline>,
    #[serde(skip)]
    zone: Tz,
}

/// One cycle with all that happened in it.
#[derive(Debug, Serialize)]
struct CycleTimeline {
    #[serde(flatten)]
    cycle: CycleRow,
    notifications: Vec<NotificationRow>,
    attempts: Vec<AttemptRow>,
    events: Vec<EventRow>,
    resolutions: Vec<ResolutionRow>,
}

/// The timeline of a mandate over its newest cycles.
pub async fn of_mandate(
    conn: &mut PgConnection,
    reference: &str,
    newest: u32,
) -> Result<Timeline, AdminError> {
    let stored = find(conn, reference).await?;
    let cycles = store::timeline::cycles(conn, stored.mandate.id.0, newest.into())
        .await
        .map_err(step(STEP))?;
    let events = store::timeline::mandate_events(conn, stored.mandate.id.0)
        .await
        .map_err(step(STEP))?;
    fill(conn, &stored, events, cycles).await
}

/// The timeline of one execution.
pub async fn of_execution(
    conn: &mut PgConnection,
    id: ExecutionId,
) -> Result<Timeline, AdminError> {
    let found = store::timeline::find_execution(conn, id.0)
        .await
        .map_err(step(STEP))?;
    let found = found.ok_or(AdminError::NoExecution(id))?;
    let stored = find(conn, &found.mandate_ref).await?;
    let cycle = store::timeline::cycle(conn, stored.mandate.id.0, found.cycle_on)
        .await
        .map_err(step(STEP))?;
    fill(conn, &stored, Vec::new(), cycle.into_iter().collect()).await
}

const STEP: &str = "read the timeline";

async fn find(conn: &mut PgConnection, reference: &str) -> Result<Stored, AdminError> {
    let found = store::mandates::find(conn, reference).await?;
    found.ok_or_else(|| AdminError::NoMandate(reference.to_owned()))
}

async fn fill(
    conn: &mut PgConnection,
    stored: &Stored,
    events: Vec<EventRow>,
    cycles: Vec<CycleRow>,
) -> Result<Timeline, AdminError> {
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

impl Timeline {
    /// Prints it.
    pub fn write(&self, out: &mut dyn Write, format: Format) -> Result<(), AdminError> {
        if format == Format::Json {
            return Ok(write_json(out, self)?);
        }
        self.mandate.write(out)?;
        for event in &self.events {
            writeln!(
                out,
                "{}",
                self.line(event.at, "mandate", &event_text(event))
            )?;
        }
        for timeline in &self.cycles {
            self.write_cycle(out, timeline)?;
        }
        Ok(())
    }

    fn write_cycle(&self, out: &mut dyn Write, timeline: &CycleTimeline) -> Result<(), AdminError> {
        let CycleRow {
            execution_id,
            cycle_on,
            state,
            reason,
            amount_minor,
            currency,
            order_id,
            ..
        } = &timeline.cycle;
        let amount = money(*amount_minor, currency);
        writeln!(out)?;
        writeln!(out, "cycle {cycle_on}: {state}, {reason}")?;
        writeln!(
            out,
            "  execution {execution_id}, order {order_id}, {amount}"
        )?;
        let mut lines = Vec::new();
        for row in &timeline.notifications {
            let text = format!(
                "{} requested, {}",
                row.reference,
                money(row.amount_minor, currency)
            );
            lines.push((
                row.requested_at,
                1,
                self.line(row.requested_at, "notification", &text),
            ));
            if let Some(at) = row.delivered_at {
                lines.push((
                    at,
                    1,
                    self.line(at, "notification", &format!("{} delivered", row.reference)),
                ));
            }
        }
        for row in &timeline.attempts {
            lines.push((
                row.at,
                0,
                self.line(row.at, &row.call, &self.attempt_text(row)),
            ));
        }
        for row in &timeline.events {
            lines.push((row.at, 2, self.line(row.at, "state", &event_text(row))));
        }
        for row in &timeline.resolutions {
            let line = self.line(row.at, "resolved", &resolution_text(row));
            lines.push((row.at, 4, line));
        }
        if let Some(at) = timeline.cycle.proven_at {
            let txn = timeline
                .cycle
                .provider_txn
                .as_deref()
                .unwrap_or("without a number");
            lines.push((
                at,
                3,
                self.line(
                    at,
                    "debit",
                    &format!("{amount} collected, transaction {txn}"),
                ),
            ));
        }
        // Stable: what happened at one instant stays in the order in which it was written.
        lines.sort_by_key(|(at, rank, _)| (*at, *rank));
        for (_, _, line) in lines {
            writeln!(out, "{line}")?;
        }
        if let (Some(next), Some(at)) = (&timeline.cycle.next_step, timeline.cycle.next_at) {
            writeln!(out, "  next: {next} at {}", local(at, self.zone))?;
        }
        Ok(())
    }

    fn line(&self, at: Instant, what: &str, text: &str) -> String {
        format!("  {}  {what:<19}  {text}", local(at, self.zone))
    }

    fn attempt_text(&self, row: &AttemptRow) -> String {
        let mut text = format!("{}: {}", row.reference, row.outcome);
        let mut add = |label: &str, value: Option<&String>| {
            if let Some(value) = value {
                // Writing to a string cannot fail.
                write!(text, ", {label}{value}").unwrap_or_default();
            }
        };
        add("class ", row.class.as_ref());
        add("code ", row.code.as_ref());
        add("rule ", row.rule.as_ref());
        add(
            "HTTP ",
            row.http_status.map(|status| status.to_string()).as_ref(),
        );
        add("", Some(&format!("{} ms", row.latency_ms)));
        add(
            "",
            row.message
                .as_ref()
                .map(|message| format!("{message:?}"))
                .as_ref(),
        );
        write!(text, "; {}", row.decision).unwrap_or_default();
        if let (Some(next), Some(at)) = (&row.next_step, row.next_at) {
            write!(text, "; next {next} at {}", local(at, self.zone)).unwrap_or_default();
        }
        text
    }
}

fn event_text(row: &EventRow) -> String {
    let change = match (&row.from_state, &row.to_state) {
        (Some(from), Some(to)) => format!("{from} to {to}"),
        (None, Some(to)) => to.clone(),
        (Some(_) | None, None) => row.kind.clone(),
    };
    format!("{change}: {}", row.reason)
}

fn resolution_text(row: &ResolutionRow) -> String {
    let ResolutionRow {
        order_id,
        resolved_as,
        who,
        reason,
        evidence,
        ..
    } = row;
    let txn = row.provider_ref.as_ref();
    let txn = txn.map_or_else(String::new, |id| format!(", transaction {id}"));
    format!("{order_id} as {resolved_as} by {who}{txn}: {reason}; evidence: {evidence}")
}
