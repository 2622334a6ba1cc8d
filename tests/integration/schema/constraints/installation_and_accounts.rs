//! The installation and its accounts.

use crate::schema::{accepted, execute, refused, refused_with};
use crate::support::TestDatabase;
use crate::support::row;

#[tokio::test]
async fn there_is_one_installation() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    let second = execute(
        pool,
        "insert into mandated.installation (tag) values ('ab12')",
    )
    .await;
    refused_with(second, "installation_pkey");
    let second = "insert into mandated.installation (singleton, tag) values (false, 'ab12')";
    refused_with(execute(pool, second).await, "installation_singleton_check");
    let long = execute(pool, "update mandated.installation set tag = 'ab123'").await;
    refused_with(long, "installation_tag_check");
}

#[tokio::test]
async fn an_account_has_one_row_and_a_pause_has_a_reason() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    let paused = row::account().with("paused_until", "'infinity'");
    refused(pool, paused.clone(), "accounts_pause_check").await;
    refused(
        pool,
        row::account().with("pause_reason", "'401'"),
        "accounts_pause_check",
    )
    .await;
    // Only an account that is, or was, paused can be so for its key, or wait for the first job after a pause.
    let refused_key = row::account().with("refused", "true");
    refused(pool, refused_key, "accounts_refused_check").await;
    let probed = row::account().with("probe_until", "now()");
    refused(pool, probed, "accounts_probe_check").await;
    accepted(pool, paused.with("pause_reason", "'401'")).await;
    refused(pool, row::account(), "accounts_name_key").await;
}

#[tokio::test]
async fn an_account_is_bound_whole_and_a_merchant_has_one_account() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    let merchant = row::account().with("merchant", "'juspay https://api.juspay.in shop'");
    refused(pool, merchant.clone(), "accounts_bound_check").await;
    let bound = merchant
        .with("is_simulated", "false")
        .with("database", "'database 1'");
    accepted(pool, bound.clone()).await;
    let other_name = bound.with("name", "'juspay_new'");
    refused(pool, other_name, "accounts_merchant_key").await;
}

#[tokio::test]
async fn every_rail_has_one_row_and_a_pause_has_a_reason() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    for (statement, constraint) in [
        (
            "insert into mandated.rails (rail) values ('upi')",
            "rails_pkey",
        ),
        (
            "insert into mandated.rails (rail) values ('cash')",
            "rails_rail_check",
        ),
        (
            "update mandated.rails set paused_until = 'infinity'",
            "rails_pause_check",
        ),
        (
            "update mandated.rails set pause_reason = 'said so'",
            "rails_pause_check",
        ),
    ] {
        refused_with(execute(pool, statement).await, constraint);
    }
    let both = "update mandated.rails set paused_until = 'infinity', pause_reason = 'said so' where rail = 'upi'";
    execute(pool, both).await.unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_an_account_is_one_row_a_reason() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    let nothing = row::account_fault().with("parked", 0);
    refused(pool, nothing, "account_faults_parked_check").await;
    let backwards = row::account_fault().with("last_at", "'2026-01-31T00:29Z'");
    refused(pool, backwards, "account_faults_times_check").await;
    accepted(pool, row::account_fault()).await;
    let again = row::account_fault().with("parked", 2);
    refused(pool, again, "account_faults_pkey").await;
    accepted(pool, row::account_fault().with("reason", "'another'")).await;
}
