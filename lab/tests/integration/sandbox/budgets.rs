//! How often and how soon: each budget of a rail is broken once, at its edge.

use lab::sandbox::{Call, Reason, Then};
use mandated::domain::Notify;

use super::*;

fn low() -> Then {
    Then::Declines(Reason::LowBalance)
}

/// A card that needs no notification, with cycles on these days.
async fn toll(days: &[u32]) -> Bench {
    let mut toll = juspay("t1", Rail::Card, Notify::None);
    toll.category = Some("fastag".to_owned());
    toll.cycle_days = days.iter().copied().map(day).collect();
    Bench::open(vec![toll]).await
}

#[tokio::test]
async fn a_notification_that_juspay_sends_with_an_order_is_judged_like_any_other() {
    let bench = Bench::open(vec![
        juspay("m1", Rail::Upi, Notify::Provider),
        juspay("c1", Rail::Card, Notify::Provider),
    ])
    .await;
    let failed = Then::Declines(Reason::Technical);
    bench.script("m1", Call::Notify, [failed, Then::Pays]);
    bench.execute("04 09:59", "m1", "o1", &[]).await.unwrap();
    bench.execute("04 10:00", "c1", "o2", &[]).await.unwrap();
    assert_eq!(bench.broken(), []);
    // The notification failed, so the retry sends another.
    bench.retry("04 10:20", "m1", "o1").await.unwrap();
    assert_eq!(bench.broken(), [Rule::PeakNotification]);
    bench.execute("06 17:00", "m1", "o3", &[]).await.unwrap();
    assert_eq!(bench.broken(), [Rule::PeakNotification; 2]);
}

#[tokio::test]
async fn nach_is_presented_three_times_and_each_time_three_days_after_the_return() {
    let bench = Bench::open(vec![juspay("e1", Rail::Enach, Notify::None)]).await;
    bench.script("e1", Call::Execute, [low(), low(), low(), low()]);
    // Returned on the 6th.
    bench.execute("05 05:30", "e1", "o1", &[]).await.unwrap();
    bench.retry("09 00:00", "e1", "o1").await.unwrap();
    assert_eq!(bench.broken(), []);
    // Returned on the 10th.
    bench.retry("12 23:59", "e1", "o1").await.unwrap();
    assert_eq!(bench.broken(), [Rule::PresentedTooSoon]);
    bench.retry("17 05:30", "e1", "o1").await.unwrap();
    assert_eq!(
        bench.broken(),
        [Rule::PresentedTooSoon, Rule::PresentedTooOften]
    );
    assert_eq!(bench.debits("31 00:00"), []);
    // Every cycle has its own three.
    bench.execute("20 05:30", "e1", "o2", &[]).await.unwrap();
    assert_eq!(bench.broken().len(), 2);
}

#[tokio::test]
async fn another_order_of_the_same_cycle_is_a_presentation_like_a_retry() {
    let bench = Bench::open(vec![juspay("e1", Rail::Enach, Notify::None)]).await;
    bench.script("e1", Call::Execute, [low()]);
    bench.execute("05 05:30", "e1", "o1", &[]).await.unwrap();
    bench.execute("05 05:31", "e1", "o2", &[]).await.unwrap();
    assert_eq!(bench.broken(), [Rule::PresentedTooSoon]);
}

#[tokio::test]
async fn a_card_is_declined_fifteen_times_in_thirty_days() {
    let bench = toll(&[1, 20]).await;
    bench.script("t1", Call::Execute, (0..16).map(|_| low()));
    bench.execute("01 00:00", "t1", "o1", &[]).await.unwrap();
    for hour in 1..15 {
        let time = format!("01 {hour:02}:00");
        bench.retry(&time, "t1", "o1").await.unwrap();
    }
    assert_eq!(bench.broken(), []);
    bench.execute("20 08:30", "t1", "o2", &[]).await.unwrap();
    assert_eq!(bench.broken(), [Rule::DeclinedTooOften]);
    // The first fifteen are more than thirty days ago.
    bench.execute("31 14:00", "t1", "o3", &[]).await.unwrap();
    assert_eq!(bench.broken().len(), 1);
}

#[tokio::test]
async fn an_order_is_not_tried_in_the_next_cycle() {
    let bench = toll(&[5, 20]).await;
    bench.script("t1", Call::Execute, [low(), low(), low()]);
    bench.execute("05 08:30", "t1", "o1", &[]).await.unwrap();
    bench.retry("19 23:59", "t1", "o1").await.unwrap();
    assert_eq!(bench.broken(), []);
    bench.retry("20 00:00", "t1", "o1").await.unwrap();
    assert_eq!(bench.broken(), [Rule::CycleOver]);
}
