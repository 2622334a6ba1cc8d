//! Who lives, and who knows of whom, in the database.

use std::time::Duration;

use mandated::store::StoreError;
use mandated::store::cluster::{Terms, leave, renew};
use mandated::store::pool::DatabasePool;

use crate::support::TestDatabase;
use crate::support::due::{column, execute};

const TERMS: Terms = Terms {
    kept: Duration::from_secs(12),
    gone: Duration::from_secs(20),
};

async fn join(pool: &DatabasePool, worker: &str, before: Option<i64>) -> Result<i64, StoreError> {
    mandated::store::cluster::join(pool, worker, &[1], before).await
}

/// What a daemon sees at a beat: the others, and whether they have made room for it.
async fn sees(pool: &DatabasePool, id: i64, acknowledged: &[i64]) -> Vec<(i64, bool)> {
    let seen = renew(pool, id, acknowledged, TERMS).await.unwrap();
    let mut seen: Vec<_> = seen
        .iter()
        .map(|member| (member.id, member.has_acknowledged))
        .collect();
    seen.sort_unstable();
    seen
}

async fn last_beat(pool: &DatabasePool, id: i64, seconds_ago: u32) {
    let sql = format!(
        "update mandated.daemons set heartbeat_at = now() - interval '{seconds_ago} seconds' where id = {id}"
    );
    assert_eq!(execute(pool, &sql).await, 1);
}

#[tokio::test]
async fn a_daemon_hears_whether_the_others_have_made_room_for_it() {
    let database = TestDatabase::new().await;
    let pool = &database.pool;
    let one = join(pool, "worker-1", None).await.unwrap();
    assert_eq!(sees(pool, one, &[]).await, [(one, true)]);
    let two = join(pool, "worker-2", None).await.unwrap();
    assert!(two > one);
    assert_eq!(sees(pool, two, &[]).await, [(one, false), (two, true)]);
    assert_eq!(sees(pool, one, &[one]).await, [(one, true), (two, false)]);
    assert_eq!(sees(pool, two, &[]).await, [(one, false), (two, true)]);
    sees(pool, one, &[one, two]).await;
    assert_eq!(
        sees(pool, two, &[one, two]).await,
        [(one, true), (two, true)]
    );
    leave(pool, one).await.unwrap();
    assert_eq!(sees(pool, two, &[one, two]).await, [(two, true)]);
}

#[tokio::test]
async fn a_daemon_without_a_heartbeat_must_join_anew_before_the_others_drop_it() {
    let database = TestDatabase::new().await;
    let pool = &database.pool;
    let one = join(pool, "worker-1", None).await.unwrap();
    let two = join(pool, "worker-2", None).await.unwrap();
    last_beat(pool, one, 11).await;
    assert_eq!(sees(pool, one, &[]).await, [(one, true), (two, false)]);
    last_beat(pool, one, 13).await;
    assert_eq!(sees(pool, one, &[]).await, [(two, false)], "too late");
    last_beat(pool, one, 19).await;
    assert_eq!(sees(pool, two, &[]).await.len(), 2, "it is still counted");
    last_beat(pool, one, 21).await;
    assert_eq!(sees(pool, two, &[]).await, [(two, true)]);
    // It comes back in its own place, and nobody waits for what it was.
    let again = join(pool, "worker-1", Some(one)).await.unwrap();
    assert_eq!(sees(pool, two, &[]).await, [(two, true), (again, false)]);
}

#[tokio::test]
async fn who_is_long_gone_is_forgotten() {
    let database = TestDatabase::new().await;
    let pool = &database.pool;
    let one = join(pool, "worker-1", None).await.unwrap();
    let two = join(pool, "worker-2", None).await.unwrap();
    last_beat(pool, one, 199).await;
    sees(pool, two, &[]).await;
    let kept: Vec<i64> = column(pool, "select id from mandated.daemons order by id").await;
    assert_eq!(kept, [one, two]);
    last_beat(pool, one, 201).await;
    sees(pool, two, &[]).await;
    let kept: Vec<i64> = column(pool, "select id from mandated.daemons order by id").await;
    assert_eq!(kept, [two]);
}

#[tokio::test]
async fn a_daemon_says_which_accounts_it_calls() {
    let database = TestDatabase::new().await;
    let pool = &database.pool;
    let one = mandated::store::cluster::join(pool, "worker-1", &[1, 2], None)
        .await
        .unwrap();
    let two = join(pool, "worker-2", None).await.unwrap();
    let mut seen = renew(pool, two, &[], TERMS).await.unwrap();
    seen.sort_by_key(|member| member.id);
    let seen: Vec<_> = seen
        .iter()
        .map(|member| (member.id, member.accounts.as_slice()))
        .collect();
    assert_eq!(seen, [(one, &[1, 2][..]), (two, &[1])]);
}
