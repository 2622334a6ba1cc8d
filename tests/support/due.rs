//! Executions that are due, and the claim, the settlement and the contents of the tables around them.

use std::time::Duration;

use mandated::domain::execution::Progress;
use mandated::domain::{AccountId, AttemptOutcome, Call, MandateStatus, State, Step, Timestamp};
use mandated::engine::bloat::Rules;
use mandated::engine::heartbeat::Overdue;
use mandated::store::claim::{ClaimRequest, Claimed, claim_due};
use mandated::store::mandates::{Change, ChangeRequest};
use mandated::store::pauses::Attribution;
use mandated::store::pool::DatabasePool;
use mandated::store::settle::{
    Attempt, Debit, FaultRules, MandateChange, NextJob, Settled, Settlement, settle,
};
use sqlx::AssertSqlSafe;

use super::running::until;
use super::{TestDatabase, row};

/// Everything in which something happens to an execution.
const TABLES: [&str; 7] = [
    "executions",
    "notifications",
    "jobs",
    "intents",
    "debits",
    "attempts",
    "events",
];

/// A person's word.
pub(crate) const ATTRIBUTION: Attribution<'_> = Attribution {
    who: "asha",
    reason: "said so",
};

/// What a person wants of a mandate.
pub(crate) fn change_request(reference: &str, change: Change) -> ChangeRequest<'_> {
    ChangeRequest {
        reference,
        change,
        attribution: ATTRIBUTION,
        until: None,
    }
}

/// When an account pauses itself, by default.
pub(crate) const FAULTS: FaultRules = FaultRules {
    limit: 20,
    within: Duration::from_hours(1),
    pause: Duration::from_hours(1),
};

/// When a daemon speaks of what waits for a person, by default.
pub(crate) const OVERDUE: Overdue = Overdue {
    warn_after: Duration::from_hours(1),
    error_after: Duration::from_hours(72),
    every: Duration::from_hours(1),
};

/// When a daemon speaks of a snapshot that is held open, by default.
pub(crate) const SNAPSHOTS: Rules = Rules {
    warn_after: Duration::from_mins(15),
    every: Duration::from_hours(1),
};

/// The leases of dead daemons are over. What they had sent is over before: a claim that Postgres still carries out would take a lease
/// that nobody ends.
pub(crate) async fn leases_end(pool: &DatabasePool) {
    // One connection: each would end the others of the pool.
    let mut connection = pool.acquire().await.unwrap();
    until("no other session is left", async || {
        let left = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                     where datname = current_database() and pid <> pg_backend_pid()";
        let left: i64 = sqlx::query_scalar(left)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        left == 0
    })
    .await;
    execute(
        pool,
        "update mandated.jobs set lease_until = now() - interval '1 second' where lease_token is not null",
    )
    .await;
}

/// When the executions of [`due`] are due: 25 hours after their notifications were delivered.
pub(crate) fn now() -> Timestamp {
    "2026-01-31T00:30:00Z".parse().unwrap()
}

/// A database with `count` executions whose debit is due, each of a mandate of its own, all numbered from 1.
pub(crate) async fn due(count: i32) -> TestDatabase {
    let database = TestDatabase::new().await;
    let pool = &database.pool;
    for row in [row::account(), row::policy()] {
        row.insert(pool).await.unwrap();
    }
    execute(
        pool,
        &format!(
            "insert into mandated.mandates (ref, account_id, provider, provider_mandate_id, customer_id, rail, notify,
               amount_minor, max_amount_minor, currency, frequency, time_zone, starts_on, debit_at, cycles_over, created_at, updated_at)
             select 'sub-' || n, 1, 'juspay', 'provider-' || n, 'customer-' || n, 'upi', 'separate', 49900, 500000, 'INR',
               'monthly', 'Asia/Kolkata', '2026-01-31', '06:00', true, '2026-01-01Z', '2026-01-01Z'
               from generate_series(1, {count}) n order by n"
        ),
    )
    .await;
    for id in 1..=count {
        row::execution()
            .with("id", id)
            .with("mandate_id", id)
            .with("state", "'notified'")
            .with("order_id", format!("'order-{id}'"))
            .with("notification_no", 1)
            .with("notification_ref", format!("'reference-{id}'"))
            .with("delivered_at", "'2026-01-29T23:30Z'")
            .with("max_attempts", 4)
            .insert(pool)
            .await
            .unwrap();
        row::notification()
            .with("execution_id", id)
            .with("mandate_id", id)
            .with("reference", format!("'reference-{id}'"))
            .with("state", "'delivered'")
            .with("delivered_at", "'2026-01-29T23:30Z'")
            .insert(pool)
            .await
            .unwrap();
        row::job()
            .with("execution_id", id)
            .with("mandate_id", id)
            .insert(pool)
            .await
            .unwrap();
    }
    database
}

