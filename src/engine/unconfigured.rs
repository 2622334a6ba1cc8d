//! Mandates of an account that no daemon has in its configuration: they are named, and their cycles expire in time.
//!
//! An account that was renamed or removed leaves its mandates behind. They are planned, and no lane claims their jobs. What moves no
//! money ends by the clock alone; what may be in flight waits until somebody can look it up.

use std::sync::Arc;

use tracing::warn;

use super::{Accounts, Database};
use crate::clock::Clock;
use crate::domain::{ExecutionId, State};
use crate::store::StoreError;
use crate::store::unconfigured::{self, EndedCycle, UnconfiguredAccount, unconfigured_accounts};

#[derive(Debug)]
pub struct Unconfigured {
    pub(super) worker_id: Arc<str>,
    pub(super) database: Database,
    pub(super) clock: Clock,
    pub(super) accounts: Accounts,
}

impl Unconfigured {
    /// The accounts that nobody has.
    pub async fn accounts(&self) -> Result<Vec<UnconfiguredAccount>, StoreError> {
        let names = self.accounts.iter().map(|account| account.name.clone());
        unconfigured_accounts(&self.database.pool, &names.collect::<Vec<_>>()).await
    }

    /// Names them, at the start and now and then.
    pub async fn warn(&self) -> Result<i64, StoreError> {
        let accounts = self.accounts().await?;
        for UnconfiguredAccount {
            name,
            mandates,
            jobs,
            ..
        } in &accounts
        {
            warn!(
                account = name,
                mandates,
                jobs,
                worker.id = &*self.worker_id,
                "mandates of an account that no daemon has in its configuration are neither notified nor debited, and their cycles \
                 expire: configure the account under its name again (`mandated mandates list --account NAME`)"
            );
        }
        Ok(accounts.iter().map(|account| account.mandates).sum())
    }

    /// One turn: ends the cycles that are over; says how many.
    pub async fn tick(&self) -> Result<usize, StoreError> {
        self.database.check(&self.clock).await?;
        let (pool, now) = (&self.database.pool, self.clock.now());
        let accounts = self.accounts().await?;
        if accounts.is_empty() {
            return Ok(0);
        }
        let ids: Vec<i16> = accounts.iter().map(|account| account.id).collect();
        let (mut last, mut count) = (ExecutionId(0), 0usize);
        loop {
            let over = unconfigured::over(pool, &ids, last, now).await?;
            let Some(end) = over.last() else {
                return Ok(count);
            };
            last = *end;
            for id in over {
                if let Some(ended) = unconfigured::end_cycle(pool, id, now).await? {
                    say(&self.worker_id, &ended);
                    count = count.saturating_add(1);
                }
            }
        }
    }
}

fn say(worker: &str, ended: &EndedCycle) {
    if ended.state == State::Expired {
        warn!(
            execution.id = ended.execution_id.0,
            mandate.r#ref = ended.mandate_ref,
            cycle = %ended.cycle_on,
            order.id = ended.order_id,
            from = ended.from.as_str(),
            state = ended.state.as_str(),
            decision = ended.reason,
            worker.id = worker,
            "the cycle closed first: no daemon has its account"
        );
    }
}
