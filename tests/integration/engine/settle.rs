//! Settle: all that a job came to, once, and nothing at all from a worker that lost its lease.

use std::time::Duration;

use chrono::TimeDelta;
use mandated::domain::execution::Progress;
use mandated::domain::{
    AttemptOutcome, Class, LeaseToken, MandateStatus, NotificationState, State, Step,
};
use mandated::store::claim::Claimed;
use mandated::store::rescue::rescue_expired;
use mandated::store::settle::{
    Attempt, NextJob, NotificationResult, Settlement, arguments, record_counter, settle, statement,
};
use regex::Regex;
use sqlx::{Arguments, Either, Executor, PgPool, SqlSafeStr, Statement, TypeInfo};

use crate::support::due::{
    FAULTS, attempt, charged, claim, claim_for, column, due, everything, execute, news, next, now,
    scalar, settle_all, settlement,
};

/// A settlement that would change every table, if it were let.
fn thorough(claimed: &Claimed) -> Settlement {
    Settlement {
        mandate: news(MandateStatus::Revoked),
        notification: Some(NotificationResult {
            no: 1,
            reference: claimed.notification_ref.clone().unwrap(),
            state: NotificationState::Failed,
            message: None,
        }),
        ..charged(claimed)
    }
}

/// Asserts that a settlement with an attempt writes nothing.
async fn writes_nothing(pool: &PgPool, late: Settlement, claimed: &Claimed) {
    let before = everything(pool).await;
    for next in [None, next(Step::Lookup, now())] {
        let late = Settlement {
            next,
            ..late.clone()
        };
        let settled = settle_all(pool, &[(late, attempt(claimed, AttemptOutcome::Charged))]).await;
        assert_eq!(settled, [], "a lost lease was settled");
        assert_eq!(everything(pool).await, before);
    }
}

async fn states(pool: &PgPool) -> Vec<String> {
    column(
        pool,
        "select format('%s %s: %s', id, state, reason) from mandated.executions order by id",
    )
    .await
}

#[tokio::test]
async fn a_token_that_nobody_gave_writes_nothing() {
    let database = due(1).await;
    let claimed = claim(&database.pool, 1, "worker-1").await;
    for token in [0, claimed[0].token.0 + 1, claimed[0].token.0 - 1] {
        let late = Settlement {
            lease_token: LeaseToken(token),
            ..thorough(&claimed[0])
        };
        writes_nothing(&database.pool, late, &claimed[0]).await;
    }
}

#[tokio::test]
async fn a_worker_that_wakes_up_after_its_lease_writes_nothing() {
    let database = due(1).await;
    let pool = &database.pool;
    let slow = claim_for(pool, 1, "slow", Duration::ZERO).await;
    let rescued = rescue_expired(pool, now(), Duration::ZERO, "rescuer")
        .await
        .unwrap();
    assert_eq!(rescued.len(), 1);
    writes_nothing(pool, thorough(&slow[0]), &slow[0]).await;
    // Nor while somebody else has the job, who can still settle it.
    let second = claim(pool, 1, "second").await;
    assert_ne!(second[0].token, slow[0].token);
    writes_nothing(pool, thorough(&slow[0]), &slow[0]).await;
    let settled = settle_all(
        pool,
        &[(
            charged(&second[0]),
            attempt(&second[0], AttemptOutcome::Charged),
        )],
    )
    .await;
    assert_eq!(settled.len(), 1);
    // Nor when it is all over.
    writes_nothing(pool, thorough(&slow[0]), &slow[0]).await;
}

#[tokio::test]
async fn a_late_worker_that_still_holds_its_lease_is_heard() {
    let database = due(1).await;
    let late = claim_for(&database.pool, 1, "late", Duration::ZERO).await;
    let settled = settle_all(
        &database.pool,
        &[(
            charged(&late[0]),
            attempt(&late[0], AttemptOutcome::Charged),
        )],
    )
    .await;
    assert_eq!(settled[0].1.state, State::Charged);
}

#[tokio::test]
async fn the_same_settlement_twice_is_one() {
    let database = due(1).await;
    let claimed = claim(&database.pool, 1, "worker-1").await;
    let done = (
        charged(&claimed[0]),
        attempt(&claimed[0], AttemptOutcome::Charged),
    );
    assert_eq!(
        settle_all(&database.pool, std::slice::from_ref(&done))
            .await
            .len(),
        1
    );
    let before = everything(&database.pool).await;
    assert_eq!(settle_all(&database.pool, &[done]).await, []);
    assert_eq!(everything(&database.pool).await, before);
}

