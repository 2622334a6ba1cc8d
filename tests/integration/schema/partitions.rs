//! The monthly partitions: made ahead, never missing at the end of a month, dropped whole.

use mandated::store::pool::DatabasePool;
use sqlx::{PgExecutor, query, query_scalar};

use crate::support::{TestDatabase, row};

async fn make(executor: impl PgExecutor<'_>, first: &str, ahead: i32) -> i32 {
    query_scalar("select mandated.make_partitions($1::text::timestamptz, $2)")
        .bind(first)
        .bind(ahead)
        .fetch_one(executor)
        .await
        .unwrap()
}

async fn drop_until(pool: &DatabasePool, parent: &str, kept_from: &str) -> Vec<String> {
    query_scalar("select mandated.drop_partitions($1, $2::text::timestamptz)")
        .bind(parent)
        .bind(kept_from)
        .fetch_all(pool)
        .await
        .unwrap()
}

/// The partition that each attempt is in, in the order of time.
async fn homes(pool: &DatabasePool) -> Vec<String> {
    query_scalar("select tableoid::regclass::text from mandated.attempts order by at")
        .fetch_all(pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn making_them_again_makes_nothing() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    assert_eq!(
        make(pool, "2026-11-20T09:00Z", 2).await,
        6,
        "attempts and events of three months"
    );
    assert_eq!(make(pool, "2026-11-20T09:00Z", 2).await, 0);
    assert_eq!(make(pool, "2026-12-01Z", 2).await, 2, "one month more");
}

#[tokio::test]
async fn the_first_and_the_last_moment_of_a_month_have_a_partition() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    // From the last day of a long month over a short one with a leap day: no month is skipped. The time zone of the
    // session, where February has begun, has no say.
    let mut connection = pool.acquire().await.unwrap();
    query("set time zone 'Asia/Kolkata'")
        .execute(&mut *connection)
        .await
        .unwrap();
    assert_eq!(
        make(&mut *connection, "2028-01-31T23:59:59.999999Z", 2).await,
        6
    );
    for at in [
        "2028-01-01T00:00Z",
        "2028-01-31T23:59:59.999999Z",
        "2028-02-01T00:00Z",
        "2028-02-29T23:59:59.999999Z",
        "2028-03-01T00:00Z",
        "2028-03-31T23:59:59.999999Z",
        "2028-04-01T00:00Z",
    ] {
        row::attempt()
            .with("at", format!("'{at}'"))
            .insert(pool)
            .await
            .unwrap();
    }
    assert_eq!(
        homes(pool).await,
        [
            "mandated.attempts_202801",
            "mandated.attempts_202801",
            "mandated.attempts_202802",
            "mandated.attempts_202802",
            "mandated.attempts_202803",
            "mandated.attempts_202803",
            "mandated.attempts_default",
        ]
    );
}

#[tokio::test]
async fn rows_that_came_before_their_partition_are_moved_into_it() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    for at in ["2026-01-31T23:59:59Z", "2026-02-01Z"] {
        row::attempt()
            .with("at", format!("'{at}'"))
            .insert(pool)
            .await
            .unwrap();
    }
    let ids = "select array_agg(id order by at) from mandated.attempts";
    let before: Vec<i64> = query_scalar(ids).fetch_one(pool).await.unwrap();
    make(pool, "2026-01-01Z", 0).await;
    assert_eq!(
        homes(pool).await,
        ["mandated.attempts_202601", "mandated.attempts_default"]
    );
    make(pool, "2026-02-01Z", 0).await;
    assert_eq!(
        homes(pool).await,
        ["mandated.attempts_202601", "mandated.attempts_202602"]
    );
    // The rows are the same, and the next one has a number of its own.
    assert_eq!(
        query_scalar::<_, Vec<i64>>(ids)
            .fetch_one(pool)
            .await
            .unwrap(),
        before
    );
    row::attempt().insert(pool).await.unwrap();
}

#[tokio::test]
async fn daemons_that_make_them_at_once_do_not_fail() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    let made = futures::future::join_all((0..4).map(|_| make(pool, "2026-01-01Z", 23))).await;
    assert_eq!(made.iter().sum::<i32>(), 48, "{made:?}");
}

#[tokio::test]
async fn only_whole_months_before_the_date_are_dropped() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    make(pool, "2024-01-01Z", 3).await;
    for month in 1..=4 {
        row::attempt()
            .with("at", format!("'2024-0{month}-15Z'"))
            .insert(pool)
            .await
            .unwrap();
    }
    let none: [&str; 0] = [];
    assert_eq!(
        drop_until(pool, "attempts", "2024-01-31T23:59:59Z").await,
        none
    );
    let two = drop_until(pool, "attempts", "2024-03-01Z").await;
    assert_eq!(two, ["attempts_202401", "attempts_202402"]);
    assert_eq!(
        homes(pool).await,
        ["mandated.attempts_202403", "mandated.attempts_202404"]
    );
    assert_eq!(
        drop_until(pool, "events", "2024-02-01Z").await,
        ["events_202401"]
    );
    // No other table is in its reach.
    assert_eq!(drop_until(pool, "debits", "2030-01-01Z").await, none);
}

#[tokio::test]
async fn what_is_younger_than_a_year_stays_whatever_is_asked_for() {
    let TestDatabase { pool, .. } = &TestDatabase::new().await;
    // Sixteen months, this one and those before it: some are over for more than a year, and this one is not over.
    let (old, young): (i64, i64) = sqlx::query_as(
        "select count(*) filter (where month + interval '1 month' <= now() - interval '365 days'),
                count(*) filter (where month + interval '1 month' > now() - interval '365 days')
           from (select (date_trunc('month', now() at time zone 'UTC') - make_interval(months => n)) at time zone 'UTC' as month
                   from generate_series(0, 15) n) months",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!((old + young, old >= 2), (16, true));
    query("select mandated.make_partitions(now() - interval '15 months', 15)")
        .execute(pool)
        .await
        .unwrap();
    for parent in ["attempts", "events"] {
        for asked in ["infinity", "2999-01-01Z"] {
            let dropped = drop_until(pool, parent, asked).await.len();
            let expected = if asked == "infinity" { old } else { 0 };
            assert_eq!(
                i64::try_from(dropped).unwrap(),
                expected,
                "{parent} {asked}"
            );
        }
        let kept: i64 = query_scalar(
            "select count(*) from pg_inherits i join pg_class c on c.oid = i.inhrelid
              where inhparent = to_regclass('mandated.' || $1) and c.relname ~ '[0-9]{6}$'",
        )
        .bind(parent)
        .fetch_one(pool)
        .await
        .unwrap();
        assert_eq!(kept, young, "{parent}");
    }
}
