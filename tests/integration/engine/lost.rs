//! Workers that are lost in the middle of a call that moves money: just before it, and just after it was done.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lab::sandbox::{Call, Reason, Then};
use mandated::domain::{MandateId, Timestamp};
use mandated::engine::{Account, job};
use mandated::store::claim::{ClaimRequest, Claimed, claim_due};
use mandated::store::monitor::upcoming_work;
use mandated::store::settle::settle;

use crate::support::due::{FAULTS, execute};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, after_payday};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    BeforeTheCall,
    AfterTheCall,
}

/// An engine that loses the worker of every mandate's first debit and first retry.
struct Unlucky<'a> {
    world: &'a World,
    lost: Lost,
    /// Whose worker was lost, and in which step.
    victims: BTreeSet<(MandateId, &'static str)>,
}

impl Unlucky<'_> {
    async fn live(&mut self, until: Timestamp) {
        let engine = &self.world.engine;
        while engine.clock.now() < until {
            engine.planner().tick().await.unwrap();
            for account in engine.accounts.iter() {
                for claimed in self.claim(account).await {
                    self.work(account, claimed).await;
                }
            }
            engine.rescuer().tick().await.unwrap();
            let next = upcoming_work(&engine.database.pool, None, engine.clock.now())
                .await
                .unwrap();
            let next = next.job_at.into_iter().chain(next.plan_at).min();
            engine.clock.advance_to(next.unwrap_or(until));
        }
    }

    async fn claim(&self, account: &Arc<Account>) -> Vec<Claimed> {
        let request = ClaimRequest {
            account: account.id,
            now: self.world.clock.now(),
            limit: 100,
            lease: Duration::from_mins(1),
            worker: "unlucky",
            since: None,
        };
        claim_due(self.world.pool(), &request).await.unwrap()
    }

    async fn work(&mut self, account: &Arc<Account>, claimed: Claimed) {
        let engine = &self.world.engine;
        let execution = claimed.execution.id;
        let is_lost = claimed.opened
            && self
                .victims
                .insert((claimed.mandate.id, claimed.step.as_str()));
        if !is_lost || self.lost == Lost::AfterTheCall {
            let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
            let done = job::run(&engine.worker(account), claimed, deadline)
                .await
                .unwrap();
            if !is_lost {
                let now = engine.clock.now();
                settle(
                    &engine.database.pool,
                    &[done.settlement],
                    &done.attempts,
                    now,
                    "unlucky",
                    FAULTS,
                )
                .await
                .unwrap();
            }
        }
        if is_lost {
            // As if its lease had run out.
            let over = format!(
                "update mandated.jobs set lease_until = '2000-01-01Z' where execution_id = {execution}"
            );
            execute(&engine.database.pool, &over).await;
        }
    }
}

async fn story(lost: Lost) -> String {
    let world = Scenario::flows(Flow::ALL)
        .provider(Call::Execute, [Then::Declines(Reason::LowBalance)])
        .open()
        .await;
    let mut unlucky = Unlucky {
        world: &world,
        lost,
        victims: BTreeSet::new(),
    };
    unlucky.live(after_payday()).await;
    let victims = unlucky.victims.len();
    let mut report = Vec::new();
    for payer in &world.payers {
        report.push(format!(
            "{:?}: {}",
            payer.flow,
            world.way(&payer.reference).await
        ));
        report.push(format!(
            "  {}",
            world.calls(&payer.reference).await.join(", ")
        ));
    }
    let report = report.join("\n");
    // A watched payment is not ours to begin.
    assert_eq!(victims, 15, "a debit and a retry of each flow\n{report}");
    assert_eq!(world.ledger().debits.len(), world.payers.len(), "{report}");
    world.agrees().await;
    report
}

#[tokio::test]
async fn before_the_call_it_is_made_once_more_when_it_is_proven_that_it_never_was() {
    insta::assert_snapshot!(Box::pin(story(Lost::BeforeTheCall)).await);
}

#[tokio::test]
async fn after_the_call_it_is_found_and_not_made_again() {
    insta::assert_snapshot!(Box::pin(story(Lost::AfterTheCall)).await);
}
