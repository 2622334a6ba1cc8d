//! What can go wrong with the database.

use crate::domain::Instant;

/// A statement that failed: what was tried, and the database's own words.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{what}")]
    Database {
        what: &'static str,
        #[source]
        source: sqlx::Error,
    },
    /// A row that the constraints should have made impossible.
    #[error("{what}: {why}; run `mandated audit`")]
    Corrupt { what: String, why: String },
    #[error(
        "this machine says it is {ours}, the database says {theirs}: correct the clock that is wrong; until they agree nothing is planned, debited or deleted here"
    )]
    Clocks { ours: Instant, theirs: Instant },
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
    #[error("migrate the database")]
    Migrate {
        #[source]
        source: sqlx::migrate::MigrateError,
    },
}

impl StoreError {
    /// Whether the database refused the rows themselves (a constraint, a value out of range): trying again changes nothing.
    pub fn is_about_the_data(&self) -> bool {
        let Self::Database {
            source: sqlx::Error::Database(refused),
            ..
        } = self
        else {
            return false;
        };
        // SQLSTATE classes "data exception" and "integrity constraint violation".
        refused
            .code()
            .is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
    }
}

/// Names what was tried.
pub(super) trait Tried<T> {
    fn tried(self, what: &'static str) -> Result<T, StoreError>;
}

impl<T> Tried<T> for Result<T, sqlx::Error> {
    fn tried(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Database { what, source })
    }
}
