//! `[worker]`

use std::time::Duration;

use serde::Deserialize;

/// How jobs are claimed, done and settled.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// The name of this process; without it the host's name and the process id.
    pub id: Option<String>,
    /// Jobs under way at once, over all accounts.
    pub concurrency: u32,
    /// Jobs claimed by one statement.
    pub batch: u32,
    /// How long a claimed job belongs to this process.
    #[serde(with = "humantime_serde")]
    pub lease: Duration,
    /// The longest sleep when nothing is due.
    #[serde(with = "humantime_serde")]
    pub poll_interval: Duration,
    /// From the first signal to the end of patience.
    #[serde(with = "humantime_serde")]
    pub drain_timeout: Duration,
    /// Outcomes settled by one statement.
    pub settle_batch: u32,
    /// How long an outcome waits for others.
    #[serde(with = "humantime_serde")]
    pub settle_linger: Duration,
    /// So many executions parked for one reason pause their account,
    pub parked_limit: u16,
    /// if they are parked within this long,
    #[serde(with = "humantime_serde")]
    pub parked_within: Duration,
    /// for this long.
    #[serde(with = "humantime_serde")]
    pub parked_pause: Duration,
    /// What is unknown or in review for longer is worth a warning,
    #[serde(with = "humantime_serde")]
    pub unknown_warn_after: Duration,
    /// after this an error,
    #[serde(with = "humantime_serde")]
    pub unknown_error_after: Duration,
    /// so often.
    #[serde(with = "humantime_serde")]
    pub unknown_warn_every: Duration,
    /// A snapshot of the database that is held open for longer is worth a warning,
    #[serde(with = "humantime_serde")]
    pub snapshot_warn_after: Duration,
    /// so often.
    #[serde(with = "humantime_serde")]
    pub snapshot_warn_every: Duration,
}
