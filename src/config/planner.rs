//! `[planner]`

use std::time::Duration;

use serde::Deserialize;

/// How cycles become executions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planner {
    /// Between two rounds.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// How long before its first call a cycle is planned.
    #[serde(with = "humantime_serde")]
    pub horizon: Duration,
    /// Mandates planned by one statement.
    pub batch: u32,
    /// Days that a presented cycle stays open.
    pub presented_open_days: u32,
}
