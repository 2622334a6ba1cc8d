//! The floor: the same two statements, byte for byte, sent by a loop that does nothing else.
//!
//! It reads three columns of a claimed row, and its parameters are made beforehand but for the lease token, which only the claim
//! knows. It is a loop over sqlx because pgbench cannot hand the tokens of 500 claimed rows to the next statement; it would have to
//! have Postgres build the JSON.

use std::collections::HashMap;

use anyhow::Context;
use mandated::domain::{ExecutionId, Instant as At, LeaseToken};
use sqlx::Row;

use crate::drain::{FAULTS, Hands, LEASE, WORKER, collected};
use crate::world::{Due, World};

const CLAIM: &str = include_str!("../../src/store/claim.sql");
const SETTLE: &str = include_str!("../../src/store/settle.sql");
/// Stands where the lease token will be.
const TOKEN: &str = "-4242";

/// Settlement and attempt as JSON, by execution.
pub(crate) type Prepared = HashMap<i64, (String, String)>;

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
            let mut parameters = ["[".to_owned(), "[".to_owned()];
            for row in &claimed {
                let token: i64 = row.try_get("lease_token!")?;
                let (settlement, attempt) = self
                    .prepared
                    .get(&row.try_get("execution_id!")?)
                    .context("the floor claimed what it was not prepared for")?;
                let [settlements, attempts] = &mut parameters;
                settlements.push_str(&settlement.replacen(TOKEN, &token.to_string(), 1));
                settlements.push(',');
                attempts.push_str(attempt);
                attempts.push(',');
            }
            let mut settle = sqlx::query(SETTLE);
            for mut list in parameters {
                list.pop();
                list.push(']');
                settle = settle.bind(list);
            }
            settle
                .bind(self.clock.now())
                .bind(WORKER)
                .bind(FAULTS.limit)
                .bind(FAULTS.within.as_secs_f64())
                .bind(FAULTS.pause.as_secs_f64())
                .fetch_all(&self.pool)
                .await?;
        }
    }
}

/// The parameters of everything that is due, with no token yet.
pub(crate) async fn prepare(world: &World, due: Due) -> anyhow::Result<Prepared> {
    let rows: Vec<(i64, Option<At>, Option<At>)> = sqlx::query_as(
        "select id, delivered_at, undelivered_at from mandated.executions where id >= $1",
    )
    .bind(due.first)
    .fetch_all(&world.pool)
    .await?;
    let now = world.clock.now();
    rows.into_iter()
        .map(|(id, delivered_at, undelivered_at)| {
            let token = LeaseToken(TOKEN.parse()?);
            let delivered = (delivered_at, undelivered_at);
            let (settlement, attempt) = collected(ExecutionId(id), token, delivered, now);
            let texts = (
                serde_json::to_string(&settlement)?,
                serde_json::to_string(&attempt)?,
            );
            Ok((id, texts))
        })
        .collect()
}
