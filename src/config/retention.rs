//! `[retention]`

use std::time::Duration;

use serde::Deserialize;

/// How long history is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// Between two rounds.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
    /// Of calls and answers.
    #[serde(with = "humantime_serde")]
    pub attempts: Duration,
    /// Of state changes.
    #[serde(with = "humantime_serde")]
    pub events: Duration,
    /// Of finished executions.
    #[serde(with = "humantime_serde")]
    pub executions: Duration,
    /// Months of partitions made ahead.
    pub partitions_ahead: u32,
}
