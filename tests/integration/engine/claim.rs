//! Claim: each job once, and no intent where a debit would be unlawful.

use std::collections::BTreeSet;
use std::time::Duration;

use mandated::domain::{State, Step};
use mandated::store::claim::Claimed;
use mandated::store::pool::DatabasePool;
use tokio::task::JoinSet;

use crate::support::due::{claim, claim_for, column, due, execute, now, scalar};
use crate::support::row;

fn ids(claimed: &[Claimed]) -> Vec<i64> {
    claimed.iter().map(|job| job.execution.id.0).collect()
}

#[tokio::test]
async fn a_claim_leases_the_job_and_opens_its_intent_at_once() {
    let database = due(1).await;
    let pool = &database.pool;
    let claimed = claim(pool, 10, "worker-1").await;
    assert_eq!(claimed.len(), 1);
    let job = &claimed[0];
    assert!(job.opened);
    assert_eq!((job.step, job.run_at), (Step::Execute, now()));
    assert_eq!(job.execution.state, State::Executing);
    assert_eq!(
        job.execution.intent.map(|i| (i.is_retry, i.opened_at)),
        Some((false, now()))
    );
    // The database has all of it before the worker knows.
    let lease: String = scalar(
        pool,
        "select format('%s %s %s', worker_id, lease_token, round(extract(epoch from lease_until - now()) / 20)) from mandated.jobs",
    )
    .await;
    assert_eq!(lease, format!("worker-1 {} 3", job.token));
    let intent: String = scalar(
        pool,
        "select format('%s %s %s %s %s %s of %s, %s', kind, mandate_id, cycle_on, order_id, notice, amount_minor,
                       notified_amount_minor, opened_by) from mandated.intents",
    )
    .await;
    let opened = format!(
        "execute 1 2026-01-31 order-1 notified 49900 of 49900, {}",
        job.token
    );
    assert_eq!(intent, opened);
    let events: Vec<String> = column(
        pool,
        "select format('%s %s %s %s', kind, from_state, to_state, reason) from mandated.events",
    )
    .await;
    assert_eq!(
        events,
        ["execution.executing notified executing execute begins"]
    );
    assert!(
        claim(pool, 10, "worker-2").await.is_empty(),
        "a leased job was claimed again"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_claimers_never_get_the_same_job() {
    const JOBS: i32 = 240;
    let database = due(JOBS).await;
    let mut claimers = JoinSet::new();
    for worker in 0..8 {
        let pool = database.pool.clone();
        claimers.spawn(async move {
            let mut mine = Vec::new();
            let worker = format!("worker-{worker}");
            loop {
                let batch = claim(&pool, 7, &worker).await;
                if batch.is_empty() {
                    return mine;
                }
                mine.extend(batch);
            }
        });
    }
    let all = claimers.join_all().await.concat();
    assert!(all.iter().all(|job| job.opened));
    let mut claimed = ids(&all);
    claimed.sort_unstable();
    assert_eq!(claimed, (1..=i64::from(JOBS)).collect::<Vec<_>>());
    let tokens: BTreeSet<_> = all.iter().map(|job| job.token).collect();
    assert_eq!(tokens.len(), all.len(), "two leases with one token");
    let same: i64 = scalar(
        &database.pool,
        "select count(*) from mandated.jobs j join mandated.intents i using (execution_id) where i.opened_by = j.lease_token",
    )
    .await;
    assert_eq!(same, i64::from(JOBS));
}

/// Each spoils one execution, `{id}`. A worker still gets the job, so that the gate can say why not; but no intent.
const GUARDS: &[(&str, &str)] = &[
    ("the mandate is paused", "update mandated.mandates set status = 'paused' where id = {id}"),
    ("the mandate is revoked", "update mandated.mandates set status = 'revoked' where id = {id}"),
    (
        "delivered less than 25 hours ago",
        "update mandated.notifications set delivered_at = delivered_at + interval '1 second' where execution_id = {id}",
    ),
    (
        "not delivered",
        "update mandated.notifications set state = 'failed', delivered_at = null where execution_id = {id}",
    ),
    (
        "only an older notification was delivered",
        "update mandated.executions set notification_no = 2 where id = {id}",
    ),
    (
        "another amount was notified",
        "update mandated.notifications set amount_minor = 49901 where execution_id = {id}",
    ),
    (
        "the window is over",
        "update mandated.jobs set run_at = '2026-01-30T23:00Z', run_before = '2026-01-31T00:30Z' where execution_id = {id}",
    ),
    ("the attempts are spent", "update mandated.executions set debit_attempts = 4 where id = {id}"),
    (
        "the cycle is closed",
        "update mandated.executions set debit_at = '2026-01-30Z', closes_at = '2026-01-31T00:30Z' where id = {id}",
    ),
    (
        "the cycle has its debit",
        "insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, amount_minor, currency, proven_at)
         values ({id}, '2026-01-31', {id}, 'order-0', 49900, 'INR', '2026-01-31Z')",
    ),
    (
        "another intent of the mandate is open",
        "insert into mandated.intents (execution_id, mandate_id, cycle_on, kind, order_id, amount_minor, max_amount_minor,
           notice, debit_at, opened_at, opened_by)
         values (1000 + {id}, {id}, '2025-12-31', 'execute', 'order-0', 49900, 500000, 'exempt', '2026-01-30Z', '2026-01-30Z', 1)",
    ),
    (
        "the maximum was lowered since",
        "update mandated.mandates set amount_minor = null, frequency = 'aspresented', max_amount_minor = 49899 where id = {id}",
    ),
    (
        "it is pending",
        "update mandated.executions set state = 'pending' where id = {id}",
    ),
    (
        "it is unknown",
        "update mandated.executions set state = 'unknown' where id = {id}",
    ),
    (
        "the provider's execution date is less than 25 hours away",
        "with m as (update mandated.mandates set notify = 'provider' where id = {id})
         update mandated.executions set execute_at = '2026-02-01T01:29:59Z' where id = {id}",
    ),
    (
        "the provider has no execution date",
        "update mandated.mandates set notify = 'provider' where id = {id}",
    ),
];

