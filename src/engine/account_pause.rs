//! A provider refuses an account or throttles it: all of the account's calls wait, in every daemon.

use tracing::{error, warn};

use super::Database;
use super::job::FinishedJob;
use crate::domain::Timestamp;
use crate::domain::backoff::after;
use crate::domain::machine::decide::AccountPause;
use crate::store::StoreError;
use crate::store::accounts::{Pause, pause};

/// Pauses the account everywhere. Of the many calls that find out at the same time, one says so.
pub(super) async fn pause_account(
    database: &Database,
    done: &FinishedJob,
    asked: AccountPause,
    now: Timestamp,
    unsure: bool,
) -> Result<(), StoreError> {
    let (account, reason) = (&done.account, &done.settlement.reason);
    let (kind, until) = match asked {
        // Counted from the answer: what was refused before an outage says nothing about the time after it.
        AccountPause::Refused => (Pause::Refused, after(done.at, account.pause_after_refusal)),
        AccountPause::Throttled { until } => (Pause::Throttled, until),
    };
    let paused = pause(&database.pool, account.id, kind, until, reason, now);
    let is_news = database.within("pause the account", paused).await?;
    let (id, paused_until) = (done.claimed.execution.id.0, until.to_rfc3339());
    match kind {
        // Said twice is better than not at all: the answer to the try that paused it may be lost.
        Pause::Refused if is_news || unsure => error!(
            account = account.name,
            execution.id = id,
            paused_until,
            reason,
            "the provider refuses the account's credentials: correct accounts.{}.api_key, then send SIGHUP; all of its calls wait",
            account.name
        ),
        Pause::Throttled if is_news => warn!(
            account = account.name,
            execution.id = id,
            paused_until,
            "the provider throttles the account; its calls wait"
        ),
        Pause::Refused | Pause::Throttled => {}
    }
    Ok(())
}
