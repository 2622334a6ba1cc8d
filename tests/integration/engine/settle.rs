//! Settle: all that a job came to, once, and nothing at all from a worker that lost its lease.

mod batch;

use std::time::Duration;

use mandated::domain::{AttemptOutcome, LeaseToken, MandateStatus, NotificationState, State, Step};
use mandated::store::claim::Claimed;
use mandated::store::pool::DatabasePool;
use mandated::store::rescue::rescue_expired;
use mandated::store::settle::{CallBefore, NotificationResult, Settlement, record_counter};

use crate::support::due::{
    attempt, charged, claim, claim_for, column, due, everything, execute, news, next, now, scalar,
    settle_all, settlement,
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
async fn writes_nothing(pool: &DatabasePool, late: Settlement, claimed: &Claimed) {
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

async fn states(pool: &DatabasePool) -> Vec<String> {
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
async fn a_payment_of_another_cycle_is_for_a_person() {
    let database = due(1).await;
    let pool = &database.pool;
    let jobs = claim(pool, 1, "worker-1").await;
    execute(
        pool,
        "insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, provider_txn, proven_at)
         values (1, '2025-12-31', 9, 'order-0', 'txn-1', '2025-12-31Z')",
    )
    .await;
    let result = attempt(&jobs[0], AttemptOutcome::Charged);
    let settled = settle_all(pool, &[(charged(&jobs[0]), result)]).await;
    let reason = "payment txn-1 is the debit of the cycle of 2025-12-31: see at the provider whether this one was collected";
    assert_eq!(
        (settled[0].1.state, settled[0].1.reason.as_str()),
        (State::Review, reason)
    );
    let proof: Vec<String> = column(pool, "select order_id from mandated.debits").await;
    assert_eq!(proof, ["order-0"]);
}

/// Neither sees what the other one writes: the one that comes second has no debit, and nothing to be given back either.
#[tokio::test]
async fn one_payment_for_two_cycles_at_once_is_the_debit_of_one_of_them() {
    let database = due(2).await;
    let pool = &database.pool;
    let jobs = claim(pool, 2, "worker-1").await;
    assert_eq!(jobs.len(), 2);
    execute(
        pool,
        "update mandated.executions set mandate_id = 1, cycle_on = '2026-02-28', period = '2026-02' where id = 2",
    )
    .await;
    let both: Vec<_> = jobs
        .iter()
        .map(|job| {
            let settled = Settlement {
                provider_ref: Some("txn-1".to_owned()),
                ..charged(job)
            };
            (settled, attempt(job, AttemptOutcome::Charged))
        })
        .collect();
    settle_all(pool, &both).await;
    let debits: Vec<String> = column(pool, "select provider_txn from mandated.debits").await;
    assert_eq!(debits, ["txn-1"]);
    let states = "select format('%s %s %s', state, provider_ref, reason) from mandated.executions order by state";
    let states: Vec<String> = column(pool, states).await;
    assert_eq!(
        states,
        [
            "charged txn-1 became charged",
            "review  payment txn-1 was booked elsewhere at this moment: see at the provider whether this cycle was collected"
        ]
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
        !record_counter(pool, id, LeaseToken(token.0 + 1), before(3))
            .await
            .unwrap()
    );
    assert_eq!(counter().await, None);
    assert!(record_counter(pool, id, token, before(3)).await.unwrap());
    assert_eq!(counter().await, Some(3));
    // A lease that ran out may be taken back at any moment: no call may begin under it.
    execute(pool, "update mandated.jobs set lease_until = now()").await;
    assert!(!record_counter(pool, id, token, before(4)).await.unwrap());
    rescue_expired(pool, now(), Duration::ZERO, "rescuer")
        .await
        .unwrap();
    assert!(!record_counter(pool, id, token, before(5)).await.unwrap());
    claim(pool, 1, "worker-2").await;
    assert!(!record_counter(pool, id, token, before(6)).await.unwrap());
    assert_eq!(counter().await, Some(3));
}

const fn before(counter: i64) -> CallBefore<'static> {
    CallBefore {
        counter,
        payments: None,
    }
}
