//! What no mistake elsewhere may get past: the guards of the claim, the fence of the settlement, the rescue.

use std::time::Duration;

use chrono::{DateTime, Utc};
use mandated::domain::{AccountId, ExecutionId, LeaseToken, State, Step};
use mandated::store::claim::{ClaimRequest, Claimed, claim_due};
use mandated::store::planning::lock_due;
use mandated::store::pool::DatabasePool;
use mandated::store::rescue::rescue_expired;
use mandated::store::settle::{CallBefore, record_counter};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPoolOptions;

use crate::support::TestDatabase;
use crate::support::due::scalar;
use crate::support::row::{account, debit, execution, intent, job, mandate, notification, policy};

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// 25 hours and a minute after the notification of execution 1, which is due.
fn now() -> DateTime<Utc> {
    at("2026-01-31T00:31:00Z")
}

/// Execution 1, notified and due, after some changes to its rows.
pub(super) async fn due(changes: &[&str]) -> TestDatabase {
    let database = TestDatabase::new().await;
    let notified = execution()
        .with("state", "'notified'")
        .with("notification_no", 1)
        .with("notification_ref", "'reference-1'")
        .with("delivered_at", "'2026-01-29T23:30Z'");
    let delivered = notification()
        .with("state", "'delivered'")
        .with("delivered_at", "'2026-01-29T23:30Z'");
    let rows = [account(), mandate(), policy(), notified, delivered, job()];
    for row in rows {
        row.insert(&database.pool).await.unwrap();
    }
    for change in changes {
        execute(&database.pool, change).await;
    }
    database
}

pub(super) async fn execute(pool: &DatabasePool, sql: &str) {
    sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(pool)
        .await
        .unwrap();
}

pub(super) async fn claim(pool: &DatabasePool) -> Vec<Claimed> {
    claim_at(pool, now()).await
}

pub(super) async fn claim_at(pool: &DatabasePool, now: DateTime<Utc>) -> Vec<Claimed> {
    let request = ClaimRequest {
        account: AccountId(1),
        now,
        limit: 10,
        lease: Duration::from_mins(1),
        worker: "worker-1",
        since: None,
    };
    claim_due(pool, &request).await.unwrap()
}

#[tokio::test]
async fn the_claim_opens_an_intent_only_for_what_may_be_debited() {
    let provider = "update mandated.mandates set notify = 'provider'";
    let retry = "update mandated.jobs set step = 'retry'";
    let cases: &[(&str, bool, &[&str])] = &[
        ("lawful", true, &[]),
        (
            "paused",
            false,
            &["update mandated.mandates set status = 'paused'"],
        ),
        (
            "revoked",
            false,
            &["update mandated.mandates set status = 'revoked'"],
        ),
        (
            "unknown",
            false,
            &["update mandated.executions set state = 'unknown'"],
        ),
        (
            "pending",
            false,
            &["update mandated.executions set state = 'pending'"],
        ),
        (
            "its cycle is over",
            false,
            &["update mandated.executions set closes_at = '2026-01-31T00:31Z'"],
        ),
        (
            "the window is over",
            false,
            &["update mandated.jobs set run_before = '2026-01-31T00:31Z'"],
        ),
        (
            "the window is not",
            true,
            &["update mandated.jobs set run_before = '2026-01-31T00:32Z'"],
        ),
        (
            "the budget is spent",
            false,
            &["update mandated.executions set debit_attempts = 4"],
        ),
        (
            "the budget is not",
            true,
            &["update mandated.executions set debit_attempts = 3"],
        ),
        (
            "over the mandate's maximum",
            false,
            &["update mandated.mandates set amount_minor = 49899, max_amount_minor = 49899"],
        ),
        (
            "24 hours 59 minutes",
            false,
            &["update mandated.notifications set delivered_at = '2026-01-29T23:32Z'"],
        ),
        (
            "25 hours",
            true,
            &["update mandated.notifications set delivered_at = '2026-01-29T23:31Z'"],
        ),
        (
            "notified of another amount",
            false,
            &["update mandated.notifications set amount_minor = 49899"],
        ),
        (
            "not notified",
            false,
            &["delete from mandated.notifications"],
        ),
        (
            "notified under another number",
            false,
            &["update mandated.executions set notification_no = 2"],
        ),
        (
            "not notified, to be retried",
            false,
            &[retry, "delete from mandated.notifications"],
        ),
        (
            "on a date in 24 h 59 min",
            false,
            &[
                provider,
                "update mandated.executions set execute_at = '2026-02-01T01:30Z'",
            ],
        ),
        (
            "on a date in 25 h",
            true,
            &[
                provider,
                "update mandated.executions set execute_at = '2026-02-01T01:31Z'",
            ],
        ),
        ("on no date", false, &[provider]),
        (
            "a retry after its date",
            true,
            &[
                provider,
                retry,
                "update mandated.executions set execute_at = '2026-01-31T00:00Z'",
            ],
        ),
        (
            "a look-up",
            false,
            &["update mandated.jobs set step = 'lookup'"],
        ),
    ];
    for (what, expected, changes) in cases {
        let database = due(changes).await;
        let claimed = claim(&database.pool).await;
        assert_eq!(claimed.len(), 1, "{what}");
        assert_eq!(claimed[0].opened, *expected, "{what}");
        let open: i64 = sqlx::query_scalar("select count(*) from mandated.intents")
            .fetch_one(&database.pool)
            .await
            .unwrap();
        assert_eq!(open == 1, *expected, "{what}");
    }
}

