//! What the law, the rails and reason ask of the rules.

use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, NaiveTime};

use super::super::{Account, Config, RailRules};
use super::{Checks, show};
use crate::domain::policy::Strategy;
use crate::domain::{Class, ProviderKind, Rail};

/// RBI, E-mandate Framework 2026, 6a, says 24 h, and the database refuses less. Providers debit in the 25th hour, and so do we:
/// the claim opens no intent before it.
const LAWFUL_NOTICE: Duration = Duration::from_hours(25);

/// NPCI OC-215A: one attempt and three retries.
const UPI_ATTEMPTS: u16 = 4;

/// NPCI 2023-24/NACH/007: one presentation and two more.
const NACH_ATTEMPTS: u16 = 3;

/// NPCI 2023-24/NACH/007, from the return.
const NACH_GAP: Duration = Duration::from_hours(72);

/// NPCI OC-215A, in minutes of a day in India.
const PEAK_MINUTES: [Range<i64>; 2] = [600..780, 1020..1290];

/// 2026-01-01T00:00:00+05:30. India's clocks never change, so one day stands for all.
const A_MIDNIGHT_IN_INDIA: i64 = 1_767_205_800;

const DAY: Duration = Duration::from_hours(24);

pub(super) fn check(config: &Config, checks: &mut Checks<'_>) {
    for rail in Rail::ALL {
        rules(&format!("rails.{rail}"), config.rails.get(*rail), checks);
        orders(*rail, config.rails.get(*rail).max_orders, checks);
    }
    let attempts = config.rails.upi.max_attempts;
    checks.require(attempts <= UPI_ATTEMPTS, "rails.upi.max_attempts", || {
        format!(
            "({attempts}) must not be more than {UPI_ATTEMPTS}: NPCI allows one attempt and \
             three retries"
        )
    });
    clearing(&config.rails.enach, checks);
    let in_period = config.rails.upi.max_attempts_in_period;
    checks.require(
        in_period.is_some_and(|most| most <= UPI_ATTEMPTS),
        "rails.upi.max_attempts_in_period",
        || format!("must be {UPI_ATTEMPTS} at most: NPCI allows one attempt and three retries"),
    );
    peak_hours(config, checks);
    for kind in ProviderKind::ALL {
        let provider = config.providers.get(*kind);
        checks.positive(
            &format!("providers.{kind}.max_attempts"),
            provider.max_attempts.unwrap_or(1),
        );
        checks.positive(
            &format!("providers.{kind}.max_attempts_in_period"),
            provider.max_attempts_in_period.unwrap_or(1),
        );
    }
    for (rail, classes) in &config.retry {
        for (class, strategy) in classes {
            let key = format!("retry.{rail}.{class}");
            let is_forbidden = matches!(class, Class::Risk | Class::Legal);
            checks.require(!is_forbidden || *strategy == Strategy::None, &key, || {
                "must have no strategy: what a risk check or a court has stopped is never tried again"
                    .to_owned()
            });
            retry(&key, strategy, checks);
        }
    }
}

/// NPCI 2023-24/NACH/007: one presentation and two more, each three days after the return of the one before.
/// The rail's limits hold for every policy: a provider's can only be stricter.
fn clearing(enach: &RailRules, checks: &mut Checks<'_>) {
    let attempts = enach.max_attempts;
    let in_period = enach.max_attempts_in_period;
    checks.require(
        in_period.is_some_and(|most| most <= NACH_ATTEMPTS),
        "rails.enach.max_attempts_in_period",
        || format!("must be {NACH_ATTEMPTS} at most: NPCI allows one presentation and two more"),
    );
    checks.require(attempts <= NACH_ATTEMPTS, "rails.enach.max_attempts", || {
        format!("({attempts}) must not be more than {NACH_ATTEMPTS}: NPCI allows one presentation and two more")
    });
    let gap = enach.min_gap_after_failure;
    checks.require(gap >= NACH_GAP, "rails.enach.min_gap_after_failure", || {
        format!(
            "({}) must be at least {}: NPCI wants three days after the return",
            show(gap),
            show(NACH_GAP)
        )
    });
}

/// Where a database has forgotten, every order that can exist is asked about.
fn orders(rail: Rail, orders: u16, checks: &mut Checks<'_>) {
    let key = format!("rails.{rail}.max_orders");
    checks.positive(&key, orders);
    let most = rail.most_orders();
    checks.require(orders <= most, &key, || match rail {
        Rail::Enach => {
            format!("({orders}) must not be more than {most}: a new order would be one more presentation")
        }
        Rail::Upi | Rail::Card => {
            format!("({orders}) must not be more than {most}: recovery and audit ask about so many")
        }
    });
}

