//! `[rails.*]`

use std::time::Duration;

use config::{Value, ValueKind};
use serde::Deserialize;

use super::error::Problem;
use super::known_keys::KnownKeys;
use super::tree::{self, Table};
use crate::domain::Rail;
use crate::domain::cycle::CycleCloses;
use crate::domain::window::{Windows, WindowsText};

/// What a rail allows. The fields mean what those of [`crate::domain::policy::Policy`] mean.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RailRules {
    pub cycle_closes: CycleCloses,
    pub windows: Windows,
    pub notify_windows: Windows,
    #[serde(with = "humantime_serde")]
    pub jitter: Duration,
    #[serde(with = "humantime_serde")]
    pub notify_lead: Duration,
    #[serde(with = "humantime_serde")]
    pub notify_to_debit: Duration,
    #[serde(with = "humantime_serde")]
    pub notification_validity: Duration,
    pub notification_attempts: u16,
    pub max_attempts: u16,
    pub max_attempts_in_period: Option<u16>,
    pub max_attempts_in_30_days: Option<u16>,
    #[serde(with = "humantime_serde")]
    pub min_gap: Duration,
    #[serde(with = "humantime_serde")]
    pub min_gap_after_failure: Duration,
    pub max_orders: u16,
    #[serde(with = "humantime_serde")]
    pub processing_time: Duration,
    #[serde(deserialize_with = "durations")]
    pub lookup_after: Vec<Duration>,
    #[serde(with = "humantime_serde")]
    pub lookup_every: Duration,
    #[serde(with = "humantime_serde")]
    pub lookup_window: Duration,
    #[serde(with = "humantime_serde")]
    pub review_after: Duration,
    #[serde(with = "humantime_serde")]
    pub recheck_after: Duration,
    #[serde(default, with = "humantime_serde::option")]
    pub max_lateness: Option<Duration>,
    #[serde(with = "humantime_serde")]
    pub paused_check_every: Duration,
}

/// The rules of every rail.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rails {
    pub upi: RailRules,
    pub card: RailRules,
    pub enach: RailRules,
}

impl Rails {
    pub const fn get(&self, rail: Rail) -> &RailRules {
        match rail {
            Rail::Upi => &self.upi,
            Rail::Card => &self.card,
            Rail::Enach => &self.enach,
        }
    }
}

fn durations<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Duration>, D::Error> {
    let list = Vec::<humantime_serde::Serde<Duration>>::deserialize(deserializer)?;
    Ok(list
        .into_iter()
        .map(humantime_serde::Serde::into_inner)
        .collect())
}

/// Gives both lists of windows of each rail its time zone, so that they read as [`Windows`].
pub(super) fn join_time_zones(root: &mut Table, known: &KnownKeys, problems: &mut Vec<Problem>) {
    for rail in Rail::ALL {
        let zone_key = format!("rails.{rail}.time_zone");
        let Some(zone) = tree::remove(root, &zone_key) else {
            continue;
        };
        let fallback = known
            .example(&zone_key)
            .map(|example| example.kind.to_string())
            .unwrap_or_default();
        let mut time_zone = zone.kind.to_string();
        if time_zone.parse::<chrono_tz::Tz>().is_err() {
            let message =
                format!("{zone_key} must be a time zone such as {fallback:?}, not {time_zone:?}");
            problems.push(Problem::new(&zone_key, tree::origin(&zone), message));
            time_zone = fallback;
        }
        for list in ["windows", "notify_windows"] {
            let key = format!("rails.{rail}.{list}");
            let Some(value) = tree::remove(root, &key) else {
                continue;
            };
            let origin = tree::origin(&value).map(ToOwned::to_owned);
            let mut ranges: Vec<String> = Vec::new();
            if let ValueKind::Array(items) = value.kind {
                ranges.extend(items.into_iter().map(|item| item.kind.to_string()));
            }
            let mut text = WindowsText {
                time_zone: time_zone.clone(),
                ranges,
            };
            if let Err(why) = Windows::try_from(text.clone()) {
                problems.push(Problem::new(
                    &key,
                    origin.as_deref(),
                    format!("{key}: {why}"),
                ));
                text.ranges.clear();
            }
            let pair = Table::from([
                ("time_zone".to_owned(), Value::from(text.time_zone)),
                ("ranges".to_owned(), Value::from(text.ranges)),
            ]);
            tree::set(root, &key, Value::new(origin.as_ref(), pair));
        }
    }
}
