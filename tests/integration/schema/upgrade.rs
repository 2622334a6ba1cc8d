//! The newest migration, on a database that the version before it has filled, while daemons of that version are at work.

use lab::sandbox::Faults;
use mandated::MIGRATOR;
use mandated::store::{StoreError, migrate};

use crate::support::TestDatabase;
use crate::support::due::scalar;
use crate::support::scenario::{Flow, Scenario};

#[tokio::test]
async fn the_newest_migration_is_safe_on_data_and_under_daemons_of_the_version_before() {
    let database = TestDatabase::empty().await;
    let pool = &database.pool;
    let versions: Vec<i64> = MIGRATOR.iter().map(|migration| migration.version).collect();
    let before = versions[versions.len() - 2];
    let mut connection = pool.acquire().await.unwrap();
    MIGRATOR.run_to(before, &mut *connection).await.unwrap();
    // The loops touch nothing that the newest migration brings: they are the version before.
    let faults = Faults {
        slow: 0,
        ..Faults::DEMO
    };
    let flows = Flow::ALL.into_iter().cycle().take(40);
    let world = Scenario::flows(flows)
        .faults(faults)
        .open_on(pool.clone())
        .await;
    world.run("05 07:00").await;
    let refused = migrate::check(pool).await;
    assert!(
        matches!(refused, Err(StoreError::Behind { missing: 1 })),
        "{refused:?}"
    );
    let open: i64 = scalar(pool, "select count(*) from mandated.jobs").await;
    assert!(open > 10, "in the middle of it: {open}");
    let (applied, ()) = tokio::join!(MIGRATOR.run(&mut *connection), world.run("06 12:00"));
    applied.unwrap();
    migrate::check(pool).await.unwrap();
    world.run_until(crate::support::world::after_payday()).await;
    world.agrees().await;
}
