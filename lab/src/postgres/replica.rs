//! A replica that streams from a private Postgres without synchronous commit, and takes its place: what it had not received is lost.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{PostgresError, PrivatePostgres};

/// How often it is asked whether it has come to what is waited for.
const TURN: Duration = Duration::from_millis(20);

impl PrivatePostgres {
    /// Waits until this replica has all that `primary` has committed, and lets it receive nothing more.
    pub async fn fall_behind(&self, primary: &Self) -> Result<(), PostgresError> {
        let failed = |source| PostgresError::Replica {
            what: "stop the receiver",
            source,
        };
        let stopped = async {
            let mut there = PgConnection::connect(&primary.url("postgres")).await?;
            let mut here = PgConnection::connect(&self.url("postgres")).await?;
            let end: String = sqlx::query_scalar("select pg_current_wal_lsn()::text")
                .fetch_one(&mut there)
                .await?;
            let received = format!("select coalesce(pg_last_wal_replay_lsn() >= '{end}', false)");
            holds(&mut here, &received).await?;
            for statement in [
                "alter system set primary_conninfo = ''",
                "select pg_reload_conf()",
            ] {
                sqlx::query(statement).execute(&mut here).await?;
            }
            let alone = "select not exists (select from pg_stat_wal_receiver)";
            holds(&mut here, alone).await?;
            there.close().await?;
            here.close().await
        };
        stopped.await.map_err(failed)
    }

    /// Makes this replica a primary, on a timeline of its own. Nobody asks its primary, which may be dead.
    pub async fn promote(&self) -> Result<(), PostgresError> {
        let failed = |source| PostgresError::Replica {
            what: "promote the replica",
            source,
        };
        let promoted = async {
            let mut here = PgConnection::connect(&self.url("postgres")).await?;
            sqlx::query("select pg_promote()")
                .execute(&mut here)
                .await?;
            holds(&mut here, "select not pg_is_in_recovery()").await?;
            here.close().await
        };
        promoted.await.map_err(failed)
    }
}

/// Waits until a condition holds. The caller's server may end it, by going away.
async fn holds(connection: &mut PgConnection, condition: &str) -> Result<(), sqlx::Error> {
    loop {
        let holds: bool = sqlx::query_scalar(AssertSqlSafe(condition))
            .fetch_one(&mut *connection)
            .await?;
        if holds {
            return Ok(());
        }
        tokio::time::sleep(TURN).await;
    }
}
