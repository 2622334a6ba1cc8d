//! Debits that fail at first: retries within the rules, the provider's own retries, and successes that come late.

use lab::sandbox::{Call, Decline, Fault, Reason, Then};

use crate::support::due::{column, scalar};
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::World;

const NO_MONEY: Then = Then::Declines(Reason::LowBalance);

#[tokio::test]
async fn what_the_provider_retries_by_itself_is_not_retried_by_us() {
    for flow in [Flow::UpiSeparate, Flow::CardSeparate, Flow::UpiProvider] {
        let world = Scenario::of("a", flow).open().await;
        world.script(
            "a",
            Call::Execute,
            [Then::Fault(Fault::SilentRetry), Then::Pays],
        );
        world.run("09 00:00").await;
        assert_eq!(
            world.stands("a").await.0,
            "charged",
            "{flow:?}: {:?}",
            world.calls("a").await
        );
        let calls = world.calls("a").await;
        assert!(
            !calls.iter().any(|call| call.starts_with("retry")),
            "{flow:?}: {calls:?}"
        );
        world.agrees().await;
    }
}

#[tokio::test]
async fn the_providers_own_retries_spend_the_same_budget() {
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    let silent = std::iter::repeat_n(Then::Fault(Fault::SilentRetry), 4);
    world.script("a", Call::Execute, silent);
    world.run("20 00:00").await;
    // Theirs and ours are four together, and a period has no more, whatever its orders.
    assert!(
        tried(&world, "o1").await < 4,
        "{:?}",
        world.calls("a").await
    );
    assert_eq!(tried(&world, "o2").await, 0);
    assert_eq!(world.stands("a").await.0, "failed");
    world.agrees().await;
}

#[tokio::test]
async fn an_order_that_turns_out_collected_after_all_is_charged_once() {
    for flow in [
        Flow::UpiSeparate,
        Flow::CardSeparate,
        Flow::UpiProvider,
        Flow::CardProvider,
        Flow::UpiExempt,
    ] {
        let world = Scenario::of("a", flow).open().await;
        world.script("a", Call::Execute, [Then::Fault(Fault::LateSuccess)]);
        world.run("12 00:00").await;
        let way = world.way("a").await;
        assert!(
            way.contains("retrying") && way.ends_with("charged"),
            "{flow:?}: {way}"
        );
        assert_eq!(world.ledger().debits.len(), 1);
        world.agrees().await;
    }
}

#[tokio::test]
async fn a_payer_without_money_is_debited_within_the_budget_then_under_a_new_order() {
    for (flow, most) in [(Flow::UpiSeparate, 2), (Flow::CardSeparate, 2)] {
        let world = Scenario::of("a", flow).open().await;
        // The first order never pays. What it leaves of the script, the second meets.
        world.script("a", Call::Execute, std::iter::repeat_n(NO_MONEY, most));
        world.run("28 00:00").await;
        assert_eq!(world.stands("a").await.0, "charged", "{flow:?}");
        let first = tried(&world, "o1").await;
        assert!(
            (2..=i64::try_from(most).unwrap()).contains(&first),
            "{flow:?}: {first} attempts"
        );
        assert!(tried(&world, "o2").await > 0, "{flow:?}");
        let notifications: Vec<String> = column(
            world.pool(),
            "select 'n' || notification_no from mandated.notifications order by notification_no",
        )
        .await;
        assert_eq!(notifications, ["n1", "n2"], "{flow:?}");
        world.agrees().await;
    }
}

/// How often an order was tried.
async fn tried(world: &World, order: &str) -> i64 {
    scalar(
        world.pool(),
        &format!("select count(*) from mandated.attempts where call in ('execute', 'retry') and nth_order(reference) = '{order}'"),
    )
    .await
}

#[tokio::test]
async fn who_never_pays_is_given_up_and_every_rule_is_kept() {
    let scenario = Scenario::flows(Flow::ALL).provider(Call::Execute, vec![NO_MONEY; 40]);
    let world = scenario.open().await;
    world
        .run_until(crate::support::world::at("28 00:00") + chrono::TimeDelta::days(10))
        .await;
    let mut report = Vec::new();
    for payer in &world.payers {
        let (state, reason) = world.stands(&payer.reference).await;
        let tried = tried_of(&world, &payer.reference).await;
        report.push(format!("{:?}: {state} after {tried}: {reason}", payer.flow));
    }
    insta::assert_snapshot!(report.join("\n"));
    assert!(world.ledger().debits.is_empty());
    world.agrees().await;
}

