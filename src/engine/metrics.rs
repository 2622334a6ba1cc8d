//! `/metrics`: the last heartbeat, for Prometheus. Nothing is here that the log has not said, and no label has more values than a
//! state has.

use std::fmt;
use std::sync::Arc;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge, with_local_recorder};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use super::heartbeat::Heartbeat;
use super::state_counters::COUNTED;

/// Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        with_local_recorder(&recorder, describe);
        Self {
            recorder: Arc::new(recorder),
            handle,
        }
    }
}

impl Metrics {
    /// Takes over what a heartbeat said.
    pub fn record(&self, heartbeat: &Heartbeat) {
        with_local_recorder(self.recorder.as_ref(), || {
            let work_counts = &heartbeat.work_counts;
            gauge!("mandated_heartbeat_timestamp_seconds").set(number(heartbeat.at.timestamp()));
            gauge!("mandated_jobs_due").set(number(work_counts.due));
            gauge!("mandated_jobs_leased").set(number(work_counts.leased));
            gauge!("mandated_oldest_due_age_seconds").set(number(heartbeat.oldest_due_s));
            gauge!("mandated_intents_open").set(number(work_counts.open_intents));
            gauge!("mandated_oldest_unknown_age_seconds").set(number(heartbeat.oldest_unknown_s));
            gauge!("mandated_reviews_open").set(number(work_counts.reviews));
            gauge!("mandated_accounts_paused").set(number(work_counts.paused_accounts));
            gauge!("mandated_accounts_recovering").set(number(work_counts.recovering_accounts));
            gauge!("mandated_rails_paused").set(number(work_counts.paused_rails));
            gauge!("mandated_mandates_unconfigured").set(number(heartbeat.unconfigured_mandates));
            gauge!("mandated_budget_headroom_percent").set(number(work_counts.budget_headroom));
            gauge!("mandated_answers_unmapped_last_day").set(number(heartbeat.unmapped));
            gauge!("mandated_dead_rows").set(number(work_counts.dead_rows));
            // What could not be found out is not what it was before.
            let age = heartbeat.oldest_snapshot_s.map_or(f64::NAN, number);
            gauge!("mandated_oldest_snapshot_age_seconds").set(age);
            counter!("mandated_log_lines_left_out_total").absolute(heartbeat.lines_left_out);
            for state in COUNTED {
                counter!("mandated_state_changes_total", "state" => state.as_str())
                    .absolute(heartbeat.state_counters.get(state));
            }
        });
    }

    /// Answers that wait to be settled: known even when the database does not answer, which is when they pile up.
    pub fn record_backlog(&self, waiting: usize) {
        with_local_recorder(self.recorder.as_ref(), || {
            gauge!("mandated_settle_backlog").set(number(waiting));
        });
    }

    /// For whoever serves them.
    pub fn handle(&self) -> PrometheusHandle {
        self.handle.clone()
    }

    /// In the text format of Prometheus.
    pub fn render(&self) -> String {
        self.handle.render()
    }
}

/// As a gauge has it. What is beyond four thousand million has no meaning beside it.
fn number(value: impl TryInto<u32> + PartialOrd + Default) -> f64 {
    if value < Default::default() {
        return 0.0;
    }
    value.try_into().map_or(f64::from(u32::MAX), f64::from)
}

/// The gauges, with what they tell.
const GAUGES: [(&str, Unit, &str); 16] = [
    (
        "mandated_heartbeat_timestamp_seconds",
        Unit::Seconds,
        "When the last heartbeat was, as Unix time.",
    ),
    (
        "mandated_jobs_due",
        Unit::Count,
        "Jobs whose time has come and that nobody holds, up to 10,000 of each account.",
    ),
    (
        "mandated_jobs_leased",
        Unit::Count,
        "Jobs that workers hold.",
    ),
    (
        "mandated_oldest_due_age_seconds",
        Unit::Seconds,
        "How late the oldest due job is.",
    ),
    (
        "mandated_intents_open",
        Unit::Count,
        "Calls that move money and whose outcome is not settled.",
    ),
    (
        "mandated_oldest_unknown_age_seconds",
        Unit::Seconds,
        "For how long the oldest outcome has been unknown.",
    ),
    (
        "mandated_reviews_open",
        Unit::Count,
        "Executions that wait for a person.",
    ),
    (
        "mandated_accounts_paused",
        Unit::Count,
        "Accounts that are paused.",
    ),
    (
        "mandated_accounts_recovering",
        Unit::Count,
        "Accounts of which nothing is notified or debited until a recovery is over.",
    ),
    (
        "mandated_rails_paused",
        Unit::Count,
        "Rails that a person has paused.",
    ),
    (
        "mandated_mandates_unconfigured",
        Unit::Count,
        "Active and paused mandates of accounts that no daemon has in its configuration.",
    ),
    (
        "mandated_budget_headroom_percent",
        Unit::Percent,
        "How many in a hundred are left of the attempts allowed to the debits due next.",
    ),
    (
        "mandated_answers_unmapped_last_day",
        Unit::Count,
        "Answers of the last 24 hours that no rule knew.",
    ),
    (
        "mandated_dead_rows",
        Unit::Count,
        "Rows of jobs and intents that wait for vacuum.",
    ),
    (
        "mandated_oldest_snapshot_age_seconds",
        Unit::Seconds,
        "For how long the oldest snapshot of the database has been held.",
    ),
    (
        "mandated_settle_backlog",
        Unit::Count,
        "Answers of this daemon that wait to be settled.",
    ),
];

fn describe() {
    for (name, unit, what) in GAUGES {
        describe_gauge!(name, unit, what);
    }
    describe_counter!(
        "mandated_log_lines_left_out_total",
        Unit::Count,
        "Repeated warnings and errors of this daemon that its log has left out."
    );
    describe_counter!(
        "mandated_state_changes_total",
        Unit::Count,
        "Executions that came to a state by this daemon."
    );
}
