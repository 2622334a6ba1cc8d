//! What a provider says of a paused mandate, and what an operator does to it meanwhile.

use mandated::domain::execution::Progress;
use mandated::domain::{MandateStatus, State, Step, Timestamp};
use mandated::store::mandates::{Change, ChangeResult, paused_at_provider, set_status};
use mandated::store::pool::DatabasePool;
use mandated::store::settle::{MandateChange, NextJob, Settlement, settle};

use crate::support::TestDatabase;
use crate::support::due::{
    FAULTS, change_request, claim, column, due, execute, news, now, scalar, settlement,
};

fn hour(count: i64) -> Timestamp {
    now() + chrono::TimeDelta::hours(count)
}

/// Execution 1 of a mandate that its provider has paused since now, claimed.
async fn claimed() -> (TestDatabase, Settlement) {
    let database = due(1).await;
    let pool = &database.pool;
    execute(
        pool,
        &format!(
            "update mandated.mandates set status = 'paused', provider_paused_at = '{}'",
            now()
        ),
    )
    .await;
    let claimed = claim(pool, 1, "worker-1").await;
    assert!(!claimed[0].opened);
    assert_eq!(claimed[0].execution.paused_at, Some(now()));
    let parked = Settlement {
        next: waiting(true),
        closes_intent: false,
        progress: Progress {
            sent_at: None,
            ..settlement(&claimed[0], State::Notified).progress
        },
        ..settlement(&claimed[0], State::Notified)
    };
    (database, parked)
}

/// The debit a day later, or when its mandate is resumed.
fn waiting(parked: bool) -> Option<NextJob> {
    Some(NextJob {
        step: Step::Execute,
        run_at: hour(24),
        run_before: None,
        parked,
    })
}

/// The provider was asked, and this is what it said.
fn said(parked: &Settlement, status: MandateStatus) -> Settlement {
    Settlement {
        mandate: Some(MandateChange {
            status,
            paused_at: Some(now()),
        }),
        next: waiting(status == MandateStatus::Paused),
        ..parked.clone()
    }
}

async fn write(pool: &DatabasePool, settlement: Settlement) {
    let written = settle(pool, &[settlement], &[], hour(1), "worker-1", FAULTS)
        .await
        .unwrap();
    assert_eq!(written.executions.len(), 1);
}

async fn change(pool: &DatabasePool, change: Change) -> ChangeResult {
    let mut connection = pool.acquire().await.unwrap();
    set_status(&mut connection, change_request("sub-1", change), hour(1))
        .await
        .unwrap()
}

async fn mandate(pool: &DatabasePool) -> String {
    scalar(
        pool,
        "select concat_ws(' ', status, provider_paused_at at time zone 'UTC') from mandated.mandates",
    )
    .await
}

async fn job(pool: &DatabasePool) -> String {
    scalar(
        pool,
        "select format('%s%s', run_at at time zone 'UTC', case when parked then ' parked' end) from mandated.jobs",
    )
    .await
}

async fn events(pool: &DatabasePool) -> Vec<String> {
    column(
        pool,
        "select format('%s %s to %s', kind, from_state, to_state) from mandated.events
          where kind like 'mandate.%' order by id",
    )
    .await
}

#[tokio::test]
async fn what_the_provider_says_becomes_the_mandates_status() {
    for (word, status, event) in [
        (
            MandateStatus::Active,
            "active",
            Some("mandate.active paused to active"),
        ),
        (MandateStatus::Paused, "paused 2026-01-31 01:30:00", None),
        (
            MandateStatus::Revoked,
            "revoked",
            Some("mandate.revoked paused to revoked"),
        ),
        (
            MandateStatus::Expired,
            "expired",
            Some("mandate.expired paused to expired"),
        ),
    ] {
        let (database, parked) = claimed().await;
        write(&database.pool, said(&parked, word)).await;
        assert_eq!(mandate(&database.pool).await, status);
        let told: Vec<&str> = event.into_iter().collect();
        assert_eq!(events(&database.pool).await, told);
    }
}

