//! How the audit reads: one range after the other, each in a short transaction that can write nothing, and with a rest in between
//! while workers are at work.

use std::time::Duration;

use sqlx::{Connection, PgConnection, Postgres, Transaction};

use super::calls::Calls;
use super::{Rules, arrows, names};
use crate::ops::error::step;
use crate::ops::{OnProgress, OpsError, Progress};
use crate::store;
use crate::store::audit::{Range, RangeKey, Scope, checks};

/// The longest rest after a range. It is as long as the range took, so that at most half of the time is taken from the workers.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Reads every table, and holds each range against the rules that it concerns.
pub(super) async fn sweep(
    conn: &mut PgConnection,
    scope: Scope,
    rules: &mut Rules,
    calls: &mut Calls,
    progress: OnProgress<'_>,
) -> Result<(), OpsError> {
    let mut lasts = Vec::new();
    for over in RangeKey::ALL {
        let last = store::audit::last(conn, over)
            .await
            .map_err(step("find the end"))?;
        lasts.push(u64::try_from(last).unwrap_or(0));
    }
    let all = lasts
        .iter()
        .fold(0u64, |sum, last| sum.saturating_add(*last));
    let mut behind: u64 = 0;
    for (over, last) in RangeKey::ALL.into_iter().zip(lasts) {
        let mut after = 0;
        loop {
            let began = tokio::time::Instant::now();
            let mut tx = read_only(conn).await?;
            let range = store::audit::next_range(&mut tx, over, after)
                .await
                .map_err(step("find the next range"))?;
            let Some(range) = range else { break };
            one(&mut tx, over, range, scope, rules).await?;
            match over {
                RangeKey::Executions => {
                    calls.range(&mut tx, range, rules).await?;
                    arrows::range(&mut tx, range, rules).await?;
                    names::executions(&mut tx, range, rules).await?;
                    names::notifications(&mut tx, range, scope.history_from, rules).await?;
                }
                RangeKey::Debits => names::debits(&mut tx, range, rules).await?,
                RangeKey::Jobs
                | RangeKey::Intents
                | RangeKey::Mandates
                | RangeKey::MandateExecutions => {}
            }
            let busy = store::audit::is_busy(&mut tx)
                .await
                .map_err(step("look whether workers are busy"))?;
            tx.commit().await.map_err(step("end a range"))?;
            after = range.to;
            let done = u64::try_from(after).unwrap_or(0).min(last);
            progress(Progress {
                done: behind.saturating_add(done),
                of: Some(all),
            });
            if busy {
                tokio::time::sleep(began.elapsed().min(LONGEST_REST)).await;
            }
        }
        behind = behind.saturating_add(last);
    }
    Ok(())
}

/// A transaction that holds no snapshot between its statements, and that cannot write.
pub(super) async fn read_only(
    conn: &mut PgConnection,
) -> Result<Transaction<'_, Postgres>, OpsError> {
    let mut tx = conn.begin().await.map_err(step("begin a range"))?;
    store::audit::prepare(&mut tx)
        .await
        .map_err(step("prepare the audit"))?;
    Ok(tx)
}

async fn one(
    conn: &mut PgConnection,
    over: RangeKey,
    range: Range,
    scope: Scope,
    rules: &mut Rules,
) -> Result<(), OpsError> {
    for check in checks().filter(|check| check.over == over) {
        let findings = (check.find)(conn, range, scope)
            .await
            .map_err(step(check.rule))?;
        rules.of(check.guarantee, check.rule).add_all(findings);
    }
    Ok(())
}
