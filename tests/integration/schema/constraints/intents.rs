//! Intents: when and how much money may move.

use crate::schema::{accepted, refused};
use crate::support::TestDatabase;
use crate::support::row;

#[tokio::test]
async fn no_debit_before_24_hours_after_delivery() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    // The debit is at 2026-01-31T00:30Z.
    let delivered = |at: &str| row::intent().with("delivered_at", at);
    refused(
        pool,
        delivered("'2026-01-30T00:30:01Z'"),
        "intents_delivered_check",
    )
    .await;
    refused(
        pool,
        delivered("'2026-01-31T00:30Z'"),
        "intents_delivered_check",
    )
    .await;
    refused(pool, delivered("null"), "intents_delivered_check").await;
    refused(
        pool,
        delivered("null").with("kind", "'retry'"),
        "intents_delivered_check",
    )
    .await;
    accepted(pool, delivered("'2026-01-30T00:30:00Z'")).await;
}

#[tokio::test]
async fn no_execution_date_within_24_hours_where_the_provider_notifies() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    // The debit is at 2026-01-31T00:30Z.
    let handed_over = |at: &str| {
        row::intent()
            .with("notice", "'provider'")
            .with("delivered_at", "null")
            .with("notified_amount_minor", "null")
            .with("opened_at", at)
    };
    refused(
        pool,
        handed_over("'2026-01-30T00:30:01Z'"),
        "intents_execution_date_check",
    )
    .await;
    accepted(pool, handed_over("'2026-01-30T00:30:00Z'")).await;
    // A retry of it is covered by the notification of its first execution.
    let retry = handed_over("'2026-01-31T00:30Z'").with("kind", "'retry'");
    accepted(pool, retry.with("execution_id", 2).with("mandate_id", 2)).await;
}

#[tokio::test]
async fn the_amount_is_the_one_notified_positive_and_within_the_maximum() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    for wrong in ["49901", "49899", "null"] {
        let intent = row::intent().with("notified_amount_minor", wrong);
        refused(pool, intent, "intents_notified_amount_check").await;
    }
    let exempt = row::intent()
        .with("notice", "'exempt'")
        .with("notified_amount_minor", "null");
    refused(
        pool,
        exempt.clone().with("amount_minor", 500_001),
        "intents_max_amount_check",
    )
    .await;
    refused(
        pool,
        exempt.with("amount_minor", 0),
        "intents_amount_minor_check",
    )
    .await;
    let most = row::intent()
        .with("amount_minor", 500_000)
        .with("notified_amount_minor", 500_000);
    accepted(pool, most).await;
}

#[tokio::test]
async fn money_never_moves_before_its_intent() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    let late = row::intent().with("opened_at", "'2026-01-31T00:30:01Z'");
    refused(pool, late, "intents_debit_at_check").await;
}

#[tokio::test]
async fn a_mandate_has_one_open_intent() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    accepted(pool, row::intent()).await;
    let other_cycle = row::intent()
        .with("execution_id", 2)
        .with("cycle_on", "'2026-02-28'");
    refused(pool, other_cycle, "intents_mandate_id_key").await;
    refused(pool, row::intent().with("mandate_id", 2), "intents_pkey").await;
    accepted(
        pool,
        row::intent().with("execution_id", 2).with("mandate_id", 2),
    )
    .await;
}

#[tokio::test]
async fn its_kind_and_notice_are_known() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    refused(
        pool,
        row::intent().with("kind", "'notify'"),
        "intents_kind_check",
    )
    .await;
    refused(
        pool,
        row::intent().with("notice", "'none'"),
        "intents_notice_check",
    )
    .await;
}