#[tokio::test]
async fn every_outcome_of_a_batch_is_written() {
    let database = due(6).await;
    let pool = &database.pool;
    let jobs = claim(pool, 10, "worker-1").await;
    let pending = Settlement {
        closes_intent: false,
        next: next(Step::Lookup, now() + TimeDelta::seconds(90)),
        progress: Progress {
            lookup_times: [Some(now()), None, None],
            lookups: 1,
            ..settlement(&jobs[1], State::Pending).progress
        },
        ..settlement(&jobs[1], State::Pending)
    };
    let declined = Settlement {
        class: Some(Class::Funds),
        next: Some(NextJob {
            step: Step::Retry,
            run_at: now() + TimeDelta::hours(10),
            run_before: Some(now() + TimeDelta::hours(11)),
            parked: false,
        }),
        progress: Progress {
            debit_attempts: 1,
            failed_at: Some(now()),
            ..settlement(&jobs[2], State::Retrying).progress
        },
        ..settlement(&jobs[2], State::Retrying)
    };
    let dead = Settlement {
        class: Some(Class::MandateDead),
        mandate: news(MandateStatus::Revoked),
        ..settlement(&jobs[3], State::Failed)
    };
    let unknown = Settlement {
        closes_intent: false,
        next: next(Step::Lookup, now() + TimeDelta::seconds(90)),
        ..settlement(&jobs[4], State::Unknown)
    };
    let stale = Settlement {
        lease_token: LeaseToken(jobs[5].token.0 + 1),
        ..charged(&jobs[5])
    };
    let batch = [charged(&jobs[0]), pending, declined, dead, unknown, stale];
    let batch: Vec<_> = batch
        .into_iter()
        .zip(&jobs)
        .map(|(settlement, job)| (settlement, attempt(job, AttemptOutcome::Unknown)))
        .collect();
    let settled = settle_all(pool, &batch).await;
    assert_eq!(
        settled.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );

    insta::assert_snapshot!(report(pool).await);
}

/// What the tables say, for people.
async fn report(pool: &PgPool) -> String {
    let mut report = Vec::new();
    for (title, sql) in [
        (
            "executions",
            "select format('%s %s, class %s, %s tried, %s lookups, failed %s, finished %s: %s', id, state, class, debit_attempts,
                           lookups, failed_at is not null, finished_at is not null, reason)
               from mandated.executions order by id",
        ),
        (
            "jobs",
            "select format('%s %s at %s before %s, leased %s', execution_id, step, run_at, run_before, lease_token is not null)
               from mandated.jobs order by execution_id",
        ),
        ("intents", "select format('%s %s', execution_id, kind) from mandated.intents order by execution_id"),
        (
            "debits",
            "select format('%s %s %s: %s %s by %s, %s', mandate_id, cycle_on, execution_id, amount_minor, currency, order_id,
                           provider_txn)
               from mandated.debits order by mandate_id",
        ),
        (
            "attempts",
            "select format('%s %s %s: %s, next %s', execution_id, call, reference, decision, next_step)
               from mandated.attempts order by execution_id",
        ),
        (
            "events",
            "select format('%s %s %s: %s to %s, %s', coalesce(execution_id::text, 'mandate'), mandate_ref, kind, from_state, to_state,
                           reason)
               from mandated.events where reason <> 'execute begins' order by mandate_id, id",
        ),
        ("mandates", "select format('%s %s %s', id, status, status_reason) from mandated.mandates order by id"),
    ] {
        report.push(format!("{title}\n  {}", column::<String>(pool, sql).await.join("\n  ")));
    }
    report.join("\n")
}

#[tokio::test]
async fn a_second_debit_of_a_cycle_is_a_refund_due() {
    let database = due(1).await;
    let pool = &database.pool;
    let jobs = claim(pool, 1, "worker-1").await;
    execute(
        pool,
        "insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, amount_minor, currency, proven_at)
         values (1, '2026-01-31', 1, 'order-0', 49900, 'INR', '2026-01-31Z')",
    )
    .await;
    let settled = settle_all(
        pool,
        &[(
            charged(&jobs[0]),
            attempt(&jobs[0], AttemptOutcome::Charged),
        )],
    )
    .await;
    let reason = "refund due: order order-1 was collected, and the cycle had its debit";
    assert_eq!(
        (settled[0].1.state, settled[0].1.reason.as_str()),
        (State::Review, reason)
    );
    assert_eq!(states(pool).await, [format!("1 review: {reason}")]);
    let proof: Vec<String> = column(pool, "select order_id from mandated.debits").await;
    assert_eq!(proof, ["order-0"], "the first proof stays");
    let event: String = scalar(
        pool,
        "select format('%s %s to %s: %s', kind, from_state, to_state, reason) from mandated.events order by id desc limit 1",
    )
    .await;
    assert_eq!(
        event,
        format!("execution.review executing to review: {reason}")
    );
}