/// Claims for a worker, with a lease of a minute.
pub(crate) async fn claim(pool: &DatabasePool, limit: i64, worker: &str) -> Vec<Claimed> {
    claim_for(pool, limit, worker, Duration::from_mins(1)).await
}

/// The same with a lease of any length.
pub(crate) async fn claim_for(
    pool: &DatabasePool,
    limit: i64,
    worker: &str,
    lease: Duration,
) -> Vec<Claimed> {
    let request = ClaimRequest {
        account: AccountId(1),
        now: now(),
        limit,
        lease,
        worker,
        since: None,
    };
    claim_due(pool, &request).await.unwrap()
}

/// A settlement of a job that changes nothing but the state, and leaves no next job.
pub(crate) fn settlement(claimed: &Claimed, to_state: State) -> Settlement {
    let execution = &claimed.execution;
    Settlement {
        execution_id: execution.id,
        lease_token: claimed.token,
        from_state: execution.state,
        to_state,
        reason: format!("became {to_state}"),
        class: None,
        next: None,
        closes_intent: true,
        progress: Progress {
            undelivered_at: None,
            sent_at: Some(now()),
            failed_at: None,
            not_before: None,
            lookup_times: [None; 3],
            ..execution.progress
        },
        order_id: claimed.order_id.clone(),
        notification_ref: claimed.notification_ref.clone(),
        provider_ref: None,
        mandate: None,
        declined_card_attempts: None,
        fault: None,
        debit: None,
        notification: None,
    }
}

/// The next job, without an end of its window.
pub(crate) const fn next(step: Step, run_at: Timestamp) -> Option<NextJob> {
    Some(NextJob {
        step,
        run_at,
        run_before: None,
        parked: false,
    })
}

/// News of an active mandate.
pub(crate) const fn news(status: MandateStatus) -> Option<MandateChange> {
    Some(MandateChange {
        status,
        paused_at: None,
    })
}

/// The settlement of a job whose order was collected.
pub(crate) fn charged(claimed: &Claimed) -> Settlement {
    Settlement {
        provider_ref: Some(format!("txn-{}", claimed.execution.id)),
        debit: Some(Debit {
            stated: Some(claimed.execution.amount),
            order_id: claimed.order_id.clone(),
        }),
        ..settlement(claimed, State::Charged)
    }
}

/// The call behind a settlement.
pub(crate) fn attempt(claimed: &Claimed, outcome: AttemptOutcome) -> Attempt {
    Attempt {
        execution_id: claimed.execution.id,
        at: now(),
        call: Call::Execute,
        reference: claimed.order_id.clone(),
        http_status: Some(200),
        latency_ms: 80,
        outcome,
        class: None,
        code: None,
        message: None,
        rule: None,
        body: None,
    }
}

/// Settles a batch with an attempt each; what became of those that were still held, by the number of the execution.
pub(crate) async fn settle_all(
    pool: &DatabasePool,
    batch: &[(Settlement, Attempt)],
) -> Vec<(i64, Settled)> {
    let (settlements, attempts): (Vec<_>, Vec<_>) = batch.iter().cloned().unzip();
    let settled = settle(pool, &settlements, &attempts, now(), "worker-1", FAULTS)
        .await
        .unwrap();
    let mut settled: Vec<_> = settled
        .executions
        .into_iter()
        .map(|(id, as_is)| (id.0, as_is))
        .collect();
    settled.sort_by_key(|(id, _)| *id);
    settled
}

/// Every row of every table in which something can happen, to compare before and after.
pub(crate) async fn everything(pool: &DatabasePool) -> String {
    let mut all = String::new();
    for table in TABLES.into_iter().chain(["mandates"]) {
        let rows: String = scalar(
            pool,
            &format!(
                "select coalesce(string_agg(t::text, E'\\n' order by t::text), '') from mandated.{table} t"
            ),
        )
        .await;
        all.extend([table, "\n", &rows, "\n"]);
    }
    all
}

/// One value.
pub(crate) async fn scalar<T>(pool: &DatabasePool, sql: &str) -> T
where
    T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_one(pool)
        .await
        .unwrap_or_else(|error| panic!("{error}: {sql}"))
}

/// One column.
pub(crate) async fn column<T>(pool: &DatabasePool, sql: &str) -> Vec<T>
where
    T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    sqlx::query_scalar(AssertSqlSafe(sql))
        .fetch_all(pool)
        .await
        .unwrap_or_else(|error| panic!("{error}: {sql}"))
}

/// A statement; says how many rows it changed.
pub(crate) async fn execute(pool: &DatabasePool, sql: &str) -> u64 {
    sqlx::query(AssertSqlSafe(sql))
        .execute(pool)
        .await
        .unwrap_or_else(|error| panic!("{error}: {sql}"))
        .rows_affected()
}
