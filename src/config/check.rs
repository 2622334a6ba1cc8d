//! Combinations that cannot work. Each message names the keys, their values and the reason.

use std::time::Duration;

use humantime::format_duration as show;
use secrecy::ExposeSecret;

use super::error::Problem;
use super::{Account, ClockMode, Config, RailRules};
use crate::domain::{ProviderKind, Rail};

/// Between the end of a call and the end of its lease: time to settle.
const LEASE_MARGIN: Duration = Duration::from_secs(10);

/// What each process holds a connection for: planner, settler, rescue, retention, listener, heartbeat, readiness.
const LOOPS: u32 = 7;
const MIN_CONNECTIONS: u32 = 8;

/// RBI, E-mandate Framework 2026, 6a. The database refuses less, too.
const LAWFUL_NOTICE: Duration = Duration::from_secs(24 * 60 * 60);

/// NPCI OC-215A: one attempt and three retries.
const UPI_ATTEMPTS: u16 = 4;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Partitions are months, and an execution must outlive its cycle by far.
const MIN_RETENTION: Duration = Duration::from_secs(62 * 24 * 60 * 60);
/// An execution planned earlier would live under rules nobody remembers.
const MAX_HORIZON: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// Collects problems under the key that they are about.
struct Checks<'a>(&'a mut Vec<Problem>);

impl Checks<'_> {
    fn require(&mut self, holds: bool, key: &str, message: impl FnOnce() -> String) {
        if !holds {
            self.0
                .push(Problem::new(key, None, format!("{key} {}", message())));
        }
    }

    fn positive(&mut self, key: &str, value: impl Into<u64>) {
        let value = value.into();
        self.require(value > 0, key, || "must be at least 1, not 0".to_owned());
    }

    fn lasting(&mut self, key: &str, value: Duration) {
        self.require(!value.is_zero(), key, || {
            "must be longer than 0s".to_owned()
        });
    }
}

pub(super) fn all(config: &Config, problems: &mut Vec<Problem>) {
    let mut checks = Checks(problems);
    database(config, &mut checks);
    worker(config, &mut checks);
    planner(config, &mut checks);
    upkeep(config, &mut checks);
    for rail in Rail::ALL {
        rules(
            &format!("rails.{rail}"),
            config.rails.get(*rail),
            &mut checks,
        );
    }
    let attempts = config.rails.upi.max_attempts;
    checks.require(attempts <= UPI_ATTEMPTS, "rails.upi.max_attempts", || {
        format!("({attempts}) must not be more than {UPI_ATTEMPTS}: NPCI allows one attempt and three retries")
    });
    for kind in ProviderKind::ALL {
        let provider = config.providers.get(*kind);
        checks.positive(
            &format!("providers.{kind}.max_attempts"),
            provider.max_attempts.unwrap_or(1),
        );
    }
    for (name, account) in &config.accounts {
        account_alone(&format!("accounts.{name}"), account, &mut checks);
        account_and_rails(name, account, config, &mut checks);
    }
    clock(config, &mut checks);
}

