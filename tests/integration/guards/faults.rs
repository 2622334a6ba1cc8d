//! Many executions that stop for one reason: the account pauses itself, once, and no more than a handful follow.

use std::time::Duration;

use chrono::TimeDelta;
use mandated::domain::{AccountId, MandateStatus, State, Step, Timestamp};
use mandated::store::claim::{ClaimRequest, Claimed, claim_due};
use mandated::store::pool::DatabasePool;
use mandated::store::settle::{PausedAccount, Settlement, settle};

use crate::support::due::{FAULTS, due, execute, news, next, now, scalar, settlement};

const REASON: &str = "payee_side RESOURCE_NOT_FOUND";

fn minutes(count: i64) -> Timestamp {
    now() + TimeDelta::minutes(count)
}

async fn take(pool: &DatabasePool, limit: i64, now: Timestamp) -> Vec<Claimed> {
    let request = ClaimRequest {
        account: AccountId(1),
        now,
        limit,
        lease: Duration::from_mins(1),
        worker: "worker-1",
        since: None,
    };
    claim_due(pool, &request).await.unwrap()
}

/// Claims some executions, and settles each for a reason.
async fn park(pool: &DatabasePool, count: i64, reason: &str, now: Timestamp) -> Vec<PausedAccount> {
    settle_as(pool, count, now, |settlement| Settlement {
        fault: Some(reason.to_owned()),
        ..settlement
    })
    .await
}

async fn settle_as(
    pool: &DatabasePool,
    count: i64,
    now: Timestamp,
    change: impl Fn(Settlement) -> Settlement,
) -> Vec<PausedAccount> {
    let claimed = take(pool, count, now).await;
    assert_eq!(i64::try_from(claimed.len()).unwrap(), count, "at {now}");
    let settlements: Vec<_> = claimed
        .iter()
        .map(|claimed| change(settlement(claimed, State::Review)))
        .collect();
    let written = settle(pool, &settlements, &[], now, "worker-1", FAULTS)
        .await
        .unwrap();
    assert_eq!(written.executions.len(), claimed.len());
    written.paused
}

async fn is_paused(pool: &DatabasePool, now: Timestamp) -> bool {
    let sql = format!("select exists (select from mandated.accounts where paused_until > '{now}')");
    scalar(pool, &sql).await
}

#[tokio::test]
async fn twenty_within_an_hour_pause_the_account_and_one_of_them_has_the_news() {
    let database = due(40).await;
    let pool = &database.pool;
    assert_eq!(park(pool, 1, REASON, minutes(0)).await, []);
    assert_eq!(park(pool, 18, REASON, minutes(30)).await, []);
    // Another reason is another count.
    assert_eq!(park(pool, 5, "our_request HTTP 404", minutes(31)).await, []);
    assert!(!is_paused(pool, minutes(59)).await);
    // Under way already when the twentieth pauses it.
    let under_way = take(pool, 3, minutes(59)).await;
    let news = park(pool, 1, REASON, minutes(59)).await;
    assert_eq!(news.len(), 1);
    assert_eq!((news[0].reason.as_str(), news[0].parked), (REASON, 20));
    assert_eq!(
        (news[0].since, news[0].until),
        (minutes(0), minutes(59 + 60))
    );
    let late: Vec<_> = under_way
        .iter()
        .map(|claimed| Settlement {
            fault: Some(REASON.to_owned()),
            ..settlement(claimed, State::Review)
        })
        .collect();
    let written = settle(pool, &late, &[], minutes(60), "worker-1", FAULTS)
        .await
        .unwrap();
    assert_eq!(written.paused, [], "said already");
    assert_eq!(park(pool, 0, REASON, minutes(118)).await, [], "paused");
}

#[tokio::test]
async fn after_the_pause_one_more_is_enough_until_all_is_well_for_an_hour() {
    let database = due(60).await;
    let pool = &database.pool;
    assert_eq!(park(pool, 20, REASON, minutes(0)).await.len(), 1);
    // The pause is over, and the first one that is tried says that nothing is mended.
    let news = park(pool, 1, REASON, minutes(61)).await;
    assert_eq!((news.len(), news[0].parked), (1, 1));
    assert!(is_paused(pool, minutes(120)).await);
    // Another reason has its own count.
    assert_eq!(
        park(pool, 1, "our_request HTTP 404", minutes(122)).await,
        []
    );
    assert!(!is_paused(pool, minutes(122)).await);
    // The job that went first after the pause was answered.
    execute(
        pool,
        "update mandated.accounts set paused_until = null, pause_reason = null, probe_until = null",
    )
    .await;
    // For an hour after the pause nothing came: it counts from nothing again.
    assert_eq!(park(pool, 19, REASON, minutes(182)).await, []);
    assert!(!is_paused(pool, minutes(182)).await);
}

