//! The migrations themselves.

use mandated::MIGRATOR;
use sqlx::{Connection, PgConnection, query_scalar};

use crate::support::TestDatabase;

#[tokio::test]
async fn they_apply_to_an_empty_database_and_stay_inside_their_schema() {
    let database = TestDatabase::empty().await;
    let mut connection = database.pool.acquire().await.unwrap();
    MIGRATOR.run(&mut *connection).await.unwrap();
    // A second time, from somewhere else, nothing is left to do.
    let mut elsewhere = PgConnection::connect(&database.url()).await.unwrap();
    MIGRATOR
        .run_direct(None, &mut elsewhere, false)
        .await
        .unwrap();

    let applied: Vec<i64> = query_scalar(
        "select version from mandated._sqlx_migrations where success order by version",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap();
    let known: Vec<i64> = MIGRATOR.iter().map(|migration| migration.version).collect();
    assert_eq!(applied, known);

    let outside: Vec<String> = query_scalar(
        "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
          where n.nspname not in ('mandated', 'pg_catalog', 'information_schema', 'pg_toast')",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap();
    assert!(outside.is_empty(), "{outside:?}");
}

#[tokio::test]
async fn each_installation_has_its_own_tag() {
    let mut tags = Vec::new();
    for _ in 0..2 {
        let database = TestDatabase::empty().await;
        let mut connection = database.pool.acquire().await.unwrap();
        MIGRATOR.run(&mut *connection).await.unwrap();
        let tag: String = query_scalar("select tag from mandated.installation")
            .fetch_one(&database.pool)
            .await
            .unwrap();
        tags.push(tag);
    }
    assert_ne!(tags[0], tags[1]);
}
