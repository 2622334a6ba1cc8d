//! The planner: makes the executions of cycles that come near. Safe in every daemon at once: each locks other mandates, and a cycle
//! has at most one execution whoever plans it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tracing::{debug, info};

use super::state_counters::StateCounters;
use super::{Accounts, Database, log};
use crate::clock::Clock;
use crate::domain::cycle::Cycle;
use crate::domain::plan;
use crate::domain::plan::execution::{NewExecution, NumberedPolicy, Payer, new_execution};
use crate::domain::policy::Policy;
use crate::domain::{ExecutionId, ProviderKind, Rail, State, Timestamp};
use crate::failpoint::around;
use crate::store::StoreError;
use crate::store::planning::{self, Cursor, DueMandate};
use crate::store::policies;

/// Of one mandate in one turn: after a long outage the rest comes in the next turns.
const MAX_CYCLES: usize = 64;

/// When, how far ahead and under which policies it plans.
#[derive(Debug, Clone)]
pub struct Settings {
    pub interval: Duration,
    pub horizon: Duration,
    pub batch: usize,
    /// For new executions.
    pub policies: BTreeMap<(ProviderKind, Rail), Policy>,
}

#[derive(Debug)]
pub struct Planner {
    pub(super) worker_id: Arc<str>,
    pub(super) database: Database,
    pub(super) clock: Clock,
    /// For their names in the log.
    pub(super) accounts: Accounts,
    pub(super) settings: Settings,
    pub(super) state_counters: Arc<StateCounters>,
}

impl Planner {
    /// One turn: plans up to a batch of mandates. Says how many were due; a full batch means that there may be more.
    pub async fn tick(&self) -> Result<usize, StoreError> {
        around("plan.clock", self.database.check(&self.clock)).await?;
        let now = self.clock.now();
        let mut transaction = around("plan.begin", planning::begin(&self.database.pool)).await?;
        let limit = i64::try_from(self.settings.batch).unwrap_or(i64::MAX);
        let due = around(
            "plan.lock",
            planning::lock_due(&mut transaction, now, limit),
        )
        .await?;
        if due.is_empty() {
            return Ok(0);
        }
        // In one order in every daemon: two that add the same policies wait for each other, and not both.
        let kinds: BTreeSet<_> = due.iter().map(|due| (due.provider, due.rail)).collect();
        let mut interned = HashMap::new();
        for kind in kinds {
            if let Some(policy) = self.settings.policies.get(&kind) {
                let id = around("plan.policy", policies::intern(&mut transaction, policy)).await?;
                interned.insert(kind, id);
            }
        }
        let mut cycles = Vec::new();
        let mut cursors = Vec::with_capacity(due.len());
        for mandate in &due {
            let key = (mandate.provider, mandate.rail);
            let Some(policy) = self.settings.policies.get(&key) else {
                continue;
            };
            let (planned, cursor) = self.plan_mandate(mandate, policy, now);
            cycles.extend(planned.into_iter().map(|cycle| (mandate, policy, cycle)));
            cursors.push(cursor);
        }
        let count = i64::try_from(cycles.len()).unwrap_or(i64::MAX);
        let ids = around("plan.ids", planning::reserve_ids(&mut transaction, count)).await?;
        let (rails, executions): (Vec<Rail>, Vec<NewExecution>) = cycles
            .into_iter()
            .zip(ids)
            .filter_map(|((mandate, policy, cycle), id)| {
                let rules = NumberedPolicy {
                    id: *interned.get(&(mandate.provider, mandate.rail))?,
                    policy,
                };
                let execution =
                    new_execution(&payer(mandate), &cycle, mandate.amount, rules, id, now);
                Some((mandate.rail, execution))
            })
            .unzip();
        let added = around(
            "plan.insert",
            planning::insert_executions(&mut transaction, &executions, now),
        )
        .await?;
        around(
            "plan.advance",
            planning::advance(&mut transaction, &cursors, now),
        )
        .await?;
        around("plan.commit", planning::commit(transaction)).await?;
        self.tell(due.len(), executions.iter().zip(rails), &added);
        Ok(due.len())
    }

    /// Says what one turn has planned.
    fn tell<'a>(
        &self,
        mandates: usize,
        executions: impl Iterator<Item = (&'a NewExecution, Rail)>,
        added: &HashSet<ExecutionId>,
    ) {
        let mut expired = 0usize;
        for (execution, rail) in executions {
            if added.contains(&execution.id) {
                let mut accounts = self.accounts.iter();
                let account = accounts.find(|account| account.id == execution.account_id);
                let name = account.map(|account| account.name.as_str());
                log::planned(&self.worker_id, name, execution, rail);
                self.state_counters.count(execution.state);
                expired = expired.saturating_add(usize::from(execution.state == State::Expired));
            }
        }
        if added.is_empty() {
            debug!(mandates, "planning goes on later");
        } else {
            info!(mandates, planned = added.len(), expired, "planned");
        }
    }

    /// The cycles of a mandate whose time to be planned has come, and where to go on.
    fn plan_mandate(
        &self,
        mandate: &DueMandate,
        policy: &Policy,
        now: Timestamp,
    ) -> (Vec<Cycle>, Cursor) {
        let mut planned = Vec::new();
        let closes = plan::cycle_closes(mandate.provider, mandate.notify, policy);
        let mut next = mandate.terms.cycle_from(mandate.next_cycle_on, closes);
        while let Some(cycle) = next {
            let plan_at = self.plan_at(mandate, policy, &cycle);
            if plan_at > now || planned.len() >= MAX_CYCLES {
                let cursor = Cursor {
                    mandate_id: mandate.id,
                    next_cycle_on: Some(cycle.on),
                    next_plan_at: Some(plan_at),
                };
                return (planned, cursor);
            }
            planned.push(cycle);
            next = mandate.terms.cycle_after(cycle.on, closes);
        }
        (
            planned,
            Cursor {
                mandate_id: mandate.id,
                next_cycle_on: None,
                next_plan_at: None,
            },
        )
    }

    /// A little before its first step. A cycle that has no lawful time is planned when it begins, and expires with the reason.
    fn plan_at(&self, mandate: &DueMandate, policy: &Policy, cycle: &Cycle) -> Timestamp {
        let horizon = TimeDelta::from_std(self.settings.horizon).unwrap_or_default();
        let start = plan::timetable(
            cycle,
            mandate.provider,
            mandate.notify,
            policy,
            mandate.id.0,
        )
        .map_or(cycle.debit_at, |timetable| timetable.start_at);
        start.checked_sub_signed(horizon).unwrap_or(start)
    }
}

fn payer(mandate: &DueMandate) -> Payer<'_> {
    Payer {
        id: mandate.id,
        reference: &mandate.reference,
        account: mandate.account,
        provider: mandate.provider,
        provider_mandate_id: &mandate.provider_mandate_id,
        notify: mandate.notify,
        max_amount: mandate.max_amount,
    }
}
