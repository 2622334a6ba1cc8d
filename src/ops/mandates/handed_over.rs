//! The debits that a provider has already when their mandate is paused or revoked: taken back where that is possible, else watched.

use chrono::TimeDelta;
use sqlx::PgConnection;

use super::change::{ChangeStep, client};
use super::find;
use crate::config::Config;
use crate::domain::Timestamp;
use crate::ops::OpsError;
use crate::provider::{CancelAnswer, Provider};
use crate::store::mandates::{ChangeRequest, Stored};
use crate::store::open_cycles::{self, OpenCycle};
use crate::wording;

/// An order is taken back until so long before its execution ("Juspay Stop Mandate Execution API").
const CANCELLED_BEFORE: TimeDelta = TimeDelta::minutes(30);

/// Takes back what the provider was to debit later. The rest is debited all the same, and says so wherever it is listed.
///
/// The order is over only when its look-up at the execution date finds it declined; then a new order waits for the mandate. That it
/// was taken back is noted before the provider is asked, so it does not matter whether the answer is lost.
pub(super) async fn cancel_or_watch(
    config: &Config,
    conn: &mut PgConnection,
    change_request: ChangeRequest<'_>,
    local_only: bool,
    now: Timestamp,
) -> Result<Vec<ChangeStep>, OpsError> {
    let stored = find(conn, change_request.reference).await?;
    let (provider, zone) = (stored.mandate.provider, stored.mandate.terms.time_zone);
    let mut steps = Vec::new();
    for cycle in open_cycles::of_mandate(conn, stored.mandate.id).await? {
        if !cycle.is_at_provider() {
            continue;
        }
        let at = cycle.provider_debits_at(now);
        if let Some(at) = at {
            let may_be_cancelled = !local_only && at.signed_duration_since(now) > CANCELLED_BEFORE;
            if may_be_cancelled && cancel(config, conn, &stored, &cycle, now).await? {
                let reason = wording::taken_back(change_request.change.done(), at, zone);
                open_cycles::explain(conn, cycle.execution_id, &reason).await?;
                steps.push(ChangeStep::OrderCancelled {
                    provider,
                    cycle,
                    at,
                    zone,
                });
                continue;
            }
            let reason = wording::still_debited(change_request.change.done(), at, zone);
            open_cycles::explain(conn, cycle.execution_id, &reason).await?;
        }
        steps.push(ChangeStep::StillDebited {
            provider,
            cycle,
            at,
            zone,
        });
    }
    Ok(steps)
}

/// Whether the provider has taken back an order. It is asked outside of any transaction.
async fn cancel(
    config: &Config,
    conn: &mut PgConnection,
    stored: &Stored,
    cycle: &OpenCycle,
    now: Timestamp,
) -> Result<bool, OpsError> {
    let client = client(config, conn, stored).await?;
    open_cycles::note_taken_back(conn, cycle.execution_id).await?;
    let answer = client.cancel_order(&stored.mandate, &cycle.order_id, now);
    match answer.await {
        CancelAnswer::Cancelled { .. } => Ok(true),
        // What it says instead is no reason to stop: the mandate is paused here, and the debit is watched.
        CancelAnswer::NotOffered | CancelAnswer::Failed { .. } => Ok(false),
    }
}
