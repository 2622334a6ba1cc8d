//! Successes that come after we had given up, and after another order of the cycle was collected.

use std::time::Duration;

use mandated::ops::audit::audit;

use crate::support::due::{column, scalar};
use crate::support::log::Log;
use crate::support::provider::{Asked, FIRST_ORDER, declined, juspay, order};
use crate::support::world::{Flow, Payer, World, at, live};

#[tokio::test]
async fn a_success_after_the_end_is_found_by_the_recheck() {
    let provider = juspay(|asked, id, time| match asked {
        Asked::Debit => order(id, "PENDING_VBV"),
        // The payer stopped the payment: nothing retries that.
        Asked::LookUp if time < at("05 20:00") => declined(id, "ZA", false),
        Asked::LookUp => order(id, "CHARGED"),
    })
    .await;
    let world = World::open(&[Payer::new("a", Flow::UpiExempt)]).await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    live(&engine, at("05 19:00")).await;
    assert_eq!(world.stands("a").await.0, "failed");
    live(&engine, at("08 00:00")).await;
    assert_eq!(
        world.stands("a").await,
        (
            "charged".to_owned(),
            "collected late by the provider".to_owned()
        )
    );
    assert_eq!(
        world.way("a").await,
        "planned executing pending failed charged"
    );
    let debits: Vec<String> = column(
        world.pool(),
        "select format('%s %s %s', nth_order(order_id), provider_txn like 'shop-%-1', amount_minor) from mandated.debits",
    )
    .await;
    assert_eq!(debits, ["o1 t 49900"]);
    world.audited().await;
}

#[tokio::test]
async fn a_late_success_of_the_first_order_is_found_before_the_second_is_debited() {
    let provider = juspay(|asked, id, time| match asked {
        Asked::Debit => order(id, "PENDING_VBV"),
        // No money, and the provider says that it will not try again. In the night it does.
        Asked::LookUp if id == FIRST_ORDER && time < at("06 01:00") => declined(id, "Z9", false),
        Asked::LookUp => order(id, "CHARGED"),
    })
    .await;
    let world = World::open(&[Payer::new("a", Flow::UpiExempt)]).await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    live(&engine, at("09 00:00")).await;
    assert_eq!(
        world.stands("a").await,
        ("charged".to_owned(), "collected".to_owned())
    );
    let orders: Vec<String> = column(
        world.pool(),
        "select format('%s %s %s', call, nth_order(reference), outcome) from mandated.attempts where call = 'execute'
         union all select format('debit %s', nth_order(order_id)) from mandated.debits",
    )
    .await;
    assert_eq!(orders, ["execute o1 pending", "debit o1"]);
    world.audited().await;
}

#[tokio::test]
async fn a_new_order_waits_while_the_one_before_it_is_under_way_again() {
    let provider = juspay(|asked, id, time| match asked {
        Asked::Debit => order(id, "PENDING_VBV"),
        Asked::LookUp if id == FIRST_ORDER && time >= at("06 01:00") && time < at("06 20:00") => {
            order(id, "PENDING_VBV")
        }
        Asked::LookUp if id == FIRST_ORDER => declined(id, "Z9", false),
        Asked::LookUp => order(id, "CHARGED"),
    })
    .await;
    let world = World::open(&[Payer::new("a", Flow::UpiExempt)]).await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    live(&engine, at("06 20:00")).await;
    let (state, reason) = world.stands("a").await;
    assert_eq!(state, "retrying");
    assert!(reason.contains("is not proven dead"), "{reason}");
    live(&engine, at("09 00:00")).await;
    assert_eq!(world.stands("a").await.0, "charged");
    let late: Vec<bool> = column(
        world.pool(),
        "select at >= '2027-02-06T20:00+05:30' from mandated.attempts where call = 'execute' order by id",
    )
    .await;
    assert_eq!(late, [false, true], "an order each");
    world.audited().await;
}

#[tokio::test]
async fn a_success_of_the_first_order_after_the_second_is_a_refund_due_and_loud() {
    let provider = juspay(|asked, id, time| match asked {
        Asked::Debit => order(id, "PENDING_VBV"),
        // No money, and the provider says that it will not try again. Then it does.
        Asked::LookUp if id == FIRST_ORDER && time < at("06 20:00") => declined(id, "Z9", false),
        Asked::LookUp => order(id, "CHARGED"),
    })
    .await;
    let world = World::open(&[Payer::new("a", Flow::UpiExempt)]).await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    // The 6th is a payday.
    live(&engine, at("06 19:00")).await;
    assert_eq!(world.stands("a").await.0, "charged");
    let log = Log::capture();
    live(&engine, at("09 00:00")).await;
    let (state, reason) = world.stands("a").await;
    assert_eq!(state, "review");
    assert!(
        reason.starts_with(&format!("refund due: order {FIRST_ORDER} was collected")),
        "{reason}"
    );
    let errors = log.of("ERROR");
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!(errors[0]["message"], "a person must decide");
    assert_eq!(errors[0]["mandate.ref"], "a");
    let debit: String = scalar(
        world.pool(),
        "select nth_order(order_id) from mandated.debits",
    )
    .await;
    assert_eq!(debit, "o2", "the proof of the first collection stays");
    let event: String = scalar(
        world.pool(),
        "select format('%s %s %s', kind, from_state, to_state) from mandated.events order by id desc limit 1",
    )
    .await;
    assert_eq!(event, "execution.review charged review");
    let verdict = audit(
        world.pool(),
        world.clock.now(),
        Duration::from_mins(15),
        &|_| {},
    )
    .await
    .unwrap();
    let broken: Vec<_> = verdict
        .rules
        .iter()
        .filter(|rule| rule.broken > 0)
        .map(|rule| rule.rule)
        .collect();
    assert_eq!(broken, ["only one order of a cycle is collected"]);
}

#[tokio::test]
async fn another_amount_than_was_due_is_a_persons_to_judge() {
    let provider = juspay(|_, id, _| {
        let mut charged = order(id, "CHARGED");
        charged["amount"] = serde_json::json!(498);
        charged
    })
    .await;
    let world = World::open(&[Payer::new("a", Flow::UpiExempt)]).await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    live(&engine, at("06 00:00")).await;
    let (state, reason) = world.stands("a").await;
    assert_eq!(
        (
            state.as_str(),
            reason.contains(r#"its amount is "498.00 INR", and ours is "499.00 INR""#)
        ),
        ("review", true),
        "{reason}"
    );
    let debits: i64 = scalar(world.pool(), "select count(*) from mandated.debits").await;
    assert_eq!(debits, 0, "nobody knows whose debit it is");
}

#[tokio::test]
async fn a_status_that_nobody_knows_is_pending_until_a_person_is_asked() {
    let provider = juspay(|_, id, _| order(id, "TELEPORTED")).await;
    let world = World::open(&[Payer::new("a", Flow::UpiExempt)]).await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    live(&engine, at("07 00:00")).await;
    assert_eq!(world.stands("a").await.0, "pending");
    live(&engine, at("15 00:00")).await;
    let (state, reason) = world.stands("a").await;
    assert_eq!(state, "review", "{reason}");
    let open: i64 = scalar(world.pool(), "select count(*) from mandated.intents").await;
    assert_eq!(open, 1, "money may have moved: nothing else is debited");
    world.audited().await;
}
