//! What can go wrong with the database.

use std::time::Duration;

use super::database_error_kind::DatabaseErrorKind;
use crate::domain::Timestamp;

/// A statement that failed: what was tried, and the database's own words.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{what}")]
    Database {
        what: &'static str,
        #[source]
        source: sqlx::Error,
    },
    #[error(
        "connect to the database: none of the {addresses} addresses in database.url takes writes{}", replicas(*is_replica)
    )]
    NoPrimary {
        addresses: usize,
        /// Whether a server answered, and takes none.
        is_replica: bool,
        /// Why the last of the others did not answer.
        #[source]
        source: Option<sqlx::Error>,
    },
    /// Nothing came back. Whether it was done is not known.
    #[error("{what}: no answer for {} s{}", after.as_secs(), because(*waiting_for_a_replica))]
    NoAnswer {
        what: &'static str,
        after: Duration,
        /// Commits of ours that wait for a synchronous replica.
        waiting_for_a_replica: i64,
    },
    /// Found without waiting for them.
    #[error("settle executions {executions}: somebody has locked them")]
    Locked { executions: String },
    /// A row that the constraints should have made impossible.
    #[error("{what}: {why}; run `mandated audit`")]
    Corrupt { what: String, why: String },
    #[error(
        "this machine says it is {ours}, the database says {theirs}: correct the clock that is wrong; until they agree nothing is planned, debited or deleted here"
    )]
    Clocks { ours: Timestamp, theirs: Timestamp },
    #[error(
        "the database no longer has {what}: it was restored, or it failed over to a server that had lost commits. Nothing is planned or called any more: stop all daemons, and follow \"the database was restored, copied or failed over\" in the runbook (deploy/README.md)"
    )]
    Forgotten { what: String },
    #[error(
        "the database has failed over (timeline {before}, now {now}), and it is not certain that no commit was lost (database.synchronous_failover, and what this daemon has written last): nothing is planned or called any more; restart the daemon after following \"the database was restored, copied or failed over\" in the runbook (deploy/README.md)"
    )]
    FailedOver { before: String, now: String },
    #[error(
        "this is not the database that the daemon began in (it was {before}; it is {now}): another one was put in its place, or its rows were put back. Nothing is planned or called any more: stop all daemons, and follow \"the database was restored, copied or failed over\" in the runbook (deploy/README.md)"
    )]
    Replaced { before: String, now: String },
    #[error(
        "account {account} belongs to {bound}; it is configured for {here}: here nobody knows what was sent there, so nothing of it is called"
    )]
    OtherEnvironment {
        account: String,
        bound: String,
        here: String,
    },
    #[error(
        "account {account} is {merchant}, and so is another account of this database: each of its mandates could be debited under both names"
    )]
    SameMerchant { account: String, merchant: String },
    #[error("the database has no schema `mandated`: run `mandated migrate` first")]
    NotMigrated,
    #[error(
        "the database is behind this version of mandated, {missing} migration(s) are missing: run `mandated migrate` first"
    )]
    Behind { missing: usize },
    #[error(
        "the database is ahead of this version of mandated (it has migration {version}, unknown here): run the newer mandated"
    )]
    Ahead { version: i64 },
    #[error(
        "migration {version} was changed after it was applied: this is not the mandated that migrated this database"
    )]
    Changed { version: i64 },
    #[error(
        "apply migration {version} ({description}): it was rolled back, and the schema is as it was before it; correct what is wrong and run `mandated migrate` again"
    )]
    Migration {
        version: i64,
        description: String,
        #[source]
        source: sqlx::Error,
    },
    #[error("migrate the database")]
    Migrate {
        #[source]
        source: sqlx::migrate::MigrateError,
    },
}

impl StoreError {
    /// Whether this version of the program does not fit the database.
    pub const fn is_about_the_version(&self) -> bool {
        match self {
            Self::NotMigrated | Self::Behind { .. } | Self::Ahead { .. } | Self::Changed { .. } => {
                true
            }
            Self::Database { .. }
            | Self::NoPrimary { .. }
            | Self::NoAnswer { .. }
            | Self::Locked { .. }
            | Self::Corrupt { .. }
            | Self::Clocks { .. }
            | Self::Forgotten { .. }
            | Self::FailedOver { .. }
            | Self::Replaced { .. }
            | Self::OtherEnvironment { .. }
            | Self::SameMerchant { .. }
            | Self::Migration { .. }
            | Self::Migrate { .. } => false,
        }
    }

