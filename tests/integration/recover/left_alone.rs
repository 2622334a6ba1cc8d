//! Nothing of an account is notified or debited while it is recovering; the others go on.

use lab::sandbox::{Call, Fault, Then};
use mandated::store::environment::{Where, register};
use mandated::store::monitor::work_counts;
use mandated::{compose, ops};

use super::{put_back, recovered, recovered_with, recovering};
use crate::support::due::{column, execute, scalar};
use crate::support::dump::dump;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, after_payday, start};

/// Two weekly mandates of each account, whose first cycle was collected and is forgotten; Juspay's recovery is open.
async fn half_recovered() -> World {
    let flows = [Flow::UpiSeparate, Flow::SignzyOnDemand];
    let mut world = Scenario::flows(flows.into_iter().cycle().take(4))
        .every("weekly")
        .until("2027-02-18")
        .open()
        .await;
    world.run("01 02:00").await;
    dump(world.pool()).await;
    world.run("09 00:00").await;
    put_back(&mut world).await;
    world.script("900", Call::OrderStatus, [Then::Fault(Fault::ErrorAfter)]);
    let report = recovered(&world).await;
    assert_eq!(recovering(&world).await, ["juspay_main"], "{report:?}");
    world
}

const CALLS: &str = "select m.ref || ' ' || a.call from mandated.attempts a join mandated.mandates m on m.id = a.mandate_id
                      where a.call in ('notify', 'execute', 'retry') order by 1";

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_calls_no_cycle_of_it_forgotten() {
    let world = half_recovered().await;
    world.run("28 00:00").await;
    let open = "select count(*) from mandated.executions where finished_at is null and closes_at < '2027-02-24Z'";
    assert!(scalar::<i64>(world.pool(), open).await > 0);
    world.audited().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_calls_nothing_of_it_and_the_others_go_on() {
    let world = half_recovered().await;
    world.run("14 14:00").await;
    let calls: Vec<String> = column(world.pool(), CALLS).await;
    assert_eq!(calls, ["901 execute", "903 execute"]);
    // Neither does a person's resume free it.
    let mut conn = world.pool().acquire().await.unwrap();
    let by = crate::support::due::ATTRIBUTION;
    ops::accounts::resume(&mut conn, None, by, world.clock.now())
        .await
        .unwrap();
    drop(conn);
    world.run("14 15:00").await;
    assert_eq!(column::<String>(world.pool(), CALLS).await.len(), 2);
    let report = recovered_with(&world, world.config(), &["juspay_main"], start()).await;
    assert!(report.unwrap().is_over());
    world.run_until(after_payday()).await;
    let charged: i64 = scalar(
        world.pool(),
        "select count(*) from mandated.executions where state = 'charged'",
    )
    .await;
    // Juspay's second cycles are over before anybody could be notified again.
    assert_eq!(charged, 6);
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_bound_and_recovering_at_one_instant() {
    let mut world = Scenario::of("900", Flow::UpiSeparate).open().await;
    dump(world.pool()).await;
    world.run("09 00:00").await;
    put_back(&mut world).await;
    let (name, account) = world.config().accounts.first_key_value().unwrap();
    let configured = compose::configured(world.config(), name, account);
    let mut conn = world.pool().acquire().await.unwrap();
    assert!(
        register(&mut conn, &configured, Where::Bound)
            .await
            .is_err(),
        "elsewhere"
    );
    // Whatever is seen of it: not bound here, or recovering.
    execute(
        world.pool(),
        "create function free() returns trigger language plpgsql as $$ begin
           if new.database <> 'the one before' and new.recovering_since is null then raise exception 'free to move money'; end if;
           return new; end $$;",
    )
    .await;
    execute(
        world.pool(),
        "create constraint trigger free after update on mandated.accounts for each row execute function free()",
    )
    .await;
    world.script("900", Call::OrderStatus, [Then::Fault(Fault::ErrorAfter)]);
    let report = recovered_with(&world, world.config(), &[name], start()).await;
    assert!(!report.unwrap().is_over());
    assert!(
        register(&mut conn, &configured, Where::Bound).await.is_ok(),
        "here, and recovering"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_shown_wherever_somebody_looks() {
    let world = half_recovered().await;
    let now = world.clock.now();
    let accounts = ops::accounts::list(world.pool(), now).await.unwrap();
    let since: Vec<bool> = accounts
        .iter()
        .map(|account| account.recovering_since.is_some())
        .collect();
    assert_eq!(since, [true, false]);
    let counts = work_counts(world.pool(), now).await.unwrap();
    assert_eq!(counts.recovering_accounts, 1);
    let mut engine = world.engine("worker-2", |_| {}).await.heartbeat();
    let beat = engine.tick(0).await.unwrap();
    assert_eq!(beat.work_counts.recovering_accounts, 1);
}
