//! An account has a new key: the provider is asked at once whether it takes it, and a pause for the old one ends.

use tracing::{error, info, warn};

use super::log_values::chain;
use super::{Account, Database};
use crate::clock::Clock;
use crate::domain::Timestamp;
use crate::domain::outcome::CallFailure;
use crate::provider::{Provider, in_words};
use crate::store::StoreError;
use crate::store::accounts::{end_refusal, is_refused, mandate_to_ask_about};

/// Asks whether keys are taken.
#[derive(Debug)]
pub struct KeyProbe {
    pub(super) database: Database,
    pub(super) clock: Clock,
}

impl KeyProbe {
    /// Asks the provider of an account that has a new key, or is paused because its key was refused; what it says is one line.
    pub async fn ask(&self, account: &Account, is_new: bool) {
        match resume(&self.database, account, is_new, self.clock.now()).await {
            Ok(()) => {}
            Err(problem) => warn!(
                account = account.name,
                error = %chain(&problem),
                "the database did not say whether the account is paused for its key: it goes on when its pause ends, or by `mandated \
                 accounts resume`"
            ),
        }
    }
}

async fn resume(
    database: &Database,
    account: &Account,
    is_new: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = account.id;
    let what = "read whether the account's credentials are refused";
    let paused = database
        .within(what, is_refused(&database.pool, id))
        .await?;
    if !is_new && !paused {
        return Ok(());
    }
    let found = mandate_to_ask_about(&database.pool, id, None);
    let what = "find a mandate to ask the provider about";
    let about = database.within(what, found).await?;
    let client = account.client();
    let probe = client.probe(about.as_ref(), now).await;
    match probe.status {
        Ok(_) => {
            let what = "end the pause for refused credentials";
            let resumed = database
                .within(what, end_refusal(&database.pool, id))
                .await?;
            info!(
                account = account.name,
                resumed, "the provider takes the account's key"
            );
        }
        Err(failure @ CallFailure::AccountRefused { .. }) => error!(
            account = account.name,
            paused,
            error = in_words(&failure),
            "the provider refuses the account's new key too: correct accounts.{}.api_key, then send SIGHUP",
            account.name
        ),
        Err(
            failure @ (CallFailure::NotSent { .. }
            | CallFailure::Unknown { .. }
            | CallFailure::Throttled { .. }),
        ) => warn!(
            account = account.name,
            paused,
            error = in_words(&failure),
            "the provider did not say whether it takes the account's key: the first job after the pause finds out"
        ),
    }
    Ok(())
}
