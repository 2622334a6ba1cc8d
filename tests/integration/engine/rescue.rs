//! Rescue: a lost worker's call is never made again before the provider was asked.

use std::time::Duration;

use chrono::TimeDelta;
use mandated::domain::{State, Step};
use mandated::store::pool::DatabasePool;
use mandated::store::rescue::rescue_expired;
use tokio::task::JoinSet;

use crate::support::due::{claim, claim_for, column, due, execute, now, scalar};

const WAIT: Duration = Duration::from_secs(90);

/// All jobs, as they wait.
async fn jobs(pool: &DatabasePool) -> Vec<String> {
    column(
        pool,
        "select format('%s %s in %s before %s, leased %s', execution_id, step, run_at - '2026-01-31T00:30Z', run_before,
                       coalesce(worker_id, 'no'))
           from mandated.jobs order by execution_id",
    )
    .await
}

#[tokio::test]
async fn a_lost_debit_becomes_a_look_up_once_the_provider_must_have_processed_it() {
    let database = due(2).await;
    let pool = &database.pool;
    execute(
        pool,
        "update mandated.jobs set run_before = '2026-01-31T04:29Z'",
    )
    .await;
    execute(
        pool,
        "with j as (update mandated.jobs set step = 'retry' where execution_id = 2)
         update mandated.executions set state = 'retrying' where id = 2",
    )
    .await;
    let lost = claim_for(pool, 10, "lost", Duration::ZERO).await;
    assert!(lost.iter().all(|job| job.opened));
    let mut rescued = rescue_expired(pool, now(), WAIT, "rescuer").await.unwrap();
    rescued.sort_by_key(|job| job.execution_id);
    let seen: Vec<_> = rescued
        .iter()
        .map(|job| (job.execution_id.0, job.step, job.has_intent))
        .collect();
    assert_eq!(seen, [(1, Step::Lookup, true), (2, Step::Lookup, true)]);
    assert_eq!(
        jobs(pool).await,
        [
            "1 lookup in 00:01:30 before , leased no",
            "2 lookup in 00:01:30 before , leased no"
        ]
    );
    let attempts: Vec<String> = column(
        pool,
        "select format('%s %s %s %s by %s under %s, then %s in %s: %s', execution_id, call, reference, outcome, worker_id,
                       lease_token, next_step,
                       next_at - '2026-01-31T00:30Z', decision)
           from mandated.attempts order by execution_id",
    )
    .await;
    let [first, second] = [&lost[0], &lost[1]].map(|job| job.token.0);
    assert_eq!(
        attempts,
        [
            format!(
                "1 execute order-1 lost by rescuer under {first}, then lookup in 00:01:30: the worker was lost: reconcile"
            ),
            format!(
                "2 retry order-2 lost by rescuer under {second}, then lookup in 00:01:30: the worker was lost: reconcile"
            ),
        ]
    );
    // The intents stay, and whoever looks finds them open.
    assert!(
        claim(pool, 10, "early").await.is_empty(),
        "too early to look"
    );
    execute(
        pool,
        "update mandated.jobs set run_at = '2026-01-31T00:30Z'",
    )
    .await;
    let again = claim(pool, 10, "second").await;
    assert!(
        again
            .iter()
            .all(|job| job.step == Step::Lookup && !job.opened)
    );
    assert!(
        again
            .iter()
            .all(|job| job.execution.state == State::Executing && job.execution.intent.is_some())
    );
    assert_eq!(
        again[1].execution.intent.map(|intent| intent.is_retry),
        Some(true)
    );
}

#[tokio::test]
async fn a_rescuer_whose_clock_is_behind_counts_from_the_lost_workers() {
    let database = due(2).await;
    let pool = &database.pool;
    execute(
        pool,
        "update mandated.jobs set step = 'lookup' where execution_id = 2",
    )
    .await;
    claim_for(pool, 10, "lost", Duration::ZERO).await;
    let behind = now() - TimeDelta::minutes(4);
    rescue_expired(pool, behind, WAIT, "rescuer").await.unwrap();
    assert_eq!(
        jobs(pool).await,
        [
            "1 lookup in 00:01:30 before , leased no",
            "2 lookup in 00:00:00 before , leased no"
        ]
    );
    let lookup_times: Vec<String> = column(
        pool,
        "select (lookup_times[1] - '2026-01-31T00:30Z')::text from mandated.executions where id = 2",
    )
    .await;
    assert_eq!(lookup_times, ["00:01:30"]);
}

#[tokio::test]
async fn a_lost_look_up_of_an_open_debit_is_looked_up_again() {
    let database = due(1).await;
    let pool = &database.pool;
    claim_for(pool, 10, "lost", Duration::ZERO).await;
    rescue_expired(pool, now(), Duration::ZERO, "rescuer")
        .await
        .unwrap();
    claim_for(pool, 10, "lost too", Duration::ZERO).await;
    let rescued = rescue_expired(pool, now(), WAIT, "rescuer").await.unwrap();
    assert_eq!(
        (rescued[0].step, rescued[0].has_intent),
        (Step::Lookup, true)
    );
    assert_eq!(
        jobs(pool).await,
        ["1 lookup in 00:01:30 before , leased no"]
    );
    let attempts: Vec<String> =
        column(pool, "select call || ' ' || outcome from mandated.attempts").await;
    assert_eq!(
        attempts,
        ["execute lost"],
        "a look-up moves no money: it is not on record as lost"
    );
}

