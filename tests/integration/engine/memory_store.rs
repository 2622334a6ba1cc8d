//! The rows in memory that the property tests live on do what the SQL does: for a table of rows claim, counter, settlement and rescue
//! go through both, and what they leave is compared.

mod conclusions;
mod read;
mod table;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use mandated::config::Config;
use mandated::domain::machine::Job;
use mandated::domain::machine::rescue::PROCESSED;
use mandated::domain::policy::Policy;
use mandated::domain::{ProviderKind, Rail, Step};
use mandated::store::claim::Claimed;
use mandated::store::pool::DatabasePool;
use mandated::store::rescue::rescue_expired;
use mandated::store::settle::{CallBefore, record_counter, settle};

use crate::support::due::{FAULTS, claim, execute, now};
use conclusions::{columns, conclude};
use lab::memory_store::MemoryStore;
use read::read;
use table::table;

/// The job as the engine hands it to the machine.
fn job(claimed: &Claimed) -> Job {
    Job {
        step: claimed.step,
        execution: claimed.execution.clone(),
        opened: claimed.opened,
        run_before: claimed.run_before,
        provider_ref: claimed.provider_ref.clone(),
        next_scheduled_on: None,
        execute_needs_counter: claimed.execution.provider == ProviderKind::Signzy,
    }
}

fn policy() -> Policy {
    let variables = [("MANDATED__DATABASE__URL", "postgres://localhost/none")];
    let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let config = Config::load_with(None, variables).unwrap();
    config.policy(ProviderKind::Juspay, Rail::Upi)
}

fn compare(
    what: &str,
    cases: &[String],
    postgres: &BTreeMap<i64, MemoryStore>,
    memory: &BTreeMap<i64, MemoryStore>,
) {
    for ((id, ours), name) in memory.iter().zip(cases) {
        assert_eq!(ours, &postgres[id], "{what}: {id}, {name}");
    }
}

#[tokio::test]
async fn rows_in_memory_are_claimed_settled_and_rescued_as_in_postgres() {
    let (database, cases) = table().await;
    let pool = &database.pool;
    // The rows in memory are of an account whose calls the provider takes.
    sqlx::query("update mandated.accounts set worked_at = now()")
        .execute(pool)
        .await
        .unwrap();
    let policy = policy();
    let mut memory = read(pool).await;

    let claimed = claim(pool, 10_000, "worker-1").await;
    let mut jobs: BTreeMap<i64, Job> = memory
        .iter_mut()
        .filter_map(|(id, store)| Some((*id, store.claim(now())?)))
        .collect();
    let opened = jobs.values().filter(|job| job.opened).count();
    assert!(
        opened > 20 && opened < jobs.len() / 2,
        "{opened} of {}",
        jobs.len()
    );
    for claimed in &claimed {
        let id = claimed.execution.id.0;
        let name = &cases[usize::try_from(id).unwrap() - 1];
        assert_eq!(jobs.remove(&id), Some(job(claimed)), "claim: {id}, {name}");
    }
    assert!(jobs.is_empty(), "not claimed in Postgres: {jobs:?}");
    compare("claim", &cases, &read(pool).await, &memory);

    for claimed in claimed.iter().filter(|one| one.execution.id.0 % 5 == 0) {
        let id = claimed.execution.id;
        let before = CallBefore {
            counter: 3,
            payments: None,
        };
        let theirs = record_counter(pool, id, claimed.token, before)
            .await
            .unwrap();
        let ours = memory.get_mut(&id.0).unwrap().record_counter(3);
        assert_eq!(ours, theirs, "counter: {id}");
    }
    compare("counter", &cases, &read(pool).await, &memory);

    settles(pool, &claimed, &policy, &mut memory).await;
    compare("settle", &cases, &read(pool).await, &memory);

    execute(
        pool,
        "update mandated.jobs set lease_until = now() - interval '1 second' where lease_token is not null",
    )
    .await;
    let late = now() + TimeDelta::minutes(3);
    let mut rescued = 0;
    loop {
        let taken = rescue_expired(pool, late, PROCESSED, "rescuer")
            .await
            .unwrap();
        if taken.is_empty() {
            break;
        }
        rescued += taken.len();
    }
    assert!(rescued > 100, "{rescued}");
    for store in memory.values_mut() {
        store.expire(late, PROCESSED);
    }
    compare("rescue", &cases, &read(pool).await, &memory);
}

/// Settles two thirds of what was claimed, in both.
async fn settles(
    pool: &DatabasePool,
    claimed: &[Claimed],
    policy: &Policy,
    memory: &mut BTreeMap<i64, MemoryStore>,
) {
    let at = now() + TimeDelta::seconds(20);
    let mut batch = Vec::new();
    let mut states = BTreeMap::new();
    for (nth, claimed) in claimed
        .iter()
        .enumerate()
        .filter(|(nth, _)| nth % 3 > 0 || nth % 2 > 0)
    {
        let no_notification = claimed.execution.progress.notification_no == 0;
        if no_notification && matches!(claimed.step, Step::Notify | Step::NotifyStatus) {
            continue;
        }
        let Some(conclusion) = conclude(&job(claimed), policy, nth) else {
            continue;
        };
        let store = memory.get_mut(&claimed.execution.id.0).unwrap();
        batch.push(columns(claimed, &conclusion, &store.limits));
        states.insert(claimed.execution.id, store.settle(&conclusion, at).unwrap());
    }
    let written = settle(pool, &batch, &[], at, "worker-1", FAULTS)
        .await
        .unwrap();
    assert_eq!(written.executions.len(), batch.len());
    for (id, settled) in written.executions {
        assert_eq!(states[&id], settled.state, "settle: {id}");
    }
}
