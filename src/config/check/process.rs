//! The process itself: its database, its loops, its clock.

use std::time::Duration;

use super::super::{ClockMode, Config};
use super::{Checks, show};

/// Between the end of a call and the end of its lease: time to settle.
const LEASE_MARGIN: Duration = Duration::from_secs(10);

/// What each process holds a connection for: the planner two, settler, rescue, retention, listener, heartbeat, cluster, readiness.
const LOOPS: u32 = 9;

/// An execution must outlive its cycle by far.
const MIN_EXECUTIONS: Duration = Duration::from_hours(62 * 24);

/// What the database itself keeps, whoever asks it to drop partitions: `mandated.drop_partitions` has the same number.
const MIN_HISTORY: Duration = Duration::from_hours(365 * 24);

/// An execution planned earlier would live under rules nobody remembers.
const MAX_HORIZON: Duration = Duration::from_hours(31 * 24);

pub(super) fn check(config: &Config, checks: &mut Checks<'_>) {
    database(config, checks);
    worker(config, checks);
    planner(config, checks);
    upkeep(config, checks);
    clock(config, checks);
}

fn database(config: &Config, checks: &mut Checks<'_>) {
    let database = &config.database;
    let lanes = lanes(config);
    let (has, needed) = (database.max_connections, LOOPS.saturating_add(lanes));
    checks.require(has >= needed, "database.max_connections", || {
        format!("({has}) must be at least {needed}: {LOOPS} for the loops and one for each account")
    });
    for (key, value) in [
        ("database.connect_timeout", database.connect_timeout),
        ("database.statement_timeout", database.statement_timeout),
        ("database.lock_timeout", database.lock_timeout),
    ] {
        checks.lasting(key, value);
    }
    let (lock, statement) = (database.lock_timeout, database.statement_timeout);
    checks.require(lock <= statement, "database.lock_timeout", || {
        format!(
            "({}) must not be longer than database.statement_timeout ({})",
            show(lock),
            show(statement)
        )
    });
}

/// One for each account.
fn lanes(config: &Config) -> u32 {
    let lanes = u32::try_from(config.accounts.len());
    lanes.unwrap_or(u32::MAX).max(1)
}

fn worker(config: &Config, checks: &mut Checks<'_>) {
    let worker = &config.worker;
    let (has, needed) = (worker.concurrency, lanes(config).saturating_mul(2));
    checks.require(has >= needed, "worker.concurrency", || {
        format!(
            "({has}) must be at least {needed}, two for each account: half of them are the \
             accounts' own"
        )
    });
    checks.positive("worker.batch", worker.batch);
    checks.positive("worker.settle_batch", worker.settle_batch);
    checks.lasting("worker.poll_interval", worker.poll_interval);
    checks.lasting("worker.lease", worker.lease);
    checks.positive("worker.parked_limit", worker.parked_limit);
    checks.lasting("worker.parked_within", worker.parked_within);
    checks.lasting("worker.parked_pause", worker.parked_pause);
    checks.lasting("worker.unknown_warn_every", worker.unknown_warn_every);
    checks.lasting("worker.snapshot_warn_after", worker.snapshot_warn_after);
    checks.lasting("worker.snapshot_warn_every", worker.snapshot_warn_every);
    let (warn, error) = (worker.unknown_warn_after, worker.unknown_error_after);
    checks.require(error >= warn, "worker.unknown_error_after", || {
        format!(
            "({}) must not be shorter than worker.unknown_warn_after ({})",
            show(error),
            show(warn)
        )
    });
    let (lease, drain) = (worker.lease, worker.drain_timeout);
    checks.require(drain <= lease, "worker.drain_timeout", || {
        format!(
            "({}) must not be longer than worker.lease ({}): after it other daemons may take the \
             jobs",
            show(drain),
            show(lease)
        )
    });
    let statement = config.database.statement_timeout;
    checks.require(statement < lease, "database.statement_timeout", || {
        format!(
            "({}) must be shorter than worker.lease ({})",
            show(statement),
            show(lease)
        )
    });
    let longest = config
        .accounts
        .iter()
        .max_by_key(|(_, account)| account.timeout);
    if let Some((name, account)) = longest {
        let timeout = account.timeout;
        let key = format!("accounts.{name}.timeout");
        checks.require(
            lease > timeout.saturating_mul(2).saturating_add(LEASE_MARGIN),
            "worker.lease",
            || {
                format!(
                    "({}) must be longer than twice {key} ({}) and {}: a look-up, a call and its \
                     settling must end inside it",
                    show(lease),
                    show(timeout),
                    show(LEASE_MARGIN)
                )
            },
        );
        checks.require(drain >= timeout, "worker.drain_timeout", || {
            format!(
                "({}) must not be shorter than {key} ({}): calls under way would be cut off and \
                 their outcome unknown",
                show(drain),
                show(timeout)
            )
        });
    }
}

