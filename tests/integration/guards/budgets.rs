//! What card networks allow in 30 days: the claim opens no intent beyond it, and says when it will again.

use super::claim::{at, claim, claim_at, due, execute};
use mandated::store::monitor::work_counts;

const CARD: &str = "update mandated.executions set max_attempts_in_30_days = 15";
const RETRY: &str = "update mandated.jobs set step = 'retry'";

#[tokio::test]
async fn the_claim_counts_the_declined_attempts_of_30_days() {
    let cases: &[(&str, bool, &[&str])] = &[
        (
            "the attempts of 30 days are spent",
            false,
            &[
                CARD,
                "insert into mandated.budgets values (1, '2026-01-01', 7), (1, '2026-01-31', 8)",
            ],
        ),
        (
            "the attempts of 30 days are not",
            true,
            &[
                CARD,
                "insert into mandated.budgets values (1, '2026-01-01', 6), (1, '2026-01-31', 8)",
            ],
        ),
        (
            "attempts of more than 30 days ago",
            true,
            &[
                CARD,
                "insert into mandated.budgets values (1, '2025-12-31', 7), (1, '2026-01-31', 8)",
            ],
        ),
        (
            "the attempts of another mandate",
            true,
            &[
                CARD,
                "insert into mandated.budgets values (2, '2026-01-31', 15)",
            ],
        ),
        (
            "attempts where 30 days have no limit",
            true,
            &["insert into mandated.budgets values (1, '2026-01-31', 15)"],
        ),
        (
            "to be retried, the attempts of 30 days are spent",
            false,
            &[
                CARD,
                RETRY,
                "insert into mandated.budgets values (1, '2026-01-31', 15)",
            ],
        ),
    ];
    for (what, expected, changes) in cases {
        let database = due(changes).await;
        let claimed = claim(&database.pool).await;
        assert_eq!(claimed.len(), 1, "{what}");
        assert_eq!(claimed[0].opened, *expected, "{what}");
    }
}

/// The gate brings a debit back when enough of the attempts are older than 30 days, which is at the end of a day.
#[tokio::test]
async fn the_claim_says_when_the_attempts_of_30_days_leave_room_again() {
    let card = "update mandated.executions set max_attempts_in_30_days = 5";
    for (attempts, from) in [
        ("(1, '2026-01-05', 4)", None),
        ("(1, '2026-01-05', 5)", Some("2026-02-05T00:00:00Z")),
        (
            "(1, '2026-01-01', 1), (1, '2026-01-31', 4)",
            Some("2026-02-01T00:00:00Z"),
        ),
        (
            "(1, '2026-01-01', 1), (1, '2026-01-20', 1), (1, '2026-01-31', 4)",
            Some("2026-02-20T00:00:00Z"),
        ),
        (
            "(1, '2026-01-01', 9), (1, '2026-01-31', 5)",
            Some("2026-03-03T00:00:00Z"),
        ),
    ] {
        let spent = format!("insert into mandated.budgets values {attempts}");
        let database = due(&[card, &spent]).await;
        let claimed = claim(&database.pool).await;
        assert_eq!(claimed[0].execution.budget_from, from.map(at), "{attempts}");
        assert_eq!(claimed[0].opened, from.is_none(), "{attempts}");
        let Some(from) = from.map(at) else { continue };
        execute(
            &database.pool,
            "update mandated.executions set closes_at = '2026-12-31Z'",
        )
        .await;
        // By then it is opened, and not a moment before.
        let moment = chrono::TimeDelta::seconds(1);
        for (now, opens) in [(from - moment, false), (from, true)] {
            execute(
                &database.pool,
                "update mandated.jobs set lease_until = null, lease_token = null, worker_id = null",
            )
            .await;
            let again = claim_at(&database.pool, now).await;
            assert_eq!(again[0].opened, opens, "{attempts} {now}");
        }
    }
}

/// What Juspay may have tried by itself, of orders that will be looked at once more, counts until it was.
#[tokio::test]
async fn attempts_that_nobody_has_seen_yet_count_for_the_30_days() {
    const BEFORE: &str = "insert into mandated.executions (id, mandate_id, account_id, policy_id, cycle_on, period, debit_at, closes_at,
         amount_minor, max_amount_minor, currency, state, reason, order_id, max_attempts, debit_attempts, sent_at, planned_at,
         updated_at, finished_at)
       select 1000, mandate_id, account_id, policy_id, '2026-01-29', 'once', '2026-01-29Z', '2026-01-30Z', amount_minor, max_amount_minor,
         currency, 'failed', 'declined', 'before', 4, 1, '2026-01-29Z', planned_at, '2026-01-29Z', '2026-01-29Z'
         from mandated.executions";
    const WATCHED: &str = "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at)
       select id, account_id, mandate_id, 'recheck', '2026-02-20Z' from mandated.executions where order_id = 'before'";
    let spent =
        |attempts| format!("insert into mandated.budgets values (1, '2026-01-31', {attempts})");
    let (eleven, twelve) = (spent(11), spent(12));
    for (what, from, changes) in [
        (
            "nobody looks any more, and all is known",
            None,
            &[CARD, &twelve, BEFORE][..],
        ),
        (
            "three more may have been, until it is looked at",
            Some("2026-02-21T00:00:00Z"),
            &[CARD, &twelve, BEFORE, WATCHED],
        ),
        (
            "it should have been looked at",
            Some("2026-02-01T00:00:00Z"),
            &[
                CARD,
                &twelve,
                BEFORE,
                WATCHED,
                "update mandated.jobs set run_at = '2026-01-30Z' where step = 'recheck'",
            ],
        ),
        ("and fit", None, &[CARD, &eleven, BEFORE, WATCHED]),
        (
            "all four were seen",
            None,
            &[
                CARD,
                &twelve,
                BEFORE,
                WATCHED,
                "update mandated.executions set debit_attempts = 4 where order_id = 'before'",
            ],
        ),
        (
            "it was never sent",
            None,
            &[
                CARD,
                &twelve,
                BEFORE,
                WATCHED,
                "update mandated.executions set sent_at = null where order_id = 'before'",
            ],
        ),
        (
            "it was collected",
            None,
            &[
                CARD,
                &twelve,
                BEFORE,
                WATCHED,
                "update mandated.executions set state = 'charged' where order_id = 'before'",
            ],
        ),
    ] {
        let database = due(changes).await;
        let claimed = claim(&database.pool).await;
        // The look-up may be due as well.
        let mut debits = claimed.iter().filter(|job| job.execution.id.0 == 1);
        let debit = debits.next().unwrap();
        assert_eq!(debit.opened, from.is_none(), "{what}");
        assert_eq!(debit.execution.budget_from, from.map(at), "{what}");
    }
}

/// Of the debits that are due next, and of nothing else.
#[tokio::test]
async fn the_headroom_is_the_share_of_the_attempts_that_are_left() {
    for (changes, headroom) in [
        (&["delete from mandated.jobs"][..], 100),
        (&["update mandated.jobs set step = 'lookup'"], 100),
        (&[], 100),
        (&["update mandated.executions set debit_attempts = 1"], 75),
        (&["update mandated.executions set debit_attempts = 9"], 0),
    ] {
        let database = due(changes).await;
        let heartbeat = work_counts(&database.pool, at("2026-01-31T00:31:00Z"))
            .await
            .unwrap();
        assert_eq!(heartbeat.budget_headroom, headroom, "{changes:?}");
    }
}
