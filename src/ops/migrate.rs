//! The database's schema, brought to this version.

use super::OpsError;
use crate::compose;
use crate::config::Config;
use crate::store;

/// How many migrations were applied. The configured accounts have their numbers afterwards.
pub async fn migrate(config: &Config) -> Result<u64, OpsError> {
    let pool = compose::connect(config).await?;
    let ahead = i32::try_from(config.retention.partitions_ahead).unwrap_or(i32::MAX);
    let applied = store::migrate::migrate(&pool, compose::clock(config).now(), ahead).await?;
    for (name, account) in &config.accounts {
        store::environment::number(&pool, name, account.provider).await?;
    }
    Ok(applied)
}
