//! What others write while a recovery is under way.

use lab::sandbox::{Call, Fault, Then};
use mandated::compose;
use mandated::domain::machine::Answer;
use mandated::domain::machine::recover::{OrderAnswer, recover};
use mandated::domain::outcome::Counter;
use mandated::domain::{ExecutionId, Outcome};
use mandated::store::recovery::{
    Counted, ExecutionResult, OpenRecovery, ROWS, Subject, Written, begin, compared, count, finish,
    mandates, page, subject, write,
};

use super::{counts, put_back, recovered_with, recovering};
use crate::support::due::{ATTRIBUTION, column, execute, scalar};
use crate::support::dump::dump;
use crate::support::scenario::{Flow, Scenario};
use crate::support::world::{World, start};

async fn begun(world: &World, account: &str) -> OpenRecovery {
    let configured = &world.config().accounts[account];
    let bound = compose::configured(world.config(), account, configured);
    let mut conn = world.pool().acquire().await.unwrap();
    let now = world.clock.now();
    begin(&mut conn, &bound, start(), ATTRIBUTION, now)
        .await
        .unwrap()
}

/// An execution that was collected between the page and its questions.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_collected_meanwhile_is_done() {
    let mut world = Scenario::many(2, Flow::UpiExempt).open().await;
    dump(world.pool()).await;
    put_back(&mut world).await;
    world.outage("05 06:00");
    let meanwhile = "create function collect() returns trigger language plpgsql as $$ begin
           update mandated.executions set state = 'charged', finished_at = updated_at where id <> new.execution_id;
           return new; end $$;";
    execute(world.pool(), meanwhile).await;
    execute(
        world.pool(),
        "create trigger collect after insert on mandated.recovered_executions for each row execute function collect()",
    )
    .await;
    let mut config = world.config().clone();
    config
        .accounts
        .get_mut("juspay_main")
        .unwrap()
        .max_in_flight = 1;
    let report = recovered_with(&world, &config, &["juspay_main"], start()).await;
    let report = report.unwrap();
    assert!(report.is_over(), "{report:?}");
    assert_eq!(counts(&report), [1, 0, 0, 0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planned_meanwhile_keeps_the_account_recovering() {
    let world = Scenario::many(3, Flow::UpiExempt).open().await;
    world.outage("05 06:00");
    let open = begun(&world, "juspay_main").await;
    let counted = count(world.pool(), open).await.unwrap();
    assert_eq!(counted, Counted::default());
    world.engine.planner().tick().await.unwrap();
    let mut conn = world.pool().acquire().await.unwrap();
    let is_over = finish(&mut conn, open, counted, world.clock.now()).await;
    assert!(!is_over.unwrap());
    assert_eq!(recovering(&world).await, ["juspay_main"]);
    execute(
        world.pool(),
        "update mandated.executions set state = 'charged', finished_at = updated_at",
    )
    .await;
    // One that was imported meanwhile has no execution yet, and payments perhaps.
    let now = world.clock.now();
    for mandate in mandates(world.pool(), open, 0).await.unwrap() {
        let is_over = finish(&mut conn, open, counted, now).await;
        assert!(!is_over.unwrap(), "{mandate:?}");
        compared(world.pool(), open, &mandate, &[], "a person", now)
            .await
            .unwrap();
    }
    let is_over = finish(&mut conn, open, counted, now).await;
    assert!(is_over.unwrap());
    assert_eq!(recovering(&world).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_reads_so_many_executions_whether_they_are_to_be_asked_about_or_not() {
    let world = Scenario::many(5, Flow::UpiExempt)
        .more([Flow::SignzyOnDemand])
        .open()
        .await;
    world.outage("05 06:00");
    world.engine.planner().tick().await.unwrap();
    let open = begun(&world, "juspay_main").await;
    let ids: Vec<i64> = column(
        world.pool(),
        "select id from mandated.executions order by 1",
    )
    .await;
    let charged = format!(
        "update mandated.executions set state = 'charged', finished_at = updated_at where id in ({}, {})",
        ids[0], ids[1]
    );
    execute(world.pool(), &charged).await;
    let first = page(world.pool(), open, 0, 2).await.unwrap();
    assert_eq!((first.last, first.executions.len()), (Some(ids[1]), 0));
    let second = page(world.pool(), open, ids[1], 2).await.unwrap();
    assert_eq!(second.last, Some(ids[3]));
    let last = ids[ids.len() - 1];
    assert_eq!(
        page(world.pool(), open, last, ROWS).await.unwrap().last,
        None
    );
    let left: i64 = scalar(
        world.pool(),
        "select count(*) from mandated.executions e join mandated.accounts a on a.id = e.account_id
          where e.state <> 'charged' and a.name = 'juspay_main'",
    )
    .await;
    let counted = count(world.pool(), open).await.unwrap();
    assert_eq!(
        (i64::try_from(counted.executions).unwrap(), counted.last),
        (left, last)
    );
}

/// Two executions of a mandate that were asked about at once, and answered with one payment.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_written_down_for_one_cycle_only() {
    let world = Scenario::of("900", Flow::SignzyOnDemand)
        .every("weekly")
        .from("2027-02-05")
        .until("2027-02-25")
        .open()
        .await;
    world.outage("13 12:00");
    world.engine.planner().tick().await.unwrap();
    let open = begun(&world, "signzy_main").await;
    let now = world.clock.now();
    let ids: Vec<i64> = column(
        world.pool(),
        "select id from mandated.executions order by cycle_on limit 2",
    )
    .await;
    let mut subjects: Vec<Subject> = Vec::new();
    for id in ids {
        let read = subject(world.pool(), ExecutionId(id), now).await.unwrap();
        subjects.push(read.unwrap());
    }
    assert_eq!(subjects.len(), 2);
    let mut written = Vec::new();
    for subject in &subjects {
        let answer = Answer {
            outcome: Outcome::Charged {
                amount: Some(subject.execution.amount),
                txn: Some("77".to_owned()),
            },
            counter: Counter::default(),
            provider_ref: Some("77".to_owned()),
        };
        let orders = [OrderAnswer {
            order_no: 1,
            answer,
        }];
        let recovered = recover(&subject.execution, &orders, &subject.policy, now).unwrap();
        let result = ExecutionResult {
            recovery: open,
            subject,
            version: &subject.version,
            attempts: &[],
            recovered: Some(&recovered),
            worker: "recover-1",
        };
        written.push(write(world.pool(), &result, now).await.unwrap());
    }
    assert_eq!(written, [Written::Done, Written::Taken]);
    let debits: Vec<String> =
        column(world.pool(), "select provider_txn from mandated.debits").await;
    assert_eq!(debits, ["77"]);
    let asked: i64 = scalar(
        world.pool(),
        "select count(*) from mandated.recovered_executions",
    )
    .await;
    assert_eq!(asked, 1, "the other one is asked about again");
}

/// A cycle that is planned soon after a recovery: its payer may have been notified before, and the answer to our own notification is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_notification_of_before_a_recovery_is_not_taken_for_ours() {
    for (recovered, notifications) in [("now", 2), ("11 days ago", 1)] {
        let mut world = Scenario::of("900", Flow::UpiSeparate).open().await;
        dump(world.pool()).await;
        world.run("04 12:00").await;
        put_back(&mut world).await;
        let days = if recovered == "now" { 0 } else { 11 };
        let at = world.clock.now() - chrono::TimeDelta::days(days);
        execute(
            world.pool(),
            &format!("update mandated.accounts set recovered_at = '{at}'"),
        )
        .await;
        world.script("900", Call::Notify, [Then::Fault(Fault::AnswerLost)]);
        world.run("06 00:00").await;
        let last = "select notification_no from mandated.executions order by id limit 1";
        let last: i16 = scalar(world.pool(), last).await;
        assert_eq!(last, notifications, "recovered {recovered}");
    }
}
