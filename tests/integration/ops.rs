//! The commands that read and change: lists, plans, timelines, pauses, and cycles that the merchant presents.

mod lists;
mod timeline;

use chrono::NaiveDate;
use mandated::cli;
use mandated::cli::print::{Format, Print};
use mandated::domain::{ProviderKind, Rail};
use mandated::ops::executions::{self, Presentation};
use mandated::ops::mandates::{self, Change};
use mandated::ops::{OpsError, plan};
use mandated::store::policies;
use mandated::store::pool::DatabasePool;
use sqlx::AssertSqlSafe;

use crate::import::{now, policy, take, with_accounts};
use crate::support::TestDatabase;
use crate::support::due::change_request;

/// A monthly UPI mandate, a yearly card mandate that the provider notifies, an eNACH mandate whose cycles are
/// presented, and one whose end has passed.
async fn registered() -> TestDatabase {
    let database = with_accounts().await;
    take(
        &database.pool,
        "ref,account,mandate_id,customer_id,rail,notify,amount,max_amount,frequency,starts_on,ends_on\n\
         sub-1,main,m1,c1,upi,separate,499.00,999.00,monthly,2026-11-30,\n\
         sub-2,main,m2,c2,card,provider,1200,,yearly,2027-02-28,\n\
         sub-3,nach,3290000,,enach,none,,10000,aspresented,2026-01-01,2027-12-31\n\
         sub-4,main,m4,c4,upi,separate,499.00,,monthly,2026-01-31,2026-10-30\n",
    )
    .await;
    database
}

async fn run(pool: &DatabasePool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(pool)
        .await
        .unwrap();
}

