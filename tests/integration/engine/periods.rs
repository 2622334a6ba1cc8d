//! UPI and NACH take one debit of a mandate in a calendar period, and a late one takes the next cycle's place.

use lab::sandbox::{Call, Reason, Then};

use crate::support::due::{column, execute, scalar};
use crate::support::scenario::{DEBITED_BY_US, Flow, Scenario};
use crate::support::world::World;

const CALLS: &str =
    "select count(*) from mandated.attempts where call in ('notify', 'execute', 'retry')";

/// The cycle of February begins, and that of January is found to have been collected on a day.
async fn collected_late(flow: Flow, frequency: &'static str, on: &str) -> World {
    let world = Scenario::of("900", flow).every(frequency).open().await;
    let sql = format!(
        "insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, proven_at)
         values (1, '2027-01-29', 99, 'order-0', '{on}T06:00+05:30')"
    );
    execute(world.pool(), &sql).await;
    world.run("07 12:00").await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cycle_whose_period_was_used_ends_without_a_call() {
    for flow in DEBITED_BY_US {
        let counts = !matches!(flow, Flow::CardSeparate | Flow::CardProvider);
        for (on, used) in [("2027-01-31", false), ("2027-02-01", counts)] {
            let world = collected_late(flow, "monthly", on).await;
            let (state, reason) = world.stands("900").await;
            let expected = if used { "failed" } else { "charged" };
            assert_eq!(state, expected, "{flow:?} {on}: {reason}");
            if used {
                let class: Option<String> =
                    scalar(world.pool(), "select class from mandated.executions").await;
                assert_eq!(class.as_deref(), Some("period_used"), "{flow:?}");
                assert_eq!(scalar::<i64>(world.pool(), CALLS).await, 0, "{flow:?}");
                assert!(reason.contains("on 2027-02-01"), "{reason}");
            }
        }
    }
}

#[tokio::test]
async fn a_weekly_debit_by_nach_is_seven_days_after_the_last() {
    let world = collected_late(Flow::Enach, "weekly", "2027-01-30").await;
    let days: Vec<String> = column(
        world.pool(),
        "select to_char(at at time zone 'Asia/Kolkata', 'DD') from mandated.attempts where call = 'execute'",
    )
    .await;
    assert_eq!(days, ["06"]);
}

/// The payday after the end of the month is the next cycle's.
#[tokio::test]
async fn a_cycle_is_collected_in_its_own_period_or_not_at_all() {
    for flow in [Flow::UpiExempt, Flow::Enach] {
        let world = Scenario::of("900", flow)
            .from("2027-02-26")
            .until("2027-04-30")
            .provider(Call::Execute, [Then::Declines(Reason::LowBalance)])
            .provider(Call::Retry, [Reason::LowBalance; 2].map(Then::Declines))
            .open()
            .await;
        let later = crate::support::world::at("26 12:00") + chrono::TimeDelta::days(12);
        world.run_until(later).await;
        let days: Vec<String> = column(
            world.pool(),
            "select to_char(at at time zone 'Asia/Kolkata', 'MM') from mandated.attempts where call in ('execute', 'retry')",
        )
        .await;
        assert!(
            !days.is_empty() && days.iter().all(|month| month == "02"),
            "{flow:?}: {days:?}"
        );
        assert_eq!(world.ledger().violations, [], "{flow:?}");
        world.audited().await;
    }
}
