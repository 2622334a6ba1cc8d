//! The heartbeat line: how it goes, every ten seconds.

use chrono::TimeDelta;
use tracing::info;

use super::Engine;
use crate::domain::Instant;
use crate::store::StoreError;
use crate::store::monitor::{Pulse, pulse};
use crate::store::unmapped::recent;

/// How far back the answers that no rule knows are counted.
const A_DAY: TimeDelta = TimeDelta::hours(24);

/// One line. `backlog` is the number of answers that wait to be settled.
pub async fn tick(engine: &Engine, backlog: usize) -> Result<Pulse, StoreError> {
    let now = engine.clock.now();
    let beat = pulse(&engine.pool, now).await?;
    let since = now.checked_sub_signed(A_DAY).unwrap_or(Instant::MIN_UTC);
    let unmapped = recent(&engine.pool, since).await?;
    let age =
        |at: Option<Instant>| at.map_or(0, |at| now.signed_duration_since(at).num_seconds().max(0));
    info!(
        worker.id = engine.settings.worker_id.as_str(),
        due = beat.due,
        leased = beat.leased,
        oldest_due_s = age(beat.oldest_due_at),
        open_intents = beat.open_intents,
        oldest_unknown_s = age(beat.oldest_unknown_at),
        reviews = beat.reviews,
        paused_accounts = beat.paused_accounts,
        budget_headroom = beat.budget_headroom,
        unmapped,
        settle_backlog = backlog,
        "heartbeat"
    );
    Ok(beat)
}
