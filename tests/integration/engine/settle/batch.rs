//! A batch: what one statement writes for all the outcomes that it holds.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use mandated::domain::execution::Progress;
use mandated::domain::{AttemptOutcome, Class, LeaseToken, MandateStatus, State, Step};
use mandated::store::pool::DatabasePool;
use mandated::store::settle::{Attempt, NextJob, Settlement, arguments, settle, statement};
use regex::Regex;
use sqlx::{Arguments, Either, Executor, SqlSafeStr, Statement, TypeInfo};

use crate::support::due::{
    FAULTS, attempt, charged, claim, column, due, everything, execute, news, next, now, settle_all,
    settlement,
};

#[tokio::test]
async fn every_outcome_of_a_batch_is_written() {
    let database = due(6).await;
    let pool = &database.pool;
    let jobs = claim(pool, 10, "worker-1").await;
    let pending = Settlement {
        closes_intent: false,
        next: next(Step::Lookup, now() + TimeDelta::seconds(90)),
        progress: Progress {
            lookup_times: [Some(now()), None, None],
            lookups: 1,
            ..settlement(&jobs[1], State::Pending).progress
        },
        ..settlement(&jobs[1], State::Pending)
    };
    let declined = Settlement {
        class: Some(Class::Funds),
        next: Some(NextJob {
            step: Step::Retry,
            run_at: now() + TimeDelta::hours(10),
            run_before: Some(now() + TimeDelta::hours(11)),
            parked: false,
        }),
        progress: Progress {
            debit_attempts: 1,
            earlier_attempts: 0,
            failed_at: Some(now()),
            ..settlement(&jobs[2], State::Retrying).progress
        },
        ..settlement(&jobs[2], State::Retrying)
    };
    let dead = Settlement {
        class: Some(Class::MandateDead),
        mandate: news(MandateStatus::Revoked),
        ..settlement(&jobs[3], State::Failed)
    };
    let unknown = Settlement {
        closes_intent: false,
        next: next(Step::Lookup, now() + TimeDelta::seconds(90)),
        ..settlement(&jobs[4], State::Unknown)
    };
    let stale = Settlement {
        lease_token: LeaseToken(jobs[5].token.0 + 1),
        ..charged(&jobs[5])
    };
    let batch = [charged(&jobs[0]), pending, declined, dead, unknown, stale];
    let batch: Vec<_> = batch
        .into_iter()
        .zip(&jobs)
        .map(|(settlement, job)| (settlement, attempt(job, AttemptOutcome::Unknown)))
        .collect();
    let settled = settle_all(pool, &batch).await;
    assert_eq!(
        settled.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5]
    );

    insta::assert_snapshot!(report(pool).await);
}

