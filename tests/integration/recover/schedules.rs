//! A mandate that is younger than the dump is imported again, with another schedule than it had.

use chrono::TimeDelta;
use mandated::ops::audit::provider::{Comparison, Question, compare};
use mandated::ops::executions::{Presentation, add};

use super::{put_back, recovered, recovered_with};
use crate::support::due::{column, execute, scalar};
use crate::support::dump::dump;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, after_payday, at, start};

/// One mandate was imported and collected once after the dump. It is imported again as somebody remembers it.
async fn remembered(flow: Flow, again: &Scenario) -> World {
    let mut world = Scenario::of("900", flow).open().await;
    dump(world.pool()).await;
    world.run("08 00:00").await;
    assert_eq!(world.ledger().debits.len(), 1, "{flow:?}");
    put_back(&mut world).await;
    execute(world.pool(), "delete from mandated.mandates").await;
    world.import_again(again).await;
    world
}

/// `executions add`.
async fn add_cycle(world: &World, cycle_on: &str) {
    let presentation = Presentation {
        reference: "900",
        cycle_on: cycle_on.parse().unwrap(),
        amount: None,
        open_days: 10,
    };
    let mut conn = world.pool().acquire().await.unwrap();
    let policy = |provider, rail| world.config().policy(provider, rail);
    add(&mut conn, &presentation, policy, world.clock.now())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_another_schedule_holds_the_mandate_for_a_person() {
    for (flow, frequency, from) in [
        (Flow::SignzyOnDemand, "monthly", "2027-02-20"),
        (Flow::SignzyOnDemand, "weekly", "2027-02-12"),
        (Flow::UpiSeparate, "weekly", "2027-02-12"),
        (Flow::UpiProvider, "quarterly", "2027-02-12"),
        (Flow::CardSeparate, "fortnightly", "2027-02-12"),
        (Flow::CardProvider, "daily", "2027-02-12"),
        (Flow::Enach, "weekly", "2027-02-12"),
    ] {
        let again = Scenario::of("900", flow).every(frequency).from(from);
        let world = remembered(flow, &again).await;
        let report = recovered(&world).await;
        let case = format!("{flow:?} {frequency}: {report:?}");
        assert!(report.is_over(), "{case}");
        let unowned: Vec<_> = report.accounts.iter().flat_map(|a| &a.unowned).collect();
        assert_eq!(unowned.len(), 1, "{case}");
        assert_eq!(
            (unowned[0].reference.as_str(), unowned[0].status.as_str()),
            ("900", "paused"),
            "{case}"
        );
        assert_eq!(unowned[0].payments.len(), 1, "{case}");
        let reason: String = scalar(
            world.pool(),
            "select reason from mandated.operator_requests where what = 'pause'",
        )
        .await;
        assert!(reason.contains(&unowned[0].payments[0].id), "{reason}");
        world.run_until(after_payday()).await;
        assert_eq!(world.ledger().debits.len(), 1, "{case}");
        // The auditor derives it for itself.
        let comparison = compared(&world).await;
        let told: Vec<_> = comparison.findings.examples.iter().collect();
        assert_eq!(told.len(), 1, "{case}: {comparison:?}");
        assert_eq!(told[0].mandate_ref.as_deref(), Some("900"), "{case}");
    }
}

/// Nothing is planned for the day of an import, so a payment of that day is a forgotten cycle's.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_the_day_of_the_import_holds_the_mandate_for_a_person() {
    let scenario = Scenario::of("900", Flow::SignzyWatched).until("2027-04-30");
    let mut world = scenario.open().await;
    dump(world.pool()).await;
    world.run("05 20:00").await;
    put_back(&mut world).await;
    execute(world.pool(), "delete from mandated.mandates").await;
    world.import_again(&scenario).await;
    let report = recovered(&world).await;
    assert!(report.is_over(), "{report:?}");
    let unowned: Vec<_> = report.accounts.iter().flat_map(|a| &a.unowned).collect();
    assert_eq!(unowned.len(), 1, "{report:?}");
    assert_eq!(unowned[0].status, "paused", "{report:?}");
    world.run("07 00:00").await;
    assert_eq!(world.ledger().debits.len(), 1);
}

