//! A database that is put back to what it was: every row of a dump, and none that came after it.

use lab::postgres::Dump;
use mandated::store::pool::DatabasePool;
use sqlx::AssertSqlSafe;

use super::TestDatabase;
use super::due::{column, scalar};

/// Takes down every row that there is.
pub(crate) async fn dump(pool: &DatabasePool) {
    let mut statements = vec!["drop schema if exists dump cascade; create schema dump;".to_owned()];
    for table in tables(pool).await {
        statements.push(format!(
            "create table dump.{table} as table mandated.{table};"
        ));
    }
    run(pool, &statements.concat()).await;
}

/// Puts them back, all at once.
pub(crate) async fn restore(pool: &DatabasePool) {
    // Neither triggers nor foreign keys: the rows are as they were.
    let mut statements = vec!["begin; set local session_replication_role = replica;".to_owned()];
    for table in tables(pool).await {
        let columns: Vec<String> = column(
            pool,
            &format!(
                "select quote_ident(attname) from pg_attribute
                  where attrelid = 'mandated.{table}'::regclass and attnum > 0 and not attisdropped order by attnum"
            ),
        )
        .await;
        let columns = columns.join(", ");
        statements.push(format!(
            "delete from mandated.{table};
             insert into mandated.{table} ({columns}) overriding system value select {columns} from dump.{table};"
        ));
    }
    statements.push("commit;".to_owned());
    run(pool, &statements.concat()).await;
}

/// The rows of a real dump, back into the tables that they came from.
pub(crate) async fn put_back_rows(database: &TestDatabase, dump: &Dump) {
    let all: String = scalar(
        &database.pool,
        "select string_agg(oid::regclass::text, ', ') from pg_class
          where relnamespace = 'mandated'::regnamespace and relkind in ('r', 'p') and not relispartition",
    )
    .await;
    run(&database.pool, &format!("truncate {all}")).await;
    dump.restore_rows(&database.url()).await.unwrap();
}

/// All of our tables; of one with partitions, the whole.
async fn tables(pool: &DatabasePool) -> Vec<String> {
    column(
        pool,
        "select relname::text from pg_class
          where relnamespace = 'mandated'::regnamespace and relkind in ('r', 'p') and not relispartition
            and relname <> '_sqlx_migrations' order by relname",
    )
    .await
}

async fn run(pool: &DatabasePool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(pool)
        .await
        .unwrap_or_else(|error| panic!("{error}: {sql}"));
}
