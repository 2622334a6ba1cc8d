//! A mandate is paused, resumed or revoked: in which order here and at its provider.

use super::change::{ChangeStep, Extent, at_provider, record};
use super::handed_over::cancel_or_watch;
use super::reinstate::reinstate;
use super::resume::resume;
use crate::config::Config;
use crate::domain::Timestamp;
use crate::ops::OpsError;
use crate::store;
use crate::store::mandates::{Change, ChangeRequest};
use crate::store::pool::DatabasePool;

/// What has been done of a change, in its order, and why no more of it if something failed.
#[derive(Debug)]
pub struct ChangeReport {
    pub done: Vec<ChangeStep>,
    pub result: Result<(), OpsError>,
}

/// Changes a mandate in the order in which a failure half-way is harmless: what stops debits is done here first, what allows
/// them again only after the provider has agreed.
pub async fn change(
    config: &Config,
    pool: &DatabasePool,
    change_request: ChangeRequest<'_>,
    extent: Extent,
    now: Timestamp,
) -> ChangeReport {
    let mut done = Vec::new();
    let result = in_order(config, pool, change_request, extent, now, &mut done).await;
    ChangeReport { done, result }
}

async fn in_order(
    config: &Config,
    pool: &DatabasePool,
    change_request: ChangeRequest<'_>,
    extent: Extent,
    now: Timestamp,
    done: &mut Vec<ChangeStep>,
) -> Result<(), OpsError> {
    let mut conn = store::planning::acquire(pool).await?;
    match change_request.change {
        Change::Resume => resume(config, &mut conn, change_request, extent, now, done).await,
        Change::Reinstate => reinstate(config, &mut conn, change_request, now, done).await,
        Change::Pause | Change::Revoke => {
            done.push(record(&mut conn, change_request, now).await?);
            let handed_over =
                cancel_or_watch(config, &mut conn, change_request, extent.local_only, now);
            done.extend(handed_over.await?);
            if !extent.local_only {
                done.push(at_provider(config, &mut conn, change_request, now).await?);
            }
            Ok(())
        }
    }
}