fn rules(prefix: &str, rules: &RailRules, checks: &mut Checks<'_>) {
    let key = |name: &str| format!("{prefix}.{name}");
    checks.positive(&key("notification_attempts"), rules.notification_attempts);
    checks.positive(&key("max_attempts"), rules.max_attempts);
    checks.positive(
        &key("max_attempts_in_period"),
        rules.max_attempts_in_period.unwrap_or(1),
    );
    checks.positive(
        &key("max_attempts_in_30_days"),
        rules.max_attempts_in_30_days.unwrap_or(1),
    );
    if let Some(lateness) = rules.max_lateness {
        checks.lasting(&key("max_lateness"), lateness);
    }
    checks.lasting(&key("paused_check_every"), rules.paused_check_every);
    checks.lasting(&key("processing_time"), rules.processing_time);
    checks.lasting(&key("lookup_every"), rules.lookup_every);
    checks.lasting(&key("recheck_after"), rules.recheck_after);
    let notice = rules.notify_to_debit;
    checks.require(notice >= LAWFUL_NOTICE, &key("notify_to_debit"), || {
        format!(
            "({}) must be at least {}: the law protects the payer for a day, and providers debit in the 25th hour",
            show(notice),
            show(LAWFUL_NOTICE)
        )
    });
    let (lead, validity) = (rules.notify_lead, rules.notification_validity);
    checks.require(validity > notice.saturating_add(lead), &key("notification_validity"), || {
        format!(
            "({}) must be longer than {} ({}) and {} ({}): the notification would end before the \
             debit",
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
                "({}) must be longer than the last of {} ({}): a person is asked when the \
                 look-ups came to nothing",
                show(rules.review_after),
                key("lookup_after"),
                show(*last)
            )
        });
    }
}

/// A stand-in on this machine may be debited at any time; a bank may not.
fn peak_hours(config: &Config, checks: &mut Checks<'_>) {
    if !config.accounts.is_empty() && config.accounts.values().all(Account::is_loopback) {
        return;
    }
    let upi = &config.rails.upi;
    for (key, windows) in [
        ("rails.upi.windows", &upi.windows),
        ("rails.upi.notify_windows", &upi.notify_windows),
    ] {
        let open = PEAK_MINUTES.into_iter().flatten().find(|minute| {
            let at = DateTime::from_timestamp(
                A_MIDNIGHT_IN_INDIA.saturating_add(minute.saturating_mul(60)),
                0,
            );
            at.is_some_and(|at| windows.contains(at))
        });
        if let Some(minute) = open {
            checks.require(false, key, || {
                let (hour, minute) = (minute / 60, minute % 60);
                format!(
                    "must leave out the peak hours 10:00-13:00 and 17:00-21:30 in India, but \
                     {hour:02}:{minute:02} is in: NPCI refuses AutoPay then"
                )
            });
        }
    }
}

fn retry(prefix: &str, strategy: &Strategy, checks: &mut Checks<'_>) {
    let key = |name: &str| format!("{prefix}.{name}");
    match strategy {
        Strategy::Backoff { initial, max } => {
            checks.lasting(&key("initial"), *initial);
            checks.require(initial <= max, &key("initial"), || {
                format!(
                    "({}) must not be longer than {} ({})",
                    show(*initial),
                    key("max"),
                    show(*max)
                )
            });
        }
        Strategy::NextDayPart { day_parts } => ascending(&key("day_parts"), day_parts, checks),
        Strategy::Payday {
            day_parts,
            days,
            last_working_day,
            day_part_first: _,
        } => {
            ascending(&key("day_parts"), day_parts, checks);
            checks.require(
                days.iter().all(|day| (1..=31).contains(day)),
                &key("days"),
                || format!("({days:?}) must be days of a month, 1 to 31"),
            );
            checks.require(!days.is_empty() || *last_working_day, &key("days"), || {
                format!(
                    "is empty and {} is false: there is no payday",
                    key("last_working_day")
                )
            });
        }
        Strategy::AfterReset { at: _ } | Strategy::None => {}
    }
}

fn ascending(key: &str, day_parts: &[NaiveTime], checks: &mut Checks<'_>) {
    let ascends = day_parts.is_sorted_by(|earlier, later| earlier < later);
    checks.require(ascends && !day_parts.is_empty(), key, || {
        "must have at least one time of day, and ascend".to_owned()
    });
}
