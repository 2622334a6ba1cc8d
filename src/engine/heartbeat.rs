//! The heartbeat line: how it goes, every ten seconds.

use std::sync::Arc;
use std::time::Duration;

use chrono::{SecondsFormat, TimeDelta};
use tracing::{error, info, warn};

use super::tally::Tally;
use super::{Engine, bloat};
use crate::domain::{Instant, State};
use crate::store::StoreError;
use crate::store::monitor::{Open, Pulse, open_since, pulse};
use crate::store::unmapped::recent;
use crate::telemetry;

/// When what only a person can end is worth a line of its own.
#[derive(Debug, Clone, Copy)]
pub struct Overdue {
    /// A warning when it has been open for longer,
    pub warn_after: Duration,
    /// an error after this,
    pub error_after: Duration,
    /// so often.
    pub every: Duration,
}

/// How far back the answers that no rule knows are counted.
const A_DAY: TimeDelta = TimeDelta::hours(24);

/// What the line carries, and the metrics repeat. Ages are in whole seconds, totals since this daemon started.
#[derive(Debug, Clone)]
pub struct Beat {
    pub at: Instant,
    pub pulse: Pulse,
    pub oldest_due_s: i64,
    pub oldest_unknown_s: i64,
    /// Answers of the last day that no rule knew.
    pub unmapped: i64,
    /// Nothing when it could not be found out.
    pub oldest_snapshot_s: Option<u64>,
    /// Answers that wait to be settled.
    pub settle_backlog: usize,
    pub tally: Arc<Tally>,
    /// Repeated log lines of this process that were left out, since it started.
    pub lines_left_out: u64,
}

/// The heart of a daemon, and what it said before.
#[derive(Debug)]
pub struct Heartbeat {
    engine: Engine,
    /// When it last spoke of what waits for a person.
    warned_at: Option<Instant>,
    /// What it knows of the oldest snapshot.
    snapshots: bloat::Watch,
}

impl Heartbeat {
    pub fn new(engine: Engine) -> Self {
        Self {
            engine,
            warned_at: None,
            snapshots: bloat::Watch::default(),
        }
    }

    /// One line. `backlog` is the number of answers that wait to be settled.
    pub async fn tick(&mut self, backlog: usize) -> Result<Beat, StoreError> {
        let engine = &self.engine;
        let (pool, now) = (&engine.database.pool, engine.clock.now());
        let pulse = pulse(pool, now).await?;
        let since = now.checked_sub_signed(A_DAY).unwrap_or(Instant::MIN_UTC);
        let unmapped = recent(pool, since).await?;
        let age = |at: Option<Instant>| {
            at.map_or(0, |at| now.signed_duration_since(at).num_seconds().max(0))
        };
        let beat = Beat {
            at: now,
            oldest_due_s: age(pulse.oldest_due_at),
            oldest_unknown_s: age(pulse.oldest_unknown_at),
            pulse,
            unmapped,
            oldest_snapshot_s: self.snapshots.look(pool, &engine.settings).await,
            settle_backlog: backlog,
            tally: Arc::clone(&engine.tally),
            lines_left_out: telemetry::left_out(),
        };
        say(engine, &beat);
        if self.is_time(now) {
            warn_of_open(engine, now).await?;
            self.warned_at = Some(now);
        }
        Ok(beat)
    }

    /// Whether it has not spoken of what waits for long enough.
    fn is_time(&self, now: Instant) -> bool {
        let due = before(now, self.engine.settings.overdue.every);
        self.warned_at.is_none_or(|last| last <= due)
    }
}

fn say(engine: &Engine, beat: &Beat) {
    let (pulse, tally) = (&beat.pulse, &beat.tally);
    info!(
        worker.id = engine.settings.worker_id.as_str(),
        due = pulse.due,
        leased = pulse.leased,
        oldest_due_s = beat.oldest_due_s,
        open_intents = pulse.open_intents,
        oldest_unknown_s = beat.oldest_unknown_s,
        reviews = pulse.reviews,
        paused_accounts = pulse.paused_accounts,
        paused_rails = pulse.paused_rails,
        budget_headroom = pulse.budget_headroom,
        unmapped = beat.unmapped,
        dead_rows = pulse.dead_rows,
        oldest_snapshot_s = beat.oldest_snapshot_s,
        settle_backlog = beat.settle_backlog,
        charged_total = tally.get(State::Charged),
        failed_total = tally.get(State::Failed),
        skipped_total = tally.get(State::Skipped),
        expired_total = tally.get(State::Expired),
        review_total = tally.get(State::Review),
        unknown_total = tally.get(State::Unknown),
        retrying_total = tally.get(State::Retrying),
        lines_left_out = beat.lines_left_out,
        "heartbeat"
    );
}

fn before(now: Instant, duration: Duration) -> Instant {
    TimeDelta::from_std(duration)
        .ok()
        .and_then(|duration| now.checked_sub_signed(duration))
        .unwrap_or(Instant::MIN_UTC)
}

/// One line for the outcomes that nothing has proven for long, and one for the reviews that nobody has decided.
async fn warn_of_open(engine: &Engine, now: Instant) -> Result<(), StoreError> {
    let rules = engine.settings.overdue;
    let error_before = before(now, rules.error_after);
    for open in open_since(&engine.database.pool, before(now, rules.warn_after)).await? {
        let Open {
            state,
            count,
            oldest_at,
            oldest,
        } = open;
        let oldest: Vec<String> = oldest.iter().map(i64::to_string).collect();
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    worker.id = engine.settings.worker_id.as_str(),
                    waits = state,
                    count,
                    oldest_since = oldest_at.to_rfc3339_opts(SecondsFormat::Secs, true),
                    oldest_executions = oldest.join(" "),
                    "executions wait for proof or for a person: ask the provider about them (`mandated executions list --state {state}`), \
                     and say what it answers with `mandated executions resolve ID`"
                )
            };
        }
        if oldest_at <= error_before {
            line!(error);
        } else {
            line!(warn);
        }
    }
    Ok(())
}
