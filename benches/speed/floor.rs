//! The floor: the same two statements with the same parameters, sent by a loop that does nothing else.
//!
//! It reads three columns of a claimed row, and what it settles was made beforehand but for the lease token, which only the claim
//! knows. It is a loop over sqlx because pgbench cannot hand the tokens of 500 claimed rows to the next statement.

use std::collections::HashMap;

use anyhow::Context;
use mandated::domain::{ExecutionId, LeaseToken, Timestamp};
use mandated::store::claim::{self, ClaimRequest};
use mandated::store::settle::{self, Attempt, Settlement};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::drain::{FAULTS, Hands, LEASE, WORKER, collected};
use crate::world::{Due, World};

/// Settlement and attempt by execution, with no token yet.
pub(crate) type Prepared = HashMap<i64, (Settlement, Attempt)>;

impl Hands {
    pub(crate) async fn floor(&self) -> anyhow::Result<()> {
        let mut since: Option<Timestamp> = None;
        loop {
            let request = ClaimRequest {
                account: self.account,
                now: self.clock.now(),
                limit: self.batch,
                lease: LEASE,
                worker: WORKER,
                since,
            };
            let arguments = claim::arguments(&request).map_err(sqlx::Error::Encode)?;
            let claimed = sqlx::query_with(claim::statement(), arguments)
                .fetch_all(&self.pool)
                .await?;
            let Some(first) = claimed.first() else {
                return Ok(());
            };
            since = Some(first.try_get("run_at!")?);
            self.settle(&claimed).await?;
        }
    }

    async fn settle(&self, claimed: &[PgRow]) -> anyhow::Result<()> {
        let (mut settlements, mut attempts) = (Vec::new(), Vec::new());
        for row in claimed {
            let id: i64 = row.try_get("execution_id!")?;
            let prepared = self.prepared.get(&id);
            let (mut settlement, attempt) = prepared
                .context("the floor claimed what it was not prepared for")?
                .clone();
            settlement.lease_token = LeaseToken(row.try_get("lease_token!")?);
            settlements.push(settlement);
            attempts.push(attempt);
        }
        let now = self.clock.now();
        let arguments = settle::arguments(&settlements, &attempts, now, WORKER, FAULTS)
            .map_err(sqlx::Error::Encode)?;
        sqlx::query_with(settle::statement(), arguments)
            .fetch_all(&self.pool)
            .await?;
        Ok(())
    }
}

/// The parameters of everything that is due.
pub(crate) async fn prepare(world: &World, due: Due) -> anyhow::Result<Prepared> {
    let rows: Vec<(i64, Option<Timestamp>, Option<Timestamp>)> = sqlx::query_as(
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