fn text(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn the_plan_shows_every_time_of_the_coming_cycles() {
    let database = registered().await;
    let mut conn = database.pool.acquire().await.unwrap();
    let mut show = async |reference: &str, format| {
        let plan = plan::plan(&mut conn, reference, 3, policy).await?;
        let mut out = Vec::new();
        cli::plan::write(&plan, reference, format, &mut out).unwrap();
        Ok::<_, OpsError>(text(out))
    };
    insta::assert_snapshot!(
        "plan_of_a_month",
        show("sub-1", Format::Text).await.unwrap()
    );
    insta::assert_snapshot!(
        "plan_of_a_year_as_json",
        show("sub-2", Format::Json).await.unwrap()
    );
    insta::assert_snapshot!(show("sub-3", Format::Text).await.unwrap(), @"sub-3 has no cycle to plan: it has ended, or you present its cycles");
    insta::assert_snapshot!(show("sub-9", Format::Text).await.unwrap_err(), @r#"there is no mandate "sub-9"; `mandated mandates list` shows what there is"#);
}

async fn statuses(pool: &DatabasePool) -> Vec<String> {
    sqlx::query_scalar(
        "select concat_ws(' ', kind, from_state, to_state, reason) from mandated.events
          where mandate_ref = 'sub-1' and kind <> 'mandate.imported' order by id",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_mandate_is_paused_resumed_and_revoked_with_an_event_each() {
    let database = registered().await;
    let pool = &database.pool;
    let mut conn = pool.acquire().await.unwrap();
    let mut change = async |reference: &str, change| {
        let mut out = Vec::new();
        match mandates::record(&mut conn, change_request(reference, change), now()).await {
            Ok(step) => cli::mandate_change::write_step(&step, &mut out).unwrap(),
            Err(error) => return format!("error: {error}\n"),
        }
        text(out)
    };
    let mut said = String::new();
    for step in [
        Change::Resume,
        Change::Pause,
        Change::Pause,
        Change::Resume,
        Change::Revoke,
        Change::Resume,
    ] {
        said.push_str(&change("sub-1", step).await);
    }
    said.push_str(&change("sub-9", Change::Pause).await);
    insta::assert_snapshot!(said, @r#"
    sub-1 is active already
    sub-1 is paused
    sub-1 is paused already
    sub-1 is resumed
    sub-1 is revoked
    error: mandate "sub-1" is revoked: it cannot be resumed
    error: there is no mandate "sub-9"; `mandated mandates list` shows what there is
    "#);
    insta::assert_snapshot!(statuses(pool).await.join("\n"), @r"
    mandate.paused active paused by asha: said so
    mandate.resumed paused active by asha: said so
    mandate.revoked active revoked by asha: said so
    ");
    let row: String = sqlx::query_scalar(
        "select concat_ws(' ', status, status_reason, updated_at at time zone 'UTC', next_cycle_on) from mandated.mandates where ref = 'sub-1'",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!(
        row,
        "revoked by asha: said so 2026-11-20 06:00:00 2026-11-30"
    );
}

/// An execution of sub-1 whose job is parked for days.
async fn parked(pool: &DatabasePool, step: &str) {
    add(pool, "sub-1", (2026, 11, 30), None).await.unwrap();
    // A step waits for its mandate, an answer is asked for whatever becomes of that.
    let waits = step == "execute";
    let park = format!(
        "update mandated.jobs j set step = '{step}', run_at = e.closes_at, run_before = null, parked = {waits} from mandated.executions e where e.id = j.execution_id"
    );
    run(pool, &park).await;
}

async fn add(
    pool: &DatabasePool,
    reference: &str,
    on: (i32, u32, u32),
    amount: Option<&str>,
) -> Result<executions::Added, OpsError> {
    let cycle_on = NaiveDate::from_ymd_opt(on.0, on.1, on.2).unwrap();
    let mut conn = pool.acquire().await.unwrap();
    let presentation = Presentation {
        reference,
        cycle_on,
        amount,
        open_days: 10,
    };
    executions::add(&mut conn, &presentation, policy, now()).await
}

#[tokio::test]
async fn resuming_makes_parked_steps_due_but_not_those_that_wait_for_an_answer() {
    for (step, expected) in [
        ("execute", "2026-11-20 06:00:00"),
        ("lookup", "2026-12-29 18:30:00"),
    ] {
        let database = registered().await;
        let pool = &database.pool;
        parked(pool, step).await;
        let mut conn = pool.acquire().await.unwrap();
        for change in [Change::Pause, Change::Resume] {
            mandates::record(&mut conn, change_request("sub-1", change), now())
                .await
                .unwrap();
        }
        let job: String = sqlx::query_scalar(
            "select concat_ws(' ', run_at at time zone 'UTC', run_before at time zone 'UTC') from mandated.jobs",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        assert_eq!(job, expected, "{step}");
    }
}

#[tokio::test]
async fn a_presented_cycle_gets_its_execution_job_and_event() {
    let database = registered().await;
    let pool = &database.pool;
    let mut out = Vec::new();
    add(pool, "sub-3", (2026, 11, 25), Some("1234.50"))
        .await
        .unwrap()
        .write(&mut out, Format::Text)
        .unwrap();
    add(pool, "sub-1", (2026, 11, 30), Some("250"))
        .await
        .unwrap()
        .write(&mut out, Format::Json)
        .unwrap();
    add(pool, "sub-2", (2027, 2, 28), None)
        .await
        .unwrap()
        .write(&mut out, Format::Text)
        .unwrap();
    insta::assert_snapshot!(text(out), @r#"
    execution 1: 1234.50 INR for sub-3, cycle 2026-11-25; next: execute at 2026-11-25 06:00:00 IST
    {"execution_id":2,"mandate_ref":"sub-1","cycle_on":"2026-11-30","amount":"250.00","currency":"INR","next_step":"notify","next_at":"2026-11-28T21:30:00Z","closes_at":"2026-12-29T18:30:00Z"}
    execution 3: 1200.00 INR for sub-2, cycle 2027-02-28; next: execute at 2027-02-27 03:00:00 IST
    "#);
    let rows: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' | ', e.id, e.cycle_on, e.amount_minor, e.max_amount_minor, e.state, e.reason,
                          e.order_id ~ '^[a-z]{20}$',
                          j.step, j.run_at at time zone 'UTC', j.run_before at time zone 'UTC', v.kind, v.to_state,
                          p.body ->> 'rail')
           from mandated.executions e join mandated.jobs j on j.execution_id = e.id
           join mandated.events v on v.execution_id = e.id join mandated.policies p on p.id = e.policy_id order by e.id",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    insta::assert_snapshot!(rows.join("\n"), @r"
    1 | 2026-11-25 | 123450 | 1000000 | planned | presented by the merchant | t | execute | 2026-11-25 00:30:00 | execution.planned | planned | enach
    2 | 2026-11-30 | 25000 | 99900 | planned | presented by the merchant | t | notify | 2026-11-28 21:30:00 | 2026-11-29 04:29:00 | execution.planned | planned | upi
    3 | 2027-02-28 | 120000 | 120000 | planned | presented by the merchant | t | execute | 2027-02-26 21:30:00 | execution.planned | planned | card
    ");
}

#[tokio::test]
async fn a_cycle_that_cannot_be_presented_says_why() {
    let database = registered().await;
    let pool = &database.pool;
    add(pool, "sub-1", (2026, 11, 30), None).await.unwrap();
    run(
        pool,
        "update mandated.mandates set status = 'revoked' where ref = 'sub-2'",
    )
    .await;
    let cases = [
        ("sub-9", (2026, 11, 30), None),
        ("sub-2", (2027, 2, 28), None),
        ("sub-3", (2026, 11, 25), None),
        ("sub-3", (2026, 11, 25), Some("10000.01")),
        ("sub-3", (2026, 11, 25), Some("ten")),
        ("sub-3", (2028, 1, 1), Some("10")),
        ("sub-3", (2026, 10, 1), Some("10")),
        ("sub-1", (2026, 12, 1), None),
        ("sub-1", (2026, 11, 30), None),
    ];
    let mut said = Vec::new();
    for (reference, on, amount) in cases {
        said.push(
            add(pool, reference, on, amount)
                .await
                .unwrap_err()
                .to_string(),
        );
    }
    insta::assert_snapshot!(said.join("\n"), @r#"
    there is no mandate "sub-9"; `mandated mandates list` shows what there is
    mandate "sub-2" is revoked: it cannot be debited
    mandate "sub-3", cycle 2026-11-25: its amount is not fixed: give it with --amount
    mandate "sub-3", cycle 2026-11-25: 10000.01 INR is more than the mandate's maximum, 10000.00 INR
    mandate "sub-3", cycle 2026-11-25: "ten" is not an amount: write a decimal number, such as 499.00
    mandate "sub-3", cycle 2028-01-01: this day is outside the mandate
    mandate "sub-3", cycle 2026-10-01: the cycle closed at 2026-10-11 00:00 (Asia/Kolkata)
    mandate "sub-1", cycle 2026-12-01: this day is not one of its cycles; the next one is 2026-12-30
    mandate "sub-1", cycle 2026-11-30: it is planned already, as execution 1, which is planned
    "#);
    let counts: String = sqlx::query_scalar(
        "select concat_ws(' ', (select count(*) from mandated.executions), (select count(*) from mandated.jobs))",
    )
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!(counts, "1 1");
}

#[tokio::test]
async fn equal_policies_are_stored_once() {
    let database = registered().await;
    let mut conn = database.pool.acquire().await.unwrap();
    let mut ids = Vec::new();
    for rail in [Rail::Upi, Rail::Card, Rail::Upi] {
        ids.push(
            policies::intern(&mut conn, &policy(ProviderKind::Juspay, rail))
                .await
                .unwrap(),
        );
    }
    assert_eq!(ids[0], ids[2]);
    assert_ne!(ids[0], ids[1]);
}