/// None of these spoils anything: the same values, on the lawful side of the edge.
const LAWFUL: &[(&str, &str)] = &[
    ("as it is", "select 1"),
    (
        "one second of the window is left",
        "update mandated.jobs set run_at = '2026-01-30T23:00Z', run_before = '2026-01-31T00:30:01Z' where execution_id = {id}",
    ),
    ("one attempt is left", "update mandated.executions set debit_attempts = 3 where id = {id}"),
    (
        "one second of the cycle is left",
        "update mandated.executions set debit_at = '2026-01-30Z', closes_at = '2026-01-31T00:30:01Z' where id = {id}",
    ),
    (
        "the debit is another cycle's",
        "insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, amount_minor, currency, proven_at)
         values ({id}, '2025-12-31', 1000 + {id}, 'order-0', 49900, 'INR', '2026-01-01Z')",
    ),
    (
        "the maximum is just enough",
        "update mandated.mandates set max_amount_minor = 49900 where id = {id}",
    ),
    (
        "the provider's execution date is 25 hours away",
        "with m as (update mandated.mandates set notify = 'provider' where id = {id})
         update mandated.executions set execute_at = '2026-02-01T01:30Z' where id = {id}",
    ),
    (
        "a retry needs no new execution date",
        "with m as (update mandated.mandates set notify = 'provider' where id = {id}),
              j as (update mandated.jobs set step = 'retry' where execution_id = {id})
         update mandated.executions set execute_at = '2026-01-30Z', state = 'retrying' where id = {id}",
    ),
    (
        "eNACH needs no notification",
        "with m as (update mandated.mandates set rail = 'enach', notify = 'none' where id = {id})
         update mandated.executions set notification_no = 0, notification_ref = null, delivered_at = null where id = {id}",
    ),
];

#[tokio::test]
async fn no_intent_is_opened_for_an_unlawful_debit() {
    let cases: Vec<_> = GUARDS.iter().chain(LAWFUL).collect();
    let database = due(i32::try_from(cases.len()).unwrap()).await;
    for ((name, sql), id) in cases.iter().zip(1..) {
        let changed = execute(&database.pool, &sql.replace("{id}", &format!("{id}"))).await;
        assert_eq!(changed, 1, "{name}");
    }
    let claimed = claim(&database.pool, 100, "worker-1").await;
    assert_eq!(claimed.len(), cases.len(), "a job was not claimed");
    for job in claimed {
        let case = usize::try_from(job.execution.id.0).unwrap() - 1;
        let lawful = case >= GUARDS.len();
        assert_eq!(job.opened, lawful, "{}", cases[case].0);
        let intents: i64 = scalar(
            &database.pool,
            &format!(
                "select count(*) from mandated.intents where execution_id = {}",
                job.execution.id
            ),
        )
        .await;
        assert_eq!(intents == 1, lawful, "{}", cases[case].0);
    }
}

#[tokio::test]
async fn of_two_cycles_of_one_mandate_in_one_batch_one_is_opened() {
    let database = due(1).await;
    let pool = &database.pool;
    second_cycle(pool).await;
    let claimed = claim(pool, 10, "worker-1").await;
    assert_eq!(ids(&claimed), [1, 2]);
    let opened: Vec<_> = claimed.iter().filter(|job| job.opened).collect();
    assert_eq!(opened.len(), 1);
    let intents: Vec<i64> = column(pool, "select execution_id from mandated.intents").await;
    assert_eq!(intents, [opened[0].execution.id.0]);
}

