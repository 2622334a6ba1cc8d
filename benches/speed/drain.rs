//! Claims and settles until nothing is due. The provider is a no-op that collects everything.
//!
//! The floor sends the same two statements, byte for byte, and does nothing else: it reads two columns of a claimed row, and
//! its parameters are made beforehand but for the lease token, which only the claim knows. It is a loop over sqlx because
//! pgbench cannot hand the tokens of 500 claimed rows to the next statement; it would have to have Postgres build the JSON.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use mandated::domain::{AccountId, Instant as Due, LeaseToken, State};
use mandated::store::claim::{ClaimRequest, Claimed, claim_due};
use mandated::store::settle::{Attempt, FaultRules, Settlement, settle};
use sqlx::{PgPool, Row};
use tokio::task::JoinSet;

use crate::figures::Run;
use crate::world::World;

const CLAIM: &str = include_str!("../../src/store/claim.sql");
const SETTLE: &str = include_str!("../../src/store/settle.sql");
const LEASE: Duration = Duration::from_secs(150);
/// As configured by default; nothing is parked here.
const FAULTS: FaultRules = FaultRules {
    limit: 20,
    within: Duration::from_hours(1),
    pause: Duration::from_hours(1),
};
const WORKER: &str = "bench";
/// Stands where the lease token will be.
const TOKEN: &str = "-4242";
const BODY: &str = r#"{"order_id":"mbnch000000001o1","status":"CHARGED","status_id":21,"txn_id":"demo_merchant-mbnch000000001o1-1","amount":499.0,"currency":"INR","payment_method_type":"UPI","payment_method":"UPI","txn_detail":{"gateway":"RAZORPAY","error_code":"","error_message":"","status":"CHARGED"},"mandate":{"mandate_id":"[redacted]","mandate_status":"ACTIVE"}}"#;

/// Who claims and settles.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Side {
    /// The functions of the store.
    Ours,
    /// The bare statements.
    Floor,
}

/// How to drain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drain {
    pub(crate) batch: i64,
    pub(crate) workers: usize,
}

/// What one worker has to hand.
#[derive(Debug, Clone)]
struct Hands {
    pool: PgPool,
    account: AccountId,
    now: Due,
    batch: i64,
    /// The floor's parameters: settlement and attempt by execution.
    prepared: Arc<HashMap<i64, (String, String)>>,
}

impl Drain {
    /// Makes `count` jobs due, and does them all.
    pub(crate) async fn run(
        self,
        world: &mut World,
        count: i64,
        side: Side,
    ) -> anyhow::Result<Run> {
        world.add_due(count).await?;
        let hands = Hands {
            pool: world.pool.clone(),
            account: world.account,
            now: world.now,
            batch: self.batch,
            prepared: Arc::new(match side {
                Side::Ours => HashMap::new(),
                Side::Floor => prepare(world).await?,
            }),
        };
        let started = Instant::now();
        let mut workers = JoinSet::new();
        for _ in 0..self.workers {
            let hands = hands.clone();
            workers.spawn(async move {
                match side {
                    Side::Ours => hands.ours().await,
                    Side::Floor => hands.floor().await,
                }
            });
        }
        while let Some(ended) = workers.join_next().await {
            ended??;
        }
        let took = started.elapsed();
        world.check(count).await?;
        Ok(Run { count, took })
    }
}

impl Hands {
    async fn claim(&self, since: Option<Due>) -> anyhow::Result<Vec<Claimed>> {
        let request = ClaimRequest {
            account: self.account,
            now: self.now,
            limit: self.batch,
            lease: LEASE,
            worker: WORKER,
            since,
        };
        Ok(claim_due(&self.pool, &request).await?)
    }

    async fn ours(&self) -> anyhow::Result<()> {
        let mut since = None;
        loop {
            let claimed = self.claim(since).await?;
            // As the engine's lanes do, except that they also begin again every two seconds.
            since = claimed.first().map(|first| first.run_at);
            if claimed.is_empty() {
                return Ok(());
            }
            let (settlements, attempts): (Vec<_>, Vec<_>) = claimed.iter().map(collected).unzip();
            let settled = settle(
                &self.pool,
                &settlements,
                &attempts,
                self.now,
                WORKER,
                FAULTS,
            )
            .await?;
            anyhow::ensure!(
                settled.executions.len() == claimed.len(),
                "a lease was lost"
            );
        }
    }

    async fn floor(&self) -> anyhow::Result<()> {
        let mut since: Option<Due> = None;
        loop {
            let claimed = sqlx::query(CLAIM)
                .bind(self.account.0)
                .bind(self.now)
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
                .bind(self.now)
                .bind(WORKER)
                .fetch_all(&self.pool)
                .await?;
        }
    }
}

/// The parameters of everything that is due, with no token yet: from one claim that is taken back.
async fn prepare(world: &World) -> anyhow::Result<HashMap<i64, (String, String)>> {
    let everything = ClaimRequest {
        account: world.account,
        now: world.now,
        limit: i64::MAX,
        lease: LEASE,
        worker: WORKER,
        since: None,
    };
    let claimed = claim_due(&world.pool, &everything).await?;
    world.give_back().await?;
    claimed
        .into_iter()
        .map(|claimed| {
            let (mut settlement, attempt) = collected(&claimed);
            settlement.lease_token = LeaseToken(TOKEN.parse()?);
            let texts = (
                serde_json::to_string(&settlement)?,
                serde_json::to_string(&attempt)?,
            );
            Ok((claimed.execution.id.0, texts))
        })
        .collect()
}

/// What the engine writes for a debit that the provider collected at once.
fn collected(claimed: &Claimed) -> (Settlement, Attempt) {
    let execution = &claimed.execution;
    let progress = &execution.progress;
    let settlement = Settlement {
        execution_id: execution.id,
        lease_token: claimed.token,
        from_state: execution.state,
        to_state: State::Charged,
        reason: "collected".to_owned(),
        class: None,
        step: None,
        run_at: None,
        run_before: None,
        closes_intent: true,
        order_no: progress.order_no,
        order_id: claimed.order_id.clone(),
        notification_no: progress.notification_no,
        notification_ref: claimed.notification_ref.clone(),
        delivered_at: progress.delivered_at,
        undelivered_at: None,
        execute_at: progress.execute_at,
        debits_tried: progress.debits_tried.saturating_add(1),
        lookups: progress.lookups,
        tries: progress.tries,
        provider_ref: Some(format!("demo_merchant-{}-1", claimed.order_id)),
        sent_at: progress.sent_at,
        failed_at: None,
        looked: Vec::new(),
        mandate_status: None,
        paused_at: None,
        parked: false,
        card_tries: None,
        fault: None,
        debit_minor: Some(execution.amount.minor()),
        debit_order_id: Some(claimed.order_id.clone()),
        told_no: None,
        told_ref: None,
        told_state: None,
        told_message: None,
    };
    let attempt = Attempt {
        execution_id: execution.id,
        at: claimed.run_at,
        call: "execute",
        reference: claimed.order_id.clone(),
        http_status: Some(200),
        latency_ms: 180,
        outcome: "charged",
        class: None,
        code: None,
        message: Some("Transaction approved".to_owned()),
        rule: None,
        body: Some(BODY.to_owned()),
    };
    (settlement, attempt)
}
