//! Why something could not be made out of the configuration, and what the operator does about it.

use crate::domain::classify::RuleError;
use crate::provider::http::BuildError;
use crate::store::StoreError;
use crate::store::database_error_kind::DatabaseErrorKind;

#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error("read database.url")]
    DatabaseUrl(#[source] sqlx::Error),
    /// The server is not there, or lets nobody in.
    #[error(transparent)]
    Connect(StoreError),
    /// The server is there, and TLS with it fails.
    #[error(transparent)]
    Tls(StoreError),
    /// A pooler is there, of which the configuration does not know.
    #[error(transparent)]
    Pooler(StoreError),
    #[error(
        "this needs a session of its own, and database.url leads to a pooler in transaction mode, which has none (database.pooler)"
    )]
    NoDirectUrl,
    /// What the database answered: also that it is of another version, which says in its own words what to do.
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("read failures.file {file}")]
    ReadRules {
        file: String,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Rules(#[from] RuleError),
    #[error("build the client of account {account}")]
    Client {
        account: String,
        #[source]
        source: BuildError,
    },
}

impl ComposeError {
    /// What to do about it, where its own words do not say it.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::DatabaseUrl(_) => Some("write it as postgres://user:password@host:port/database"),
            Self::Tls(_) => Some(DatabaseErrorKind::Tls.advice()),
            Self::Pooler(_) => Some(DatabaseErrorKind::Pooler.advice()),
            Self::NoDirectUrl => Some(
                "set database.direct_url to the address of Postgres itself; only `mandated run` works through the pooler",
            ),
            Self::Connect(_) => Some(
                "check database.url, that the server runs, and that this machine may reach it; `mandated check-config` shows where the value comes from",
            ),
            Self::ReadRules { .. } => {
                Some("give failures.file the path of a readable TOML file, or leave it out")
            }
            Self::Rules(_) => Some("config/failures.toml shows how rules are written"),
            Self::Store(StoreError::SameMerchant { .. }) => Some(
                "an account keeps its name: configure it under the one that `mandated accounts list` shows for this merchant",
            ),
            Self::Store(error) if error.is_about_the_environment() => Some(
                "after a restore or a fail-over: `mandated recover`, as the runbook says (deploy/README.md); if nothing was forgotten and the database and the configuration do belong together: `mandated accounts rebind NAME --by WHO --reason WHY`",
            ),
            Self::Store(_) | Self::Client { .. } => None,
        }
    }
}