#[tokio::test]
async fn a_mandate_with_an_open_debit_or_a_collected_cycle_gets_no_second_one() {
    let database = due(&[]).await;
    intent()
        .with("execution_id", 99)
        .insert(&database.pool)
        .await
        .unwrap();
    assert!(!claim(&database.pool).await[0].opened);

    let database = due(&[]).await;
    debit().insert(&database.pool).await.unwrap();
    assert!(!claim(&database.pool).await[0].opened);
}

#[tokio::test]
async fn nothing_is_claimed_twice_early_or_from_a_paused_account() {
    let database = due(&[]).await;
    assert_eq!(claim(&database.pool).await.len(), 1);
    assert_eq!(claim(&database.pool).await.len(), 0, "it is leased");
    for change in [
        "update mandated.jobs set run_at = '2026-01-31T00:31:01Z'",
        "update mandated.accounts set paused_until = '2026-01-31T00:31:01Z', pause_reason = 'refused'",
        "update mandated.jobs set account_id = 2",
    ] {
        let database = due(&[change]).await;
        assert_eq!(claim(&database.pool).await.len(), 0, "{change}");
    }
}

#[tokio::test]
async fn a_lost_worker_leaves_a_look_up_behind_and_never_the_same_call() {
    let rescue = async |database: &TestDatabase| {
        rescue_expired(&database.pool, now(), Duration::from_secs(90), "worker-2")
            .await
            .unwrap()
    };
    let expire = "update mandated.jobs set lease_until = now() - interval '1 second'";
    let database = due(&[]).await;
    claim(&database.pool).await;
    assert!(rescue(&database).await.is_empty(), "the lease is good");
    execute(&database.pool, expire).await;
    assert_eq!(rescue(&database).await.len(), 1);
    let (step, run_at, token): (String, DateTime<Utc>, Option<i64>) =
        sqlx::query_as("select step, run_at, lease_token from mandated.jobs")
            .fetch_one(&database.pool)
            .await
            .unwrap();
    assert_eq!(
        (step.as_str(), run_at, token),
        ("lookup", at("2026-01-31T00:32:30Z"), None)
    );
    let lost: i64 =
        sqlx::query_scalar("select count(*) from mandated.attempts where outcome = 'lost'")
            .fetch_one(&database.pool)
            .await
            .unwrap();
    assert_eq!(lost, 1);

    let paused = "update mandated.mandates set status = 'paused'";
    let database = due(&[paused]).await;
    claim(&database.pool).await;
    execute(&database.pool, expire).await;
    rescue(&database).await;
    let step: String = scalar(&database.pool, "select step from mandated.jobs").await;
    assert_eq!(step, "execute", "no intent was open, so no call was made");
}

#[tokio::test]
async fn only_who_holds_the_lease_may_record_a_counter_and_go_on() {
    let database = due(&[]).await;
    let token = claim(&database.pool).await[0].token;
    let (counter, payments) = (3, None);
    let before = CallBefore { counter, payments };
    let record = async |token| {
        let recorded = record_counter(&database.pool, ExecutionId(1), token, before);
        recorded.await.unwrap()
    };
    assert!(record(token).await);
    assert!(!record(LeaseToken(token.0 - 1)).await);
    let expire = "update mandated.jobs set lease_until = now() - interval '1 second'";
    execute(&database.pool, expire).await;
    assert!(!record(token).await, "the lease is over");
}

