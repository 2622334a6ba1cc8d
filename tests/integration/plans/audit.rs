//! The audit reads every table in ranges of its key, on a server with its own settings: no plan of it depends on a switch of the planner.

use std::time::Duration;

use mandated::ops::audit::audit;
use mandated::store::pool::DatabasePool;

use super::fill::{fill, nearly_empty};
use super::plan::{Plan, daemon, heard, listen};
use crate::support::due::{execute, now, scalar};

/// The plans of an audit, by a connection that keeps Postgres's own settings.
async fn audited(pool: &DatabasePool) -> Vec<Plan> {
    execute(pool, "set enable_seqscan = on").await;
    let log = listen();
    audit(pool, now(), Duration::from_mins(15), &|_| {})
        .await
        .unwrap();
    let switched: String = scalar(pool, "show enable_seqscan").await;
    assert_eq!(switched, "on");
    heard(&log)
}

fn pages(plans: &[Plan]) -> u64 {
    plans.iter().map(Plan::pages).sum()
}

#[tokio::test]
async fn an_audit_reads_no_table_whole_and_costs_as_much_as_there_is() {
    let database = nearly_empty().await;
    let pool = daemon(&database, false).await;
    fill(&database, 21..=20_000, 20_000).await;
    execute(&database.pool, "analyze").await;
    let few = pages(&audited(&pool).await);
    fill(&database, 20_001..=60_000, 20_000).await;
    // With statistics from when there was a third of it, and with fresh ones.
    for statistics in ["old", "fresh"] {
        if statistics == "fresh" {
            execute(&database.pool, "analyze").await;
        }
        let plans = audited(&pool).await;
        let whole: Vec<String> = plans.iter().flat_map(Plan::reads_whole).collect();
        assert!(whole.is_empty(), "{statistics}: {whole:#?}");
        let many = pages(&plans);
        assert!(many < few * 4, "{statistics}: {few} pages, and then {many}");
    }
}