#[tokio::test]
async fn a_slow_trickle_of_the_same_reason_pauses_nothing() {
    let database = due(40).await;
    for hour in 0..4 {
        let news = park(&database.pool, 10, REASON, minutes(hour * 61)).await;
        assert_eq!(news, [], "in hour {hour}");
    }
}

#[tokio::test]
async fn a_debit_that_the_provider_takes_clears_the_account() {
    for (state, clears) in [
        (State::Pending, true),
        (State::Charged, true),
        (State::Unknown, false),
        (State::Retrying, false),
    ] {
        let database = due(40).await;
        let pool = &database.pool;
        assert_eq!(park(pool, 19, REASON, minutes(0)).await, []);
        let well = |settlement: Settlement| Settlement {
            to_state: state,
            next: next(Step::Lookup, minutes(9_000)),
            closes_intent: false,
            ..settlement
        };
        settle_as(pool, 1, minutes(1), well).await;
        let news = park(pool, 1, REASON, minutes(2)).await;
        assert_eq!(news.is_empty(), clears, "{state}");
    }
}

#[tokio::test]
async fn two_daemons_count_together_and_one_of_them_says_so() {
    for _ in 0..5 {
        let database = due(40).await;
        let pool = &database.pool;
        let (one, other) = tokio::join!(
            park(pool, 15, REASON, minutes(0)),
            park(pool, 15, REASON, minutes(0))
        );
        assert_eq!(one.len() + other.len(), 1, "{one:?} {other:?}");
        assert_eq!(one.iter().chain(&other).next().unwrap().parked, 30);
    }
}

#[tokio::test]
async fn the_mandates_that_ended_by_it_are_named() {
    let database = due(30).await;
    let pool = &database.pool;
    let ends = |settlement: Settlement| Settlement {
        to_state: State::Failed,
        mandate: news(MandateStatus::Revoked),
        fault: Some("mandate_dead Mandate not found".to_owned()),
        ..settlement
    };
    assert_eq!(settle_as(pool, 19, minutes(0), ends).await, []);
    let news = settle_as(pool, 1, minutes(1), ends).await;
    assert_eq!(news[0].ended.len(), 20);
    assert_eq!(news[0].ended[..2], ["sub-1", "sub-2"]);
    let revoked: i64 = scalar(
        pool,
        "select count(*) from mandated.mandates where status = 'revoked'",
    )
    .await;
    assert_eq!(revoked, 20);
}

#[tokio::test]
async fn a_pause_for_another_reason_is_not_made_shorter() {
    let database = due(30).await;
    let pool = &database.pool;
    assert_eq!(park(pool, 19, REASON, minutes(0)).await, []);
    let throttled = format!(
        "update mandated.accounts set paused_until = '{}', pause_reason = 'throttled'",
        minutes(600)
    );
    let under_way = take(pool, 1, minutes(1)).await;
    execute(pool, &throttled).await;
    let last = Settlement {
        fault: Some(REASON.to_owned()),
        ..settlement(&under_way[0], State::Review)
    };
    let written = settle(pool, &[last], &[], minutes(1), "worker-1", FAULTS)
        .await
        .unwrap();
    assert_eq!(written.paused, []);
    assert!(is_paused(pool, minutes(599)).await);
}

#[tokio::test]
async fn what_has_not_come_again_for_a_while_is_forgotten() {
    let database = due(2).await;
    let pool = &database.pool;
    assert_eq!(park(pool, 1, REASON, minutes(0)).await, []);
    let forget = |before| mandated::store::retention::delete_faults(pool, before);
    assert_eq!(forget(minutes(0)).await.unwrap(), 0);
    assert_eq!(forget(minutes(1)).await.unwrap(), 1);
}
