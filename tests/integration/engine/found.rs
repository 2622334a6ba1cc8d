//! What answers state, and what they show that this database did not do.

use std::sync::atomic::{AtomicUsize, Ordering};

use mandated::engine::Settings;
use serde_json::json;

use crate::support::due::{column, scalar};
use crate::support::provider::{Asked, declined, juspay, order};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{at, live};

/// The order's own amount stands in the execution. The debit has what the provider says.
#[tokio::test]
async fn a_debit_states_no_amount_where_the_answer_states_none() {
    for stated in [true, false] {
        let provider = juspay(move |asked, id, _| {
            let mut body = match asked {
                Asked::Debit => order(id, "PENDING_VBV"),
                Asked::LookUp => order(id, "CHARGED"),
            };
            if !stated {
                body.as_object_mut().unwrap().remove("amount");
            }
            body
        })
        .await;
        let world = Scenario::of("a", Flow::UpiExempt).open().await;
        let engine = world.engine_at(&provider.uri(), |_| {}).await;
        live(&engine, at("09 00:00")).await;
        assert_eq!(world.stands("a").await.0, "charged");
        let debits: Vec<String> = column(
            world.pool(),
            "select format('%s %s', amount_minor, currency) from mandated.debits",
        )
        .await;
        assert_eq!(debits, [if stated { "49900 INR" } else { " " }]);
        world.audited().await;
    }
}

/// Another installation, or this database before it was restored, has retried the order: the counter tells, and nothing is sent before
/// the next time that the rules allow after that attempt.
#[tokio::test]
async fn a_retry_that_finds_an_attempt_of_somebody_else_is_not_sent() {
    let looks = AtomicUsize::new(0);
    let provider = juspay(move |asked, id, _| match asked {
        Asked::Debit => order(id, "PENDING_VBV"),
        Asked::LookUp => {
            let mut body = declined(id, "U28", true);
            let is_first = looks.fetch_add(1, Ordering::Relaxed) == 0;
            let attempts = if is_first { 1 } else { 3 };
            body["txn_id"] = json!(format!("shop-{id}-{attempts}"));
            body
        }
    })
    .await;
    let world = Scenario::of("a", Flow::UpiExempt).open().await;
    // One order, which has all four attempts of the period.
    let one_order = |settings: &mut Settings| {
        for policy in settings.planner.policies.values_mut() {
            policy.max_orders = 1;
        }
    };
    let engine = world.engine_at(&provider.uri(), one_order).await;
    live(&engine, at("05 15:00")).await;
    let reasons: Vec<String> = column(
        world.pool(),
        "select decision from mandated.attempts where decision like 'the provider counts%' order by id limit 1",
    )
    .await;
    assert_eq!(
        reasons.len(),
        1,
        "it was noticed: {:?}",
        world.calls("a").await
    );
    assert!(
        reasons[0].starts_with(
            "the provider counts 3 attempts on the order, and this database knows of 1"
        ),
        "{reasons:?}"
    );
    let spent: i16 = scalar(
        world.pool(),
        "select debit_attempts from mandated.executions",
    )
    .await;
    assert!(spent >= 3, "{spent}");
    let soon: i64 = scalar(
        world.pool(),
        "select count(*) from mandated.attempts found, mandated.attempts retry
          where found.decision like 'the provider counts%' and retry.call = 'retry' and retry.at < found.at + interval '30 minutes'",
    )
    .await;
    assert_eq!(soon, 0, "{:?}", world.calls("a").await);
    world.audited().await;
}
