//! The commands that read and change: lists, plans, timelines, pauses, and cycles that the merchant presents.

use chrono::{NaiveDate, TimeZone, Utc};
use mandated::cli;
use mandated::cli::print::{Format, Print};
use mandated::domain::{ExecutionId, MandateStatus, State, Timestamp};
use mandated::domain::{ProviderKind, Rail};
use mandated::ops::executions::{self, ExecutionFilter, Presentation};
use mandated::ops::mandates::{self, Change, MandateFilter};
use mandated::ops::{OpsError, jobs, plan, timeline};
use mandated::store::policies;
use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool};

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
         sub-3,nach,m3,,enach,none,,10000,aspresented,2026-01-01,2027-12-31\n\
         sub-4,main,m4,c4,upi,separate,499.00,,monthly,2026-01-31,2026-10-30\n",
    )
    .await;
    database
}

async fn run(pool: &PgPool, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(pool)
        .await
        .unwrap();
}

fn text(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn mandates_are_listed_by_status_and_account() {
    let database = registered().await;
    let pool = &database.pool;
    let list = async |filter: MandateFilter, format| {
        let mut out = Vec::new();
        let rows = mandates::list(pool, &filter);
        cli::mandates::write_list(rows, format, &mut out)
            .await
            .unwrap();
        text(out)
    };
    insta::assert_snapshot!(list(MandateFilter { limit: 10, ..MandateFilter::default() }, Format::Text).await, @r"
     ref     account   rail    notify          amount        maximum   schedule      status   next cycle   planned at
    ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     sub-1   main      upi     separate    499.00 INR     999.00 INR   monthly       active   2026-11-30   2026-11-28 15:30:00 UTC
     sub-2   main      card    provider   1200.00 INR    1200.00 INR   yearly        active   2027-02-28   2027-02-26 15:30:00 UTC
     sub-3   nach      enach   none                 -   10000.00 INR   aspresented   active   -            -
     sub-4   main      upi     separate    499.00 INR     499.00 INR   monthly       active   -            -
    ");
    let nach = MandateFilter {
        account: Some("nach".to_owned()),
        limit: 10,
        ..MandateFilter::default()
    };
    insta::assert_snapshot!(list(nach, Format::Json).await, @r#"{"ref":"sub-3","account":"nach","rail":"enach","notify":"none","amount_minor":null,"max_amount_minor":1000000,"currency":"INR","schedule":"aspresented","status":"active","status_reason":null,"next_cycle_on":null,"next_plan_at":null}"#);
    let paused = MandateFilter {
        status: Some(MandateStatus::Paused),
        limit: 10,
        ..MandateFilter::default()
    };
    assert_eq!(list(paused, Format::Json).await, "");
    let two = list(
        MandateFilter {
            limit: 2,
            ..MandateFilter::default()
        },
        Format::Json,
    )
    .await;
    assert_eq!(two.lines().count(), 2);
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

async fn statuses(pool: &PgPool) -> Vec<String> {
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
            Ok(step) => cli::mandates::write_step(&step, &mut out).unwrap(),
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
async fn parked(pool: &PgPool, step: &str) {
    add(pool, "sub-1", (2026, 11, 30), None).await.unwrap();
    // A step waits for its mandate, an answer is asked for whatever becomes of that.
    let waits = step == "execute";
    let park = format!(
        "update mandated.jobs j set step = '{step}', run_at = e.closes_at, run_before = null, parked = {waits} from mandated.executions e where e.id = j.execution_id"
    );
    run(pool, &park).await;
}

async fn add(
    pool: &PgPool,
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
                          e.order_id = 'm' || (select tag from mandated.installation) || e.id || 'o1',
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
        "update mandated.mandates set status = 'paused' where ref = 'sub-2'",
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
    mandate "sub-2" is paused: it cannot be debited
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

/// The cycle of sub-1 on 30 November: notified, declined for funds, retried, collected.
async fn collected(pool: &PgPool) {
    add(pool, "sub-1", (2026, 11, 30), None).await.unwrap();
    run(
        pool,
        "update mandated.executions set state = 'charged', reason = 'collected', finished_at = '2026-11-30T08:00:02Z',
                order_id = 'order1', notification_ref = 'notice1', delivered_at = '2026-11-28T23:00:05Z';
         update mandated.events set order_id = 'order1';
         update mandated.jobs set step = 'recheck', run_at = '2026-12-01T08:00Z', run_before = null;
         insert into mandated.notifications
         values (1, 1, 1, 'notice1', 'delivered', 49900, '2026-11-28T23:00Z', '2026-11-28T23:00:05Z', null);
         insert into mandated.attempts
           (at, execution_id, mandate_id, call, reference, http_status, latency_ms, outcome, class, code, message, rule,
            decision, next_step, next_at, lease_token, worker_id)
         values ('2026-11-28T23:00Z', 1, 1, 'notify', 'notice1', 200, 91, 'pending', null, null, null, null,
                 'asked', 'notify_status', '2026-11-28T23:00:05Z', 1, 'w1'),
                ('2026-11-28T23:00:05Z', 1, 1, 'notification_status', 'notice1', 200, 40, 'delivered', null, null, null,
                 null, 'notified', 'execute', '2026-11-30T00:30Z', 2, 'w1'),
                ('2026-11-30T00:30Z', 1, 1, 'execute', 'order1', 200, 350, 'failed', 'funds', 'Z9',
                 'Insufficient funds', 'upi-z9', 'retry in the next day part', 'retry', '2026-11-30T08:00Z', 3, 'w1'),
                ('2026-11-30T08:00Z', 1, 1, 'retry', 'order1', null, 30000, 'unknown', null, null,
                 'no answer in 30 s', null, 'look it up', 'lookup', '2026-11-30T08:00:02Z', 4, 'w2'),
                ('2026-11-30T08:00:02Z', 1, 1, 'order_status', 'order1', 200, 60, 'charged', null, null, null, null,
                 'collected', 'recheck', '2026-12-01T08:00Z', 5, 'w2');
         insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, from_state, to_state, reason)
         values ('2026-11-28T23:00Z', 'execution.notifying', 1, 'sub-1', 1, 'planned', 'notifying', 'asked'),
                ('2026-11-28T23:00:05Z', 'execution.notified', 1, 'sub-1', 1, 'notifying', 'notified', 'delivered'),
                ('2026-11-30T00:30Z', 'execution.retrying', 1, 'sub-1', 1, 'notified', 'retrying', 'funds'),
                ('2026-11-30T08:00Z', 'execution.unknown', 1, 'sub-1', 1, 'retrying', 'unknown', 'no answer'),
                ('2026-11-30T08:00:02Z', 'execution.charged', 1, 'sub-1', 1, 'unknown', 'charged', 'collected');
         insert into mandated.debits
         values (1, '2026-11-30', 1, 'order1', 'txn-1', 49900, 'INR', '2026-11-30T08:00:02Z')",
    )
    .await;
}

#[tokio::test]
async fn a_timeline_tells_why_a_cycle_ended_as_it_did() {
    let database = registered().await;
    let pool = &database.pool;
    collected(pool).await;
    let mut conn = pool.acquire().await.unwrap();
    mandates::record(&mut conn, change_request("sub-1", Change::Pause), now())
        .await
        .unwrap();
    add(pool, "sub-3", (2026, 11, 25), Some("10"))
        .await
        .unwrap();

    let mut out = Vec::new();
    let shown = timeline::of_mandate(&mut conn, "sub-1", 12).await.unwrap();
    shown.write(&mut out, Format::Text).unwrap();
    insta::assert_snapshot!(text(out));

    let mut out = Vec::new();
    shown.write(&mut out, Format::Json).unwrap();
    let json: Value = serde_json::from_slice(&out).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap());

    // One execution is shown without the rest.
    let mut out = Vec::new();
    timeline::of_execution(&mut conn, ExecutionId(2))
        .await
        .unwrap()
        .write(&mut out, Format::Json)
        .unwrap();
    let json: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(json["cycles"][0]["execution_id"], 2);
    assert_eq!(json["mandate"]["ref"], "sub-3");
    let error = timeline::of_execution(&mut conn, ExecutionId(77))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no execution 77; `mandated executions list` shows what there is"
    );
}

#[tokio::test]
async fn the_newest_cycles_are_shown_and_the_newest_of_them_last() {
    let database = registered().await;
    let pool = &database.pool;
    for month in 1..=9 {
        add(pool, "sub-3", (2027, month, 5), Some("10"))
            .await
            .unwrap();
    }
    let mut conn = pool.acquire().await.unwrap();
    let mut out = Vec::new();
    timeline::of_mandate(&mut conn, "sub-3", 2)
        .await
        .unwrap()
        .write(&mut out, Format::Text)
        .unwrap();
    let out = text(out);
    let cycles: Vec<&str> = out
        .lines()
        .filter(|line| line.starts_with("cycle "))
        .collect();
    assert_eq!(
        cycles,
        [
            "cycle 2027-08-05: planned, presented by the merchant",
            "cycle 2027-09-05: planned, presented by the merchant"
        ]
    );
}

#[tokio::test]
async fn executions_are_listed_by_their_state() {
    let database = registered().await;
    let pool = &database.pool;
    collected(pool).await;
    add(pool, "sub-3", (2026, 11, 25), Some("10"))
        .await
        .unwrap();
    let list = async |filter: ExecutionFilter, format| {
        let mut out = Vec::new();
        let rows = executions::list(pool, &filter);
        cli::executions::write_list(rows, now(), format, &mut out)
            .await
            .unwrap();
        text(out)
    };
    let all = list(
        ExecutionFilter {
            limit: 10,
            ..ExecutionFilter::default()
        },
        Format::Text,
    )
    .await;
    let tag: String = sqlx::query_scalar("select tag from mandated.installation")
        .fetch_one(pool)
        .await
        .unwrap();
    insta::assert_snapshot!(all.replace(&tag, "TAG0"), @r"
     id   ref     cycle        state     for   class       amount   order      next      at                        reason
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
      2   sub-3   2026-11-25   planned    0s   -        10.00 INR   mTAG02o1   execute   2026-11-25 00:30:00 UTC   presented by the merchant
      1   sub-1   2026-11-30   charged    0s   -       499.00 INR   order1     recheck   2026-12-01 08:00:00 UTC   collected
    ");
    let planned = ExecutionFilter {
        state: Some(State::Planned),
        limit: 10,
        ..ExecutionFilter::default()
    };
    let planned: Value = serde_json::from_str(&list(planned, Format::Json).await).unwrap();
    assert_eq!(planned["mandate_ref"], "sub-3");
    let of_one = ExecutionFilter {
        mandate_ref: Some("sub-1".to_owned()),
        limit: 10,
        ..ExecutionFilter::default()
    };
    assert_eq!(list(of_one, Format::Json).await.lines().count(), 1);
}

#[tokio::test]
async fn jobs_are_counted_and_the_latest_are_named() {
    let database = registered().await;
    let pool = &database.pool;
    let mut conn = pool.acquire().await.unwrap();
    let mut out = Vec::new();
    let none = jobs::jobs(&mut conn, now()).await.unwrap();
    none.write_text(&mut out).unwrap();
    assert_eq!(text(out), "no jobs\n");

    add(pool, "sub-1", (2026, 11, 30), None).await.unwrap();
    for day in [25, 26, 27] {
        add(pool, "sub-3", (2026, 11, day), Some("10"))
            .await
            .unwrap();
    }
    run(
        pool,
        "update mandated.jobs set run_at = '2026-11-20T02:47Z', run_before = null where execution_id = 2;
         update mandated.jobs set run_at = '2026-11-20T05:59:50Z', run_before = null, lease_token = 1, worker_id = 'w1',
                lease_until = '2020-01-01Z' where execution_id = 3;
         update mandated.accounts set paused_until = '2026-11-20T07:00Z', pause_reason = 'refused' where name = 'main'",
    )
    .await;
    let mut show = async |format, at: Timestamp| {
        let mut out = Vec::new();
        let jobs = jobs::jobs(&mut conn, at).await.unwrap();
        jobs.write(&mut out, format).unwrap();
        text(out)
    };
    insta::assert_snapshot!(show(Format::Text, now()).await, @r"
     account   step      due   oldest due   leased   lease over   waiting   next at                   paused until
    ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
     main      notify      0            -        0            0         1   2026-11-28 21:30:00 UTC   2026-11-20 07:00:00 UTC
     nach      execute     1       3h 13m        1            1         1   2026-11-27 00:30:00 UTC   -

     late by   execution   ref     cycle        account   step      held by
    ────────────────────────────────────────────────────────────────────────
      3h 13m           2   sub-3   2026-11-25   nach      execute   -
         10s           3   sub-3   2026-11-26   nach      execute   w1
    ");
    let json: Value = serde_json::from_str(&show(Format::Json, now()).await).unwrap();
    assert_eq!(
        (&json["counts"][1]["due"], &json["late"][0]["execution_id"]),
        (&1.into(), &2.into())
    );
    let later = Utc.with_ymd_and_hms(2027, 1, 1, 0, 0, 0).unwrap();
    let json: Value = serde_json::from_str(&show(Format::Json, later).await).unwrap();
    assert_eq!(json["late"].as_array().unwrap().len(), 4);
}
