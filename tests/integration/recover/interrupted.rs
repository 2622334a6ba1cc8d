//! A recovery that is stopped, or not answered, goes on where it was.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::TimeDelta;
use lab::sandbox::{Call, Fault, Then};
use mandated::ops::OpsError;
use mandated::ops::recover::{RecoveryProgress, RecoveryRequest, recover};
use mandated::store::recovery::hold;
use tokio_util::sync::CancellationToken;

use super::{counts, put_back, recovered, recovered_with, recovering};
use crate::support::due::{ATTRIBUTION, column, execute, scalar};
use crate::support::dump::dump;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, after_payday, start};

const LOOKED_UP: &str = "select count(*) from mandated.attempts where worker_id like 'recover-%' and call = 'order_status'";

/// So many UPI mandates, collected and forgotten.
async fn forgotten(count: usize) -> World {
    let mut world = Scenario::many(count, Flow::UpiExempt).open().await;
    dump(world.pool()).await;
    world.run("08 00:00").await;
    world.agrees().await;
    put_back(&mut world).await;
    // The look-ups of the daemon before are forgotten too: they count at the rail, and here no more.
    world.outage("08 00:00");
    world
}

/// A recovery that is killed when so many executions are done.
async fn killed_after(world: &World, killed_at: u64) {
    let (killed, done) = (CancellationToken::new(), AtomicU64::new(0));
    let request = RecoveryRequest {
        accounts: &[],
        since: start(),
        attribution: ATTRIBUTION,
    };
    let on_progress = |progress| {
        let is_asked = matches!(progress, RecoveryProgress::Asked(_));
        if is_asked && done.fetch_add(1, Ordering::Relaxed) + 1 >= killed_at {
            killed.cancel();
        }
    };
    tokio::select! {
        biased;
        () = killed.cancelled() => {}
        report = recover(world.config(), world.pool(), &world.clock, request, &on_progress) => panic!("{report:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_it_goes_on_with_the_others() {
    let world = forgotten(30).await;
    for killed_at in [1, 7, 5] {
        killed_after(&world, killed_at).await;
        assert_eq!(recovering(&world).await, ["juspay_main", "signzy_main"]);
        // Nothing of it moves, whoever runs.
        let before: i64 = scalar(world.pool(), "select count(*) from mandated.events").await;
        world.run_until(world.clock.now()).await;
        assert_eq!(
            before,
            scalar::<i64>(world.pool(), "select count(*) from mandated.events").await
        );
    }
    // What was under way when it was killed may have been looked up as often as the rail allows.
    let report = recovered(&world).await;
    let again_at = report.accounts[0].again_at;
    world
        .clock
        .advance_to(again_at.unwrap_or(world.clock.now()));
    let report = recovered(&world).await;
    assert!(report.is_over(), "{report:?}");
    let collected: i64 = scalar(world.pool(), "select count(*) from mandated.debits").await;
    assert_eq!(collected, 30);
    let twice: i64 = scalar(
        world.pool(),
        "select count(*) from (select execution_id from mandated.recovered_executions where result = 'collected'
                                group by 1 having count(*) > 1) t",
    )
    .await;
    assert_eq!(twice, 0);
    world.run_until(after_payday()).await;
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_answered_is_asked_again_and_nothing_else() {
    let world = forgotten(12).await;
    for unanswered in ["903", "907"] {
        world.script(
            unanswered,
            Call::OrderStatus,
            [Then::Fault(Fault::ErrorAfter)],
        );
    }
    let report = recovered(&world).await;
    let juspay = &report.accounts[0];
    assert!(!report.is_over() && !juspay.is_over);
    assert_eq!(
        juspay.without_answer.iter().collect::<Vec<_>>(),
        [(&"no answer came, or none that can be read", &2)]
    );
    assert_eq!(counts(&report), [10, 10, 0, 0, 0], "{report:?}");
    assert!(report.accounts[1].is_over, "Signzy's is over: {report:?}");
    assert_eq!(recovering(&world).await, ["juspay_main"]);
    let asked: i64 = scalar(world.pool(), LOOKED_UP).await;
    let again = recovered_with(&world, world.config(), &["juspay_main"], start()).await;
    let again = again.unwrap();
    assert!(again.is_over(), "{again:?}");
    assert_eq!(counts(&again), [12, 12, 0, 0, 0]);
    // Three orders each, of two executions.
    assert_eq!(scalar::<i64>(world.pool(), LOOKED_UP).await, asked + 6);
    world.run_until(after_payday()).await;
    world.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_is_not_asked_on_and_on() {
    let world = forgotten(40).await;
    let config = {
        let mut nowhere = world.config().clone();
        let account = nowhere.accounts.get_mut("juspay_main").unwrap();
        // The same merchant, of whom nothing answers.
        account.timeout = std::time::Duration::from_millis(1);
        account.tps = 100_000;
        nowhere
    };
    for payer in &world.payers {
        world.script(
            &payer.reference,
            Call::OrderStatus,
            [Then::Fault(Fault::ResetBefore)],
        );
    }
    let report = recovered_with(&world, &config, &["juspay_main"], start())
        .await
        .unwrap();
    assert!(!report.is_over());
    let why = &report.accounts[0].without_answer;
    assert_eq!(why.values().sum::<u64>(), 40, "{why:?}");
    assert!(why["the provider has stopped answering"] > 20, "{why:?}");
}

/// Whoever kills a recovery and calls it again at once does not see that Postgres has not noticed yet.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_has_just_been_killed_is_waited_for() {
    let world = forgotten(1).await;
    let held = hold(world.pool(), "juspay_main").await.unwrap().unwrap();
    let killed = async {
        let waits = "select exists (select from pg_locks where locktype = 'advisory' and not granted
                        and database = (select oid from pg_database where datname = current_database()))";
        while !scalar::<bool>(world.pool(), waits).await {
            tokio::task::yield_now().await;
        }
        held.rollback().await.unwrap();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = killed => {}
        report = recovered(&world) => assert!(report.is_over(), "{report:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_are_refused() {
    let world = forgotten(1).await;
    let held = hold(world.pool(), "juspay_main").await.unwrap().unwrap();
    let refused = recovered_with(&world, world.config(), &["juspay_main"], start()).await;
    assert!(
        matches!(&refused, Err(OpsError::Recovering(account)) if account == "juspay_main"),
        "{refused:?}"
    );
    // Another account's does not wait for it.
    let other = recovered_with(&world, world.config(), &["signzy_main"], start()).await;
    assert!(other.unwrap().is_over());
    held.rollback().await.unwrap();
    assert!(recovered(&world).await.is_over());
}

/// G4: what is on record counts, and what only was counted.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_beyond_the_budget_waits_and_says_until_when() {
    let world = forgotten(2).await;
    let now = world.clock.now();
    world.engine.planner().tick().await.unwrap();
    let times = format!(
        "update mandated.executions set lookup_times = array['{0}', '{0}', '{0}']::timestamptz[] where id = (select min(id) from mandated.executions)",
        now - TimeDelta::minutes(30)
    );
    execute(world.pool(), &times).await;
    let report = recovered(&world).await;
    assert!(!report.is_over());
    let again_at = now + TimeDelta::minutes(90);
    assert_eq!(report.accounts[0].again_at, Some(again_at), "{report:?}");
    world.clock.advance_to(again_at);
    assert!(recovered(&world).await.is_over());
    assert_eq!(world.ledger().violations, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_call_may_look_further_back() {
    let world = forgotten(3).await;
    world.script("900", Call::OrderStatus, [Then::Fault(Fault::ErrorAfter)]);
    let late = world.clock.now() - TimeDelta::hours(1);
    let report = recovered_with(&world, world.config(), &[], late).await;
    assert!(!report.unwrap().is_over());
    let report = recovered(&world).await;
    assert_eq!(report.accounts[0].since, start());
    assert!(report.is_over());
    let asked: Vec<String> = column(
        world.pool(),
        "select what || ' ' || who from mandated.operator_requests where what = 'recover' order by id",
    )
    .await;
    assert_eq!(asked, ["recover asha"; 4], "both accounts, each call");
}

/// What was not found changes nothing, so only the recovery's own rows tell that it was asked about.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_is_not_asked_about_again() {
    let mut world = Scenario::many(30, Flow::UpiExempt).open().await;
    dump(world.pool()).await;
    put_back(&mut world).await;
    world.outage("05 06:00");
    killed_after(&world, 20).await;
    world.outage("05 06:08");
    let report = recovered(&world).await;
    // Executions that were under way at the kill may have spent their look-ups.
    let [looked_up, .., not_found] = counts(&report);
    assert!(looked_up >= 22 && looked_up == not_found, "{report:?}");
    let again = asked_twice(&world).await;
    // Eight executions were under way at the kill, each with three orders.
    assert!(again <= 3 * 8, "{again}");
}

/// Orders that were looked up more than once.
async fn asked_twice(world: &World) -> i64 {
    let text =
        "select count(*) from (select reference from mandated.attempts where call = 'order_status'
                                       group by reference having count(*) > 1) t";
    scalar(world.pool(), text).await
}

/// A copy of this database may have sent meanwhile what this one was told does not exist.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_asked_long_before_is_asked_again() {
    let mut world = Scenario::many(30, Flow::UpiExempt).open().await;
    dump(world.pool()).await;
    put_back(&mut world).await;
    world.outage("05 06:00");
    killed_after(&world, 20).await;
    let again_from = world.clock.now() + TimeDelta::minutes(181);
    world.clock.advance_to(again_from);
    recovered(&world).await;
    let again = asked_twice(&world).await;
    assert!(again >= 3 * 12, "{again}");
    let began: Vec<String> = column(
        world.pool(),
        "select a.name from mandated.recoveries r join mandated.accounts a on a.id = r.account_id order by r.id",
    )
    .await;
    let accounts = ["juspay_main", "signzy_main"];
    assert_eq!(began, [accounts, accounts].concat());
    // The second recovery waits until orders that were sent before it are processed.
    let too_early: i64 = scalar(
        world.pool(),
        &format!(
            "select count(*) from mandated.attempts where at >= '{again_from}' and at < timestamptz '{again_from}' + interval '90 seconds'"
        ),
    )
    .await;
    assert_eq!(too_early, 0);
}

/// The dump was taken while a recovery was under way: what that had asked was before whatever was sent since.
#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_of_the_database_before_is_begun_anew() {
    let mut world = Scenario::many(2, Flow::UpiExempt).open().await;
    world.engine.planner().tick().await.unwrap();
    execute(
        world.pool(),
        "with open as (
           insert into mandated.recoveries (account_id, since, started_at, seen_at, who, reason)
           select a.id, '2027-01-01Z', '2027-01-02Z', now() + interval '100 years', 'asha', 'monday' from mandated.accounts a where a.name = 'juspay_main' returning id
         ), compared as (
           insert into mandated.compared_mandates (recovery_id, mandate_id, at, unowned)
           select open.id, m.id, '2027-01-02Z', '[]' from open, mandated.mandates m
         )
         insert into mandated.recovered_executions (recovery_id, execution_id, at, result)
         select open.id, e.id, '2027-01-02Z', 'not_found' from open, mandated.executions e",
    )
    .await;
    dump(world.pool()).await;
    world.run("08 00:00").await;
    put_back(&mut world).await;
    world.outage("08 00:00");
    let report = recovered(&world).await;
    assert!(report.is_over(), "{report:?}");
    assert_eq!(counts(&report)[..2], [2, 2], "{report:?}");
    world.agrees().await;
}
