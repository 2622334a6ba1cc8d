//! What a look-up says before a call decides, as if it had said so first.

use serde_json::{Value, json};

use crate::support::due::{column, scalar};
use crate::support::provider::{Asked, FIRST_ORDER, declined, juspay, order};
use crate::support::world::{Flow, Payer, World, at, live};

/// The calls that could move money, in their order.
async fn calls(world: &World) -> Vec<String> {
    column(
        world.pool(),
        "select format('%s %s', call, nth_order(reference)) from mandated.attempts where call in ('execute', 'retry') order by id",
    )
    .await
}

async fn class(world: &World) -> String {
    scalar(world.pool(), "select class from mandated.executions").await
}

async fn mandate_status(world: &World) -> String {
    scalar(world.pool(), "select status from mandated.mandates").await
}

#[tokio::test]
async fn a_retry_is_not_made_against_a_no_that_the_providers_own_retry_met() {
    for (code, class_read, status) in [
        ("ZA", "customer_stop", "active"),
        ("K1", "risk", "active"),
        ("VA", "mandate_dead", "revoked"),
    ] {
        // No money at seven; in the afternoon the provider's own retry meets the payer's no.
        let provider = juspay(move |asked, id, time| match asked {
            Asked::Debit => order(id, "PENDING_VBV"),
            Asked::LookUp if time < at("05 09:00") => declined(id, "Z9", true),
            Asked::LookUp => declined(id, code, true),
        })
        .await;
        let world = World::open(&[Payer::new("a", Flow::UpiExempt)]).await;
        let engine = world.engine_at(&provider.uri(), |_| {}).await;
        live(&engine, at("05 08:30")).await;
        assert_eq!(world.stands("a").await.0, "retrying", "{code}");
        live(&engine, at("20 00:00")).await;
        assert_eq!(calls(&world).await, ["execute o1"], "{code}");
        assert_eq!(world.stands("a").await.0, "failed", "{code}");
        assert_eq!(class(&world).await, class_read, "{code}");
        assert_eq!(mandate_status(&world).await, status, "{code}");
        world.audited().await;
    }
}

#[tokio::test]
async fn a_new_order_is_not_made_against_a_no_that_the_order_before_met() {
    // No money, and no retry of this order: another one follows. Before it goes out, the first one says that the mandate is over.
    let provider = juspay(|asked, id, time| match asked {
        Asked::Debit => order(id, "PENDING_VBV"),
        Asked::LookUp if time < at("05 09:00") => declined(id, "Z9", false),
        Asked::LookUp if id == FIRST_ORDER => declined(id, "VA", false),
        Asked::LookUp => json!({"status": "NOT_FOUND"}),
    })
    .await;
    let world = World::open(&[Payer::new("a", Flow::UpiExempt)]).await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    live(&engine, at("20 00:00")).await;
    assert_eq!(calls(&world).await, ["execute o1"]);
    assert_eq!(world.stands("a").await.0, "failed");
    assert_eq!(mandate_status(&world).await, "revoked");
    world.audited().await;
}

/// A collected order that states something else than ours in one field.
fn with_other(id: &str, field: &str, value: Value) -> Value {
    let mut order = order(id, "CHARGED");
    order[field] = value;
    order
}

#[tokio::test]
async fn an_answer_about_another_debit_books_nothing_and_goes_to_review() {
    for (field, value, named) in [
        ("customer_id", json!("cst_251"), ["cst_251", "customer_a"]),
        (
            "mandate",
            json!({"mandate_id": "mnd_2"}),
            ["mnd_2", "\"a\""],
        ),
        ("amount", json!(1.0), ["1.00 INR", "499.00 INR"]),
    ] {
        let provider = juspay(move |asked, id, _| match asked {
            Asked::Debit => order(id, "PENDING_VBV"),
            Asked::LookUp => with_other(id, field, value.clone()),
        })
        .await;
        let world = World::open(&[Payer::new("a", Flow::UpiExempt)]).await;
        let engine = world.engine_at(&provider.uri(), |_| {}).await;
        live(&engine, at("06 00:00")).await;
        let (state, reason) = world.stands("a").await;
        assert_eq!(state, "review", "{field}: {reason}");
        for side in named {
            assert!(reason.contains(side), "{field}: {reason}");
        }
        let debits: i64 = scalar(world.pool(), "select count(*) from mandated.debits").await;
        assert_eq!(debits, 0, "{field}");
        let open: i64 = scalar(world.pool(), "select count(*) from mandated.intents").await;
        assert_eq!(open, 1, "{field}: the call is not proven");
        world.audited().await;
    }
}

#[tokio::test]
async fn the_same_contradiction_on_many_executions_pauses_the_account() {
    let provider = juspay(|asked, id, _| match asked {
        Asked::Debit => order(id, "PENDING_VBV"),
        Asked::LookUp => with_other(id, "customer_id", json!("cst_251")),
    })
    .await;
    let payers: Vec<Payer> = (0..40)
        .map(|n| Payer::new(format!("m{n}"), Flow::UpiExempt))
        .collect();
    let world = World::open(&payers).await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    live(&engine, at("05 07:30")).await;
    let why: Option<String> = scalar(
        world.pool(),
        "select pause_reason from mandated.accounts where name = 'juspay_main'",
    )
    .await;
    let why = why.expect("it is paused");
    assert!(why.contains("another customer_id"), "{why}");
}

#[tokio::test]
async fn an_order_that_a_lost_database_has_sent_is_found_and_not_sent_again() {
    // The provider has the order already, collected: another installation, or this one before it was restored.
    let provider = juspay(|asked, id, _| match asked {
        Asked::Debit => json!({"status": "DUPLICATE_ORDER_ID", "error_message": "Order already exists with the given order_id"}),
        Asked::LookUp => order(id, "CHARGED"),
    })
    .await;
    let world = World::open(&[Payer::new("a", Flow::UpiExempt)]).await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    live(&engine, at("07 00:00")).await;
    assert_eq!(calls(&world).await, ["execute o1"]);
    assert_eq!(world.stands("a").await.0, "charged");
    world.audited().await;
}
