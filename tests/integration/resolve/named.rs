//! The order and the payment that a person names: known, of this cycle, and of no other mandate.

use mandated::domain::resolve::{Refusal, ResolvedAs};
use mandated::domain::{ExecutionId, MandateId};
use mandated::ops::OpsError;
use mandated::ops::resolve::{RecordedResolution, ResolutionRequest, resolve};

use super::said;
use crate::support::due::{column, execute, scalar};
use crate::support::running::until;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::World;

async fn charged(
    world: &World,
    id: i64,
    payment: &str,
    order: Option<&str>,
) -> Result<RecordedResolution, Refusal> {
    let request = ResolutionRequest {
        provider_ref: Some(payment),
        order,
        ..said(ResolvedAs::Charged)
    };
    let mut conn = world.pool().acquire().await.unwrap();
    match resolve(&mut conn, ExecutionId(id), request, world.clock.now()).await {
        Ok(done) => Ok(done),
        Err(OpsError::Resolve { why, .. }) => Err(why),
        Err(other) => panic!("{other}"),
    }
}

/// Two mandates were collected; of the second nobody knows it any more.
async fn second_forgotten(flow: Flow) -> (World, Vec<String>) {
    let world = Scenario::many(2, flow).open().await;
    world.run("08 00:00").await;
    let payments = column(
        world.pool(),
        "select provider_txn from mandated.debits order by mandate_id",
    )
    .await;
    execute(
        world.pool(),
        "with gone as (delete from mandated.debits where mandate_id = 2)
         update mandated.executions set state = 'review', provider_ref = null where mandate_id = 2",
    )
    .await;
    (world, payments)
}

#[tokio::test]
async fn a_payment_of_another_mandate_collects_nothing() {
    for flow in [Flow::UpiExempt, Flow::SignzyOnDemand] {
        let (world, payments) = second_forgotten(flow).await;
        let id: i64 = scalar(
            world.pool(),
            "select id from mandated.executions where mandate_id = 2",
        )
        .await;
        let refused = charged(&world, id, &payments[0], None).await;
        assert_eq!(
            refused.unwrap_err(),
            Refusal::PaymentOfMandate(MandateId(1)),
            "{flow:?}"
        );
        // Another merchant's numbers are its own.
        execute(
            world.pool(),
            "with other as (insert into mandated.accounts (id, name, provider) overriding system value
                           select 77, 'other', provider from mandated.accounts a where a.id = (select account_id from mandated.mandates where id = 1))
             update mandated.mandates set account_id = 77 where id = 1",
        )
        .await;
        charged(&world, id, &payments[0], None).await.unwrap();
    }
}

/// The payment becomes another cycle's between the question and the answer.
#[tokio::test]
async fn two_people_who_name_one_payment_do_not_both_book_it() {
    let (world, payments) = second_forgotten(Flow::UpiExempt).await;
    let id: i64 = scalar(
        world.pool(),
        "select id from mandated.executions where mandate_id = 2",
    )
    .await;
    let mut other = world.pool().begin().await.unwrap();
    sqlx::query(
        "insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, provider_txn, proven_at)
         values (2, '2026-12-05', 9, 'order-0', $1, now())",
    )
    .bind(&payments[1])
    .execute(&mut *other)
    .await
    .unwrap();
    let second = charged(&world, id, &payments[1], None);
    let first = async {
        until("the second waits for the first", async || {
            scalar::<bool>(
                world.pool(),
                "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')",
            )
            .await
        })
        .await;
        other.commit().await.unwrap();
    };
    let (second, ()) = tokio::join!(second, first);
    assert_eq!(second.unwrap_err(), Refusal::Overtaken);
    let state: String = scalar(
        world.pool(),
        "select state from mandated.executions where mandate_id = 2",
    )
    .await;
    assert_eq!(state, "review");
}

/// A later order of the cycle was collected, which this database has not sent: a debit of the execution's own would be a wrong one.
#[tokio::test]
async fn the_order_that_collected_is_named() {
    let world = Scenario::of("900", Flow::UpiExempt).open().await;
    world.run("08 00:00").await;
    execute(
        world.pool(),
        "with gone as (delete from mandated.debits),
              own as (update mandated.attempts set outcome = 'failed' where outcome = 'charged'),
              later as (insert into mandated.attempts (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision,
                                                       lease_token, worker_id)
                        select now(), id, mandate_id, 'order_status', 'laterorder', 1, 'charged', '-', 1, 'worker'
                          from mandated.executions)
         update mandated.executions set state = 'review', provider_ref = null",
    )
    .await;
    for (order, refusal) in [
        (None, Some(Refusal::OrderNotNamed)),
        (Some("nobodys"), Some(Refusal::OrderNotKnown)),
        (Some("laterorder"), None),
    ] {
        let done = charged(&world, 1, "shop-late-1", order).await;
        assert_eq!(done.err(), refusal, "{order:?}");
    }
    let booked: Vec<String> = column(
        world.pool(),
        "select order_id || ' ' || provider_txn from mandated.debits
         union all select order_id from mandated.resolutions
         union all select step from mandated.jobs",
    )
    .await;
    assert_eq!(booked, ["laterorder shop-late-1", "laterorder", "recheck"]);
}
