//! All that the loops ask of the store, once, for a batch of a hundred.

use std::time::Duration;

use mandated::config::Config;
use mandated::domain::cycle::Cycle;
use mandated::domain::plan::execution::NewExecution;
use mandated::domain::plan::reason::PlanReason;
use mandated::domain::{
    AccountId, AttemptOutcome, ExecutionId, LeaseToken, MandateId, MandateStatus,
    NotificationState, Period, ProviderKind, Rail, State, Step,
};
use mandated::store::claim::Claimed;
use mandated::store::environment::Heartbeat;
use mandated::store::planning::{
    Cursor, DueMandate, advance, begin, commit, insert_executions, installation_tag, lock_due,
    reserve_ids,
};
use mandated::store::pool::DatabasePool;
use mandated::store::retention::{
    Parent, delete_budgets, delete_executions, delete_faults, drop_partitions, make_partitions,
};
use mandated::store::settle::{
    Attempt, CallBefore, NextJob, NotificationResult, Settlement, record_counter, settle,
};
use mandated::store::settled::{debited_order, free, known_payments, settled_before};
use mandated::store::{accounts, bloat, cluster, monitor, policies, rescue, unmapped};

use super::plan::{Plan, heard, listen};
use crate::support::due::{
    FAULTS, attempt, charged, claim, claim_for, news, next, now, settlement,
};

const BATCH: i64 = 100;

/// One turn of each loop. `nth` is its number: executions that are over are deleted in the order in which they ended.
pub(crate) async fn turn(pool: &DatabasePool, nth: i32) -> Vec<Plan> {
    let log = listen();
    work(pool).await;
    plan(pool).await;
    keep(pool, nth).await;
    look(pool).await;
    heard(&log)
}

/// Claims and settles a batch; claims another one, of which the worker is lost.
async fn work(pool: &DatabasePool) {
    let claimed = claim(pool, BATCH, "worker-1").await;
    let ids: Vec<ExecutionId> = claimed.iter().map(|job| job.execution.id).collect();
    free(pool, &ids).await.unwrap();
    let (id, token) = claimed
        .first()
        .map_or((ExecutionId(1), LeaseToken(1)), |job| {
            (job.execution.id, job.token)
        });
    record_counter(
        pool,
        id,
        token,
        CallBefore {
            counter: 1,
            payments: Some(&[1]),
        },
    )
    .await
    .unwrap();
    let settlements: Vec<Settlement> = (0..).zip(&claimed).map(became).collect();
    let attempts: Vec<Attempt> = claimed
        .iter()
        .map(|job| attempt(job, AttemptOutcome::Pending))
        .collect();
    settle(pool, &settlements, &attempts, now(), "worker-1", FAULTS)
        .await
        .unwrap();
    settled_before(pool, &settlements, "worker-1")
        .await
        .unwrap();
    let cycle_on = "2026-01-31".parse().unwrap();
    debited_order(pool, MandateId(1), cycle_on).await.unwrap();
    let cycle = Cycle {
        on: cycle_on,
        period: Period::day(cycle_on),
        debit_at: now(),
        closes_at: now(),
    };
    known_payments(pool, MandateId(1), &cycle).await.unwrap();
    accounts::pause(
        pool,
        AccountId(2),
        accounts::Pause::Refused,
        now(),
        "refused",
        now(),
    )
    .await
    .unwrap();
    accounts::is_refused(pool, AccountId(2)).await.unwrap();
    accounts::end_refusal(pool, AccountId(2)).await.unwrap();
    accounts::mandate_to_ask_about(pool, AccountId(1), Some(MandateId(1)))
        .await
        .unwrap();
    claim_for(pool, BATCH, "worker-2", Duration::ZERO).await;
    let processed = Duration::from_secs(90);
    rescue::rescue_expired(pool, now(), processed, "worker-1")
        .await
        .unwrap();
}

/// What became of a job: half are collected, the others are something of everything that a settlement can be.
fn became((n, job): (u32, &Claimed)) -> Settlement {
    let again = Settlement {
        next: next(Step::Retry, now() + Duration::from_hours(1)),
        ..settlement(job, State::Retrying)
    };
    match n % 10 {
        0 => Settlement {
            next: again.next.map(|next| NextJob {
                parked: true,
                ..next
            }),
            ..again
        },
        1 => Settlement {
            declined_card_attempts: Some(1),
            ..again
        },
        2 => Settlement {
            fault: Some("a wrong address".to_owned()),
            ..settlement(job, State::Failed)
        },
        3 => Settlement {
            mandate: news(MandateStatus::Revoked),
            ..settlement(job, State::Failed)
        },
        4 => Settlement {
            notification: Some(NotificationResult {
                no: 2,
                reference: format!("another-{}", job.execution.id),
                state: NotificationState::Requested,
                message: None,
            }),
            ..again
        },
        _ => charged(job),
    }
}

