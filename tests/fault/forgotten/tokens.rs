//! A worker that held a lease of the database that is lost holds none of the one that was restored.

use lab::postgres::Dump;
use mandated::domain::{AttemptOutcome, State};

use crate::support::TestDatabase;
use crate::support::due::{
    attempt, charged, claim, due, everything, scalar, settle_all, settlement,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_of_the_lost_database_settles_nothing_in_the_restored_one() {
    let lost = due(20).await;
    let dump = Dump::of(&lost.url()).await.unwrap();
    let before = claim(&lost.pool, 20, "worker-1").await;
    let restored = TestDatabase::restored(&dump).await;
    // Another worker has the same jobs, in the same order.
    let after = claim(&restored.pool, 20, "worker-1").await;
    assert_eq!((before.len(), after.len()), (20, 20));
    let untouched = everything(&restored.pool).await;
    let collected = before
        .iter()
        .map(|claimed| (charged(claimed), attempt(claimed, AttemptOutcome::Charged)));
    let declined = before.iter().map(|claimed| {
        let settlement = settlement(claimed, State::Failed);
        (settlement, attempt(claimed, AttemptOutcome::Failed))
    });
    for late in [collected.collect::<Vec<_>>(), declined.collect()] {
        assert_eq!(settle_all(&restored.pool, &late).await, []);
    }
    assert!(everything(&restored.pool).await == untouched);
    // Who holds the lease settles it.
    let own: Vec<_> = after
        .iter()
        .map(|claimed| (charged(claimed), attempt(claimed, AttemptOutcome::Charged)))
        .collect();
    assert_eq!(settle_all(&restored.pool, &own).await.len(), 20);
    let debits: i64 = scalar(&restored.pool, "select count(*) from mandated.debits").await;
    assert_eq!(debits, 20);
}
