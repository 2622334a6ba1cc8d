//! What was sent just before a recovery began may be processed later: "not found" is believed when it cannot be any more.

use chrono::TimeDelta;
use mandated::domain::Timestamp;
use mandated::ops::recover::{RecoveryProgress, RecoveryReport, RecoveryRequest, recover};
use std::sync::Mutex;

use super::{counts, put_back};
use crate::support::due::{ATTRIBUTION, scalar};
use crate::support::dump::dump;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, start};

/// A recovery, and until when it has waited.
async fn waiting(world: &World) -> (RecoveryReport, Option<Timestamp>) {
    let waited = Mutex::new(None);
    let request = RecoveryRequest {
        accounts: &["juspay_main".to_owned()],
        since: start(),
        attribution: ATTRIBUTION,
    };
    let on_progress = |progress| {
        if let RecoveryProgress::Waiting(until) = progress {
            *waited.lock().unwrap() = Some(until);
        }
    };
    let (config, pool) = (world.config(), world.pool());
    let report = recover(config, pool, &world.clock, request, &on_progress).await;
    (report.unwrap(), waited.into_inner().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn not_found_proves_nothing_before_what_was_sent_is_processed() {
    let mut world = Scenario::many(3, Flow::UpiExempt).open().await;
    dump(world.pool()).await;
    put_back(&mut world).await;
    world.outage("05 06:00");
    let processed = world.clock.now() + TimeDelta::seconds(90);
    let (report, waited) = waiting(&world).await;
    assert_eq!(waited, Some(processed));
    assert!(report.is_over(), "{report:?}");
    assert_eq!(counts(&report), [3, 0, 0, 0, 3]);
    let first: Timestamp = scalar(world.pool(), "select min(at) from mandated.attempts").await;
    assert_eq!(first, processed);
}
