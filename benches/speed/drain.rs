//! Claims and settles until nothing is due. The provider is a no-op that collects everything.
//!
//! This is the store and not the engine: an account of the engine has an HTTP client, and a way around it would be in the product for
//! the sake of its bench. `engine` measures the daemon, with HTTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mandated::clock::Clock;
use mandated::domain::execution::Progress;
use mandated::domain::{
    AccountId, Amount, AttemptOutcome, Call, Currency, ExecutionId, LeaseToken, State, Timestamp,
};
use mandated::store::claim::{ClaimRequest, claim_due};
use mandated::store::pool::DatabasePool;
use mandated::store::settle::{Attempt, Debit, FaultRules, Settlement, settle};
use tokio::task::JoinSet;

use crate::figures::Run;
use crate::floor::{Prepared, prepare};
use crate::world::{When, World, notice, order};

pub(crate) const LEASE: Duration = Duration::from_secs(150);
/// As configured by default; nothing is parked here.
pub(crate) const FAULTS: FaultRules = FaultRules {
    limit: 20,
    within: Duration::from_hours(1),
    pause: Duration::from_hours(1),
};
pub(crate) const WORKER: &str = "bench";
/// As the sandbox's answer is kept: redacted, which sorts its keys.
const BODY: &str = r#"{"offer_details":{"offers":[]},"order_id":"mbnch1njczwo1","payment":{"authentication":{"method":"GET","url":"https://api.juspay.in/v2/pay/finish/sandbox/moz156c857f707bb16c/mbnch1njczwo1"}},"status":"CHARGED","txn_id":"sandbox-mbnch1njczwo1-1","txn_uuid":"moz156c857f707bb16c"}"#;

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
pub(crate) struct Hands {
    pub(crate) pool: DatabasePool,
    pub(crate) account: AccountId,
    pub(crate) clock: Clock,
    pub(crate) batch: i64,
    pub(crate) prepared: Arc<Prepared>,
}

impl Drain {
    /// Makes `count` jobs due, tidies up, and does them all.
    pub(crate) async fn run(
        self,
        world: &mut World,
        count: i64,
        side: Side,
    ) -> anyhow::Result<Run> {
        let due = world.add_due(count, When::Backlog).await?;
        let prepared = match side {
            Side::Ours => Prepared::new(),
            Side::Floor => prepare(world, due).await?,
        };
        world.settle_down().await?;
        let run = self.only(world, count, side, prepared).await?;
        world.check(due).await?;
        Ok(run)
    }

    /// Does everything that is due.
    pub(crate) async fn only(
        self,
        world: &World,
        count: i64,
        side: Side,
        prepared: Prepared,
    ) -> anyhow::Result<Run> {
        let hands = Hands {
            pool: world.pool.clone(),
            account: world.account,
            clock: world.clock.clone(),
            batch: self.batch,
            prepared: Arc::new(prepared),
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
        Ok(Run {
            count,
            took: started.elapsed(),
        })
    }
}

impl Hands {
    async fn ours(&self) -> anyhow::Result<()> {
        let mut since = None;
        loop {
            let request = ClaimRequest {
                account: self.account,
                now: self.clock.now(),
                limit: self.batch,
                lease: LEASE,
                worker: WORKER,
                since,
            };
            let claimed = claim_due(&self.pool, &request).await?;
            // As the engine's lanes do, except that they also begin again every two seconds.
            since = claimed.first().map(|first| first.run_at);
            if claimed.is_empty() {
                return Ok(());
            }
            let now = self.clock.now();
            let (settlements, attempts): (Vec<_>, Vec<_>) = claimed
                .iter()
                .map(|claimed| {
                    let progress = &claimed.execution.progress;
                    let delivered = (progress.delivered_at, progress.undelivered_at);
                    collected(claimed.execution.id, claimed.token, delivered, now)
                })
                .unzip();
            let settled = settle(&self.pool, &settlements, &attempts, now, WORKER, FAULTS).await?;
            anyhow::ensure!(
                settled.executions.len() == claimed.len(),
                "a lease was lost"
            );
        }
    }
}

/// What the engine writes for a debit that the provider collected at once.
pub(crate) fn collected(
    id: ExecutionId,
    token: LeaseToken,
    (delivered_at, undelivered_at): (Option<Timestamp>, Option<Timestamp>),
    now: Timestamp,
) -> (Settlement, Attempt) {
    let order_id = order(id.0);
    let settlement = Settlement {
        execution_id: id,
        lease_token: token,
        from_state: State::Executing,
        to_state: State::Charged,
        reason: "collected".to_owned(),
        class: None,
        next: None,
        closes_intent: true,
        progress: Progress {
            order_no: 1,
            notification_no: 1,
            delivered_at,
            undelivered_at,
            execute_at: None,
            debit_attempts: 1,
            earlier_attempts: 0,
            lookups: 0,
            step_attempts: 1,
            sent_at: Some(now),
            failed_at: None,
            not_before: None,
            lookup_times: [None; 3],
        },
        order_id: order_id.clone(),
        notification_ref: Some(notice(id.0)),
        provider_ref: Some(format!("sandbox-{order_id}-1")),
        mandate: None,
        declined_card_attempts: None,
        fault: None,
        debit: Some(Debit {
            stated: Amount::new(49_900, Currency::INR),
            order_id: order_id.clone(),
        }),
        notification: None,
    };
    let attempt = Attempt {
        execution_id: id,
        at: now,
        call: Call::Execute,
        reference: order_id.clone(),
        http_status: Some(200),
        latency_ms: 180,
        outcome: AttemptOutcome::Charged,
        class: None,
        code: None,
        message: Some("Transaction approved".to_owned()),
        rule: None,
        body: Some(BODY.replace("mbnch1njczwo1", &order_id)),
    };
    (settlement, attempt)
}