    /// Why a daemon that finds this plans and calls nothing any more, in words that may be shown to anyone.
    pub const fn stops_all_work(&self) -> Option<&'static str> {
        match self {
            Self::Clocks { .. } => {
                Some("the clocks of the machine and of the database differ by more than 5 minutes")
            }
            Self::Forgotten { .. } => Some("the database has forgotten what was committed"),
            Self::FailedOver { .. } => Some("the database has failed over"),
            Self::Replaced { .. } => Some("the database is another one than before"),
            Self::Database { .. }
            | Self::NoPrimary { .. }
            | Self::NoAnswer { .. }
            | Self::Locked { .. }
            | Self::Corrupt { .. }
            | Self::OtherEnvironment { .. }
            | Self::SameMerchant { .. }
            | Self::NotMigrated
            | Self::Behind { .. }
            | Self::Ahead { .. }
            | Self::Changed { .. }
            | Self::Migration { .. }
            | Self::Migrate { .. } => None,
        }
    }

    /// Whether the configuration and the database do not belong together.
    pub const fn is_about_the_environment(&self) -> bool {
        matches!(
            self,
            Self::OtherEnvironment { .. } | Self::SameMerchant { .. }
        )
    }

    /// Whether the database refused the rows themselves (a constraint, a value out of range): trying again changes nothing.
    pub fn is_about_the_data(&self) -> bool {
        // "Data exception" and "integrity constraint violation".
        self.code()
            .is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
    }

    /// The database's own code (SQLSTATE), where it gave one.
    pub fn code(&self) -> Option<String> {
        match self {
            Self::Database { source, .. } | Self::Migration { source, .. } => code(source),
            Self::NoPrimary { source, .. } => source.as_ref().and_then(code),
            Self::Migrate { .. }
            | Self::NoAnswer { .. }
            | Self::Locked { .. }
            | Self::Corrupt { .. }
            | Self::Clocks { .. }
            | Self::Forgotten { .. }
            | Self::FailedOver { .. }
            | Self::Replaced { .. }
            | Self::OtherEnvironment { .. }
            | Self::SameMerchant { .. }
            | Self::NotMigrated
            | Self::Behind { .. }
            | Self::Ahead { .. }
            | Self::Changed { .. } => None,
        }
    }

    /// Whether it is no more than that the pool of this process had no connection left.
    pub fn is_of_the_pool(&self) -> bool {
        matches!(
            self,
            Self::Database {
                source: sqlx::Error::PoolTimedOut,
                ..
            }
        )
    }

    /// what kind of failure it is.
    pub fn kind(&self) -> DatabaseErrorKind {
        match self {
            Self::Database { source, .. } | Self::Migration { source, .. } => {
                DatabaseErrorKind::of(source)
            }
            Self::NoPrimary {
                is_replica: true, ..
            } => DatabaseErrorKind::ReadOnly,
            Self::NoPrimary { source, .. } => source
                .as_ref()
                .map_or(DatabaseErrorKind::Away, DatabaseErrorKind::of),
            Self::Clocks { .. } => DatabaseErrorKind::Clock,
            Self::NoAnswer {
                waiting_for_a_replica: 1..,
                ..
            } => DatabaseErrorKind::Replica,
            Self::NoAnswer { .. } => DatabaseErrorKind::NoAnswer,
            Self::Locked { .. } => DatabaseErrorKind::Locked,
            Self::Corrupt { .. }
            | Self::Forgotten { .. }
            | Self::FailedOver { .. }
            | Self::Replaced { .. }
            | Self::OtherEnvironment { .. }
            | Self::SameMerchant { .. }
            | Self::NotMigrated
            | Self::Behind { .. }
            | Self::Ahead { .. }
            | Self::Changed { .. }
            | Self::Migrate { .. } => DatabaseErrorKind::Other,
        }
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    let refused = error.as_database_error()?;
    Some(refused.code()?.into_owned())
}

const fn replicas(is_replica: bool) -> &'static str {
    if is_replica {
        ": those that answer are replicas, or read-only"
    } else {
        ""
    }
}

fn because(waiting_for_a_replica: i64) -> String {
    if waiting_for_a_replica == 0 {
        return String::new();
    }
    format!("; {waiting_for_a_replica} commit(s) wait for a synchronous replica")
}

/// Names what was tried.
pub(super) trait StoreContext<T> {
    fn context(self, what: &'static str) -> Result<T, StoreError>;
}

impl<T> StoreContext<T> for Result<T, sqlx::Error> {
    fn context(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Database { what, source })
    }
}