/// What the tables say, for people.
async fn report(pool: &DatabasePool) -> String {
    let mut report = Vec::new();
    for (title, sql) in [
        (
            "executions",
            "select format('%s %s, class %s, %s tried, %s lookups, failed %s, finished %s: %s', id, state, class, debit_attempts,
                           lookups, failed_at is not null, finished_at is not null, reason)
               from mandated.executions order by id",
        ),
        (
            "jobs",
            "select format('%s %s at %s before %s, leased %s', execution_id, step, run_at, run_before, lease_token is not null)
               from mandated.jobs order by execution_id",
        ),
        ("intents", "select format('%s %s', execution_id, kind) from mandated.intents order by execution_id"),
        (
            "debits",
            "select format('%s %s %s: %s %s by %s, %s', mandate_id, cycle_on, execution_id, amount_minor, currency, order_id,
                           provider_txn)
               from mandated.debits order by mandate_id",
        ),
        (
            "attempts",
            "select format('%s %s %s: %s, next %s', execution_id, call, reference, decision, next_step)
               from mandated.attempts order by execution_id",
        ),
        (
            "events",
            "select format('%s %s %s: %s to %s, %s', coalesce(execution_id::text, 'mandate'), mandate_ref, kind, from_state, to_state,
                           reason)
               from mandated.events where reason <> 'execute begins' order by mandate_id, id",
        ),
        ("mandates", "select format('%s %s %s', id, status, status_reason) from mandated.mandates order by id"),
    ] {
        report.push(format!("{title}\n  {}", column::<String>(pool, sql).await.join("\n  ")));
    }
    report.join("\n")
}
/// Its text is put together when it runs, so no compiler has seen it.
#[tokio::test]
async fn the_statement_prepares_and_takes_exactly_the_declared_types() {
    let database = due(1).await;
    let mut connection = database.pool.acquire().await.unwrap();
    let prepared = connection.prepare(statement().into_sql_str());
    let prepared = prepared.await.unwrap();
    let Some(Either::Left(types)) = prepared.parameters() else {
        panic!("Postgres names the types of parameters");
    };
    let types: Vec<&str> = types.iter().map(TypeInfo::name).collect();
    let declared = Regex::new(r"\$(\d+)::([a-z]+)\[\]").unwrap();
    // An array may be read more than once.
    let declared: BTreeMap<usize, &str> = declared
        .captures_iter(statement())
        .map(|found| (found[1].parse().unwrap(), found.get(2).unwrap().as_str()))
        .collect();
    let declared = declared.into_values().map(|found| match found {
        "bigint" => "INT8[]",
        "integer" => "INT4[]",
        "smallint" => "INT2[]",
        "boolean" => "BOOL[]",
        "timestamptz" => "TIMESTAMPTZ[]",
        "text" => "TEXT[]",
        other => panic!("no type of ours: {other}"),
    });
    let once = ["TIMESTAMPTZ", "TEXT", "INT8", "FLOAT8", "FLOAT8"];
    let expected: Vec<&str> = once.into_iter().chain(declared).collect();
    assert_eq!(types, expected);
    assert_eq!(
        arguments(&[], &[], now(), "worker-1", FAULTS)
            .unwrap()
            .len(),
        expected.len()
    );
}

#[tokio::test]
async fn a_batch_is_written_as_a_whole_or_not_at_all() {
    let database = due(2).await;
    let pool = &database.pool;
    let jobs = claim(pool, 2, "worker-1").await;
    let before = everything(pool).await;
    // An order without a number is refused by the database.
    let impossible = Settlement {
        progress: Progress {
            order_no: 0,
            ..charged(&jobs[1]).progress
        },
        ..charged(&jobs[1])
    };
    let settlements = [charged(&jobs[0]), impossible];
    let error = settle(pool, &settlements, &[], now(), "worker-1", FAULTS)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "settle jobs");
    assert_eq!(everything(pool).await, before);
}
#[tokio::test]
async fn the_calls_of_a_batch_are_numbered_in_the_order_in_which_they_were_made() {
    // However Postgres joins them: a sort leaves what is equal in any order.
    for ways in ["on", "off"] {
        let database = due(500).await;
        let mut claimed = claim(&database.pool, 500, "worker-1").await;
        // As their answers came.
        claimed.sort_by_key(|job| job.execution.id.0 * 7919 % 503);
        let settlements: Vec<Settlement> = claimed.iter().map(charged).collect();
        let made = [
            AttemptOutcome::Failed,
            AttemptOutcome::NotSent,
            AttemptOutcome::Charged,
        ];
        let attempts: Vec<Attempt> = claimed
            .iter()
            .flat_map(|job| made.map(|outcome| attempt(job, outcome)))
            .collect();
        for way in ["hashjoin", "nestloop"] {
            let name = database.name();
            let set = format!("alter database {name} set enable_{way} = {ways}");
            execute(&database.pool, &set).await;
        }
        // The connections that are there have the settings that they began with.
        let pool = sqlx::PgPool::connect(&database.url()).await.unwrap().into();
        settle(&pool, &settlements, &attempts, now(), "worker-1", FAULTS)
            .await
            .unwrap();
        let orders: Vec<String> = column(
            &pool,
            "select distinct told from (select string_agg(outcome, ', ' order by id) as told from mandated.attempts
              group by execution_id) a",
        )
        .await;
        assert_eq!(orders, ["failed, not_sent, charged"], "{ways}");
    }
}
