//! The heartbeat line: how it goes, every ten seconds.

use std::sync::Arc;
use std::time::Duration;

use chrono::SecondsFormat;
use tracing::{error, info, warn};

use super::bloat;
use super::state_counters::StateCounters;
use super::unconfigured::Unconfigured;
use crate::clock::Clock;
use crate::domain::backoff::before;
use crate::domain::{State, Timestamp};
use crate::store::StoreError;
use crate::store::monitor::{UnresolvedExecutions, WorkCounts, unresolved_since, work_counts};
use crate::store::pool::DatabasePool;
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

/// How often it beats, and what it warns of.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    pub interval: Duration,
    pub overdue: Overdue,
    pub snapshots: bloat::Rules,
}

/// How far back the answers that no rule knows are counted.
const A_DAY: Duration = Duration::from_hours(24);

/// What the line carries, and the metrics repeat. Ages are in whole seconds, totals since this daemon started.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    pub at: Timestamp,
    pub work_counts: WorkCounts,
    pub oldest_due_s: i64,
    pub oldest_unknown_s: i64,
    /// Active and paused mandates of accounts that no daemon has in its configuration.
    pub unconfigured_mandates: i64,
    /// Answers of the last day that no rule knew.
    pub unmapped: i64,
    /// Nothing when it could not be found out.
    pub oldest_snapshot_s: Option<u64>,
    /// Answers that wait to be settled.
    pub settle_backlog: usize,
    pub state_counters: Arc<StateCounters>,
    /// Repeated log lines of this process that were left out, since it started.
    pub lines_left_out: u64,
}

/// Takes the figures, and remembers its last warning.
#[derive(Debug)]
pub struct HeartbeatTicker {
    pub(super) worker_id: Arc<str>,
    pub(super) pool: DatabasePool,
    pub(super) clock: Clock,
    pub(super) settings: Settings,
    pub(super) state_counters: Arc<StateCounters>,
    /// When it last spoke of what waits for a person.
    pub(super) warned_at: Option<Timestamp>,
    /// What it knows of the oldest snapshot.
    pub(super) snapshots: bloat::Watch,
    /// Who looks for mandates of accounts that nobody has, now and then.
    pub(super) unconfigured: Unconfigured,
    /// How many there were.
    pub(super) unconfigured_mandates: i64,
}

impl HeartbeatTicker {
    /// Says at the start what the first line of simulated time would not.
    pub async fn warn_at_start(&self) -> Result<(), StoreError> {
        self.unconfigured.warn().await?;
        let work_counts = work_counts(&self.pool, self.clock.now()).await?;
        warn_of_recovering(&self.worker_id, work_counts.recovering_accounts);
        Ok(())
    }

    /// One line. `backlog` is the number of answers that wait to be settled.
    pub async fn tick(&mut self, backlog: usize) -> Result<Heartbeat, StoreError> {
        let (pool, now) = (&self.pool, self.clock.now());
        let (rules, worker) = (self.settings.snapshots, &*self.worker_id);
        let work_counts = work_counts(pool, now).await?;
        if self.is_time(now) {
            self.unconfigured_mandates = self.unconfigured.warn().await?;
            warn_of_recovering(worker, work_counts.recovering_accounts);
        }
        let unmapped = recent(pool, before(now, A_DAY)).await?;
        let age = |at: Option<Timestamp>| {
            at.map_or(0, |at| now.signed_duration_since(at).num_seconds().max(0))
        };
        let heartbeat = Heartbeat {
            at: now,
            oldest_due_s: age(work_counts.oldest_due_at),
            oldest_unknown_s: age(work_counts.oldest_unknown_at),
            work_counts,
            unconfigured_mandates: self.unconfigured_mandates,
            unmapped,
            oldest_snapshot_s: self.snapshots.look(pool, rules, worker).await,
            settle_backlog: backlog,
            state_counters: Arc::clone(&self.state_counters),
            lines_left_out: telemetry::left_out(),
        };
        say(worker, &heartbeat);
        if self.is_time(now) {
            warn_of_open(worker, pool, self.settings.overdue, now).await?;
            self.warned_at = Some(now);
        }
        Ok(heartbeat)
    }

    /// Whether it has not spoken of what waits for long enough.
    fn is_time(&self, now: Timestamp) -> bool {
        let due = before(now, self.settings.overdue.every);
        self.warned_at.is_none_or(|last| last <= due)
    }
}

fn say(worker: &str, heartbeat: &Heartbeat) {
    let (work_counts, state_counters) = (&heartbeat.work_counts, &heartbeat.state_counters);
    info!(
        worker.id = worker,
        due = work_counts.due,
        leased = work_counts.leased,
        oldest_due_s = heartbeat.oldest_due_s,
        open_intents = work_counts.open_intents,
        oldest_unknown_s = heartbeat.oldest_unknown_s,
        reviews = work_counts.reviews,
        paused_accounts = work_counts.paused_accounts,
        recovering_accounts = work_counts.recovering_accounts,
        paused_rails = work_counts.paused_rails,
        unconfigured_mandates = heartbeat.unconfigured_mandates,
        budget_headroom = work_counts.budget_headroom,
        unmapped = heartbeat.unmapped,
        dead_rows = work_counts.dead_rows,
        oldest_snapshot_s = heartbeat.oldest_snapshot_s,
        settle_backlog = heartbeat.settle_backlog,
        charged_total = state_counters.get(State::Charged),
        failed_total = state_counters.get(State::Failed),
        skipped_total = state_counters.get(State::Skipped),
        expired_total = state_counters.get(State::Expired),
        review_total = state_counters.get(State::Review),
        unknown_total = state_counters.get(State::Unknown),
        retrying_total = state_counters.get(State::Retrying),
        lines_left_out = heartbeat.lines_left_out,
        "heartbeat"
    );
}

/// Names what to do about accounts that are left alone until a recovery is over.
fn warn_of_recovering(worker: &str, accounts: i64) {
    if accounts > 0 {
        warn!(
            worker.id = worker,
            accounts,
            "accounts are recovering from a restore, and nothing of them is notified or debited: run `mandated recover` to its end \
             (`mandated accounts list` names them)"
        );
    }
}

/// One line for the outcomes that nothing has proven for long, and one for the reviews that nobody has decided.
async fn warn_of_open(
    worker: &str,
    pool: &DatabasePool,
    rules: Overdue,
    now: Timestamp,
) -> Result<(), StoreError> {
    let error_before = before(now, rules.error_after);
    for open in unresolved_since(pool, before(now, rules.warn_after)).await? {
        let UnresolvedExecutions {
            state,
            count,
            oldest_at,
            oldest,
        } = open;
        let oldest: Vec<String> = oldest.iter().map(i64::to_string).collect();
        macro_rules! line {
            ($level:ident) => {
                $level!(
                    worker.id = worker,
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
