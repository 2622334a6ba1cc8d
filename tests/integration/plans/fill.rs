//! Many rows, quickly: half of the executions are over, the others have a job that is not due yet, but for one in so many.

use std::ops::RangeInclusive;

use sqlx::AssertSqlSafe;

use crate::support::due::{column, execute};
use crate::support::{TestDatabase, row};

/// So many rows at most have the smaller tables, and what is due.
const AT_MOST: i64 = 100_000;

/// Executions and all around them; `n` is their number. The tables that the loops come by all the time, which take the longest.
const BIG: [[&str; 2]; 2] = [
    [
        "insert into mandated.mandates (id, ref, account_id, provider, provider_mandate_id, customer_id, rail, notify, amount_minor,
           max_amount_minor, currency, frequency, time_zone, starts_on, debit_at, next_cycle_on, next_plan_at, created_at, updated_at)
         overriding system value
         select n, 'sub-' || n, 1, 'juspay', 'provider-' || n, 'customer-' || n, 'upi', 'separate', 49900,
           500000, 'INR', 'monthly', 'Asia/Kolkata', '2026-01-31', '06:00', '2026-02-28',
           timestamptz '2026-01-31T00:30Z' + case when n % EVERY = 0 then -n else n end * interval '1 second', '2026-01-01Z', '2026-01-01Z'",
        "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at)
         -- Those of the second account are far away.
         select case when n % 2 = 0 then n else -n end, 1 + n % 2, n, 'execute',
           timestamptz '2026-01-31T00:30Z' + case when n % EVERY = 0 then -n else n end * interval '1 second'",
    ],
    [
        "insert into mandated.executions (id, mandate_id, account_id, policy_id, cycle_on, period, debit_at, closes_at, amount_minor,
           max_amount_minor, currency, state, reason, order_id, notification_no, notification_ref, delivered_at, max_attempts,
           max_attempts_in_30_days, sent_at, planned_at, updated_at, finished_at)
         select n, n, 1, 1, '2026-01-31', '2026-01', '2026-01-31T00:30Z', '2026-02-28T00:30Z', 49900, 500000, 'INR',
           case when n = 1 then 'review' when n = 2 then 'unknown' when n % 2 = 1 then 'charged' else 'notified' end,
           'delivered', 'order-' || n, 1, 'reference-' || n, '2026-01-29T23:30Z', 4, case when n % EVERY = 0 then 15 end,
           case when n = 2 then timestamptz '2026-01-30Z' end, '2026-01-29Z', '2026-01-29Z',
           case when n % 2 = 1 then timestamptz '2026-01-01Z' + n * interval '1 second' end",
        "insert into mandated.attempts (at, execution_id, mandate_id, call, reference, latency_ms, outcome, class, decision,
           lease_token, worker_id)
         select '2026-01-30T12:00Z', n, n, 'notify', 'reference-' || n, 80, 'accepted',
           case when n = 3 then 'unmapped' end, 'delivered', n, 'worker-0'",
    ],
];

/// Those that are reached by the same keys.
const SMALLER: [&str; 4] = [
    "insert into mandated.notifications (execution_id, notification_no, mandate_id, reference, state, amount_minor, requested_at,
       delivered_at)
     select n, 1, n, 'reference-' || n, 'delivered', 49900, '2026-01-29Z', '2026-01-29T23:30Z'",
    "insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, reason)
     select '2026-01-29T23:30Z', 'execution.notified', n, 'sub-' || n, n, 'delivered'",
    "insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, amount_minor, currency, proven_at)
     select n, '2025-12-31', -n, 'old-' || n, 49900, 'INR', '2025-12-31Z'",
    "insert into mandated.budgets (mandate_id, day, declined_attempts) select n, '2026-01-20', 1",
];

/// A database whose tables nobody vacuums or analyzes, with 20 executions that have been analyzed. All that comes is news to it.
pub(crate) async fn nearly_empty() -> TestDatabase {
    let database = TestDatabase::new().await;
    let pool = &database.pool;
    for row in [
        row::account(),
        row::account().with("name", "'other'"),
        row::policy(),
    ] {
        row.insert(pool).await.unwrap();
    }
    execute(
        pool,
        "select mandated.make_partitions('2026-01-31T00:30Z', 1)",
    )
    .await;
    let tables: Vec<String> = column(
        pool,
        "select oid::regclass::text from pg_class where relnamespace = 'mandated'::regnamespace and relkind = 'r'",
    )
    .await;
    for table in tables {
        execute(
            pool,
            &format!("alter table {table} set (autovacuum_enabled = off)"),
        )
        .await;
    }
    execute(
        pool,
        "select setval(pg_get_serial_sequence('mandated.executions', 'id'), 10000000)",
    )
    .await;
    fill(&database, 1..=20, 20).await;
    execute(pool, "analyze").await;
    database
}

/// Executions with the numbers of a range; one in `every` is due.
pub(crate) async fn fill(database: &TestDatabase, numbers: RangeInclusive<i64>, every: i64) {
    let (first, last) = (*numbers.start(), *numbers.end());
    // Of what is due everything is there.
    let sparse = ((last - first) / AT_MOST).max(1);
    let rows = |sparse: i64| {
        format!(
            "from generate_series({first}::bigint, {last}) n where n % {sparse} = 0 or n % {every} = 0"
        )
    };
    let insert = async |statements: &[&str], rows: String| {
        let mut connection = database.pool.acquire().await.unwrap();
        // Neither foreign keys nor notifications: the rows are made to fit.
        sqlx::query("set session_replication_role = replica")
            .execute(&mut *connection)
            .await
            .unwrap();
        for statement in statements {
            let statement = format!("{statement} {rows}").replace("EVERY", &every.to_string());
            sqlx::query(AssertSqlSafe(statement))
                .execute(&mut *connection)
                .await
                .unwrap();
        }
        connection.close().await.unwrap();
    };
    tokio::join!(insert(&BIG[0], rows(1)), insert(&BIG[1], rows(1)));
    insert(&SMALLER, rows(sparse)).await;
}
