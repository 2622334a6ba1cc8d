//! What a change of state writes: the table of what is open, and no index.

use mandated::store::pool::DatabasePool;
use sqlx::{Connection, query, query_scalar};

use super::with_execution;

async fn open(pool: &DatabasePool) -> Vec<String> {
    query_scalar(
        "select execution_id || ' ' || state from mandated.unresolved_executions order by 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

async fn becomes(pool: &DatabasePool, state: &'static str) {
    query(
        "update mandated.executions set state = $1,
           finished_at = case when $1 in ('review', 'charged') then planned_at end",
    )
    .bind(state)
    .execute(pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn only_what_proof_or_a_person_must_end_is_open() {
    let database = with_execution().await;
    let pool = &database.pool;
    for (state, listed) in [
        ("pending", None),
        ("unknown", Some("1 unknown")),
        ("review", Some("1 review")),
        ("charged", None),
        ("review", Some("1 review")),
        ("unknown", Some("1 unknown")),
        ("retrying", None),
        ("unknown", Some("1 unknown")),
    ] {
        becomes(pool, state).await;
        assert_eq!(open(pool).await, Vec::from_iter(listed), "{state}");
    }
    query("delete from mandated.executions")
        .execute(pool)
        .await
        .unwrap();
    assert_eq!(open(pool).await, [""; 0]);
}

/// Otherwise each of them writes into every index: half of what a settlement costs.
#[tokio::test]
async fn a_change_of_state_writes_into_no_index() {
    let database = with_execution().await;
    let mut connection = database.pool.acquire().await.unwrap();
    let mut change = connection.begin().await.unwrap();
    for state in ["unknown", "pending", "charged"] {
        query(
            "update mandated.executions
                set state = $1, finished_at = case when $1 = 'charged' then planned_at end, reason = 'as it is', class = 'funds',
                    updated_at = now(), delivered_at = undelivered_at, debit_attempts = 1, lookups = 1, step_attempts = 1,
                    provider_ref = 'txn', sent_at = now(), failed_at = now(), lookup_times = array[now()]",
        )
        .bind(state)
        .execute(&mut *change)
        .await
        .unwrap();
    }
    let changes: (i64, i64) = sqlx::query_as(
        "select n_tup_upd, n_tup_hot_upd from pg_stat_xact_user_tables where relname = 'executions'",
    )
    .fetch_one(&mut *change)
    .await
    .unwrap();
    assert_eq!(changes, (3, 3));
}
