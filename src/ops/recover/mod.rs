//! `recover`: a database that has forgotten asks its providers for what it cannot remember, account by account.
//!
//! An account is bound to this database and recovering at one instant, and moves money again when its own recovery is over. What has come
//! of an execution is written with what follows from it, so that a recovery which was stopped goes on with the others. One that the
//! provider did not answer is asked about again by the next call.

mod ask;
mod report;
mod unowned;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use sqlx::{Postgres, Transaction};

use super::accounts::Attribution;
use super::justification::checked;
use super::{OpsError, Progress};
use crate::clock::Clock;
use crate::compose;
use crate::config::{Account, Config};
use crate::domain::machine::rescue::PROCESSED;
use crate::domain::{ExecutionId, Timestamp};
use crate::provider::Client;
use crate::store;
use crate::store::pool::DatabasePool;
use crate::store::recovery::{self, Counted, OpenRecovery, ToAsk};

pub use crate::store::recovery::UnownedPayments;
use ask::{Asked, Asker, GIVE_UP_AFTER, processed_at};
pub use report::{AccountReport, NotListed, RecoveryReport};
use unowned::Comparer;

/// Mandates that are asked about before the hold on the account is looked at again.
const PART: usize = 200;
/// Questions under way at once, if the account allows as many; its calls a second hold besides.
const AT_ONCE: usize = 8;

/// Whose memory is to be recovered, and how far back.
#[derive(Debug, Clone, Copy)]
pub struct RecoveryRequest<'a> {
    /// Names of the configuration; all of them if there is none.
    pub accounts: &'a [String],
    /// What was sent from then on may be forgotten.
    pub since: Timestamp,
    pub attribution: Attribution<'a>,
}

/// How far a recovery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryProgress {
    /// Nothing is asked before this instant: the provider may not have processed what was sent before the recovery began.
    Waiting(Timestamp),
    /// Executions of an account that were asked about.
    Asked(Progress),
    /// Mandates of an account whose payments were compared.
    Compared(Progress),
}

/// A recovery calls it with every step.
pub type OnRecovery<'a> = &'a (dyn Fn(RecoveryProgress) + Sync);

/// An account whose recovery is ours alone.
struct Held<'a> {
    name: &'a str,
    account: &'a Account,
    client: Arc<Client>,
    open: OpenRecovery,
    hold: Transaction<'static, Postgres>,
    /// The recoveries of this call, its own among them.
    all: Arc<[i64]>,
}

impl Held<'_> {
    /// Questions under way at once.
    fn at_once(&self) -> usize {
        usize::try_from(self.account.max_in_flight)
            .unwrap_or(AT_ONCE)
            .clamp(1, AT_ONCE)
    }
}

/// Recovers accounts, one after the other. All of them are bound and recovering before the first one is asked about.
pub async fn recover(
    config: &Config,
    pool: &DatabasePool,
    clock: &Clock,
    request: RecoveryRequest<'_>,
    progress: OnRecovery<'_>,
) -> Result<RecoveryReport, OpsError> {
    let attribution = checked(request.attribution)?;
    if request.since > clock.now() {
        return Err(OpsError::SinceLater(request.since));
    }
    let mut all = Vec::new();
    for (name, account) in chosen(config, request.accounts)? {
        let Some(hold) = recovery::hold(pool, name).await? else {
            return Err(OpsError::Recovering(name.to_owned()));
        };
        let classifier = compose::classifier(config)?;
        let client = compose::client(name, account, &classifier, clock)?;
        let mut conn = compose::connection(pool).await?;
        let bound = compose::configured(config, name, account);
        let (since, now) = (request.since, clock.now());
        all.push(Held {
            open: recovery::begin(&mut conn, &bound, since, attribution, now).await?,
            client: Arc::new(client),
            name,
            account,
            hold,
            all: Arc::default(),
        });
    }
    let recoveries: Arc<[i64]> = all.iter().map(|held| held.open.id).collect();
    for held in &mut all {
        held.all = Arc::clone(&recoveries);
    }
    let worker = format!("recover-{}", compose::worker_id(config));
    // Leases that the dump has in it: nobody works under them any more.
    while !store::rescue::rescue_expired(pool, clock.now(), PROCESSED, &worker)
        .await?
        .is_empty()
    {}
    compose::engine::plan_all(config, pool, clock).await?;
    let mut report = RecoveryReport::default();
    for account in &mut all {
        let client = Arc::clone(&account.client);
        let asker = Asker::new(pool, clock, &client, account.open, &worker);
        let comparer = Comparer {
            pool,
            clock,
            client: &client,
            recovery: account.open,
            config,
            by: attribution.who,
        };
        let recovered = one(pool, account, &asker, &comparer, progress).await?;
        report.accounts.push(recovered);
    }
    for account in all {
        account
            .hold
            .rollback()
            .await
            .map_err(super::error::step("let go of the recovery"))?;
    }
    Ok(report)
}

fn chosen<'a>(
    config: &'a Config,
    names: &[String],
) -> Result<Vec<(&'a str, &'a Account)>, OpsError> {
    if let Some(unknown) = names
        .iter()
        .find(|name| !config.accounts.contains_key(*name))
    {
        return Err(OpsError::NoAccount(unknown.clone()));
    }
    let all = config.accounts.iter();
    Ok(all
        .filter(|(name, _)| names.is_empty() || names.contains(name))
        .map(|(name, account)| (name.as_str(), account))
        .collect())
}