/// Execution 2, of the same mandate as the first, just as due.
async fn second_cycle(pool: &DatabasePool) {
    execute(
        pool,
        "with copy as (
           insert into mandated.executions (id, mandate_id, account_id, policy_id, cycle_on, period, debit_at, closes_at, amount_minor,
             max_amount_minor, currency, state, reason, order_id, notification_no, notification_ref, delivered_at, max_attempts,
             planned_at, updated_at)
           select 2, mandate_id, account_id, policy_id, '2025-12-31', '2025-12', debit_at, closes_at, amount_minor,
             max_amount_minor, currency, state, reason, 'order-2', 1, 'reference-2', delivered_at, max_attempts,
             planned_at, updated_at from mandated.executions where id = 1),
         told as (
           insert into mandated.notifications (execution_id, notification_no, mandate_id, reference, state, amount_minor,
             requested_at, delivered_at)
           select 2, 1, mandate_id, 'reference-2', state, amount_minor, requested_at, delivered_at
             from mandated.notifications where execution_id = 1)
         insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at)
         select 2, account_id, mandate_id, step, run_at from mandated.jobs where execution_id = 1",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_cycles_of_one_mandate_in_two_workers_one_is_opened() {
    for _ in 0..5 {
        let database = due(1).await;
        second_cycle(&database.pool).await;
        let (first, second) = tokio::join!(
            claim(&database.pool, 1, "worker-1"),
            claim(&database.pool, 1, "worker-2")
        );
        let both = [first, second].concat();
        assert_eq!(both.iter().filter(|job| job.opened).count(), 1);
    }
}

#[tokio::test]
async fn nothing_of_a_paused_account_is_claimed_until_its_pause_ends() {
    let database = due(1).await;
    let pool = &database.pool;
    let pause = |until: &str| {
        format!("update mandated.accounts set paused_until = '{until}', pause_reason = 'refused'")
    };
    execute(pool, &pause("2026-01-31T00:30:01Z")).await;
    assert!(claim(pool, 10, "worker-1").await.is_empty());
    execute(pool, &pause("2026-01-31T00:30Z")).await;
    assert_eq!(claim(pool, 10, "worker-1").await.len(), 1);
}

#[tokio::test]
async fn another_accounts_jobs_are_left_alone() {
    let database = due(2).await;
    row::account()
        .with("name", "'other'")
        .insert(&database.pool)
        .await
        .unwrap();
    execute(
        &database.pool,
        "update mandated.jobs set account_id = 2 where execution_id = 1",
    )
    .await;
    assert_eq!(ids(&claim(&database.pool, 10, "worker-1").await), [2]);
}

#[tokio::test]
async fn the_longest_due_comes_first_and_the_limit_is_kept() {
    let database = due(6).await;
    let pool = &database.pool;
    for (id, run_at) in [
        (1, "2026-01-30T22:00Z"),
        (2, "2026-01-30T20:00Z"),
        (3, "2026-01-30T23:00Z"),
        (4, "2026-01-30T20:00Z"),
        (5, "2026-01-31T00:30Z"),
        (6, "2026-01-31T00:30:01Z"),
    ] {
        execute(
            pool,
            &format!("update mandated.jobs set run_at = '{run_at}' where execution_id = {id}"),
        )
        .await;
    }
    assert_eq!(ids(&claim(pool, 2, "worker-1").await), [2, 4]);
    assert_eq!(ids(&claim(pool, 2, "worker-1").await), [1, 3]);
    assert_eq!(ids(&claim(pool, 2, "worker-1").await), [5], "6 is not due");
    assert!(claim(pool, 0, "worker-1").await.is_empty());
}

#[tokio::test]
async fn steps_that_move_no_money_open_nothing() {
    let database = due(4).await;
    for (id, step) in [
        (1, "notify"),
        (2, "notify_status"),
        (3, "lookup"),
        (4, "recheck"),
    ] {
        execute(
            &database.pool,
            &format!("update mandated.jobs set step = '{step}' where execution_id = {id}"),
        )
        .await;
    }
    let claimed = claim_for(&database.pool, 10, "worker-1", Duration::from_secs(5)).await;
    assert_eq!(claimed.len(), 4);
    assert!(
        claimed
            .iter()
            .all(|job| !job.opened && job.execution.intent.is_none())
    );
    assert_eq!(
        scalar::<i64>(&database.pool, "select count(*) from mandated.events").await,
        0
    );
}

#[tokio::test]
async fn a_job_that_somebody_else_holds_holds_up_nobody() {
    let database = due(2).await;
    let mut other = database.pool.begin().await.unwrap();
    sqlx::query("select from mandated.jobs where execution_id = 1 for update")
        .execute(&mut *other)
        .await
        .unwrap();
    let claimed = tokio::time::timeout(
        Duration::from_secs(20),
        claim(&database.pool, 10, "worker-1"),
    )
    .await
    .expect("a claim that waits for nobody");
    assert_eq!(ids(&claimed), [2]);
    other.rollback().await.unwrap();
    assert_eq!(ids(&claim(&database.pool, 10, "worker-1").await), [1]);
}
