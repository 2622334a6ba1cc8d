//! `[database]`

use std::time::Duration;

use secrecy::SecretString;
use serde::Deserialize;

/// How to reach Postgres.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// A `postgres://` address with its password: of one server, or of several of which one takes writes.
    pub url: SecretString,
    /// What is between this process and Postgres.
    pub pooler: PoolerMode,
    /// Leads past the pooler, for what needs a session.
    pub direct_url: Option<SecretString>,
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

/// What is at `database.url`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum PoolerMode {
    /// Postgres itself, or a pooler that gives each client a session.
    None,
    /// A pooler that gives a client a server connection for one transaction.
    Transaction,
}

impl TryFrom<String> for PoolerMode {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "none" => Ok(Self::None),
            "transaction" => Ok(Self::Transaction),
            other => Err(format!("{other:?} is none of none, transaction")),
        }
    }
}
