//! What the statements of the loops cost: with a million rows, with statistics and plans from when there were twenty, and with fresh
//! ones they go by their indexes, and touch what they need for a batch and nothing of the history.

mod audit;
mod bloat;
mod fill;
mod plan;
mod statements;
mod turn;

use std::collections::BTreeMap;

use fill::{fill, nearly_empty};
use plan::{Plan, daemon};
use statements::{all_were_run, named};
use turn::turn;

use crate::support::due::{execute, scalar};

/// What is wrong with some plans.
fn complaints(plans: &[Plan]) -> Vec<String> {
    let named = named(plans);
    let found = named
        .iter()
        .flat_map(|(statement, plan)| plan.complaints(statement));
    found.collect()
}

/// The most pages that each statement touched.
fn pages(plans: &[Plan]) -> BTreeMap<String, u64> {
    let mut most = BTreeMap::new();
    for (statement, plan) in named(plans) {
        let pages: &mut u64 = most.entry(statement.name).or_default();
        *pages = (*pages).max(plan.pages());
    }
    most
}

/// Pages with what the turns themselves left behind, as nobody vacuums here, and with what Postgres looks up again of its own when
/// somebody makes a database beside this one.
const LEFT_BEHIND: u64 = 600;

/// What touches more than before, with so many rows more.
fn growth(before: &[Plan], after: &[Plan], percent: u64) -> Vec<String> {
    let before = pages(before);
    let mut found = Vec::new();
    for (name, pages) in pages(after) {
        let before = before[&name];
        if pages > (before * percent / 100).max(before + LEFT_BEHIND) {
            found.push(format!("{name}: {pages} pages, and {before} before"));
        }
    }
    found
}

/// The first connection keeps the plans that it made for twenty rows until Postgres throws them away, the second plans anew.
#[tokio::test]
async fn no_statement_of_the_loops_costs_more_with_a_million_rows() {
    let database = nearly_empty().await;
    let daemons = [
        daemon(&database, true).await,
        daemon(&database, false).await,
    ];
    all_were_run(&turn(&daemons[0], 1).await);
    let (mut found, mut turns, mut nth) = (Vec::new(), Vec::new(), 0);
    for (numbers, every) in [
        (21..=10_000, 10),
        (10_001..=200_000, 500),
        (200_001..=1_000_000, 2_000),
    ] {
        fill(&database, numbers, every).await;
        for pool in &daemons {
            nth += 1;
            turns.push(turn(pool, nth).await);
        }
    }
    execute(&database.pool, "analyze").await;
    for pool in &daemons {
        nth += 1;
        turns.push(turn(pool, nth).await);
    }
    for (nth, plans) in turns.iter().enumerate() {
        let complaints = complaints(plans).into_iter();
        found.extend(complaints.map(|what| format!("turn {nth}: {what}")));
    }
    for (few, some, many) in [(0, 2, 4), (1, 3, 5), (0, 2, 6), (1, 3, 7)] {
        // From 200,000 rows on all indexes have as many levels; below, a look-up that touches three pages touched two.
        for (before, percent) in [(few, 170), (some, 120)] {
            let growth = growth(&turns[before], &turns[many], percent).into_iter();
            found.extend(growth.map(|what| format!("turns {before} and {many}: {what}")));
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// Which statement goes by which index.
const INDEXES: [(&str, &str); 7] = [
    ("jobs_due_idx", "claim.sql"),
    ("jobs_due_idx", "budget_headroom"),
    ("jobs_lease_idx", "as \"lease_token!\", j.step"),
    ("mandates_plan_idx", "order by next_plan_at, id"),
    (
        "attempts_unmapped_idx",
        "count(*) as \"count!\" from mandated.attempts",
    ),
    ("executions_closes_idx", "with old as"),
    ("budgets_day_idx", "delete from mandated.budgets"),
];

#[tokio::test]
async fn an_index_that_is_missing_is_complained_of() {
    let database = nearly_empty().await;
    fill(&database, 21..=10_000, 20).await;
    let pool = daemon(&database, false).await;
    assert_eq!(complaints(&turn(&pool, 1).await), Vec::<String>::new());
    for (nth, (index, statement)) in (2..).zip(INDEXES) {
        let made: String = scalar(
            &database.pool,
            &format!("select pg_get_indexdef('mandated.{index}'::regclass)"),
        )
        .await;
        execute(&database.pool, &format!("drop index mandated.{index}")).await;
        let found = complaints(&turn(&pool, nth).await);
        let is_about = |complaint: &String| complaint.contains(statement);
        assert!(
            found.iter().any(is_about),
            "{index}, {statement}: {found:#?}"
        );
        // With the indexes of its partitions.
        execute(&database.pool, &made.replace(" ON ONLY ", " ON ")).await;
    }
}

/// On a server with the settings that it is installed with, where a statement that Postgres takes for dear is compiled at every run.
#[tokio::test]
async fn postgres_compiles_no_statement_of_the_loops() {
    let database = nearly_empty().await;
    let can_compile = "select pg_jit_available() and current_setting('jit_above_cost') = '100000'";
    assert!(
        scalar::<bool>(&database.pool, can_compile).await,
        "the tests want Postgres's own JIT (postgresql-llvmjit, postgresql-jit or the like)"
    );
    let pool = daemon(&database, false).await;
    let compiled = |plans: &[Plan]| {
        let names = named(plans).into_iter();
        let compiled = names.filter(|(_, plan)| plan.is_compiled);
        compiled
            .map(|(statement, _)| statement.name)
            .collect::<Vec<_>>()
    };
    assert_eq!(compiled(&turn(&pool, 1).await), Vec::<String>::new());
    // The daemon's only connection, as it would be without what it says about JIT.
    execute(&pool, "reset jit").await;
    let found = compiled(&turn(&pool, 2).await);
    assert!(!found.is_empty(), "nothing would be compiled anyway");
}
