//! What was sent just before a recovery began may be processed later: "not found" is believed when it cannot be any more.

use chrono::TimeDelta;
use mandated::domain::Timestamp;
use mandated::ops::recover::{RecoveryProgress, RecoveryReport, RecoveryRequest, recover};
use std::sync::Mutex;

use super::{counts, put_back, recovering};
use crate::support::due::{ATTRIBUTION, scalar};
use crate::support::dump::dump;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, start};

/// A recovery on a clock that stands still, and until when it would have waited.
async fn standing(world: &World) -> (RecoveryReport, Option<Timestamp>) {
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
    let began = world.clock.now();
    let processed = began + TimeDelta::seconds(90);
    for early in [began, processed - TimeDelta::milliseconds(1)] {
        world.clock.advance_to(early);
        let (report, waited) = standing(&world).await;
        assert_eq!(waited, Some(processed));
        assert!(!report.is_over(), "{report:?}");
        assert_eq!(report.accounts[0].again_at, Some(processed), "{report:?}");
        assert_eq!(counts(&report), [0; 5]);
        assert_eq!(recovering(&world).await, ["juspay_main"]);
        // A look-up in vain would be one of the three that the rail allows.
        let asked: i64 = scalar(world.pool(), "select count(*) from mandated.attempts").await;
        assert_eq!(asked, 0);
    }
    world.clock.advance_to(processed);
    let (report, waited) = standing(&world).await;
    assert_eq!(
        waited, None,
        "a recovery that is resumed does not wait again"
    );
    assert!(report.is_over(), "{report:?}");
    assert_eq!(counts(&report), [3, 0, 0, 0, 3]);
}
