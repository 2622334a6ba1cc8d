//! `audit`: a sound database passes, and each way of breaking it by hand is found. Constraints that would refuse the
//! damage are dropped first: the audit does not rely on them.

mod command;
mod damages;
mod motion;
mod provider;

use std::fmt::Write as _;
use std::time::Duration;

use mandated::cli::print::{Format, Print};
use mandated::domain::{ProviderKind, Rail};
use mandated::ops::audit::{AuditVerdict, audit};
use mandated::store::policies;
use mandated::store::pool::DatabasePool;
use sqlx::AssertSqlSafe;

use crate::import::{now, policy, take, with_accounts};
use crate::support::TestDatabase;

/// Three mandates, each with its cycle of November 2026: 1 is charged, 2 is unknown with an open intent that is being
/// looked up, 3 waits for its debit.
async fn sound() -> TestDatabase {
    let database = with_accounts().await;
    let pool = &database.pool;
    take(
        pool,
        "ref,account,mandate_id,customer_id,rail,notify,amount,max_amount,frequency,starts_on\n\
         sub-1,main,m1,c1,upi,separate,499.00,999.00,monthly,2026-11-15\n\
         sub-2,main,m2,c2,upi,separate,499.00,999.00,monthly,2026-11-15\n\
         sub-3,main,m3,c3,upi,separate,499.00,999.00,monthly,2026-11-15\n",
    )
    .await;
    let mut conn = pool.acquire().await.unwrap();
    policies::intern(&mut conn, &policy(ProviderKind::Juspay, Rail::Upi))
        .await
        .unwrap();
    run(
        pool,
        "update mandated.mandates set next_cycle_on = '2026-12-15', next_plan_at = '2026-12-13Z';
         insert into mandated.executions
           (mandate_id, account_id, policy_id, cycle_on, period, debit_at, closes_at, amount_minor, max_amount_minor, currency,
            state, reason, order_id, notification_no, notification_ref, delivered_at, max_attempts, debit_attempts, planned_at,
            updated_at, finished_at)
         select id, account_id, 1, '2026-11-15', '2026-11', '2026-11-15T00:30Z', '2026-12-14T18:30Z', 49900, 99900, 'INR',
                (array['charged', 'unknown', 'notified'])[id], 'as it is', (array['ORDER1', 'ORDER2', 'ORDER3'])[id], 1, (array['NOTICE1', 'NOTICE2', 'NOTICE3'])[id],
                '2026-11-13T23:00Z', 4, 1, '2026-11-13Z', '2026-11-13Z', case id when 1 then timestamptz '2026-11-15T01:00Z' end
           from mandated.mandates order by id;
         insert into mandated.notifications
         select id, 1, mandate_id, notification_ref, 'delivered', 49900, '2026-11-13T22:55Z', '2026-11-13T23:00Z', null
           from mandated.executions;
         insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, from_state, to_state, reason)
         select v.at, 'execution.' || v.now, e.mandate_id, 'sub-' || e.id, e.id, v.before, v.now, 'as it is'
           from mandated.executions e,
                (values (0, timestamptz '2026-11-13T21:00Z', null, 'planned', 3),
                        (1, '2026-11-13T22:55Z', 'planned', 'notifying', 3),
                        (2, '2026-11-13T23:00Z', 'notifying', 'notified', 3),
                        (3, '2026-11-15T00:30Z', 'notified', 'executing', 2),
                        (4, '2026-11-15T00:30Z', 'executing', 'unknown', 2),
                        (5, '2026-11-15T01:00Z', 'unknown', 'charged', 1)) v (no, at, before, now, last)
          where e.id <= v.last order by e.id, v.no;
         insert into mandated.attempts
           (at, execution_id, mandate_id, call, reference, latency_ms, outcome, body, decision, lease_token, worker_id)
         select v.at, e.id, e.mandate_id, v.call, case v.call when 'notify' then e.notification_ref else e.order_id end,
                80, v.outcome, case v.outcome when 'delivered' then '{\"status\":\"SUCCESS\"}'
                                              when 'charged' then '{\"status\":\"CHARGED\"}' end, 'as it is', v.token, 'worker'
           from mandated.executions e,
                (values (timestamptz '2026-11-13T22:55Z', 'notify', 'delivered', 3, 1),
                        ('2026-11-15T00:30Z', 'execute', 'unknown', 2, 2),
                        ('2026-11-15T01:00Z', 'order_status', 'charged', 1, 3)) v (at, call, outcome, last, token)
          where e.id <= v.last order by e.id, v.at;
         insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, amount_minor, currency, proven_at)
         select mandate_id, cycle_on, id, order_id, amount_minor, currency, '2026-11-15T01:00Z'
           from mandated.executions where id = 1;
         insert into mandated.intents
           (execution_id, mandate_id, cycle_on, kind, order_id, amount_minor, max_amount_minor, notice,
            notified_amount_minor, delivered_at, debit_at, opened_at, opened_by)
         select id, mandate_id, cycle_on, 'execute', order_id, 49900, 99900, 'notified', 49900, delivered_at,
                '2026-11-15T00:30Z', '2026-11-15T00:30Z', 1
           from mandated.executions where id = 2;
         insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at)
         values (2, 1, 2, 'lookup', '2026-11-20T07:00Z'), (3, 1, 3, 'execute', '2026-11-20T08:00Z')",
    )
    .await;
    database
}

