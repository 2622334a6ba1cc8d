//! What the provider has is found, whatever became of it.

use lab::sandbox::{Call, Reason, Then};

use super::{counts, put_back, recovered, recovered_with, recovering};
use crate::support::due::{column, scalar};
use crate::support::dump::dump;
use crate::support::provider::{Asked, FIRST_ORDER, juspay_of_others, order};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, after_payday, at, start};

/// Each mandate's collections, by the provider's books and by ours.
async fn once_each(world: &World, flows: usize) {
    world.agrees().await;
    let debits: i64 = scalar(world.pool(), "select count(*) from mandated.debits").await;
    assert_eq!(debits, i64::try_from(flows).unwrap());
}

/// The dump is from before anything was planned, and from when the payers were notified.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_collected_is_recorded_once_in_every_flow() {
    for dumped_at in ["01 00:00", "04 18:00"] {
        let mut world = Scenario::flows(Flow::ALL).open().await;
        world.run(dumped_at).await;
        dump(world.pool()).await;
        world.run("08 00:00").await;
        once_each(&world, 8).await;
        put_back(&mut world).await;
        let report = recovered(&world).await;
        assert!(report.is_over(), "{dumped_at}: {report:?}");
        assert_eq!(counts(&report)[..2], [8, 8], "{dumped_at}: {report:?}");
        assert_eq!(recovering(&world).await, [""; 0]);
        once_each(&world, 8).await;
        let found: Vec<String> = column(
            world.pool(),
            "select distinct to_state || ' ' || reason from mandated.events where kind = 'execution.found'",
        )
        .await;
        assert_eq!(
            found,
            ["charged found: order 1 was collected, which this database had forgotten"]
        );
        let kept: i64 = scalar(
            world.pool(),
            "select count(*) from mandated.attempts a join mandated.debits d on d.order_id = a.reference
              where a.call = 'order_status' and a.outcome = 'charged' and a.body is not null",
        )
        .await;
        assert_eq!(kept, 8, "{dumped_at}: each debit has its answer");
        // A daemon finds nothing to do, and nothing to collect again.
        world.run_until(after_payday()).await;
        once_each(&world, 8).await;
    }
}

