//! An operator request while a worker, or another person, is at the same execution.

use mandated::domain::machine::decide::operator::OperatorRequestKind;
use mandated::ops::{OpsError, executions};
use mandated::store::operator_requests::{
    OperatorRequest, OperatorRequestResult, operate as submit,
};
use mandated::store::pauses::Attribution;

use super::{ID, granted, request};
use crate::support::due::{ATTRIBUTION, execute, scalar};
use crate::support::running::until;
use crate::support::scenario::{Flow, Scenario};

#[tokio::test]
async fn a_job_that_a_worker_holds_is_left_to_it() {
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    world.run("05 06:00").await;
    execute(
        world.pool(),
        "update mandated.jobs set lease_token = 7, lease_until = now() + interval '1 minute', worker_id = 'other'",
    )
    .await;
    let mut conn = world.pool().acquire().await.unwrap();
    for what in [OperatorRequestKind::Retry, OperatorRequestKind::Skip] {
        let refused = executions::submit(&mut conn, request(&world, what))
            .await
            .unwrap_err();
        assert!(matches!(refused, OpsError::Held(ID)), "{refused}");
    }
    let words = OperatorRequest {
        attribution: Attribution {
            who: "",
            ..ATTRIBUTION
        },
        ..request(&world, OperatorRequestKind::Skip)
    };
    let refused = executions::submit(&mut conn, words).await.unwrap_err();
    assert!(matches!(refused, OpsError::Words(_)), "{refused}");
}

/// Two people at once: the second one finds what the first one did, and does not touch what a worker may be at.
#[tokio::test]
async fn of_two_operator_requests_at_once_the_second_finds_the_first() {
    let world = Scenario::of("a", Flow::UpiExempt).open().await;
    world.run("05 06:00").await;
    granted(&world, OperatorRequestKind::Skip).await;
    let mut first = world.pool().begin().await.unwrap();
    sqlx::query("select from mandated.executions where id = 1 for update")
        .execute(&mut *first)
        .await
        .unwrap();
    let (pool, second) = (
        world.pool().clone(),
        request(&world, OperatorRequestKind::Skip),
    );
    let second = tokio::spawn(async move {
        let mut conn = pool.acquire().await.unwrap();
        submit(&mut conn, second).await.unwrap()
    });
    until("the second one waits", async || {
        scalar::<i64>(
            world.pool(),
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        )
        .await
            == 1
    })
    .await;
    // What the first one wrote: taken up again, and leased at once.
    for statement in [
        "update mandated.executions set state = 'planned', finished_at = null where id = 1",
        "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at, lease_token, lease_until, worker_id)
         select id, account_id, mandate_id, 'execute', now(), 7, now() + interval '1 minute', 'w' from mandated.executions",
    ] {
        sqlx::query(statement).execute(&mut *first).await.unwrap();
    }
    first.commit().await.unwrap();
    let refused = second.await.unwrap();
    assert!(
        matches!(refused, OperatorRequestResult::Held),
        "{refused:?}"
    );
    let held: i64 = scalar(
        world.pool(),
        "select count(*) from mandated.jobs where lease_token = 7",
    )
    .await;
    assert_eq!(held, 1);
}
