//! `[database]`

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

/// How to reach Postgres.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// A `postgres://` address with its password.
    pub url: SecretString,
    /// Connections of this process.
    pub max_connections: u32,
    /// For a connection, new or from the pool.
    #[serde(with = "humantime_serde")]
    pub connect_timeout: Duration,
    /// For one statement.
    #[serde(with = "humantime_serde")]
    pub statement_timeout: Duration,
    /// For one lock.
    #[serde(with = "humantime_serde")]
    pub lock_timeout: Duration,
    /// Whether a new timeline of the same server is accepted.
    pub synchronous_failover: bool,
}