#[tokio::test]
async fn without_an_intent_the_same_step_waits_again() {
    let database = due(5).await;
    let pool = &database.pool;
    for (id, step) in [
        (1, "notify"),
        (2, "notify_status"),
        (3, "lookup"),
        (4, "recheck"),
    ] {
        execute(
            pool,
            &format!("update mandated.jobs set step = '{step}' where execution_id = {id}"),
        )
        .await;
    }
    execute(
        pool,
        "update mandated.jobs set run_before = '2026-01-31T04:29Z' where execution_id = 1",
    )
    .await;
    // Nobody opened an intent for this one: its mandate is paused.
    execute(
        pool,
        "update mandated.mandates set status = 'paused' where id = 5",
    )
    .await;
    let before = jobs(pool).await;
    let lost = claim_for(pool, 10, "lost", Duration::ZERO).await;
    assert_eq!(lost.len(), 5);
    let rescued = rescue_expired(pool, now() + TimeDelta::hours(1), WAIT, "rescuer")
        .await
        .unwrap();
    assert_eq!(rescued.len(), 5);
    assert!(rescued.iter().all(|job| !job.has_intent));
    assert_eq!(jobs(pool).await, before);
    assert_eq!(
        scalar::<i64>(pool, "select count(*) from mandated.attempts").await,
        0
    );
}

#[tokio::test]
async fn a_lease_that_still_runs_is_left_alone() {
    let database = due(2).await;
    let pool = &database.pool;
    claim_for(pool, 1, "lost", Duration::ZERO).await;
    claim(pool, 1, "busy").await;
    let rescued = rescue_expired(pool, now(), WAIT, "rescuer").await.unwrap();
    assert_eq!(rescued.len(), 1);
    assert_eq!(rescued[0].execution_id.0, 1);
    assert!(jobs(pool).await[1].ends_with("leased busy"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rescuers_at_the_same_time_rescue_each_job_once() {
    const JOBS: i32 = 120;
    let database = due(JOBS).await;
    claim_for(&database.pool, 1_000, "lost", Duration::ZERO).await;
    let mut rescuers = JoinSet::new();
    for rescuer in 0..5 {
        let pool = database.pool.clone();
        rescuers.spawn(async move {
            rescue_expired(&pool, now(), WAIT, &format!("rescuer-{rescuer}"))
                .await
                .unwrap()
        });
    }
    let rescued = rescuers.join_all().await.into_iter().flatten();
    let mut rescued: Vec<_> = rescued.map(|job| job.execution_id.0).collect();
    rescued.sort_unstable();
    assert_eq!(rescued, (1..=i64::from(JOBS)).collect::<Vec<_>>());
    let lost: i64 = scalar(
        &database.pool,
        "select count(*) from mandated.attempts where outcome = 'lost'",
    )
    .await;
    assert_eq!(lost, i64::from(JOBS));
}

#[tokio::test]
async fn what_may_have_been_done_counts_as_done() {
    for (step, state, looks, told) in [
        ("execute", "notified", 0, false),
        ("execute", "notified, a second order", 1, false),
        ("notify", "planned", 0, true),
        ("notify_status", "notifying", 0, false),
        ("lookup", "retrying", 1, false),
        ("retry", "retrying", 1, false),
        ("recheck", "failed", 1, false),
    ] {
        let database = due(1).await;
        let pool = &database.pool;
        let (state, order_no) = match state.split_once(',') {
            Some((state, _)) => (state, 2),
            None => (state, 1),
        };
        let finished = if state == "failed" {
            "updated_at"
        } else {
            "null"
        };
        execute(
            pool,
            &format!("update mandated.executions set state = '{state}', finished_at = {finished}, order_no = {order_no}"),
        )
        .await;
        execute(
            pool,
            &format!("update mandated.jobs set step = '{step}', run_at = '2026-01-30T23:00Z'"),
        )
        .await;
        claim_for(pool, 1, "lost", Duration::ZERO).await;
        rescue_expired(pool, now(), WAIT, "rescuer").await.unwrap();
        let counted: Vec<String> = column(
            pool,
            "select format('%s %s', lookup_times, coalesce(undelivered_at = '2026-01-30T23:00Z', false)) from mandated.executions",
        )
        .await;
        let lookup_times: Vec<i32> = column(
            pool,
            "select cardinality(lookup_times) from mandated.executions",
        )
        .await;
        assert_eq!(lookup_times, [looks], "{step}: {counted:?}");
        // A notification can be as old as the job that sent it.
        assert_eq!(counted[0].ends_with(" t"), told, "{step}: {counted:?}");
    }
    // Never more than the last three.
    let database = due(1).await;
    let pool = &database.pool;
    execute(
        pool,
        "update mandated.executions set lookup_times = '{2026-01-30T20:00Z,2026-01-30T19:00Z,2026-01-30T18:00Z}', state = 'retrying'",
    )
    .await;
    execute(pool, "update mandated.jobs set step = 'lookup'").await;
    claim_for(pool, 1, "lost", Duration::ZERO).await;
    rescue_expired(pool, now(), WAIT, "rescuer").await.unwrap();
    let lookup_times: Vec<bool> = column(
        pool,
        "select lookup_times = '{2026-01-31T00:31:30Z,2026-01-30T20:00Z,2026-01-30T19:00Z}' from mandated.executions",
    )
    .await;
    assert_eq!(lookup_times, [true]);
}