#[tokio::test]
async fn a_recheck_that_changes_nothing_keeps_the_reason_and_the_time_of_the_end() {
    let database = due(1).await;
    let pool = &database.pool;
    execute(
        pool,
        "update mandated.executions set state = 'failed', reason = 'the account is closed', finished_at = '2026-01-30Z'",
    )
    .await;
    execute(pool, "update mandated.jobs set step = 'recheck'").await;
    let jobs = claim(pool, 1, "worker-1").await;
    let rechecked = Settlement {
        reason: "looked once more: not collected".to_owned(),
        ..settlement(&jobs[0], State::Failed)
    };
    let settled = settle_all(
        pool,
        &[(rechecked, attempt(&jobs[0], AttemptOutcome::Failed))],
    )
    .await;
    assert_eq!(settled[0].1.reason, "the account is closed");
    assert_eq!(states(pool).await, ["1 failed: the account is closed"]);
    let kept: bool = scalar(
        pool,
        "select finished_at = '2026-01-30Z' from mandated.executions",
    )
    .await;
    assert!(kept);
    let quiet: i64 = scalar(pool, "select count(*) from mandated.events").await;
    assert_eq!(quiet, 0, "no change is no event");
    let decision: String = scalar(pool, "select decision from mandated.attempts").await;
    assert_eq!(decision, "looked once more: not collected");
}

/// Its text is put together when it runs, so no compiler has seen it.
#[tokio::test]
async fn the_statement_prepares_and_takes_exactly_the_declared_types() {
    let database = due(1).await;
    let mut connection = database.pool.acquire().await.unwrap();
    let prepared = connection.prepare(statement().into_sql_str());
    let prepared = prepared.await.unwrap();
    let Some(Either::Left(types)) = prepared.parameters() else {
        panic!("Postgres names the types of parameters");
    };
    let types: Vec<&str> = types.iter().map(TypeInfo::name).collect();
    let declared = Regex::new(r"\$\d+::([a-z]+)\[\]").unwrap();
    let declared = declared
        .captures_iter(statement())
        .map(|found| match &found[1] {
            "bigint" => "INT8[]",
            "integer" => "INT4[]",
            "smallint" => "INT2[]",
            "boolean" => "BOOL[]",
            "timestamptz" => "TIMESTAMPTZ[]",
            "text" => "TEXT[]",
            other => panic!("no type of ours: {other}"),
        });
    let once = ["TIMESTAMPTZ", "TEXT", "INT8", "FLOAT8", "FLOAT8"];
    let expected: Vec<&str> = once.into_iter().chain(declared).collect();
    assert_eq!(types, expected);
    assert_eq!(
        arguments(&[], &[], now(), "worker-1", FAULTS)
            .unwrap()
            .len(),
        expected.len()
    );
}

#[tokio::test]
async fn a_batch_is_written_as_a_whole_or_not_at_all() {
    let database = due(2).await;
    let pool = &database.pool;
    let jobs = claim(pool, 2, "worker-1").await;
    let before = everything(pool).await;
    // An order without a number is refused by the database.
    let impossible = Settlement {
        progress: Progress {
            order_no: 0,
            ..charged(&jobs[1]).progress
        },
        ..charged(&jobs[1])
    };
    let settlements = [charged(&jobs[0]), impossible];
    let error = settle(pool, &settlements, &[], now(), "worker-1", FAULTS)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "settle jobs");
    assert_eq!(everything(pool).await, before);
}

