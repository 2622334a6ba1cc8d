//! One losing test for every constraint, and the row next to it that is accepted.

mod executions;
mod history;
mod installation_and_accounts;
mod intents;
mod jobs;
mod mandates;

use sqlx::query_scalar;

use crate::support::TestDatabase;

/// A new constraint needs a test in one of these files.
#[tokio::test]
async fn every_constraint_is_tested_here() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    let constraints: Vec<String> = query_scalar(
        "select con.conname from pg_constraint con join pg_class c on c.oid = con.conrelid
          where con.connamespace = 'mandated'::regnamespace and not c.relispartition
            and c.relname <> '_sqlx_migrations' and con.contype in ('c', 'f', 'p', 'u')",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert!(constraints.len() > 60, "{constraints:?}");
    // Keys that an identity column fills, and lists that `words` compares with the enums.
    let tested_elsewhere = |name: &str| {
        let words = [
            "_state_check",
            "_step_check",
            "_status_check",
            "_provider_check",
            "_frequency_check",
        ];
        [
            "accounts_pkey",
            "accounts_id_provider_key",
            "daemons_pkey",
            "mandates_pkey",
            "policies_pkey",
            "executions_pkey",
            "attempts_pkey",
            "events_pkey",
            "resolutions_pkey",
            "operator_requests_pkey",
            "recoveries_pkey",
        ]
        .contains(&name)
            || words.iter().any(|end| name.ends_with(end))
    };
    let source = concat!(
        include_str!("executions.rs"),
        include_str!("history.rs"),
        include_str!("installation_and_accounts.rs"),
        include_str!("intents.rs"),
        include_str!("jobs.rs"),
        include_str!("mandates.rs"),
    );
    let untested: Vec<&String> = constraints
        .iter()
        .filter(|name| !tested_elsewhere(name) && !source.contains(&format!("\"{name}\"")))
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
}
