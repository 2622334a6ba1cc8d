//! Migrations: apply them, or say exactly why this version of mandated does not fit the database.

use std::collections::HashMap;

use sqlx::migrate::MigrateError;
use tracing::warn;

use super::database_error_kind::DatabaseErrorKind;
use super::error::{StoreContext, StoreError};
use crate::MIGRATOR;
use crate::domain::Timestamp;
use crate::store::pool::DatabasePool;

/// Applies what is missing, and makes the partitions of the coming months.
pub async fn migrate(
    pool: &DatabasePool,
    now: Timestamp,
    months_ahead: i32,
) -> Result<u64, StoreError> {
    let before = applied(pool).await?.len();
    apply(pool).await?;
    super::retention::make_partitions(pool, now, months_ahead).await?;
    let after = applied(pool).await?.len();
    Ok(u64::try_from(after.saturating_sub(before)).unwrap_or(0))
}

/// Each migration is a transaction of its own. Who comes second waits for the first: sqlx takes an advisory lock meanwhile, so
/// this needs the server itself, or a pooler in session mode.
async fn apply(pool: &DatabasePool) -> Result<(), StoreError> {
    let mut told = false;
    loop {
        let mut connection = pool
            .acquire()
            .await
            .context("get a database connection from the pool")?;
        // With it goes the lock, however this ends.
        connection.close_on_drop();
        // A migration of a large table takes its time. What it waits for is still limited by lock_timeout: everybody who comes
        // after it waits behind it.
        sqlx::query("select set_config('statement_timeout', '0', false)")
            .execute(&mut *connection)
            .await
            .context("lift the statement timeout")?;
        match MIGRATOR.run(&mut *connection).await {
            Ok(()) => return Ok(()),
            Err(MigrateError::Execute(source))
                if DatabaseErrorKind::of(&source) == DatabaseErrorKind::Locked =>
            {
                if !told {
                    warn!(
                        "another `mandated migrate` is at work, or somebody has locked the table of the migrations: waiting"
                    );
                }
                told = true;
            }
            Err(MigrateError::ExecuteMigration(source, version)) => {
                let description = MIGRATOR
                    .iter()
                    .find(|migration| migration.version == version)
                    .map_or_else(String::new, |migration| migration.description.to_string());
                return Err(StoreError::Migration {
                    version,
                    description,
                    source,
                });
            }
            Err(source) => return Err(StoreError::Migrate { source }),
        }
    }
}

/// Refuses a database that is older or newer than this version of mandated.
pub async fn check(pool: &DatabasePool) -> Result<(), StoreError> {
    let mut applied = applied(pool).await?;
    if applied.is_empty() {
        return Err(StoreError::NotMigrated);
    }
    let mut missing = 0usize;
    for migration in MIGRATOR.iter() {
        match applied.remove(&migration.version) {
            None => missing = missing.saturating_add(1),
            Some(checksum) if checksum != migration.checksum.as_ref() => {
                return Err(StoreError::Changed {
                    version: migration.version,
                });
            }
            Some(_) => {}
        }
    }
    if let Some(version) = applied.keys().max() {
        return Err(StoreError::Ahead { version: *version });
    }
    if missing > 0 {
        Err(StoreError::Behind { missing })
    } else {
        Ok(())
    }
}

/// Versions and checksums of what was applied; nothing when there is no such table yet.
async fn applied(pool: &DatabasePool) -> Result<HashMap<i64, Vec<u8>>, StoreError> {
    // Not checked at compile time: the table is the migrator's own.
    let exists: bool =
        sqlx::query_scalar("select to_regclass('mandated._sqlx_migrations') is not null")
            .fetch_one(pool)
            .await
            .context("look for the migrations")?;
    if !exists {
        return Ok(HashMap::new());
    }
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("select version, checksum from mandated._sqlx_migrations where success")
            .fetch_all(pool)
            .await
            .context("read the applied migrations")?;
    Ok(rows.into_iter().collect())
}
