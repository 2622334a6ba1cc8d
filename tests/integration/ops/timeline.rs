//! What a person reads of one mandate or execution: each call, answer and decision.

use mandated::cli::print::{Format, Print};
use mandated::domain::ExecutionId;
use mandated::ops::mandates::{self, Change};
use mandated::ops::timeline;
use mandated::store::pool::DatabasePool;
use serde_json::Value;

use super::{add, registered, run, text};
use crate::import::now;
use crate::support::due::change_request;

/// The cycle of sub-1 on 30 November: notified, declined for funds, retried, collected.
pub(super) async fn collected(pool: &DatabasePool) {
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