/// The order that collected it follows from the registration, and not from the row, which may name another rail or another way of notifying.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_under_another_rail_or_notice_holds_the_mandate_for_a_person() {
    for (flow, again, frequency, from) in [
        (
            Flow::UpiSeparate,
            Flow::CardSeparate,
            "quarterly",
            "2027-02-12",
        ),
        (Flow::UpiExempt, Flow::Enach, "monthly", "2027-02-12"),
        (
            Flow::CardProvider,
            Flow::CardSeparate,
            "quarterly",
            "2027-02-12",
        ),
    ] {
        let again = Scenario::of("900", again).every(frequency).from(from);
        let world = remembered(flow, &again).await;
        let report = recovered(&world).await;
        let case = format!("{flow:?}: {report:?}");
        let unowned: Vec<_> = report.accounts.iter().flat_map(|a| &a.unowned).collect();
        assert_eq!(unowned.len(), 1, "{case}");
        assert_eq!(unowned[0].status, "paused", "{case}");
        world.run_until(after_payday()).await;
        assert_eq!(world.ledger().debits.len(), 1, "{case}");
    }
}

/// A cycle of a cron expression is called after its day, and one of a quarter is open for three months.
#[tokio::test(flavor = "multi_thread")]
async fn a_cycle_of_a_cron_expression_that_began_long_ago_holds_the_mandate_for_a_person() {
    let quarterly = Scenario::of("900", Flow::CardSeparate)
        .every("quarterly")
        .until("");
    // Another mandate is collected until the dump, so recovery knows how long the dump had worked.
    let others = Scenario::of("901", Flow::CardSeparate)
        .every("weekly")
        .until("");
    let mut world = others.mandate("900", Flow::CardSeparate).open().await;
    execute(
        world.pool(),
        "delete from mandated.mandates where ref = '900'",
    )
    .await;
    world.run_until(at("28 00:00") + TimeDelta::days(20)).await;
    dump(world.pool()).await;
    let dumped_at = world.clock.now();
    world.import_again(&quarterly).await;
    execute(
        world.pool(),
        "update mandated.mandates set frequency = null, cron = '0 7 5 2,5,8,11 *' where ref = '900'",
    )
    .await;
    add_cycle(&world, "2027-02-05").await;
    world.run_until(dumped_at + TimeDelta::days(5)).await;
    let debits = |world: &World| {
        let debits = world.ledger().debits.into_iter();
        debits.filter(|debit| debit.mandate_id == "900").count()
    };
    assert_eq!(debits(&world), 1);
    put_back(&mut world).await;
    world.import_again(&quarterly).await;
    add_cycle(&world, "2027-02-05").await;
    let report = recovered_with(&world, world.config(), &[], dumped_at).await;
    let report = report.unwrap();
    assert!(report.is_over(), "{report:?}");
    let unowned: Vec<_> = report.accounts.iter().flat_map(|a| &a.unowned).collect();
    assert_eq!(unowned.len(), 1, "{report:?}");
    world
        .run_until(world.clock.now() + TimeDelta::days(10))
        .await;
    assert_eq!(debits(&world), 1);
}

/// An order that was handed over for a day that comes is asked about, though the row no longer says that the provider notifies.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_handed_over_for_later_holds_the_mandate_for_a_person() {
    let monthly = Scenario::of("900", Flow::CardProvider).from("2027-03-01");
    let mut world = monthly.until("2027-03-30").open().await;
    dump(world.pool()).await;
    world.run("28 12:00").await;
    assert_eq!(world.ledger().debits.len(), 0, "it is handed over");
    put_back(&mut world).await;
    execute(world.pool(), "delete from mandated.mandates").await;
    let again = Scenario::of("900", Flow::CardSeparate)
        .every("quarterly")
        .from("2027-03-04")
        .until("");
    world.import_again(&again).await;
    let report = recovered(&world).await;
    let unowned: Vec<_> = report.accounts.iter().flat_map(|a| &a.unowned).collect();
    assert_eq!(unowned.len(), 1, "{report:?}");
    world.run_until(after_payday() + TimeDelta::days(10)).await;
    assert_eq!(world.ledger().debits.len(), 1);
}

async fn compared(world: &World) -> Comparison {
    let accounts = world.engine.accounts.iter();
    let question = Question {
        clients: accounts
            .map(|account| (account.id.0, account.client()))
            .collect(),
        since: at("01 12:00"),
        mandate: None,
        worker: "auditor",
    };
    let now = || world.clock.now();
    compare(world.pool(), &question, now, &|_| {})
        .await
        .unwrap()
}