/// Plans the next cycle of the mandates that are due.
async fn plan(pool: &DatabasePool) {
    let variables = [("MANDATED__DATABASE__URL", "postgres://nowhere")];
    let policy = Config::load_with(None, variables)
        .unwrap()
        .policy(ProviderKind::Juspay, Rail::Upi);
    let mut transaction = begin(pool).await.unwrap();
    let due = lock_due(&mut transaction, now(), BATCH).await.unwrap();
    installation_tag(&mut transaction).await.unwrap();
    policies::intern(&mut transaction, &policy).await.unwrap();
    // Now it has a number.
    let policy = policies::intern(&mut transaction, &policy).await.unwrap();
    policies::get(&mut transaction, policy).await.unwrap();
    let count = i64::try_from(due.len()).unwrap();
    let ids = reserve_ids(&mut transaction, count).await.unwrap();
    let executions: Vec<NewExecution> = due
        .iter()
        .zip(ids)
        .map(|(mandate, id)| next_cycle(mandate, id, policy))
        .collect();
    insert_executions(&mut transaction, &executions, now())
        .await
        .unwrap();
    let cursors: Vec<Cursor> = due
        .iter()
        .map(|mandate| Cursor {
            mandate_id: mandate.id,
            next_cycle_on: Some("2026-03-31".parse().unwrap()),
            next_plan_at: Some("2026-03-29T00:30:00Z".parse().unwrap()),
        })
        .collect();
    advance(&mut transaction, &cursors, now()).await.unwrap();
    commit(transaction).await.unwrap();
}

fn next_cycle(mandate: &DueMandate, id: ExecutionId, policy_id: i64) -> NewExecution {
    let debit_at = "2026-02-28T00:30:00Z".parse().unwrap();
    NewExecution {
        id,
        mandate_id: mandate.id,
        mandate_ref: mandate.reference.clone(),
        account_id: mandate.account,
        policy_id,
        cycle_on: mandate.next_cycle_on,
        period: "2026-02".parse().unwrap(),
        debit_at,
        closes_at: "2026-03-31T00:30:00Z".parse().unwrap(),
        amount_minor: mandate.amount.minor(),
        max_amount_minor: mandate.max_amount.minor(),
        currency: "INR".to_owned(),
        state: State::Planned,
        reason: PlanReason::Late,
        zone: mandate.terms.time_zone,
        order_id: format!("next-{id}"),
        notification_no: 0,
        notification_ref: None,
        execute_at: None,
        max_attempts: 4,
        max_attempts_in_period: None,
        max_attempts_in_30_days: None,
        step: Some(Step::Notify),
        run_at: Some(debit_at),
        run_before: None,
    }
}

/// Makes and drops partitions, and deletes a hundred executions that have been over for long.
async fn keep(pool: &DatabasePool, nth: i32) {
    let long_ago = "2025-01-01T00:00:00Z".parse().unwrap();
    make_partitions(pool, now(), 1).await.unwrap();
    for parent in [Parent::Attempts, Parent::Events] {
        drop_partitions(pool, parent, long_ago).await.unwrap();
    }
    let first = "2026-01-01T00:00:00Z".parse::<chrono::DateTime<chrono::Utc>>();
    let over = first.unwrap() + chrono::TimeDelta::seconds(200) * nth;
    delete_executions(pool, over, BATCH).await.unwrap();
    delete_budgets(pool, now()).await.unwrap();
    delete_faults(pool, long_ago).await.unwrap();
}

/// What the heartbeat says, and what is asked before a sleep.
async fn look(pool: &DatabasePool) {
    let a_day_ago = now() - Duration::from_hours(24);
    monitor::next_due(pool, AccountId(1)).await.unwrap();
    monitor::upcoming_work(pool, None, now()).await.unwrap();
    monitor::work_counts(pool, now()).await.unwrap();
    monitor::unresolved_since(pool, now()).await.unwrap();
    bloat::oldest_snapshot(pool).await.unwrap();
    let terms = cluster::Terms {
        kept: Duration::from_secs(12),
        gone: Duration::from_secs(20),
    };
    let id = cluster::join(pool, "worker-1", &[1], None).await.unwrap();
    cluster::renew(pool, id, &[id], terms).await.unwrap();
    cluster::leave(pool, id).await.unwrap();
    unmapped::recent(pool, a_day_ago).await.unwrap();
    unmapped::unmapped(pool, a_day_ago, 20).await.unwrap();
    monitor::server_state(pool, monitor::LastWritten::default())
        .await
        .unwrap();
    let last = monitor::LastWritten {
        commit: Some(monitor::LastCommit {
            execution: ExecutionId(1),
            token: LeaseToken(1),
            at: now(),
        }),
        heartbeat: Some(Heartbeat {
            daemon: id,
            beats: 1,
        }),
    };
    monitor::server_state(pool, last).await.unwrap();
}
