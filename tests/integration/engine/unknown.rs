//! Outcomes that nobody proves: they stay unknown, are asked about as the rail allows, and somebody hears of them.

use chrono::{DateTime, TimeDelta, Utc};
use mandated::store::claim::{ClaimRequest, claim_due};
use serde_json::json;

use crate::support::due::{column, execute, scalar};
use crate::support::log::Log;
use crate::support::provider::{Asked, juspay, order};
use crate::support::world::{Flow, Payer, World, at, live};

#[tokio::test]
async fn for_sixty_days_it_is_asked_about_and_stays_unknown() {
    let proven = at("05 07:00") + TimeDelta::days(60);
    let provider = juspay(move |asked, id, time| match asked {
        Asked::LookUp if time >= proven => order(id, "CHARGED"),
        Asked::Debit | Asked::LookUp => json!({ "what": "is this" }),
    })
    .await;
    let world = World::open(&[Payer::new("a", Flow::UpiExempt)]).await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    live(&engine, proven - TimeDelta::minutes(1)).await;
    let (state, reason) = world.stands("a").await;
    assert_eq!(state, "unknown", "its cycle ended a month ago: {reason}");
    assert!(
        reason.contains("asked again every day until it is proven or a person resolves it"),
        "{reason}"
    );
    assert_eq!(world.way("a").await, "planned executing unknown");
    let looks: Vec<DateTime<Utc>> = column(
        world.pool(),
        "select at from mandated.attempts where call = 'order_status' order by id",
    )
    .await;
    let first = looks[0] - at("05 07:00");
    assert!(first >= TimeDelta::seconds(90), "{first}");
    for looks in looks.windows(4) {
        assert!(looks[3] - looks[0] >= TimeDelta::hours(2), "{looks:?}");
    }
    let third_day = at("08 08:00");
    let daily: Vec<_> = looks.iter().filter(|at| **at > third_day).collect();
    assert!((56..=58).contains(&daily.len()), "{}", daily.len());
    for pair in daily.windows(2) {
        let gap = *pair[1] - *pair[0];
        assert!(
            gap >= TimeDelta::hours(24) && gap < TimeDelta::hours(25),
            "{gap}"
        );
    }
    let open: i64 = scalar(world.pool(), "select count(*) from mandated.intents").await;
    assert_eq!(open, 1, "nothing else of this mandate is debited");
    world.audited().await;
    live(&engine, proven + TimeDelta::days(2)).await;
    assert_eq!(world.stands("a").await.0, "charged");
    world.audited().await;
}

/// Of a worker that was lost nothing is known either, and the state that its intent stands for is not one that is stored.
#[tokio::test]
async fn a_lost_call_whose_look_ups_are_not_answered_is_unknown() {
    let provider = juspay(|_, _, _| json!({ "what": "is this" })).await;
    let world = World::open(&[Payer::new("a", Flow::UpiExempt)]).await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    live(&engine, at("05 06:50")).await;
    world.outage("05 07:20");
    let account = &engine.accounts[0];
    let request = ClaimRequest {
        account: account.id,
        now: world.clock.now(),
        limit: 10,
        lease: std::time::Duration::from_mins(1),
        worker: "lost",
        since: None,
    };
    let claimed = claim_due(world.pool(), &request).await.unwrap();
    assert!(claimed[0].opened);
    execute(
        world.pool(),
        "update mandated.jobs set lease_until = now() - interval '1 second'",
    )
    .await;
    engine.rescuer().tick().await.unwrap();
    live(&engine, at("09 12:00")).await;
    let (state, reason) = world.stands("a").await;
    assert_eq!(state, "unknown", "{reason}");
    world.audited().await;
}

#[tokio::test]
async fn what_waits_for_long_is_said_at_most_once_in_a_while_and_louder_after_days() {
    let provider = juspay(|_, _, _| json!({ "what": "is this" })).await;
    let world = World::open(&[
        Payer::new("a", Flow::UpiExempt),
        Payer::new("b", Flow::UpiExempt),
    ])
    .await;
    let engine = world.engine_at(&provider.uri(), |_| {}).await;
    live(&engine, at("05 07:30")).await;
    let log = Log::capture();
    let mut heartbeat = engine.heartbeat();
    let mut said = async |level: &str| {
        heartbeat.tick(0).await.unwrap();
        let lines = log.of(level).into_iter();
        lines
            .filter(|line| line.get("waits").is_some())
            .collect::<Vec<_>>()
    };
    assert_eq!(said("WARN").await.len(), 0, "it has been open for minutes");
    world.outage("05 09:30");
    let warnings = said("WARN").await;
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    assert_eq!(
        (
            &warnings[0]["waits"],
            &warnings[0]["count"],
            &warnings[0]["oldest_executions"]
        ),
        (&json!("unknown"), &json!(2), &json!("1 2"))
    );
    let message = warnings[0]["message"].as_str().unwrap();
    assert!(
        message.contains("mandated executions resolve ID"),
        "{message}"
    );
    world.outage("05 10:00");
    assert_eq!(said("WARN").await.len(), 1, "half an hour later");
    execute(
        world.pool(),
        "update mandated.executions set state = 'review', finished_at = '2027-02-05T10:30+05:30' where id = 2",
    )
    .await;
    world.outage("05 12:00");
    assert_eq!(said("WARN").await.len(), 3, "the review has its own line");
    assert_eq!(said("ERROR").await.len(), 0);
    world.outage("10 12:00");
    assert_eq!(said("ERROR").await.len(), 2, "nobody looks after them");
}
