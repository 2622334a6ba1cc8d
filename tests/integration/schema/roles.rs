//! `deploy/sql/roles.sql`: the daemon's role can do its work, and cannot rewrite history or change the schema.

use mandated::MIGRATOR;
use sqlx::{AssertSqlSafe, Connection, PgConnection, query, query_scalar, raw_sql};

use crate::support::{TestDatabase, row};

const ROLES: &str = include_str!("../../../deploy/sql/roles.sql");

async fn connect_as(database: &TestDatabase, role: &str) -> PgConnection {
    PgConnection::connect(&database.url().replace("postgres@", &format!("{role}@")))
        .await
        .unwrap()
}

#[tokio::test]
async fn the_daemon_works_with_rows_and_leaves_history_and_schema_alone() {
    let database = TestDatabase::empty().await;
    raw_sql(ROLES).execute(&database.pool).await.unwrap();
    let mut owner = connect_as(&database, "mandated_owner").await;
    MIGRATOR.run_direct(None, &mut owner, false).await.unwrap();
    for _ in 0..2 {
        raw_sql(ROLES).execute(&database.pool).await.unwrap();
    }
    for row in [
        row::account(),
        row::mandate(),
        row::policy(),
        row::execution(),
        row::debit(),
        row::attempt(),
        row::resolution(),
        row::operator_request(),
        row::recovery(),
        row::recovered_execution(),
        row::compared_mandate(),
    ] {
        row.insert(&database.pool).await.unwrap();
    }

    let mut app = connect_as(&database, "mandated_app").await;
    for allowed in [
        "select version from mandated._sqlx_migrations",
        "select tag from mandated.installation",
        "select * from mandated.execution_status",
        "select nextval(pg_get_serial_sequence('mandated.executions', 'id')), nextval('mandated.lease_tokens')",
        "select mandated.make_partitions('2026-01-01Z', 1)",
        "select mandated.drop_partitions('attempts', '2026-02-01Z')",
        // Allowed, and it keeps what is younger than a year: see `partitions`.
        "select mandated.drop_partitions('events', 'infinity')",
        "update mandated.executions set step_attempts = 1",
        "update mandated.rails set paused_until = now(), pause_reason = 'an outage'",
        "update mandated.executions set state = 'unknown'",
        "update mandated.executions set state = 'pending'",
        "update mandated.executions set state = 'unknown'",
        "delete from mandated.executions",
        "insert into mandated.daemons (worker_id, accounts, joined_at, heartbeat_at) values ('w', '{1}', now(), now())",
        "update mandated.daemons set heartbeat_at = now()",
        "delete from mandated.daemons",
        "insert into mandated.resolutions (at, execution_id, mandate_id, order_id, from_state, to_state, resolved_as, who, reason, evidence)
         select at, 2, mandate_id, order_id, from_state, to_state, resolved_as, who, reason, evidence from mandated.resolutions",
        "insert into mandated.operator_requests (at, account_id, what, who, reason) select at, 1, 'resume', who, reason from mandated.operator_requests",
        "update mandated.recoveries set since = since - interval '1 hour', seen_at = started_at, finished_at = started_at",
        "insert into mandated.recoveries (account_id, since, started_at, seen_at, who, reason) select account_id, since, started_at, seen_at, who, reason from mandated.recoveries",
        "insert into mandated.recovered_executions select recovery_id, 2, at, result from mandated.recovered_executions",
        "insert into mandated.compared_mandates (recovery_id, mandate_id, at, unowned) select max(id), 1, now(), '[]' from mandated.recoveries",
        "insert into mandated.debits select 2, cycle_on, 2, 'order-2', null, 1, 'INR', now() from mandated.debits",
    ] {
        query(allowed)
            .execute(&mut app)
            .await
            .unwrap_or_else(|error| panic!("{allowed}: {error}"));
    }
    for forbidden in [
        "delete from mandated.debits",
        "delete from mandated.unresolved_executions",
        "update mandated.debits set amount_minor = 1",
        "update mandated.attempts set outcome = 'charged'",
        "delete from mandated.attempts_default",
        "delete from mandated.events",
        "update mandated.resolutions set who = 'somebody else'",
        "delete from mandated.resolutions",
        "update mandated.operator_requests set reason = 'another'",
        "delete from mandated.operator_requests",
        "update mandated.recoveries set who = 'somebody else'",
        "delete from mandated.recoveries",
        "update mandated.recovered_executions set result = 'collected'",
        "delete from mandated.recovered_executions",
        "update mandated.compared_mandates set unowned = '[]'",
        "delete from mandated.compared_mandates",
        "delete from mandated.mandates",
        "delete from mandated.rails",
        "delete from mandated._sqlx_migrations",
        "update mandated.installation set tag = 'ab12'",
        "drop table mandated.attempts_default",
        "create table mandated.mine (id int)",
        "alter table mandated.intents drop constraint intents_delivered_check",
        "truncate mandated.jobs",
    ] {
        let error = query(forbidden)
            .execute(&mut app)
            .await
            .expect_err(forbidden);
        let code = error
            .as_database_error()
            .unwrap()
            .code()
            .unwrap()
            .into_owned();
        assert_eq!(code, "42501", "{forbidden}: {error}");
    }
}

#[tokio::test]
async fn nobody_else_may_make_or_drop_partitions() {
    let database = TestDatabase::new().await;
    for call in [
        "make_partitions(now(), 1)",
        "drop_partitions('attempts', now())",
    ] {
        let mut connection = database.pool.acquire().await.unwrap();
        let stranger = format!(
            "create role stranger_{} in role pg_read_all_data",
            &call[..4]
        );
        query(AssertSqlSafe(stranger))
            .execute(&mut *connection)
            .await
            .unwrap();
        let become_it = format!("set role stranger_{}", &call[..4]);
        query(AssertSqlSafe(become_it))
            .execute(&mut *connection)
            .await
            .unwrap();
        let refused =
            query_scalar::<_, String>(AssertSqlSafe(format!("select mandated.{call}::text")))
                .fetch_all(&mut *connection)
                .await
                .expect_err(call);
        assert!(
            refused
                .to_string()
                .contains("permission denied for function"),
            "{refused}"
        );
    }
}