/// The same schedule names the same periods, whenever it begins: nothing is left for a person.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_of_the_same_schedule_is_its_cycles_own() {
    for flow in [Flow::SignzyOnDemand, Flow::UpiSeparate, Flow::CardProvider] {
        let again = Scenario::of("900", flow);
        let world = remembered(flow, &again).await;
        // Only the coming cycles of a new mandate are planned.
        add_cycle(&world, "2027-02-05").await;
        let report = recovered(&world).await;
        assert!(
            report.accounts.iter().all(|a| a.unowned.is_empty()),
            "{flow:?}: {report:?}"
        );
        world.agrees().await;
        let debits: i64 = scalar(world.pool(), "select count(*) from mandated.debits").await;
        assert_eq!(debits, 1, "{flow:?}");
        let comparison = compared(&world).await;
        assert!(comparison.agrees(), "{flow:?}: {comparison:?}");
    }
}

/// A presented cycle is in nobody's plan: its order is looked for on each day.
#[tokio::test(flavor = "multi_thread")]
async fn a_presented_cycle_that_nobody_has_added_again_is_found() {
    let mut world = Scenario::of("900", Flow::UpiSeparate)
        .every("aspresented")
        .from("2027-02-01")
        .open()
        .await;
    dump(world.pool()).await;
    add_cycle(&world, "2027-02-05").await;
    world.run("08 00:00").await;
    assert_eq!(world.ledger().debits.len(), 1);
    put_back(&mut world).await;
    // The cycle's day is before the time, and it was open after it.
    let now = world.clock.now();
    let report = recovered_with(&world, world.config(), &[], now)
        .await
        .unwrap();
    let unowned: Vec<_> = report.accounts.iter().flat_map(|a| &a.unowned).collect();
    assert_eq!(unowned.len(), 1, "{report:?}");
    let status: String = scalar(world.pool(), "select status from mandated.mandates").await;
    assert_eq!(status, "paused");
}

/// An operator who gives a time after the dump would leave what was collected between the two out of sight.
#[tokio::test(flavor = "multi_thread")]
async fn it_looks_back_to_what_the_dump_knows_whatever_time_is_given() {
    // To the notification; where no daemon has done anything, to the import.
    for (dumped, looks_back_to) in [("04 18:00", at("04 18:00")), ("01 00:00", start())] {
        let mut world = Scenario::of("900", Flow::UpiSeparate)
            .every("weekly")
            .from("2027-02-05")
            .until("2027-02-11")
            .open()
            .await;
        world.run(dumped).await;
        dump(world.pool()).await;
        world.run("13 00:00").await;
        assert_eq!(world.ledger().debits.len(), 1);
        put_back(&mut world).await;
        let now = world.clock.now();
        let report = recovered_with(&world, world.config(), &[], now)
            .await
            .unwrap();
        assert!(report.is_over(), "{report:?}");
        let juspay = report.accounts.iter().find(|a| a.account == "juspay_main");
        assert!(juspay.unwrap().since <= looks_back_to, "{report:?}");
        let states: Vec<String> =
            column(world.pool(), "select state from mandated.executions").await;
        assert_eq!(states, ["charged"]);
        world.agrees().await;
    }
}

/// Presented cycles are open at the same time: a payment does not say which of them it is of, least of all where one is forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_may_be_of_two_presented_cycles_is_for_a_person() {
    for is_added_again in [true, false] {
        let mut world = Scenario::of("900", Flow::SignzyOnDemand)
            .every("aspresented")
            .from("2027-02-01")
            .open()
            .await;
        add_cycle(&world, "2027-02-05").await;
        let skip = "with gone as (delete from mandated.jobs)
                    update mandated.executions set state = 'skipped', finished_at = updated_at";
        execute(world.pool(), skip).await;
        dump(world.pool()).await;
        add_cycle(&world, "2027-02-09").await;
        world.run("12 00:00").await;
        assert_eq!(world.ledger().debits.len(), 1);
        put_back(&mut world).await;
        if is_added_again {
            add_cycle(&world, "2027-02-09").await;
        }
        let report = recovered(&world).await;
        assert!(report.is_over(), "{report:?}");
        let states: Vec<String> = column(
            world.pool(),
            "select distinct state from mandated.executions",
        )
        .await;
        assert_eq!(states, ["review"], "{report:?}");
        world.run_until(after_payday()).await;
        assert_eq!(world.ledger().debits.len(), 1, "{is_added_again}");
        // Nobody but a person takes it out of review.
        let states: Vec<String> = column(
            world.pool(),
            "select distinct state from mandated.executions",
        )
        .await;
        assert_eq!(states, ["review"], "{is_added_again}");
    }
}
