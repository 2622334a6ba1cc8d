//! The floor: the same two statements, byte for byte, sent by a loop that does nothing else.
//!
//! It reads three columns of a claimed row. Its parameters are made beforehand but for the lease token, which only the claim knows, and
//! what hangs on the number of the execution. It is a loop over sqlx because pgbench cannot hand the tokens of 500 claimed rows to the
//! next statement.

use std::collections::HashMap;

use anyhow::Context;
use mandated::domain::{ExecutionId, Instant as At, LeaseToken};
use mandated::store::settle::{Attempt, Settlement};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::drain::{FAULTS, Hands, LEASE, WORKER, collected};
use crate::world::{Due, World};

const CLAIM: &str = include_str!("../../src/store/claim.sql");
const SETTLE: &str = include_str!("../../src/store/settle.sql");

/// Settlement and attempt by execution, with no token yet.
pub(crate) type Prepared = HashMap<i64, (Settlement, Attempt)>;

impl Hands {
    pub(crate) async fn floor(&self) -> anyhow::Result<()> {
        let mut since: Option<At> = None;
        loop {
            let claimed = sqlx::query(CLAIM)
                .bind(self.account.0)
                .bind(self.clock.now())
                .bind(self.batch)
                .bind(LEASE.as_secs_f64())
                .bind(WORKER)
                .bind(since)
                .fetch_all(&self.pool)
                .await?;
            let Some(first) = claimed.first() else {
                return Ok(());
            };
            since = Some(first.try_get("run_at!")?);
            self.settle(&claimed).await?;
        }
    }

    /// What is the same in every row is one value, so many times.
    async fn settle(&self, claimed: &[PgRow]) -> anyhow::Result<()> {
        let tokens: Vec<i64> = column(claimed, |row| Ok(row.try_get("lease_token!")?))?;
        let ids: Vec<i64> = column(claimed, |row| Ok(row.try_get("execution_id!")?))?;
        let rows: Vec<&(Settlement, Attempt)> = column(&ids, |id| {
            let prepared = self.prepared.get(id);
            prepared.context("the floor claimed what it was not prepared for")
        })?;
        let (one, attempt) = rows.first().context("nothing was claimed")?;
        let many = rows.len();
        let orders: Vec<&str> = column(&rows, |(one, _)| Ok(one.order_id.as_str()))?;
        let notices: Vec<Option<&str>> =
            column(&rows, |(one, _)| Ok(one.notification_ref.as_deref()))?;
        let delivered: Vec<Option<At>> = column(&rows, |(one, _)| Ok(one.delivered_at))?;
        let undelivered: Vec<Option<At>> = column(&rows, |(one, _)| Ok(one.undelivered_at))?;
        let payments: Vec<Option<&str>> =
            column(&rows, |(one, _)| Ok(one.provider_ref.as_deref()))?;
        let no_time = vec![None::<At>; many];
        let no_text = vec![None::<&str>; many];
        sqlx::query(SETTLE)
            .bind(self.clock.now())
            .bind(WORKER)
            .bind(FAULTS.limit)
            .bind(FAULTS.within.as_secs_f64())
            .bind(FAULTS.pause.as_secs_f64())
            .bind(&ids)
            .bind(tokens)
            .bind(vec![one.from_state.as_str(); many])
            .bind(vec![one.to_state.as_str(); many])
            .bind(vec![one.reason.as_str(); many])
            .bind(&no_text)
            .bind(&no_text)
            .bind(&no_time)
            .bind(&no_time)
            .bind(vec![one.closes_intent; many])
            .bind(vec![1_i16; many])
            .bind(&orders)
            .bind(vec![1_i16; many])
            .bind(notices)
            .bind(delivered)
            .bind(undelivered)
            .bind(&no_time)
            .bind(vec![1_i16; many])
            .bind(vec![0_i16; many])
            .bind(vec![1_i16; many])
            .bind(payments)
            .bind(vec![one.sent_at; many])
            .bind(&no_time)
            .bind(vec!["{}"; many])
            .bind(&no_text)
            .bind(&no_time)
            .bind(vec![one.parked; many])
            .bind(vec![None::<i32>; many])
            .bind(&no_text)
            .bind(vec![one.debit_minor; many])
            .bind(&orders)
            .bind(vec![None::<i16>; many])
            .bind(&no_text)
            .bind(&no_text)
            .bind(&no_text)
            .bind(&ids)
            .bind(vec![attempt.at; many])
            .bind(vec![attempt.call; many])
            .bind(&orders)
            .bind(vec![200_i16; many])
            .bind(vec![attempt.latency_ms; many])
            .bind(vec![attempt.outcome; many])
            .bind(&no_text)
            .bind(&no_text)
            .bind(vec![attempt.message.as_deref(); many])
            .bind(&no_text)
            .bind(vec![attempt.body.as_deref(); many])
            .bind(&no_time)
            .fetch_all(&self.pool)
            .await?;
        Ok(())
    }
}

fn column<'a, T, V>(
    rows: &'a [T],
    value: impl Fn(&'a T) -> anyhow::Result<V>,
) -> anyhow::Result<Vec<V>> {
    rows.iter().map(value).collect()
}

/// The parameters of everything that is due.
pub(crate) async fn prepare(world: &World, due: Due) -> anyhow::Result<Prepared> {
    let rows: Vec<(i64, Option<At>, Option<At>)> = sqlx::query_as(
        "select id, delivered_at, undelivered_at from mandated.executions where id >= $1",
    )
    .bind(due.first)
    .fetch_all(&world.pool)
    .await?;
    let now = world.clock.now();
    Ok(rows
        .into_iter()
        .map(|(id, delivered_at, undelivered_at)| {
            let delivered = (delivered_at, undelivered_at);
            (
                id,
                collected(ExecutionId(id), LeaseToken(0), delivered, now),
            )
        })
        .collect())
}