fn database(config: &Config, checks: &mut Checks<'_>) {
    let database = &config.database;
    let url = database.url.expose_secret();
    checks.require(
        ["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| url.starts_with(scheme)),
        "database.url",
        || "must start with postgres:// (it is not shown: it carries a password)".to_owned(),
    );
    let accounts = u32::try_from(config.accounts.len()).unwrap_or(u32::MAX);
    let needed = LOOPS.saturating_add(accounts).max(MIN_CONNECTIONS);
    let has = database.max_connections;
    checks.require(has >= needed, "database.max_connections", || {
        format!("({has}) must be at least {needed}: {LOOPS} for the loops and one for each account, of which there are {accounts}")
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

fn worker(config: &Config, checks: &mut Checks<'_>) {
    let worker = &config.worker;
    checks.positive("worker.concurrency", worker.concurrency);
    checks.positive("worker.batch", worker.batch);
    checks.positive("worker.settle_batch", worker.settle_batch);
    checks.lasting("worker.poll_interval", worker.poll_interval);
    checks.lasting("worker.lease", worker.lease);
    let (lease, drain) = (worker.lease, worker.drain_timeout);
    checks.require(drain <= lease, "worker.drain_timeout", || {
        format!(
            "({}) must not be longer than worker.lease ({}): after it other daemons may take the jobs",
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
        checks.require(lease > timeout.saturating_mul(2).saturating_add(LEASE_MARGIN), "worker.lease", || {
            format!(
                "({}) must be longer than twice {key} ({}) and {}: a look-up, a call and its settling must end inside it",
                show(lease),
                show(timeout),
                show(LEASE_MARGIN)
            )
        });
        checks.require(drain >= timeout, "worker.drain_timeout", || {
            format!(
                "({}) must not be shorter than {key} ({}): calls under way would be cut off and their outcome unknown",
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
    checks.require(horizon >= interval.saturating_mul(2), "planner.horizon", || {
        format!(
            "({}) must be at least twice planner.interval ({}): a cycle would be planned after its first call was due",
            show(horizon),
            show(interval)
        )
    });
    checks.require(horizon <= MAX_HORIZON, "planner.horizon", || {
        format!("({}) must not be longer than {}: an execution keeps the rules of the day it was planned", show(horizon), show(MAX_HORIZON))
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
        ("retention.executions", retention.executions),
    ] {
        checks.require(value >= MIN_RETENTION, key, || {
            format!(
                "({}) must be at least {}: partitions are months, and open executions live in them",
                show(value),
                show(MIN_RETENTION)
            )
        });
    }
}

fn rules(prefix: &str, rules: &RailRules, checks: &mut Checks<'_>) {
    let key = |name: &str| format!("{prefix}.{name}");
    checks.positive(&key("notification_tries"), rules.notification_tries);
    checks.positive(&key("max_attempts"), rules.max_attempts);
    checks.positive(&key("max_orders"), rules.max_orders);
    checks.lasting(&key("processing_time"), rules.processing_time);
    checks.lasting(&key("lookup_every"), rules.lookup_every);
    checks.lasting(&key("verify_after"), rules.verify_after);
    let notice = rules.notify_to_debit;
    checks.require(notice >= LAWFUL_NOTICE, &key("notify_to_debit"), || {
        format!(
            "({}) must be at least {}: the law protects the payer for a day",
            show(notice),
            show(LAWFUL_NOTICE)
        )
    });
    let (lead, validity) = (rules.notify_lead, rules.notification_validity);
    checks.require(validity > notice.saturating_add(lead), &key("notification_validity"), || {
        format!(
            "({}) must be longer than {} ({}) and {} ({}): the notification would end before the debit",
            show(validity),
            key("notify_to_debit"),
            show(notice),
            key("notify_lead"),
            show(lead)
        )
    });
    checks.require(rules.jitter < DAY, &key("jitter"), || {
        format!("({}) must be shorter than a day", show(rules.jitter))
    });
    let ascending = rules
        .lookup_after
        .is_sorted_by(|earlier, later| earlier < later);
    let starts = rules
        .lookup_after
        .first()
        .is_none_or(|first| !first.is_zero());
    checks.require(ascending && starts, &key("lookup_after"), || {
        "must ascend from more than 0s".to_owned()
    });
    if let Some(last) = rules.lookup_after.last() {
        checks.require(rules.review_after > *last, &key("review_after"), || {
            format!(
                "({}) must be longer than the last of {} ({}): a person is asked when the look-ups came to nothing",
                show(rules.review_after),
                key("lookup_after"),
                show(*last)
            )
        });
    }
}

fn account_alone(prefix: &str, account: &Account, checks: &mut Checks<'_>) {
    let key = |name: &str| format!("{prefix}.{name}");
    checks.lasting(&key("timeout"), account.timeout);
    checks.lasting(&key("pause_after_refusal"), account.pause_after_refusal);
    checks.positive(&key("max_in_flight"), account.max_in_flight);
    checks.positive(&key("tps"), account.tps);
    let url = &account.base_url;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    checks.require(plain, &key("base_url"), || {
        "must be an address only: no user, password, query or fragment (it is not shown)".to_owned()
    });
    let private = url.scheme() == "https" || (url.scheme() == "http" && account.is_loopback());
    checks.require(private || !plain, &key("base_url"), || {
        format!("({url}) must start with https://: the key goes with every call; http:// is for this machine only")
    });
    let merchant =
        account.provider != ProviderKind::Juspay || !account.merchant_id.trim().is_empty();
    checks.require(merchant, &key("merchant_id"), || {
        format!(
            "is not set, and {} is juspay, which wants it with every call",
            key("provider")
        )
    });
}

fn account_and_rails(name: &str, account: &Account, config: &Config, checks: &mut Checks<'_>) {
    let timeout_key = format!("accounts.{name}.timeout");
    let provider = account.provider;
    let horizon = config.providers.get(provider).retry_horizon;
    for rail in Rail::ALL {
        let rules = config.rails.get(*rail);
        let processing = rules.processing_time;
        checks.require(processing > account.timeout, &format!("rails.{rail}.processing_time"), || {
            format!(
                "({}) must be longer than {timeout_key} ({}): a call could still be under way when it is taken for lost",
                show(processing),
                show(account.timeout)
            )
        });
        let verify = rules.verify_after;
        checks.require(verify > horizon, &format!("rails.{rail}.verify_after"), || {
            format!(
                "({}) must be longer than providers.{provider}.retry_horizon ({}): until then the provider may still collect",
                show(verify),
                show(horizon)
            )
        });
    }
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
                    format!("is simulated, but accounts.{name}.base_url is {host}, which is not this machine: a real provider would debit at wrong times")
                });
            }
        }
    }
}
