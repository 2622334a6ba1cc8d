//! Notifications that fail, and those that are delivered late: no debit before its 25 hours, and none without.

use chrono::{DateTime, TimeDelta, Utc};
use lab::sandbox::{Call, Fault, Reason, Then};

use crate::support::due::{column, scalar};
use crate::support::world::{Flow, Payer, World, at};

const FAILS: Then = Then::Declines(Reason::Technical);

async fn notifications(world: &World) -> Vec<String> {
    column(
        world.pool(),
        "select format('%s %s %s', 'n' || notification_no, state, amount_minor) from mandated.notifications order by notification_no",
    )
    .await
}

#[tokio::test]
async fn a_failed_notification_is_sent_again_under_a_new_reference() {
    let world = World::open(&[Payer::new("a", Flow::UpiSeparate)]).await;
    world.script("a", Call::Notify, [FAILS, FAILS, Then::Pays]);
    world.run("07 00:00").await;
    assert_eq!(
        notifications(&world).await,
        ["n1 failed 49900", "n2 failed 49900", "n3 delivered 49900"]
    );
    assert_eq!(world.stands("a").await.0, "charged");
    world.agrees().await;
}

#[tokio::test]
async fn three_failed_notifications_are_the_end_of_the_cycle() {
    let world = World::open(&[Payer::new("a", Flow::UpiSeparate)]).await;
    world.script("a", Call::Notify, [FAILS, FAILS, FAILS]);
    world.run("20 00:00").await;
    let (state, reason) = world.stands("a").await;
    assert_eq!(state, "failed");
    assert!(
        reason.starts_with("the notification failed: ")
            && reason.ends_with("; nothing more is tried"),
        "{reason}"
    );
    assert_eq!(notifications(&world).await.len(), 3);
    assert_eq!(
        world.ledger().calls.get("POST /txns"),
        None,
        "debited without a notification"
    );
    world.agrees().await;
}

#[tokio::test]
async fn the_25_hours_begin_when_the_delivery_is_known_not_when_it_was_asked_for() {
    for flow in [Flow::UpiSeparate, Flow::CardSeparate] {
        let world = World::open(&[Payer::new("a", flow)]).await;
        // Nothing comes back for most of a day.
        world.script("a", Call::Notify, [Then::Fault(Fault::AnswerLost)]);
        let lost = std::iter::repeat_n(Then::Fault(Fault::Html), 36);
        world.script("a", Call::NotificationStatus, lost);
        world.run("08 00:00").await;
        let delivered: DateTime<Utc> = scalar(
            world.pool(),
            "select delivered_at from mandated.notifications",
        )
        .await;
        let tried: DateTime<Utc> = scalar(
            world.pool(),
            "select at from mandated.attempts where call = 'execute'",
        )
        .await;
        assert!(
            delivered > at("04 12:00"),
            "{flow:?}: delivered at {delivered}"
        );
        assert!(
            tried >= delivered + TimeDelta::hours(25),
            "{flow:?}: {delivered}, {tried}"
        );
        assert!(
            tried <= delivered + TimeDelta::hours(48),
            "{flow:?}: {delivered}, {tried}"
        );
        assert_eq!(world.stands("a").await.0, "charged");
        world.agrees().await;
    }
}

#[tokio::test]
async fn a_delivery_that_is_known_too_late_for_the_cycle_ends_it() {
    let world = World::open(&[Payer {
        frequency: "daily",
        ends_on: "2027-02-05",
        ..Payer::new("a", Flow::CardSeparate)
    }])
    .await;
    world.script("a", Call::Notify, [Then::Fault(Fault::AnswerLost)]);
    let lost = std::iter::repeat_n(Then::Fault(Fault::Html), 48);
    world.script("a", Call::NotificationStatus, lost);
    world.run("08 00:00").await;
    let (state, reason) = world.stands("a").await;
    assert_eq!(state, "expired", "{reason}");
    assert_eq!(world.ledger().calls.get("POST /txns"), None);
    world.agrees().await;
}

#[tokio::test]
async fn a_notification_that_fails_at_the_provider_is_made_again_by_its_retry() {
    let world = World::open(&[Payer::new("a", Flow::UpiProvider)]).await;
    world.script("a", Call::Notify, [FAILS, Then::Pays]);
    world.run("12 00:00").await;
    assert_eq!(world.stands("a").await.0, "charged");
    // The answer to the call names no cause, the order does.
    let failures: Vec<String> = column(
        world.pool(),
        "select format('%s %s', call, class) from mandated.attempts where outcome = 'failed' order by id",
    )
    .await;
    assert_eq!(
        failures,
        [
            "execute unmapped",
            "order_status notification",
            "order_status notification"
        ]
    );
    let calls = world.calls("a").await;
    assert!(calls.contains(&"retry pending".to_owned()), "{calls:?}");
    world.agrees().await;
}