/// What the orders and notifications of November 2026 are called: letters of the SHA-256 of "order\njuspay\n2026-11\n1\nm1" and so on,
/// computed with Python's hashlib.
const NAMES: [(&str, &str); 7] = [
    ("ORDER1B", "ihvsjccqpuyzqxeqwqey"),
    ("ORDER1", "mhplsfnpsxhrmctyznyt"),
    ("ORDER2", "spbnnpywucouakqtmile"),
    ("ORDER3", "unsmcbfbdaxxqujqjmag"),
    ("NOTICE1", "vqsgjzogygynfwclqcwpuahoj"),
    ("NOTICE2", "fjecjlwgidzkkpvnatqvwuwyc"),
    ("NOTICE3", "qswtiqetwbcqkqbvwffbfqhtd"),
];

/// Carries out statements in which the names stand for the ids.
async fn run(pool: &DatabasePool, sql: &str) {
    let sql = NAMES
        .iter()
        .fold(sql.to_owned(), |sql, (name, id)| sql.replace(name, id));
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(pool)
        .await
        .unwrap();
}

async fn verdict(pool: &DatabasePool) -> AuditVerdict {
    audit(pool, now(), Duration::from_mins(10), &|_| {})
        .await
        .unwrap()
}

/// The broken rules with their first counter-examples.
async fn found(pool: &DatabasePool) -> String {
    let verdict = verdict(pool).await;
    assert_eq!(
        verdict.holds,
        verdict.rules.iter().all(|rule| rule.broken == 0)
    );
    let broken = verdict.rules.iter().filter(|rule| rule.broken > 0);
    let lines = broken.flat_map(|rule| {
        rule.examples.iter().map(move |example| {
            format!(
                "{} {} | {} | {:?}",
                rule.guarantee, rule.rule, example.detail, example.execution_id
            )
        })
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_sound_database_passes() {
    let database = sound().await;
    let verdict = verdict(&database.pool).await;
    let mut out = Vec::new();
    verdict.write(&mut out, Format::Text).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
    assert!(verdict.holds);
}

/// What is done to a sound database. Each must be found, by the right rule.
const DAMAGES: &[(&str, &str)] = &[
    ("a cycle with two debits", "
        alter table mandated.debits drop constraint debits_pkey;
        insert into mandated.debits select * from mandated.debits"),
    ("two executions of a cycle", "
        alter table mandated.executions drop constraint executions_mandate_id_cycle_on_key;
        alter table mandated.executions drop constraint executions_mandate_id_period_key;
        update mandated.executions set mandate_id = 2 where id = 3;
        update mandated.jobs set mandate_id = 2 where execution_id = 3"),
    ("two orders of a cycle collected", "
        insert into mandated.attempts
          (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision, lease_token, worker_id)
        values ('2026-11-16Z', 1, 1, 'order_status', 'ORDER1B', 1, 'charged', '-', 9, 'worker')"),
    ("two open intents of a mandate", "
        alter table mandated.intents drop constraint intents_mandate_id_key;
        insert into mandated.intents
        select 3, mandate_id, cycle_on, kind, order_id, amount_minor, max_amount_minor, notice, notified_amount_minor,
               delivered_at, debit_at, opened_at, opened_by from mandated.intents;
        update mandated.jobs set step = 'lookup'"),
    ("charged without a debit", "delete from mandated.debits"),
    ("a debit without a charge", "
        update mandated.executions set state = 'failed' where id = 1;
        update mandated.events set to_state = 'failed' where to_state = 'charged'"),
    ("a debit of another amount", "update mandated.debits set amount_minor = 49800"),
    ("more than the maximum", "
        alter table mandated.mandates drop constraint mandates_max_amount_check;
        update mandated.mandates set max_amount_minor = 40000 where id = 3"),
    ("another amount than notified", "update mandated.notifications set amount_minor = 100 where execution_id = 3"),
    ("an intent for another amount", "
        alter table mandated.intents drop constraint intents_notified_amount_check;
        update mandated.intents set amount_minor = 50000"),
    ("a debit before 24 hours", "
        update mandated.notifications set requested_at = '2026-11-14T00:31Z', delivered_at = '2026-11-14T00:31Z' where execution_id = 1;
        update mandated.attempts set at = '2026-11-15T00:30:59Z' where execution_id = 1 and call = 'execute'"),
    ("a debit before the delivery", "update mandated.notifications set state = 'failed', delivered_at = null where execution_id = 1"),
    ("an intent before 24 hours", "
        alter table mandated.intents drop constraint intents_delivered_check;
        update mandated.intents set delivered_at = '2026-11-14T00:31Z'"),
    ("an intent without a notice", "update mandated.intents set notice = 'exempt'"),
    ("a debit outside its window", "
        update mandated.attempts set at = '2026-11-15T05:00Z' where execution_id = 2 and call = 'execute';
        update mandated.events set at = '2026-11-15T05:00Z' where execution_id = 2 and to_state = 'executing'"),
    ("a notification outside its window", "update mandated.attempts set at = '2026-11-13T14:00Z' where execution_id = 3 and call = 'notify'"),
    ("a policy that cannot be read", "update mandated.policies set body = '{}'"),
    ("an order tried too often", "
        insert into mandated.attempts
          (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision, lease_token, worker_id)
        select '2026-11-15T00:40Z', 2, 2, 'retry', 'ORDER2', 1, o, '-', 10 + n, 'worker'
          from unnest(array['failed', 'throttled', 'failed', 'not_sent', 'failed', 'failed']) with ordinality o (o, n)"),
    ("an order tried too often, between look-ups of a later one", "
        insert into mandated.attempts
          (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision, lease_token, worker_id)
        select timestamptz '2026-11-15T00:40Z' + n * interval '3 hours', 2, 2, case o when 'not_found' then 'order_status' else 'retry' end,
               case o when 'not_found' then 'ORDER3' else 'ORDER2' end, 1, o, '-', 10 + n, 'worker'
          from unnest(array['failed', 'not_found', 'failed', 'not_found', 'failed', 'not_found', 'failed']) with ordinality o (o, n)"),
    ("a card tried too often in 30 days", "
        update mandated.executions set max_attempts_in_30_days = 2 where id = 2;
        insert into mandated.attempts
          (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision, lease_token, worker_id)
        select timestamptz '2026-11-15T00:30Z' + n * interval '1 minute', 2, 2, 'retry', 'ORDER2', 1, 'failed', '-', 10 + n, 'worker'
          from generate_series(1, 3) n"),
    ("too many notifications", "update mandated.executions set notification_no = 4 where id = 3"),
    ("too many orders", "update mandated.executions set order_no = 2 where id = 3"),
    ("an intent that nobody looks after", "delete from mandated.jobs where execution_id = 2"),
    ("an intent that would be executed again", "update mandated.jobs set step = 'execute' where execution_id = 2"),
    ("an intent of a finished execution", "
        update mandated.executions set state = 'charged', finished_at = '2026-11-15T01:00Z' where id = 2;
        update mandated.jobs set step = 'recheck' where execution_id = 2;
        insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, amount_minor, currency, proven_at)
        values (2, '2026-11-15', 2, 'ORDER2', 49900, 'INR', '2026-11-15T01:00Z');
        insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, from_state, to_state, reason)
        values ('2026-11-15T01:00Z', 'execution.resolved', 2, 'sub-2', 2, 'unknown', 'charged', 'by a person')"),
    ("a guessed failure", "
        update mandated.executions set state = 'failed', finished_at = '2026-11-18Z' where id = 2;
        delete from mandated.intents;
        delete from mandated.jobs where execution_id = 2;
        insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, from_state, to_state, reason)
        values ('2026-11-18Z', 'execution.failed', 2, 'sub-2', 2, 'unknown', 'failed', 'too old')"),
    ("an unresolved execution that is not listed", "delete from mandated.unresolved_executions"),
    ("a forgotten execution", "delete from mandated.jobs where execution_id = 3"),
    ("a job without an execution", "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at) values (9, 1, 1, 'notify', '2026-11-20Z')"),
    ("a job for a finished execution", "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at) values (1, 1, 1, 'retry', '2026-11-20Z')"),
    ("a job of another mandate", "update mandated.jobs set mandate_id = 1 where execution_id = 3"),
    ("a cycle that was not planned", "update mandated.mandates set next_plan_at = '2026-11-20T05:49Z' where id = 2"),
    ("a mandate that lost its cursor", "
        alter table mandated.mandates drop constraint mandates_is_planned_check;
        update mandated.mandates set next_plan_at = null, next_cycle_on = null where id = 2"),
    ("a cycle that was left out", "
        update mandated.mandates set frequency = 'daily', next_cycle_on = '2026-11-17' where id = 3"),
    ("a lease that nobody took back", "
        update mandated.jobs set lease_token = 7, worker_id = 'worker-9', lease_until = '2020-01-01Z' where execution_id = 3"),
    ("a state without its event", "update mandated.executions set state = 'planned' where id = 3"),
    ("a row in a default partition", "
        insert into mandated.events (at, kind, mandate_id, mandate_ref, reason) values ('2020-02-03Z', 'mandate.paused', 1, 'sub-1', 'holiday')"),
    ("an arrow that there is not", "
        update mandated.executions set state = 'notified', finished_at = null where id = 1;
        delete from mandated.debits;
        insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at) values (1, 1, 1, 'execute', '2026-11-20T08:00Z');
        insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, from_state, to_state, reason)
        values ('2026-11-18Z', 'execution.notified', 1, 'sub-1', 1, 'charged', 'notified', '?')"),
    ("two executions of one order", "
        alter table mandated.executions drop constraint executions_order_id_account_id_key;
        update mandated.executions set order_id = 'ORDER1' where id = 3"),
    ("collected, says the provider, and no debit", "
        insert into mandated.attempts
          (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision, lease_token, worker_id)
        values ('2026-11-16Z', 2, 2, 'order_status', 'ORDER2', 1, 'charged', '-', 9, 'worker')"),
    ("a debit that nothing proves", "update mandated.attempts set outcome = 'pending' where outcome = 'charged'"),
    ("a debit within 25 hours", "
        update mandated.notifications set delivered_at = '2026-11-13T23:45Z' where execution_id = 1"),
    ("an intent within 25 hours", "update mandated.intents set delivered_at = '2026-11-13T23:45Z'"),
    ("a debit handed over too late", "
        update mandated.mandates set notify = 'provider' where id = 2;
        update mandated.executions set execute_at = '2026-11-15T12:00Z' where id = 2"),
    ("an order looked up too often", "
        insert into mandated.attempts
          (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision, lease_token, worker_id)
        select timestamptz '2026-11-15T00:40Z' + n * interval '20 minutes', 2, 2, 'order_status', 'ORDER2', 1, 'pending', '-',
               10 + n, 'worker' from generate_series(1, 4) n"),
    ("an order looked up too soon", "
        insert into mandated.attempts
          (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision, lease_token, worker_id)
        values ('2026-11-15T00:30:30Z', 2, 2, 'order_status', 'ORDER2', 1, 'pending', '-', 9, 'worker')"),
    ("a call without an intent", "
        update mandated.events set kind = 'execution.begun' where kind = 'execution.executing' and execution_id = 2"),
    ("a job that was settled twice", "
        insert into mandated.attempts (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision, lease_token, worker_id)
        select at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision, lease_token, worker_id
          from mandated.attempts where call = 'notify' and execution_id = 3"),
    ("an address in an answer", "
        update mandated.attempts set body = '{\"upi\":{\"payer_vpa\":\"a@okbank\"}}' where call = 'execute' and execution_id = 1"),
    ("an account number in an answer", "
        update mandated.attempts set body = '{\"note\":\"account 123456789012\"}' where call = 'execute' and execution_id = 1"),
    ("a phone number in a message", "
        update mandated.attempts set message = 'call 98765 43210' where call = 'execute' and execution_id = 1"),
    ("an address in a reason", "update mandated.executions set reason = 'a@okbank said no' where id = 3"),
    ("a person's word without an event", "
        insert into mandated.resolutions
          (at, execution_id, mandate_id, order_id, from_state, to_state, resolved_as, who, reason, evidence)
        values ('2026-11-15T01:00Z', 1, 1, 'ORDER1', 'unknown', 'charged', 'charged', 'asha', 'why', 'a report')"),
    ("an event without a person's word", "
        update mandated.events set kind = 'execution.resolved' where to_state = 'charged'"),
    ("a change of state that is missing", "delete from mandated.events where to_state = 'notifying' and execution_id = 3"),
    ("cycles that were left out after an old one", "
        update mandated.mandates set starts_on = '2026-08-15' where id = 3;
        update mandated.executions set cycle_on = '2026-08-15' where id = 3"),
];

#[tokio::test]
async fn every_damage_is_found() {
    let mut all = String::new();
    for (name, damage) in DAMAGES {
        let database = sound().await;
        run(&database.pool, damage).await;
        let found = found(&database.pool).await;
        assert!(!found.is_empty(), "{name}");
        writeln!(all, "{name}\n  {}\n", found.replace('\n', "\n  ")).unwrap();
    }
    insta::assert_snapshot!(all);
}

/// A recheck after the end is lawful, and so is a review whose intent nobody works on: a person must.
#[tokio::test]
async fn what_is_unusual_and_lawful_is_not_a_finding() {
    let database = sound().await;
    run(
        &database.pool,
        // The database was away when the answer to the debit of 1 came: it was written down hours later.
        "update mandated.attempts set at = '2026-11-15T05:00Z' where execution_id = 1 and call = 'execute';
         update mandated.executions set max_attempts_in_30_days = 4, state = 'retrying' where id = 3;
         update mandated.jobs set step = 'retry' where execution_id = 3;
         insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at) values (1, 1, 1, 'recheck', '2026-11-20Z');
         update mandated.executions set state = 'review', finished_at = '2026-11-18Z' where id = 2;
         delete from mandated.jobs where execution_id = 2;
         insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, from_state, to_state, reason)
         values ('2026-11-18Z', 'execution.review', 2, 'sub-2', 2, 'unknown', 'review', 'open for too long');
         insert into mandated.attempts
           (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision, lease_token, worker_id)
         select timestamptz '2026-11-20T02:50Z' + n * interval '10 minutes', 3, 3, call, 'ORDER3', 1, outcome, '-', 10 + n, 'worker'
           from unnest(array['execute', 'order_status', 'execute', 'retry', 'retry', 'retry'],
                       array['unknown', 'not_found', 'failed', 'failed', 'failed', 'failed']) with ordinality c (call, outcome, n);
         insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, from_state, to_state, reason)
         select timestamptz '2026-11-20T02:50Z' + n * interval '10 minutes', 'execution.' || v.now, 3, 'sub-3', 3,
                case when n = 1 and v.now = 'executing' then 'notified' else v.before end, v.now, 'as it is'
           from unnest(array[1, 3, 4, 5, 6]) n,
                (values ('retrying', 'executing'), ('executing', 'retrying')) v (before, now) order by n, v.now;
         -- A worker that was lost before it made its call: the look at the order finds the try before.
         insert into mandated.attempts
           (at, execution_id, mandate_id, call, reference, latency_ms, outcome, decision, lease_token, worker_id)
         values ('2026-11-20T03:25Z', 3, 3, 'retry', 'ORDER3', 1, 'lost', '-', 21, 'worker'),
                ('2026-11-20T03:27Z', 3, 3, 'order_status', 'ORDER3', 1, 'failed', '-', 22, 'worker');
         insert into mandated.events (at, kind, mandate_id, mandate_ref, execution_id, from_state, to_state, reason)
         values ('2026-11-20T03:25Z', 'execution.executing', 3, 'sub-3', 3, 'retrying', 'executing', 'retry begins'),
                ('2026-11-20T03:27Z', 'execution.retrying', 3, 'sub-3', 3, 'executing', 'retrying',
                 'the worker stopped before it made the call')",
    )
    .await;
    assert_eq!(found(&database.pool).await, "");
}

#[tokio::test]
async fn twenty_examples_are_shown_and_all_are_counted() {
    let database = sound().await;
    run(
        &database.pool,
        "insert into mandated.jobs (execution_id, account_id, mandate_id, step, run_at)
         select n, 1, 1, 'notify', '2026-11-20Z' from generate_series(101, 130) n",
    )
    .await;
    let verdict = verdict(&database.pool).await;
    let rule = verdict.rules.iter().find(|rule| rule.broken > 0).unwrap();
    assert_eq!(
        (rule.broken, rule.examples.len(), verdict.holds),
        (30, 20, false)
    );
    let mut out = Vec::new();
    verdict.write(&mut out, Format::Json).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(json["holds"], false);
    assert!(
        String::from_utf8(out)
            .unwrap()
            .contains("\"execution_id\":101")
    );
}
