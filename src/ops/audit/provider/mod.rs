//! Our debits and open orders, held against what the providers say of the same orders.
//!
//! A question about an order is a look-up like any other (G4): it is asked only of orders that nobody works on and whose look-ups are
//! not spent, it is counted in the row before it is made, and it is kept as an attempt. Every execution is counted: compared, or with
//! the reason why it was not asked about, or not answered. A part is never called the whole. At last every mandate that may have been
//! debited is asked for payments that no execution here has. Those questions are of no execution: they are neither counted nor kept.

mod ask;
mod judge;
mod payments;
mod report;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures::StreamExt;

use ask::Asker;
pub use report::{Case, Cases, Comparison};

use super::sweep::read_only;
use crate::clock::Clock;
use crate::compose;
use crate::config::Config;
use crate::domain::Timestamp;
use crate::ops::error::step;
use crate::ops::{OnProgress, OpsError, Progress};
use crate::provider::Client;
use crate::store;
use crate::store::audit::RangeKey;
use crate::store::audit::orders::{self, Candidate};
use crate::store::pool::DatabasePool;

/// Questions under way at once; each account's own calls a second hold besides.
const AT_ONCE: usize = 4;

/// Whom to ask, and about what.
#[derive(Debug)]
pub struct Question<'a> {
    /// The clients of the configured accounts, by their number.
    pub clients: BTreeMap<i16, Arc<Client>>,
    /// Only executions that changed since then,
    pub since: Timestamp,
    /// and only those of this mandate.
    pub mandate: Option<&'a str>,
    /// In the attempts.
    pub worker: &'a str,
}

/// Asks the configured accounts about what changed within this long, and compares.
pub async fn compare_configured(
    config: &Config,
    pool: &DatabasePool,
    clock: &Clock,
    within: Duration,
    mandate: Option<&str>,
    progress: OnProgress<'_>,
) -> Result<Comparison, OpsError> {
    let accounts = compose::clients(config, pool, clock).await?;
    let since = TimeDelta::from_std(within)
        .ok()
        .and_then(|within| clock.now().checked_sub_signed(within))
        .unwrap_or(Timestamp::UNIX_EPOCH);
    let accounts = accounts.into_iter();
    let question = Question {
        clients: accounts
            .map(|account| (account.id.0, Arc::new(account.client)))
            .collect(),
        since,
        mandate,
        worker: &format!("audit-{}", compose::worker_id(config)),
    };
    compare(pool, &question, || clock.now(), progress).await
}

/// Asks, and compares. `now` is read again for every question: many of them take a while.
pub async fn compare(
    pool: &DatabasePool,
    question: &Question<'_>,
    now: impl Fn() -> Timestamp + Sync,
    progress: OnProgress<'_>,
) -> Result<Comparison, OpsError> {
    let asker = Asker::new(pool, question);
    let mut comparison = Comparison::default();
    let (mut after, mut done) = (0, 0u64);
    loop {
        let candidates = match question.mandate {
            Some(reference) => of_mandate(pool, reference, question.since, now()).await?,
            None => match next(pool, &mut after, question.since, now()).await? {
                Some(candidates) => candidates,
                None => break,
            },
        };
        let ids = comparison.leave_out(candidates);
        let (asker, now) = (&asker, &now);
        let mut result = futures::stream::iter(ids)
            .map(|id| asker.ask(id, now()))
            .buffer_unordered(AT_ONCE);
        while let Some(result) = result.next().await {
            comparison.add(result?);
            done = done.saturating_add(1);
            progress(Progress { done, of: None });
        }
        drop(result);
        if question.mandate.is_some() {
            break;
        }
    }
    payments::compare(pool, question, &now, &mut comparison).await?;
    Ok(comparison)
}

/// The next executions; none when all were looked at.
async fn next(
    pool: &DatabasePool,
    after: &mut i64,
    since: Timestamp,
    now: Timestamp,
) -> Result<Option<Vec<Candidate>>, OpsError> {
    let mut conn = pool
        .acquire()
        .await
        .map_err(step("connect for the audit"))?;
    let mut tx = read_only(&mut conn).await?;
    let range = store::audit::next_range(&mut tx, RangeKey::Executions, *after)
        .await
        .map_err(step("find the next range"))?;
    let Some(range) = range else { return Ok(None) };
    *after = range.to;
    Ok(Some(orders::candidates(&mut tx, range, since, now).await?))
}

async fn of_mandate(
    pool: &DatabasePool,
    reference: &str,
    since: Timestamp,
    now: Timestamp,
) -> Result<Vec<Candidate>, OpsError> {
    let mut conn = pool
        .acquire()
        .await
        .map_err(step("connect for the audit"))?;
    let known = store::mandates::find(&mut conn, reference).await?;
    if known.is_none() {
        return Err(OpsError::NoMandate(reference.to_owned()));
    }
    Ok(orders::candidates_of(&mut conn, reference, since, now).await?)
}
