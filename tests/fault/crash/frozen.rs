//! A daemon that is stopped where it stands until its lease is long over and another has done its work: when it wakes up it must
//! write nothing, and send nothing that moves money.

use std::sync::Arc;

use futures::{StreamExt, stream};
use rustix::process::Signal;

use super::daemon::{agree, lives_to_the_end, of_money, passed, start, time_goes_on};
use super::everywhere::{SIGNZY, UPI};
use super::scenario::{CrashScenario, KillPoint};
use crate::support::TestDatabase;
use crate::support::due::{everything, scalar};
use crate::support::running::until;

/// The shortest lease that the configuration allows: a process that is stopped sees only real time pass.
const SHORT: [(&str, &str); 6] = [
    // A statement is given up by the machine's clock too, and this one is to be sent.
    ("DATABASE__CONNECT_TIMEOUT", "10m"),
    ("WORKER__LEASE", "15s"),
    ("WORKER__DRAIN_TIMEOUT", "5s"),
    ("DATABASE__STATEMENT_TIMEOUT", "10s"),
    ("ACCOUNTS__JUSPAY_MAIN__TIMEOUT", "2s"),
    ("ACCOUNTS__SIGNZY_MAIN__TIMEOUT", "2s"),
];

/// Of a step that moves money: the last places before the call, and those between its answer and the settlement.
const POINTS: [&str; 5] = [
    "counter.after",
    "limit.before",
    "send.before",
    "body.after",
    "settle.before",
];

#[tokio::test]
async fn before_the_call_and_between_answer_and_settlement() {
    let mut frozen = Vec::new();
    for scenario in [&UPI, &SIGNZY] {
        let prepared = Arc::new(scenario.prepared().await);
        let places = scenario.places(&prepared).await;
        for step in ["execute", "retry"] {
            for point in POINTS {
                let mut there = places.iter().rev();
                let place = there.find(|place| place.step == step && place.point == point);
                frozen.extend(
                    place.map(|place| freeze(scenario, Arc::clone(&prepared), place.clone())),
                );
            }
        }
    }
    assert_eq!(frozen.len(), 19, "all but a Juspay debit have a counter");
    // All at once: most of the time they wait for their leases.
    stream::iter(frozen)
        .buffer_unordered(usize::MAX)
        .collect::<()>()
        .await;
}

async fn freeze(scenario: &CrashScenario, prepared: Arc<TestDatabase>, place: KillPoint) {
    let mut installation = scenario.open(&prepared).await;
    for (key, value) in SHORT {
        installation.set(&format!("MANDATED__{key}"), value);
    }
    let told = format!("stopped at {} in {}", place.point, place.step);
    let mut frozen = start(&installation, &place.failpoints("return(stop)"));
    until(&told, async || frozen.is_stopped()).await;
    assert_eq!(passed(&frozen).last(), Some(&place.point), "{told}");
    until("its lease is over", async || {
        let over =
            "select bool_and(lease_until < now()) from mandated.jobs where lease_token is not null";
        scalar(&installation.database.pool, over).await
    })
    .await;
    time_goes_on(&mut installation).await;
    let mut other = start(&installation, "");
    lives_to_the_end(&mut other).await;
    agree(&installation, scenario.ends).await;
    let before = (
        everything(&installation.database.pool).await,
        of_money(&installation.ledger().await),
    );
    frozen.signal(Signal::CONT);
    lives_to_the_end(&mut frozen).await;
    let after = (
        everything(&installation.database.pool).await,
        of_money(&installation.ledger().await),
    );
    assert!(before == after, "{told}:\n{}\nthen\n{}", before.0, after.0);
    agree(&installation, scenario.ends).await;
}
