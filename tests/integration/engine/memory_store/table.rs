//! The table of rows: each step with and without an intent, at its first and second order, and each change to it.

use mandated::domain::{State, Step};

use crate::support::TestDatabase;
use crate::support::due::{due, execute};

/// Each changes one execution, `{id}`.
const CHANGES: &[(&str, &str)] = &[
    ("as it is", "select 1"),
    (
        "the window is over",
        "update mandated.jobs set run_at = '2026-01-30T23:00Z', run_before = '2026-01-31T00:30Z' where execution_id = {id}",
    ),
    (
        "one second of the window is left",
        "update mandated.jobs set run_at = '2026-01-30T23:00Z', run_before = '2026-01-31T00:30:01Z' where execution_id = {id}",
    ),
    (
        "it is not due",
        "update mandated.jobs set run_at = '2026-01-31T00:30:01Z' where execution_id = {id}",
    ),
    (
        "the cycle is over",
        "update mandated.executions set debit_at = '2026-01-30Z', closes_at = '2026-01-31T00:30Z' where id = {id}",
    ),
    (
        "the operator has paused the mandate",
        "update mandated.mandates set status = 'paused' where id = {id}",
    ),
    (
        "the provider has paused the mandate",
        "update mandated.mandates set status = 'paused', provider_paused_at = '2026-01-29Z' where id = {id}",
    ),
    ("the mandate is revoked", "update mandated.mandates set status = 'revoked' where id = {id}"),
    ("the rail is paused", "update mandated.mandates set rail = 'card' where id = {id}"),
    ("the attempts are spent", "update mandated.executions set debit_attempts = 4 where id = {id}"),
    (
        "the first order is collected",
        "insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, amount_minor, currency, proven_at, provider_txn)
         values ({id}, '2026-01-31', {id}, 'order-{id}-1', 49900, 'INR', '2026-01-31Z', 'txn-a')",
    ),
    (
        "the second order is collected",
        "insert into mandated.debits (mandate_id, cycle_on, execution_id, order_id, amount_minor, currency, proven_at)
         values ({id}, '2026-01-31', {id}, 'order-{id}-2', 49900, 'INR', '2026-01-31Z')",
    ),
    (
        "the attempts of 30 days are spent",
        "with e as (update mandated.executions set max_attempts_in_30_days = 3 where id = {id})
         insert into mandated.budgets values ({id}, '2026-01-29', 2), ({id}, '2026-01-20', 2), ({id}, '2025-12-01', 9)",
    ),
    (
        "one attempt of 30 days is left",
        "with e as (update mandated.executions set max_attempts_in_30_days = 3 where id = {id})
         insert into mandated.budgets values ({id}, '2026-01-01', 2), ({id}, '2025-12-31', 9)",
    ),
    (
        "the payer was notified less than 25 hours ago",
        "update mandated.notifications set delivered_at = delivered_at + interval '1 second' where execution_id = {id}",
    ),
    (
        "the notification failed",
        "with e as (update mandated.executions set delivered_at = null where id = {id})
         update mandated.notifications set state = 'failed', delivered_at = null where execution_id = {id}",
    ),
    (
        "another notification is the current one",
        "update mandated.executions set notification_no = 2 where id = {id}",
    ),
    (
        "what was sent may be forgotten",
        "update mandated.executions set is_forgotten = true where id = {id}",
    ),
    (
        "it is pending",
        "update mandated.executions set state = 'pending', finished_at = null where id = {id}",
    ),
    (
        "it is retrying",
        "update mandated.executions set state = 'retrying', finished_at = null where id = {id}",
    ),
    (
        "a person must decide",
        "update mandated.executions set state = 'review', finished_at = '2026-01-30Z' where id = {id}",
    ),
    (
        "the mandate's maximum was lowered",
        "update mandated.mandates set amount_minor = null, frequency = 'aspresented', max_amount_minor = 49899 where id = {id}",
    ),
    (
        "the provider debits in 25 hours",
        "with m as (update mandated.mandates set notify = 'provider' where id = {id})
         update mandated.executions set execute_at = '2026-02-01T01:30Z' where id = {id}",
    ),
    (
        "the provider debits a second sooner",
        "with m as (update mandated.mandates set notify = 'provider' where id = {id})
         update mandated.executions set execute_at = '2026-02-01T01:29:59Z' where id = {id}",
    ),
    (
        "nobody is notified",
        "with m as (update mandated.mandates set rail = 'enach', notify = 'none' where id = {id})
         update mandated.executions set notification_no = 0, notification_ref = null, delivered_at = null where id = {id}",
    ),
    (
        "it is Signzy's",
        "with m as (update mandated.mandates
                        set account_id = 2, provider = 'signzy', provider_mandate_id = id, rail = 'enach', notify = 'none' where id = {id})
         update mandated.executions set notification_no = 0, notification_ref = null, delivered_at = null where id = {id}",
    ),
];

/// Where an execution commonly stands at each step.
const fn state_at(step: Step) -> State {
    match step {
        Step::Notify => State::Planned,
        Step::NotifyStatus => State::Notifying,
        Step::Execute => State::Notified,
        Step::Lookup => State::Unknown,
        Step::Retry => State::Retrying,
        Step::Recheck => State::Failed,
    }
}

/// One execution for each step, with and without an intent, at its first and its second order, and each of [`CHANGES`].
pub(super) async fn table() -> (TestDatabase, Vec<String>) {
    let mut cases = Vec::new();
    let mut statements = vec![
        "update mandated.rails set paused_until = 'infinity', pause_reason = 'an outage' where rail = 'card'".to_owned(),
        "insert into mandated.accounts (name, provider) values ('signzy_main', 'signzy')".to_owned(),
    ];
    for step in Step::ALL {
        for has_intent in [false, true] {
            for order_no in [1, 2] {
                for (name, change) in CHANGES {
                    cases.push(format!(
                        "{step}, order {order_no}, intent {has_intent}: {name}"
                    ));
                    let id = cases.len();
                    let state = state_at(*step);
                    let finished = if state == State::Failed {
                        "'2026-01-30Z'"
                    } else {
                        "null"
                    };
                    statements.push(format!(
                        "update mandated.executions set state = '{state}', finished_at = {finished}, order_no = {order_no},
                           lookup_times = array['2026-01-30T22:00Z'::timestamptz] where id = {id}"
                    ));
                    statements.push(format!(
                        "update mandated.jobs set step = '{step}' where execution_id = {id}"
                    ));
                    if has_intent {
                        let kind = if *step == Step::Retry {
                            "retry"
                        } else {
                            "execute"
                        };
                        statements.push(format!(
                            "insert into mandated.intents (execution_id, mandate_id, cycle_on, kind, order_id, amount_minor,
                               max_amount_minor, notice, debit_at, opened_at, opened_by)
                             values ({id}, {id}, '2026-01-31', '{kind}', 'order-{id}-{order_no}', 49900, 500000, 'exempt',
                                     '2026-01-31T00:20Z', '2026-01-31T00:20Z', 1)"
                        ));
                    }
                    statements.push(change.replace("{id}", &id.to_string()));
                }
            }
        }
    }
    let database = due(i32::try_from(cases.len()).unwrap()).await;
    for statement in statements {
        execute(&database.pool, &statement).await;
    }
    (database, cases)
}
