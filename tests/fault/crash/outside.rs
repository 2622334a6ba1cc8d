//! Killed from outside, while the daemon waits: for a provider that has the call and does not answer, for a statement that has not
//! been committed.

use futures::{StreamExt, stream};
use lab::sandbox::{Call, Fault, Then};
use rustix::process::Signal;

use super::daemon::{agree, intended, leases_end, lives_to_the_end, start};
use super::everywhere::{PLANNED, SIGNZY, UPI};
use super::scenario::{CrashScenario, installation};
use crate::support::due::{execute, scalar};
use crate::support::process::{Installation, Process};
use crate::support::running::until;

async fn kill(daemon: &mut Process) {
    daemon.signal(Signal::KILL);
    assert_eq!(daemon.ended().await.code(), None, "it was killed");
}

/// Goes on with a new daemon, to the end.
async fn goes_on(installation: &mut Installation, scenario: &CrashScenario) {
    leases_end(installation).await;
    let mut daemon = start(installation, "");
    lives_to_the_end(&mut daemon).await;
    agree(installation, scenario.ends).await;
}

#[tokio::test]
async fn while_the_provider_has_the_call_and_does_not_answer() {
    let calls = [
        (&UPI, Call::Notify, "POST /mandates/{mandate_id}"),
        (
            &UPI,
            Call::NotificationStatus,
            "GET /notifications/{reference}",
        ),
        (&UPI, Call::Execute, "POST /txns"),
        (&UPI, Call::OrderStatus, "GET /orders/{order_id}"),
        (&UPI, Call::Retry, "POST /ecr/mandate/retry"),
        (&SIGNZY, Call::Execute, "POST /eMandates/{id}/charge"),
        (&SIGNZY, Call::OrderStatus, "GET /eMandates/{id}/payments"),
        (&SIGNZY, Call::Retry, "POST /eMandates/{id}/retry-charge"),
    ];
    let held = async |(scenario, call, path): (&CrashScenario, Call, &str)| {
        let prepared = scenario.prepared().await;
        // The first debit is declined where a retry is to be held.
        let mut begins = (scenario.begins)();
        begins.script.retain(|scripted| scripted.call != call);
        let begins = begins.provider(call, [Then::Fault(Fault::Held)]);
        let mut installation = installation(prepared.copy().await, begins).await;
        let mut daemon = start(&installation, "");
        until("the provider has the call", async || {
            installation.ledger().await.calls.contains_key(path)
        })
        .await;
        kill(&mut daemon).await;
        intended(&installation, &installation.ledger().await).await;
        goes_on(&mut installation, scenario).await;
    };
    stream::iter(calls).for_each_concurrent(3, held).await;
}

/// Kills a daemon while a statement of its writes to a table and is held up, and lets the statement go on without it.
async fn killed_while_it_writes(table: &str) -> Installation {
    let prepared = PLANNED.prepared().await;
    let installation = PLANNED.open(&prepared).await;
    for sql in [
        "create function held() returns trigger language plpgsql as 'begin perform pg_advisory_xact_lock(1); return null; end'",
        &format!(
            "create trigger held before insert on mandated.{table} for each statement execute function held()"
        ),
    ] {
        execute(&installation.database.pool, sql).await;
    }
    let mut test = installation.database.pool.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(1)")
        .execute(&mut *test)
        .await
        .unwrap();
    let mut daemon = start(&installation, "");
    let others = async |condition: &str| -> bool {
        let sql = format!(
            "select exists (select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
               and state = 'active' and {condition})"
        );
        scalar(&installation.database.pool, &sql).await
    };
    until("the statement waits", async || {
        others("wait_event_type = 'Lock'").await
    })
    .await;
    kill(&mut daemon).await;
    assert!(
        others("wait_event_type = 'Lock'").await,
        "Postgres still has it"
    );
    test.commit().await.unwrap();
    until("the statement is done", async || !others("true").await).await;
    installation
}

#[tokio::test]
async fn while_a_claim_is_committed() {
    let mut installation = killed_while_it_writes("intents").await;
    let committed = "select count(*) from mandated.jobs join mandated.intents using (execution_id) where lease_token = opened_by";
    assert_eq!(
        scalar::<i64>(&installation.database.pool, committed).await,
        1
    );
    assert_eq!(installation.ledger().await.calls.len(), 0);
    goes_on(&mut installation, &PLANNED).await;
}

#[tokio::test]
async fn while_a_settlement_is_committed() {
    let mut installation = killed_while_it_writes("attempts").await;
    let committed =
        "select count(*) from mandated.attempts where call = 'execute' and outcome = 'pending'";
    assert_eq!(
        scalar::<i64>(&installation.database.pool, committed).await,
        1
    );
    let leased = execute(
        &installation.database.pool,
        "update mandated.jobs set lease_until = lease_until where lease_token is not null",
    );
    assert_eq!(leased.await, 0);
    goes_on(&mut installation, &PLANNED).await;
}
