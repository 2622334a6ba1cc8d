//! `[rescue]`

use std::time::Duration;

use serde::Deserialize;

/// How leases that ended without an outcome are found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rescue {
    /// Between two rounds.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
}