/// How often each order of a mandate was tried.
async fn tried_of(world: &World, reference: &str) -> String {
    let orders: Vec<String> = column(
        world.pool(),
        &format!(
            "select format('%s x %s', count(*), nth_order(a.reference)) from mandated.attempts a
               join mandated.mandates m on m.id = a.mandate_id
              where m.ref = '{reference}' and call in ('execute', 'retry') group by a.reference order by nth_order(a.reference)"
        ),
    )
    .await;
    orders.join(", ")
}

#[tokio::test]
async fn a_decline_that_no_retry_mends_is_the_end() {
    for (reason, class) in [
        (Reason::CustomerStop, "customer_stop"),
        (Reason::Risk, "risk"),
        (Reason::AccountClosed, "account_dead"),
    ] {
        let world = Scenario::of("a", Flow::UpiSeparate).open().await;
        world.script("a", Call::Execute, [Then::Declines(reason)]);
        world.run("20 00:00").await;
        assert_eq!(world.stands("a").await.0, "failed", "{reason:?}");
        let kept: String = scalar(world.pool(), "select class from mandated.executions").await;
        assert_eq!(kept, class);
        let calls = world.calls("a").await;
        assert!(
            !calls.iter().any(|call| call.starts_with("retry")),
            "{calls:?}"
        );
        world.agrees().await;
    }
}

#[tokio::test]
async fn a_code_that_nobody_has_classified_gets_one_careful_probe() {
    let odd = Decline {
        status: "AUTHORIZATION_FAILED".into(),
        resp_code: None,
        resp_category: None,
        resp_message: None,
        bank_error_code: "QX77".into(),
        bank_error_message: "Declined for reasons known to the issuer".into(),
        retryable: true,
    };
    let world = Scenario::of("a", Flow::UpiSeparate).open().await;
    let declines = std::iter::repeat_n(Then::DeclinesWith(Box::new(odd)), 9);
    world.script("a", Call::Execute, declines);
    world.run("20 00:00").await;
    assert_eq!(world.stands("a").await.0, "failed");
    let class: String = scalar(world.pool(), "select class from mandated.executions").await;
    assert_eq!(class, "unmapped");
    assert!(
        tried(&world, "o1").await <= 2,
        "{:?}",
        world.calls("a").await
    );
    world.agrees().await;
}

#[tokio::test]
async fn a_watched_payment_that_never_appears_is_a_persons_to_look_into() {
    let world = Scenario::of("900", Flow::SignzyWatched)
        .every("weekly")
        .until("2027-02-18")
        .open()
        .await;
    // The first cycle fails for good, which leaves the eMandate on hold: the second is never presented.
    world.script("900", Call::Execute, std::iter::repeat_n(NO_MONEY, 9));
    world.run("22 00:00").await;
    let executions: Vec<String> = column(
        world.pool(),
        "select format('%s %s: %s', cycle_on, state, reason) from mandated.execution_status order by cycle_on",
    )
    .await;
    insta::assert_snapshot!(executions.join("\n"));
    world.agrees().await;
}

/// eNACH is known at noon of the next day, and a day's cycle is over at midnight.
#[tokio::test]
async fn no_debit_begins_while_another_of_its_mandate_is_unproven() {
    let world = Scenario::of("a", Flow::Enach)
        .every("daily")
        .until("2027-02-08")
        .open()
        .await;
    world.run("12 00:00").await;
    let executions: Vec<String> = column(
        world.pool(),
        "select format('%s %s', cycle_on, state) from mandated.execution_status order by cycle_on",
    )
    .await;
    assert_eq!(
        executions,
        [
            "2027-02-05 charged",
            "2027-02-06 expired",
            "2027-02-07 charged",
            "2027-02-08 expired"
        ]
    );
    world.agrees().await;
}

#[tokio::test]
async fn the_next_cycle_waits_for_the_outcome_in_review_before_it_and_is_then_collected() {
    let world = Scenario::of("a", Flow::Enach)
        .every("weekly")
        .until("2027-02-18")
        .open()
        .await;
    world.script(
        "a",
        Call::OrderStatus,
        std::iter::repeat_n(Then::Fault(Fault::Html), 10),
    );
    world.run("12 13:20").await;
    let stands = async || {
        column::<String>(
            world.pool(),
            "select format('%s %s', state, reason) from mandated.execution_status order by cycle_on",
        )
        .await
    };
    let before = stands().await;
    assert!(
        before[0].starts_with("review ") && before[0].contains("a person must ask the provider"),
        "{before:?}"
    );
    assert_eq!(
        before[1],
        "planned no intent was opened: another debit of this mandate is open, or its time was just over"
    );
    assert_eq!(world.ledger().debits.len(), 1);
    world.audited().await;
    world.run("20 00:00").await;
    assert_eq!(
        stands().await,
        [
            "charged collected late by the provider",
            "charged collected"
        ]
    );
    world.agrees().await;
}