/// Asks about every execution of an account that is not done, compares the payments of its mandates, and frees the account if all was
/// answered.
async fn one(
    pool: &DatabasePool,
    held: &mut Held<'_>,
    asker: &Asker<'_>,
    comparer: &Comparer<'_>,
    progress: OnRecovery<'_>,
) -> Result<AccountReport, OpsError> {
    let open = held.open;
    wait_until_processed(comparer.clock, open, progress).await;
    let counted = recovery::count(pool, open).await?;
    let mut report = AccountReport::new(held.name, open.since);
    ask_all(
        pool,
        held,
        (asker, comparer.clock),
        (counted, &mut report),
        progress,
    )
    .await?;
    if report.without_answer.is_empty() {
        // What was found is an execution's by now.
        compare_all(pool, held, comparer, &mut report, progress).await?;
    }
    report.counts = Some(recovery::counts(pool, open).await?);
    report.presented = Some(recovery::presented(pool, open).await?);
    report.unowned = recovery::unowned(pool, open).await?;
    if report.without_answer.is_empty() {
        let mut conn = compose::connection(pool).await?;
        report.is_over = recovery::finish(&mut conn, open, counted, comparer.clock.now()).await?;
        if !report.is_over {
            report.not_done(
                "it was planned or imported while the others were asked about",
                None,
            );
        }
    }
    Ok(report)
}

async fn ask_all(
    pool: &DatabasePool,
    held: &mut Held<'_>,
    (asker, clock): (&Asker<'_>, &Clock),
    (counted, report): (Counted, &mut AccountReport),
    progress: OnRecovery<'_>,
) -> Result<(), OpsError> {
    let at_once = held.at_once();
    let all = Some(counted.executions);
    let (mut after, mut done) = (0, 0u64);
    loop {
        let page = recovery::page(pool, held.open, after, recovery::ROWS).await?;
        let Some(last) = page.last else { break };
        after = last;
        for part in by_mandate(&page.executions).chunks(PART) {
            recovery::go_on(pool, &mut held.hold, &held.all, clock.now()).await?;
            let mut results = futures::stream::iter(part)
                .map(|ids| in_turn(asker, ids))
                .buffer_unordered(at_once);
            while let Some(asked) = results.next().await {
                for asked in asked? {
                    if let Asked::NotDone { why, again_at } = asked {
                        report.not_done(why, again_at);
                    }
                    done = done.saturating_add(1);
                    progress(RecoveryProgress::Asked(Progress { done, of: all }));
                }
            }
        }
    }
    Ok(())
}

async fn compare_all(
    pool: &DatabasePool,
    held: &mut Held<'_>,
    comparer: &Comparer<'_>,
    report: &mut AccountReport,
    progress: OnRecovery<'_>,
) -> Result<(), OpsError> {
    let at_once = held.at_once();
    let (mut after, mut done, mut silent) = (0, 0u64, 0u16);
    loop {
        let mandates = recovery::mandates(pool, held.open, after).await?;
        let Some(last) = mandates.last() else { break };
        after = last.id;
        recovery::go_on(pool, &mut held.hold, &held.all, comparer.clock.now()).await?;
        let mut results = futures::stream::iter(&mandates)
            .map(|mandate| comparer.compare(mandate))
            .buffer_unordered(at_once);
        while let Some(not_listed) = results.next().await {
            silent = match not_listed? {
                None => 0,
                Some(not_listed) => {
                    report.not_listed(not_listed);
                    silent.saturating_add(1)
                }
            };
            done = done.saturating_add(1);
            progress(RecoveryProgress::Compared(Progress { done, of: None }));
            if silent >= GIVE_UP_AFTER {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// A simulated clock goes on at once.
async fn wait_until_processed(clock: &Clock, open: OpenRecovery, progress: OnRecovery<'_>) {
    let until = processed_at(open);
    if clock.now() < until {
        progress(RecoveryProgress::Waiting(until));
        clock.advance_to(until);
    }
    while clock.now() < until {
        let left = until.signed_duration_since(clock.now());
        let left = left.to_std().unwrap_or_default();
        // Not all of it at once: the machine's clock may be put right meanwhile.
        tokio::time::sleep(left.min(Duration::from_secs(1))).await;
    }
}

/// Executions of one mandate belong together: what was found for one is not the other's.
fn by_mandate(executions: &[ToAsk]) -> Vec<Vec<ExecutionId>> {
    let mut mandates: BTreeMap<i64, Vec<ExecutionId>> = BTreeMap::new();
    for execution in executions {
        let ids = mandates.entry(execution.mandate).or_default();
        ids.push(ExecutionId(execution.id));
    }
    mandates.into_values().collect()
}

/// Asks about the executions of a mandate one after the other, so that each look-up knows the payments that were found before it.
async fn in_turn(asker: &Asker<'_>, ids: &[ExecutionId]) -> Result<Vec<Asked>, OpsError> {
    let mut all = Vec::with_capacity(ids.len());
    for id in ids {
        all.push(asker.ask(*id).await?);
    }
    Ok(all)
}