/// What an execution is left with, in a line.
async fn left(world: &World) -> Vec<String> {
    column(
        world.pool(),
        "select format('%s order %s tried %s next %s intent %s', e.state, e.order_no, e.debit_attempts, j.step, i.notice)
           from mandated.executions e left join mandated.jobs j on j.execution_id = e.id
           left join mandated.intents i on i.execution_id = e.id order by e.id",
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_that_were_forgotten_are_spent_and_the_order_is_looked_up_first() {
    for flow in [
        Flow::UpiExempt,
        Flow::UpiSeparate,
        Flow::Enach,
        Flow::SignzyOnDemand,
    ] {
        let mut world = Scenario::of("900", flow)
            .provider(Call::Execute, [Then::Declines(Reason::LowBalance)])
            .provider(Call::Retry, [Then::Declines(Reason::LowBalance)])
            .open()
            .await;
        world.run("04 18:00").await;
        dump(world.pool()).await;
        // Up to the second attempt.
        let tried = "select count(*) from mandated.attempts where call in ('execute', 'retry') and outcome <> 'not_sent'";
        let mut day = 5;
        while scalar::<i64>(world.pool(), tried).await < 2 && day < 20 {
            world.run(&format!("{day:02} 23:00")).await;
            day += 1;
        }
        let attempts: i16 = scalar(
            world.pool(),
            "select debit_attempts from mandated.executions",
        )
        .await;
        put_back(&mut world).await;
        // NPCI counts the forgotten look-ups for two hours. A restore takes as long.
        world
            .clock
            .advance_to(world.clock.now() + chrono::TimeDelta::hours(2));
        let report = recovered(&world).await;
        assert!(report.is_over(), "{flow:?}: {report:?}");
        assert_eq!(counts(&report)[..3], [1, 0, 1], "{flow:?}: {report:?}");
        let open = attempts - 1;
        assert_eq!(
            left(&world).await,
            [format!(
                "unknown order 1 tried {open} next lookup intent found"
            )],
            "{flow:?}"
        );
        world.run_until(after_payday()).await;
        let violations = world.ledger().violations;
        assert_eq!(violations, [], "{flow:?}");
        world.audited().await;
    }
}

/// The dump is younger than all that was sent: nothing is found that it does not have.
#[tokio::test(flavor = "multi_thread")]
async fn what_this_database_knows_is_counted_apart_and_changes_nothing() {
    let mut world = Scenario::of("900", Flow::UpiExempt)
        .provider(Call::Execute, [Then::Declines(Reason::LowBalance)])
        .open()
        .await;
    world.run("05 12:00").await;
    dump(world.pool()).await;
    let before = left(&world).await;
    put_back(&mut world).await;
    let report = recovered(&world).await;
    assert!(report.is_over(), "{report:?}");
    assert_eq!(counts(&report), [1, 0, 0, 0, 0], "{report:?}");
    let known = report.accounts[0].counts.unwrap().known;
    assert_eq!(known, 1, "{report:?}");
    assert_eq!(left(&world).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_handed_over_is_watched_and_collected_once() {
    for flow in [Flow::UpiProvider, Flow::CardProvider] {
        let mut world = Scenario::of("900", flow).open().await;
        world.run("01 01:00").await;
        dump(world.pool()).await;
        let sent = "select count(*) from mandated.attempts where call = 'execute'";
        let mut hour = 1;
        while scalar::<i64>(world.pool(), sent).await == 0 && hour < 80 {
            world
                .run_until(start() + chrono::TimeDelta::hours(hour))
                .await;
            hour += 1;
        }
        put_back(&mut world).await;
        let report = recovered(&world).await;
        assert_eq!(counts(&report)[..3], [1, 0, 1], "{flow:?}: {report:?}");
        assert_eq!(
            left(&world).await,
            ["unknown order 1 tried 0 next lookup intent found"],
            "{flow:?}"
        );
        world.run_until(after_payday()).await;
        once_each(&world, 1).await;
    }
}

/// Juspay has no more than what the test says of an order of the mandate `a`.
async fn told(answer: impl Fn(&str) -> serde_json::Value + Send + Sync + 'static) -> World {
    told_with(answer, |_| {}).await
}

/// The same with a configuration of today.
async fn told_with(
    answer: impl Fn(&str) -> serde_json::Value + Send + Sync + 'static,
    change: impl FnOnce(&mut mandated::config::Config),
) -> World {
    let provider = juspay_of_others(move |asked, id: &str, _| {
        assert_eq!(asked, Asked::LookUp, "a recovery moves no money");
        answer(id)
    })
    .await;
    let world = Scenario::of("a", Flow::UpiExempt).open().await;
    world.run("04 18:00").await;
    world.outage("06 12:00");
    let mut config = World::config_at(&provider.uri());
    change(&mut config);
    restore_at(&world).await;
    let report = recovered_with(&world, &config, &["juspay_main"], start()).await;
    assert!(report.unwrap().is_over());
    world
}

/// The accounts are bound to the provider that answers, as if they had always been.
async fn restore_at(world: &World) {
    crate::support::database::forget_environments(world.pool()).await;
}

#[tokio::test]
async fn an_answer_about_somebody_else_is_for_a_person_with_both_sides_named() {
    let world = told(|id| {
        let mut answer = order(id, "CHARGED");
        if id == FIRST_ORDER {
            answer["customer_id"] = "cst_251".into();
            return answer;
        }
        serde_json::json!({ "status": "NOT_FOUND" })
    })
    .await;
    let (state, reason) = world.stands("a").await;
    assert_eq!(state, "review");
    assert!(
        reason.contains("cst_251") && reason.contains("customer_a"),
        "{reason}"
    );
    let debits: i64 = scalar(world.pool(), "select count(*) from mandated.debits").await;
    assert_eq!(debits, 0);
}

#[tokio::test]
async fn a_debit_states_no_amount_that_the_answer_does_not() {
    for (states, minor) in [(true, "49900 INR"), (false, "nothing")] {
        let world = told(move |id| {
            if id != FIRST_ORDER {
                return serde_json::json!({ "status": "NOT_FOUND" });
            }
            let mut answer = order(id, "CHARGED");
            if !states {
                answer.as_object_mut().unwrap().remove("amount");
            }
            answer
        })
        .await;
        let debit =
            "select coalesce(amount_minor || ' ' || currency, 'nothing') from mandated.debits";
        assert_eq!(scalar::<String>(world.pool(), debit).await, minor);
        world.audited().await;
    }
}

/// The database before allowed a second order, and this one's configuration does not.
#[tokio::test]
async fn an_order_that_no_configuration_of_today_allows_is_found() {
    let answer = |id: &str| {
        if id == FIRST_ORDER {
            return crate::support::provider::declined(id, "Z9", false);
        }
        order(id, "CHARGED")
    };
    let world = told_with(answer, |config| config.rails.upi.max_orders = 1).await;
    assert_eq!(world.stands("a").await.0, "charged");
}

/// A first order that was refused was never made, and the one after it was collected: the gap ends no search.
#[tokio::test]
async fn an_order_behind_a_gap_is_found() {
    let world = told(|id| {
        if id == FIRST_ORDER {
            return serde_json::json!({ "status": "NOT_FOUND" });
        }
        order(id, "CHARGED")
    })
    .await;
    assert_eq!(world.stands("a").await.0, "charged");
    let nth: Vec<String> = column(
        world.pool(),
        "select format('%s of %s', d.order_id = e.order_id, e.order_no) from mandated.debits d
           join mandated.executions e on e.id = d.execution_id",
    )
    .await;
    // Two of them were collected: the first is the debit, and the other one is rechecked.
    assert_eq!(nth, ["f of 3"]);
    let next: String = scalar(world.pool(), "select step from mandated.jobs").await;
    assert_eq!(next, "recheck");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_has_goes_on_as_it_was() {
    let mut world = Scenario::flows(Flow::ALL).open().await;
    world.run("03 12:00").await;
    dump(world.pool()).await;
    let jobs =
        "select execution_id || step || date_trunc('second', run_at) from mandated.jobs order by 1";
    let before: Vec<String> = column(world.pool(), jobs).await;
    put_back(&mut world).await;
    let report = recovered(&world).await;
    assert!(report.is_over(), "{report:?}");
    let [looked_up, collected, _, review, not_found] = counts(&report);
    assert_eq!((collected, review), (0, 0), "{report:?}");
    assert!(not_found >= looked_up - 2, "{report:?}");
    assert_eq!(column::<String>(world.pool(), jobs).await, before);
    world.run_until(after_payday()).await;
    once_each(&world, 8).await;
    assert!(at("05 00:00") < world.clock.now());
}