#[tokio::test]
async fn a_row_that_nobody_can_read_holds_up_no_other() {
    let unreadable = "update mandated.executions set class = 'of another version'";
    let database = due(&[unreadable]).await;
    let other = mandate()
        .with("ref", "'sub-2'")
        .with("provider_mandate_id", "'provider-2'");
    let second = execution()
        .with("id", 2)
        .with("mandate_id", 2)
        .with("order_id", "'order-2'");
    let also_due = job().with("execution_id", 2).with("mandate_id", 2);
    for row in [other, second, also_due] {
        row.insert(&database.pool).await.unwrap();
    }
    let claimed = claim(&database.pool).await;
    let orders: Vec<&str> = claimed.iter().map(|job| job.order_id.as_str()).collect();
    assert_eq!(orders, ["order-2"]);

    let planned =
        "next_cycle_on = '2026-02-28', next_plan_at = '2026-01-31T00:00Z', cycles_over = false";
    let nowhere = "time_zone = 'Mars/Olympus_Mons'";
    execute(
        &database.pool,
        &format!("update mandated.mandates set {planned}"),
    )
    .await;
    execute(
        &database.pool,
        &format!("update mandated.mandates set {nowhere} where id = 1"),
    )
    .await;
    let mut connection = database.pool.acquire().await.unwrap();
    let due = lock_due(&mut connection, now(), 10).await.unwrap();
    let refs: Vec<&str> = due
        .iter()
        .map(|mandate| mandate.reference.as_str())
        .collect();
    assert_eq!(refs, ["sub-2"]);
}

/// A second pool, whose statements stop at each job that they look at until nobody else holds advisory lock 1: a row-level
/// policy asks for it, after the statement has its view of the data and before it locks the row.
async fn held_up(database: &TestDatabase) -> DatabasePool {
    let role = format!("held_{}", database.name());
    for statement in [
        "create function public.gate() returns boolean language plpgsql as \
         'begin perform pg_advisory_xact_lock_shared(1); return true; end'",
        "alter table mandated.jobs enable row level security",
        "create policy gate on mandated.jobs using (public.gate())",
        &format!("create role {role}"),
        &format!("grant usage on schema mandated to {role}"),
        &format!("grant all on all tables in schema mandated to {role}"),
        &format!("grant all on all sequences in schema mandated to {role}"),
    ] {
        execute(&database.pool, statement).await;
    }
    let become_it = format!("set role {role}");
    PgPoolOptions::new()
        .max_connections(1)
        .after_connect(move |connection, _meta| {
            let become_it = become_it.clone();
            Box::pin(async move {
                sqlx::query(AssertSqlSafe(become_it))
                    .execute(connection)
                    .await?;
                Ok(())
            })
        })
        .connect(&database.url())
        .await
        .unwrap()
        .into()
}

#[tokio::test]
async fn a_job_that_was_done_since_the_claim_began_is_left_for_the_next_one() {
    let database = due(&[]).await;
    let slow = held_up(&database).await;
    let mut holder = database.pool.acquire().await.unwrap();
    sqlx::query("select pg_advisory_lock(1)")
        .execute(&mut *holder)
        .await
        .unwrap();
    let late = tokio::spawn(async move { claim(&slow).await });
    let waiting = "select exists (select from pg_locks l join pg_database d on d.oid = l.database
                    where d.datname = current_database() and l.locktype = 'advisory' and not l.granted)";
    while !sqlx::query_scalar::<_, bool>(waiting)
        .fetch_one(&database.pool)
        .await
        .unwrap()
    {
        tokio::task::yield_now().await;
    }
    // Another worker debits, settles, and the look-up is due already.
    for change in [
        "update mandated.executions set state = 'pending', debit_attempts = 1, sent_at = '2026-01-31T00:29Z'",
        "update mandated.jobs set step = 'lookup', run_at = '2026-01-31T00:30Z'",
    ] {
        execute(&database.pool, change).await;
    }
    sqlx::query("select pg_advisory_unlock(1)")
        .execute(&mut *holder)
        .await
        .unwrap();
    // Its view of the execution is from before: notified, and never debited.
    assert!(late.await.unwrap().is_empty());
    let next = claim(&database.pool).await;
    assert_eq!(
        (next[0].step, next[0].execution.state),
        (Step::Lookup, State::Pending)
    );
}
