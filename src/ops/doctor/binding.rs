//! Whether the accounts belong to this database, their merchants and this clock.

use super::Finding;
use crate::compose::{self, ComposeError};
use crate::config::Config;
use crate::store::environment::{ConfiguredAccount, displaced};

const FIX: &str = "after a restore, or a fail-over that may have lost commits, run `mandated recover` as deploy/README.md says, \"the database was \
                   restored, copied or failed over\"; on a copy leave it as it is. Until then `mandated run` refuses to start";

pub(super) async fn binding(config: &Config) -> Result<Vec<Finding>, ComposeError> {
    let pool = compose::connect(config).await?;
    let mut conn = compose::connection(&pool).await?;
    let accounts = config.accounts.iter();
    let accounts: Vec<ConfiguredAccount<'_>> = accounts
        .map(|(name, account)| compose::configured(config, name, account))
        .collect();
    let displaced = displaced(&mut conn, &accounts).await?;
    let findings = displaced.into_iter().map(|displaced| {
        let found = format!(
            "it belongs to {}; this is {}",
            displaced.bound, displaced.here
        );
        Finding::failed(format!("account {}", displaced.account), found, FIX)
    });
    Ok(findings.collect())
}
