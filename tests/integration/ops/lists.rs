//! The lists of mandates, executions and jobs.

use chrono::{TimeZone, Utc};
use mandated::cli;
use mandated::cli::print::{Format, Print};
use mandated::domain::{MandateStatus, State, Timestamp};
use mandated::ops::executions::{self, ExecutionFilter};
use mandated::ops::jobs;
use mandated::ops::mandates::{self, MandateFilter};
use serde_json::Value;

use super::timeline::collected;
use super::{add, registered, run, text};
use crate::import::now;

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
    insta::assert_snapshot!(all, @r"
     id   ref     cycle        state     for   class       amount   order                  next      at                        reason
    ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
      2   sub-3   2026-11-25   planned    0s   -        10.00 INR   nfuhazyhetqiipitvjgs   execute   2026-11-25 00:30:00 UTC   presented by the merchant
      1   sub-1   2026-11-30   charged    0s   -       499.00 INR   order1                 recheck   2026-12-01 08:00:00 UTC   collected
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