fn planner(config: &Config, checks: &mut Checks<'_>) {
    let planner = &config.planner;
    checks.lasting("planner.interval", planner.interval);
    checks.positive("planner.batch", planner.batch);
    checks.positive("planner.presented_open_days", planner.presented_open_days);
    let (horizon, interval) = (planner.horizon, planner.interval);
    checks.require(
        horizon >= interval.saturating_mul(2),
        "planner.horizon",
        || {
            format!(
                "({}) must be at least twice planner.interval ({}): a cycle would be planned after \
                 its first call was due",
                show(horizon),
                show(interval)
            )
        },
    );
    checks.require(horizon <= MAX_HORIZON, "planner.horizon", || {
        format!(
            "({}) must not be longer than {}: an execution keeps the rules of the day it was \
             planned",
            show(horizon),
            show(MAX_HORIZON)
        )
    });
}

fn upkeep(config: &Config, checks: &mut Checks<'_>) {
    checks.lasting("rescue.interval", config.rescue.interval);
    let retention = &config.retention;
    checks.lasting("retention.interval", retention.interval);
    checks.positive("retention.partitions_ahead", retention.partitions_ahead);
    for (key, value) in [
        ("retention.attempts", retention.attempts),
        ("retention.events", retention.events),
    ] {
        checks.require(value >= MIN_HISTORY, key, || {
            format!(
                "({}) must be at least {}: the database drops no history that is younger, whoever asks",
                show(value),
                days(MIN_HISTORY)
            )
        });
    }
    let executions = retention.executions;
    checks.require(executions >= MIN_EXECUTIONS, "retention.executions", || {
        format!(
            "({}) must be at least {}: an execution outlives its cycle",
            show(executions),
            days(MIN_EXECUTIONS)
        )
    });
}

/// `365days`: the common way of writing would be a year and some hours.
fn days(duration: Duration) -> String {
    format!("{}days", duration.as_secs() / 86_400)
}

fn clock(config: &Config, checks: &mut Checks<'_>) {
    let clock = &config.clock;
    match clock.mode {
        ClockMode::System => {
            for (key, value) in [("clock.start", clock.start), ("clock.end", clock.end)] {
                checks.require(value.is_none(), key, || {
                    "is set, but clock.mode is system: it is for simulated time".to_owned()
                });
            }
        }
        ClockMode::Simulated => {
            checks.require(clock.start.is_some(), "clock.start", || {
                "is not set, but clock.mode is simulated: time needs a start".to_owned()
            });
            checks.lasting("clock.step", clock.step);
            if let (Some(start), Some(end)) = (clock.start, clock.end) {
                checks.require(end > start, "clock.end", || {
                    format!(
                        "({}) must be after clock.start ({})",
                        end.to_rfc3339(),
                        start.to_rfc3339()
                    )
                });
            }
            for (name, account) in config
                .accounts
                .iter()
                .filter(|(_, account)| !account.is_loopback())
            {
                checks.require(false, "clock.mode", || {
                    let host = account.base_url.host_str().unwrap_or_default();
                    format!(
                        "is simulated, but accounts.{name}.base_url is {host}, which is not \
                         this machine: a real provider would debit at wrong times"
                    )
                });
            }
        }
    }
}