#[tokio::test]
async fn a_notification_result_is_kept_and_delivered_stays_delivered() {
    let database = due(1).await;
    let pool = &database.pool;
    execute(pool, "delete from mandated.notifications").await;
    let heard = async |state: NotificationState, outcome: AttemptOutcome| {
        execute(
            pool,
            "update mandated.jobs set step = 'notify_status', run_at = '2026-01-31T00:30Z'",
        )
        .await;
        let jobs = claim(pool, 1, "worker-1").await;
        let notification = Settlement {
            notification: Some(NotificationResult {
                no: 1,
                reference: "reference-1".to_owned(),
                state,
                message: Some(state.to_string()),
            }),
            next: next(Step::NotifyStatus, now()),
            ..settlement(&jobs[0], State::Notified)
        };
        settle_all(pool, &[(notification, attempt(&jobs[0], outcome))]).await;
        scalar::<String>(
            pool,
            "select format('%s %s %s', state, message, delivered_at is not null) from mandated.notifications",
        )
        .await
    };
    let requested = heard(NotificationState::Requested, AttemptOutcome::Pending);
    assert_eq!(requested.await, "requested requested f");
    let delivered = heard(NotificationState::Delivered, AttemptOutcome::Delivered);
    assert_eq!(delivered.await, "delivered delivered t");
    let failed = heard(NotificationState::Failed, AttemptOutcome::Failed);
    assert_eq!(failed.await, "delivered delivered t");
}

#[tokio::test]
async fn a_mandate_that_is_over_is_not_revived_by_a_late_answer() {
    let database = due(1).await;
    let pool = &database.pool;
    let jobs = claim(pool, 1, "worker-1").await;
    execute(
        pool,
        "update mandated.mandates set status = 'revoked', status_reason = 'by the payer'",
    )
    .await;
    let paused = Settlement {
        mandate: news(MandateStatus::Paused),
        next: next(Step::Execute, now()),
        ..settlement(&jobs[0], State::Retrying)
    };
    settle_all(
        pool,
        &[(paused, attempt(&jobs[0], AttemptOutcome::Refused))],
    )
    .await;
    let mandate: String = scalar(
        pool,
        "select format('%s %s', status, status_reason) from mandated.mandates",
    )
    .await;
    assert_eq!(mandate, "revoked by the payer");
}

#[tokio::test]
async fn the_counter_is_recorded_for_the_holder_of_the_lease_only() {
    let database = due(1).await;
    let pool = &database.pool;
    let counter =
        async || scalar::<Option<i64>>(pool, "select counter_before from mandated.intents").await;
    let jobs = claim(pool, 1, "worker-1").await;
    let (id, token) = (jobs[0].execution.id, jobs[0].token);
    assert!(
        !record_counter(pool, id, LeaseToken(token.0 + 1), 3)
            .await
            .unwrap()
    );
    assert_eq!(counter().await, None);
    assert!(record_counter(pool, id, token, 3).await.unwrap());
    assert_eq!(counter().await, Some(3));
    // A lease that ran out may be taken back at any moment: no call may begin under it.
    execute(pool, "update mandated.jobs set lease_until = now()").await;
    assert!(!record_counter(pool, id, token, 4).await.unwrap());
    rescue_expired(pool, now(), Duration::ZERO, "rescuer")
        .await
        .unwrap();
    assert!(!record_counter(pool, id, token, 5).await.unwrap());
    claim(pool, 1, "worker-2").await;
    assert!(!record_counter(pool, id, token, 6).await.unwrap());
    assert_eq!(counter().await, Some(3));
}

#[tokio::test]
async fn the_calls_of_a_batch_are_numbered_in_the_order_in_which_they_were_made() {
    // However Postgres joins them: a sort leaves what is equal in any order.
    for ways in ["on", "off"] {
        let database = due(500).await;
        let mut claimed = claim(&database.pool, 500, "worker-1").await;
        // As their answers came.
        claimed.sort_by_key(|job| job.execution.id.0 * 7919 % 503);
        let settlements: Vec<Settlement> = claimed.iter().map(charged).collect();
        let made = [
            AttemptOutcome::Failed,
            AttemptOutcome::NotSent,
            AttemptOutcome::Charged,
        ];
        let attempts: Vec<Attempt> = claimed
            .iter()
            .flat_map(|job| made.map(|outcome| attempt(job, outcome)))
            .collect();
        for way in ["hashjoin", "nestloop"] {
            let name = database.name();
            let set = format!("alter database {name} set enable_{way} = {ways}");
            execute(&database.pool, &set).await;
        }
        // The connections that are there have the settings that they began with.
        let pool = PgPool::connect(&database.url()).await.unwrap();
        settle(&pool, &settlements, &attempts, now(), "worker-1", FAULTS)
            .await
            .unwrap();
        let orders: Vec<String> = column(
            &pool,
            "select distinct told from (select string_agg(outcome, ', ' order by id) as told from mandated.attempts
              group by execution_id) a",
        )
        .await;
        assert_eq!(orders, ["failed, not_sent, charged"], "{ways}");
    }
}
