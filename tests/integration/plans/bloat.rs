//! An hour of work in fast motion, among many jobs that wait: what it leaves behind is bounded by the settings of autovacuum.

use mandated::domain::execution::Progress;
use mandated::domain::{AttemptOutcome, State};
use mandated::store::pool::DatabasePool;
use mandated::store::settle::{Settlement, settle};
use sqlx::postgres::PgPoolOptions;

use super::fill::fill;
use crate::support::due::{FAULTS, attempt, claim, column, execute, now, scalar, settlement};
use crate::support::{TestDatabase, row};

/// Jobs that wait, and those that are done again and again.
const WAITING: i64 = 100_000;
const BATCH: i64 = 500;

/// Every table that is not only added to.
const CHURNING: [&str; 5] = ["jobs", "intents", "executions", "mandates", "notifications"];

/// As autovacuum would, when its own condition holds: tests do not wait for its naps. Says how often.
async fn vacuum(pool: &DatabasePool) -> usize {
    execute(pool, "select pg_stat_force_next_flush()").await;
    let due: Vec<String> = column(
        pool,
        "select s.relid::regclass::text
           from pg_stat_user_tables s join pg_class c on c.oid = s.relid
           cross join lateral (
             select coalesce(max(option_value) filter (where option_name = 'autovacuum_vacuum_threshold'),
                             current_setting('autovacuum_vacuum_threshold'))::float as threshold,
                    coalesce(max(option_value) filter (where option_name = 'autovacuum_vacuum_scale_factor'),
                             current_setting('autovacuum_vacuum_scale_factor'))::float as scale
               from pg_options_to_table(c.reloptions)) o
          where s.schemaname = 'mandated' and s.n_dead_tup > o.threshold + o.scale * c.reltuples",
    )
    .await;
    for table in &due {
        execute(pool, &format!("vacuum analyze {table}")).await;
    }
    due.len()
}

/// Tables with their indexes, in pages.
async fn size(pool: &DatabasePool) -> i64 {
    scalar(
        pool,
        "select (pg_total_relation_size('mandated.jobs') + pg_total_relation_size('mandated.intents')) / 8192",
    )
    .await
}

/// Claims and settles batches of jobs, which are made again as the planner makes them; says how many.
async fn work(pool: &DatabasePool, batches: usize) -> usize {
    let mut done = 0;
    for _ in 0..batches {
        let claimed = claim(pool, BATCH, "worker-1").await;
        assert!(claimed.iter().all(|job| job.opened), "a debit is due");
        let settlements: Vec<Settlement> = claimed
            .iter()
            .map(|job| Settlement {
                progress: Progress {
                    debit_attempts: 0,
                    earlier_attempts: 0,
                    ..settlement(job, State::Retrying).progress
                },
                ..settlement(job, State::Retrying)
            })
            .collect();
        let attempts: Vec<_> = claimed
            .iter()
            .map(|job| attempt(job, AttemptOutcome::Failed))
            .collect();
        let written = settle(pool, &settlements, &attempts, now(), "worker-1", FAULTS)
            .await
            .unwrap();
        done += written.executions.len();
        execute(
            pool,
            "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at)
             select e.id, 1, e.mandate_id, 'execute', '2026-01-31T00:00Z' from mandated.executions e
              where e.state = 'retrying' and e.id not in (select execution_id from mandated.jobs)",
        )
        .await;
        vacuum(pool).await;
    }
    done
}

async fn busy() -> (TestDatabase, DatabasePool) {
    let database = TestDatabase::new().await;
    // What a connection has done is counted when it says so.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .connect(&database.url())
        .await
        .unwrap()
        .into();
    for row in [
        row::account(),
        row::account().with("name", "'other'"),
        row::policy(),
    ] {
        row.insert(&pool).await.unwrap();
    }
    fill(&database, 1..=WAITING, 50).await;
    execute(&pool, "vacuum analyze").await;
    (database, pool)
}

/// With Postgres's own thresholds they grow by more than an eighth instead of a fourteenth: of a hundred thousand jobs a fifth may be dead.
#[tokio::test]
async fn an_hour_of_work_leaves_the_hot_tables_as_small_as_they_were() {
    let (_database, pool) = busy().await;
    let before = size(&pool).await;
    assert_eq!(work(&pool, 60).await, 30_000);
    let after = size(&pool).await;
    assert!(
        after <= before + before / 10,
        "{before} pages, and then {after}"
    );
}

#[tokio::test]
async fn every_table_whose_rows_change_is_vacuumed_long_before_a_fifth_of_it_is_dead() {
    let database = TestDatabase::new().await;
    let set: Vec<String> = column(
        &database.pool,
        "select c.relname::text from pg_class c cross join lateral pg_options_to_table(c.reloptions) o
          where c.relnamespace = 'mandated'::regnamespace and o.option_name = 'autovacuum_vacuum_scale_factor'
            and o.option_value::float <= 0.02
          order by 1",
    )
    .await;
    let mut churning = CHURNING.to_vec();
    churning.sort_unstable();
    assert_eq!(set, churning);
}