/// Its answer was on its way while an operator paused the mandate: it is about an earlier pause.
#[tokio::test]
async fn an_answer_does_not_undo_a_pause_that_came_after_it() {
    for confirmed in [false, true] {
        let (database, parked) = claimed().await;
        let pool = &database.pool;
        assert_eq!(change(pool, Change::Pause).await, ChangeResult::Already);
        assert_eq!(mandate(pool).await, "paused");
        if confirmed {
            let mut connection = pool.acquire().await.unwrap();
            paused_at_provider(&mut connection, "sub-1", hour(1))
                .await
                .unwrap();
        }
        write(pool, said(&parked, MandateStatus::Active)).await;
        let stands = mandate(pool).await;
        assert!(stands.starts_with("paused"), "{stands}");
        assert_eq!(events(pool).await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_answer_does_not_undo_what_an_operator_ended_or_resumed() {
    for (step, status) in [(Change::Revoke, "revoked"), (Change::Resume, "active")] {
        let (database, parked) = claimed().await;
        let pool = &database.pool;
        assert_eq!(change(pool, step).await, ChangeResult::Applied);
        for word in [MandateStatus::Active, MandateStatus::Paused] {
            write(pool, said(&parked, word)).await;
            assert_eq!(mandate(pool).await, status, "{word}");
            // Not parked for a mandate that is not paused: whoever claims it finds out what follows.
            if word == MandateStatus::Paused {
                assert_eq!(job(pool).await, "2026-01-31 01:30:00 parked");
            }
            execute(
                pool,
                &format!(
                    "update mandated.jobs set lease_until = now(), lease_token = {}, worker_id = 'worker-1'",
                    parked.lease_token.0
                ),
            )
            .await;
        }
    }
}

/// A provider's news of an active mandate is written as ever, and the pause is known to be the provider's.
#[tokio::test]
async fn a_mandate_that_a_debit_finds_paused_is_parked_and_will_be_asked_about() {
    let database = due(1).await;
    let pool = &database.pool;
    let claimed = claim(pool, 1, "worker-1").await;
    let refused = Settlement {
        next: waiting(true),
        mandate: news(MandateStatus::Paused),
        ..settlement(&claimed[0], State::Retrying)
    };
    write(pool, refused).await;
    assert_eq!(mandate(pool).await, "paused 2026-01-31 01:30:00");
    assert_eq!(job(pool).await, "2026-02-01 00:30:00 parked");
    assert_eq!(events(pool).await, ["mandate.paused active to paused"]);
}

#[tokio::test]
async fn an_operators_pause_is_asked_about_only_when_the_provider_has_paused_it_too() {
    let database = due(1).await;
    let pool = &database.pool;
    assert_eq!(change(pool, Change::Pause).await, ChangeResult::Applied);
    assert_eq!(mandate(pool).await, "paused");
    let mut connection = pool.acquire().await.unwrap();
    paused_at_provider(&mut connection, "sub-1", hour(2))
        .await
        .unwrap();
    assert_eq!(mandate(pool).await, "paused 2026-01-31 02:30:00");
    assert_eq!(change(pool, Change::Resume).await, ChangeResult::Applied);
    assert_eq!(mandate(pool).await, "active");
    paused_at_provider(&mut connection, "sub-1", hour(2))
        .await
        .unwrap();
    assert_eq!(mandate(pool).await, "active", "resumed meanwhile");
}

/// The worker read "paused"; the operator resumed, which woke no job, for this one was held.
#[tokio::test]
async fn a_job_is_not_parked_for_a_mandate_that_was_resumed_while_it_was_held() {
    let (database, parked) = claimed().await;
    let pool = &database.pool;
    assert_eq!(change(pool, Change::Resume).await, ChangeResult::Applied);
    write(pool, parked).await;
    assert_eq!(job(pool).await, "2026-01-31 01:30:00 parked");
}

/// The same with the resume not yet committed when the settlement begins.
#[tokio::test]
async fn a_job_is_not_parked_for_a_mandate_that_is_being_resumed() {
    let (database, parked) = claimed().await;
    let mut resuming = database.pool.begin().await.unwrap();
    sqlx::query("update mandated.mandates set status = 'active', provider_paused_at = null")
        .execute(&mut *resuming)
        .await
        .unwrap();
    let pool = database.pool.clone();
    let settling = tokio::spawn(async move { write(&pool, parked).await });
    let waiting = "select exists (select from pg_stat_activity
                    where datname = current_database() and wait_event_type = 'Lock')";
    while !settling.is_finished() && !scalar::<bool>(&database.pool, waiting).await {
        tokio::task::yield_now().await;
    }
    resuming.commit().await.unwrap();
    settling.await.unwrap();
    assert_eq!(job(&database.pool).await, "2026-01-31 01:30:00 parked");
}

#[tokio::test]
async fn a_job_stays_parked_for_a_mandate_that_stays_paused() {
    let (database, parked) = claimed().await;
    write(&database.pool, parked).await;
    assert_eq!(job(&database.pool).await, "2026-02-01 00:30:00 parked");
}
