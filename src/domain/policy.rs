//! The rules one execution lives under, copied when it is planned: a change of the configuration never alters one in flight.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveTime;
use serde::{Deserialize, Serialize};

use super::cycle::CycleCloses;
use super::window::Windows;
use super::{Class, Rail, Timestamp};

/// Everything that the pure core decides by. Durations are written as text with units ("25h").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// The rail it is for.
    pub rail: Rail,
    /// When a cycle ends.
    pub cycle_closes: CycleCloses,
    /// When a debit may start.
    pub debit_windows: Windows,
    /// When a notification may be sent.
    pub notify_windows: Windows,
    /// Calls of one moment are spread over this long after it.
    #[serde(with = "humantime_serde")]
    pub jitter: Duration,
    /// How long before the 25 hours a notification is sent, so that it can fail and be sent again.
    #[serde(with = "humantime_serde")]
    pub notify_lead: Duration,
    /// From the notification's delivery to the debit. 25 h; the database refuses less than 24 h.
    #[serde(with = "humantime_serde")]
    pub notify_to_debit: Duration,
    /// From its delivery to the last debit it covers.
    #[serde(with = "humantime_serde")]
    pub notification_validity: Duration,
    /// How many notifications an order may have, failed ones included.
    pub notification_attempts: u16,
    /// How often an order may be tried under one notification, the first time included.
    pub max_attempts: u16,
    /// The shortest time between two attempts of an order.
    #[serde(with = "humantime_serde")]
    pub min_gap: Duration,
    /// The shortest time from the failure of a try, as we heard of it, to the next one.
    #[serde(with = "humantime_serde")]
    pub min_gap_after_failure: Duration,
    /// How many orders a cycle may have; 1 means that a dead order is the end of it.
    pub max_orders: u16,
    /// How many attempts a cycle may have over all of its orders, the provider's own and those that an operator asks for included; without
    /// it, each order has its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts_in_period: Option<u16>,
    /// How long the provider may go on retrying an order that it called failed.
    #[serde(with = "humantime_serde")]
    pub provider_retry_horizon: Duration,
    /// After it, a call of which the provider knows nothing was never processed.
    #[serde(with = "humantime_serde")]
    pub processing_time: Duration,
    /// When to ask what became of a debit, counted from the call.
    #[serde(with = "durations")]
    pub lookup_after: Vec<Duration>,
    /// An order is looked up at most three times within this long (NPCI OC-215: 2 h for UPI); zero means no limit.
    #[serde(with = "humantime_serde")]
    pub lookup_window: Duration,
    /// How often to ask after those.
    #[serde(with = "humantime_serde")]
    pub lookup_every: Duration,
    /// How long the provider may work on a debit before a person is asked, and what is not proven is asked about only once a day.
    #[serde(with = "humantime_serde")]
    pub review_after: Duration,
    /// How long after the end to look once more whether the provider collected it after all.
    #[serde(with = "humantime_serde")]
    pub recheck_after: Duration,
    /// What to do about each class of failure; a class that is missing is not retried.
    pub retry: BTreeMap<Class, Strategy>,
    /// Declined attempts of a mandate in 30 days, over all of its cycles: card networks charge for more, or refuse them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts_in_30_days: Option<u16>,
    /// A cycle that begins later than this after its planned start expires instead; without it, it is made up for while it is open.
    #[serde(
        default,
        with = "humantime_serde::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub max_lateness: Option<Duration>,
    /// How often a provider that has paused a mandate is asked whether it is active again.
    #[serde(with = "humantime_serde")]
    pub paused_check_every: Duration,
}

impl Policy {
    /// An instant for people, where the rail's hours are counted.
    pub fn local(&self, at: Timestamp) -> String {
        let zone = self.debit_windows.time_zone();
        let local = at.with_timezone(&zone);
        local.format("%Y-%m-%d %H:%M %Z").to_string()
    }
}

/// How to choose the time of the next try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "strategy", rename_all = "snake_case", deny_unknown_fields)]
pub enum Strategy {
    /// Twice as long each time.
    Backoff {
        /// Before the first retry.
        #[serde(with = "humantime_serde")]
        initial: Duration,
        /// At most.
        #[serde(with = "humantime_serde")]
        max: Duration,
    },
    /// The next of some times of day, each at most once a day: a balance changes between them.
    NextDayPart {
        /// Local times, ascending.
        day_parts: Vec<NaiveTime>,
    },
    /// Another part of the day for the first retry; then the next payday that the notification and the cycle cover. The last
    /// try of an order, and the last order of a cycle, wait for the next salary.
    Payday {
        /// Local times, ascending.
        day_parts: Vec<NaiveTime>,
        /// Days of the month on which salaries arrive.
        days: Vec<u32>,
        /// Whether the month's last working day is one too.
        last_working_day: bool,
        /// Whether another part of the day comes first. Where a day has one clearing only, and a return costs the payer a
        /// fee, the first retry is for a payday too.
        day_part_first: bool,
    },
    /// After the payer's limits start again, on a later day.
    AfterReset {
        /// Local time of day.
        at: NaiveTime,
    },
    /// No retry.
    None,
}

/// Lists of durations as text.
mod durations {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Text(#[serde(with = "humantime_serde")] Duration);

    pub(super) fn serialize<S: Serializer>(
        value: &[Duration],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(value.iter().map(|duration| Text(*duration)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Duration>, D::Error> {
        Ok(Vec::<Text>::deserialize(deserializer)?
            .into_iter()
            .map(|text| text.0)
            .collect())
    }
}
